"""Answers: every question that a summary can be asked, asked; what it may say instead."""

import inspect
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from thrifty.core import Summary, ThriftyError

__all__ = ["answers"]

NOT_ASKED = {
    "absorb", "add", "copy", "for_error", "from_bytes", "load", "merge", "restore", "save",
    "subtract", "to_bytes", "within",
}  # fmt: skip
GIVEN: dict[str, tuple[Any, ...]] = {
    "keys": (["be", "no"], [1, 2]), "values": ([1.0, 2.0], ["be"]), "value": (1.0, "be"),
    "q": (0.5,), "qs": ((0.0, 0.5, 1.0),), "length": (2,), "x": (np.ones((2, 3)),),
    "queries": (np.ones((2, 3)),), "key": ("be",), "y": (np.ones((2, 3)),),
    "batch": (np.ones((2, 3)), ["be"]), "column": (["be"], [1.0]),
}  # fmt: skip


BATCHES: tuple[Any, ...] = (["be", "x", None], [3, 4], [0.5, -1.0], np.ones((2, 3)))
FOUND: dict[type, list[tuple[str, tuple[Any, ...]]]] = {}


def answers(found: Summary, examples: Sequence[Summary]) -> None:
    """Ask a summary that was read everything, add to it, merge it, and write it again.

    Raises:
        Exception: whatever it raises that is not a refusal in the words of the house.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = type(found).from_bytes(found.to_bytes())
        assert again.to_bytes() == found.to_bytes()
        assert found.nbytes >= 0
        assert repr(found)
        for name, given in _questions(type(found), examples):
            _asked(found.copy() if name == "add" else found, name, *given)
        _asked(found.copy(), "absorb", found)
        for example in examples:
            _asked(example.copy(), "absorb", found)


def _asked(summary: Any, name: str, *given: Any) -> None:
    """Ask, and read what comes; a refusal says what must be."""
    try:
        asked = getattr(summary, name)
        answer = asked(*given) if callable(asked) else asked
        if isinstance(answer, Iterator):
            list(islice(answer, 50))
    except ThriftyError:
        return
    except (TypeError, ValueError, IndexError) as error:
        if " must " not in str(error):
            raise


def _questions(
    kind: type[Summary], examples: Sequence[Summary]
) -> list[tuple[str, tuple[Any, ...]]]:
    """What every sound summary of a kind can be asked: a method and what it is given."""
    if kind not in FOUND:
        asked = [(name, given) for name in _public(kind) for given in _given(kind, name)]
        asked += [("add", (batch,)) for batch in BATCHES]
        FOUND[kind] = [each for each in asked if all(_fits(one, *each) for one in examples)]
    return FOUND[kind]


def _fits(example: Summary, name: str, given: tuple[Any, ...]) -> bool:
    try:
        _asked(example.copy(), name, *given)
    except Exception:
        return False
    return True


def _public(kind: type[Summary]) -> list[str]:
    """Names of methods and properties that are not of every summary."""
    members = inspect.getmembers(
        kind, lambda it: inspect.isfunction(it) or isinstance(it, property)
    )
    return [name for name, _ in members if not name.startswith("_") and name not in NOT_ASKED]


def _given(kind: type[Summary], name: str) -> list[tuple[Any, ...]]:
    """Arguments to ask with: none, or what the one parameter that has no default is given."""
    member = getattr(kind, name)
    if isinstance(member, property):
        return [()]
    parameters = list(inspect.signature(member).parameters.values())[1:]
    needed = [
        each.name for each in parameters if each.default is each.empty and each.kind in (0, 1)
    ]
    if len(needed) == 1:
        return [(value,) for value in GIVEN.get(needed[0], ())]
    return [] if needed else [()]
