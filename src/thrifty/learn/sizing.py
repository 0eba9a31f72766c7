"""Sizing: the largest wide network that fits a budget, and good settings where nothing is asked."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from thrifty.core import BudgetError, format_bytes
from thrifty.learn.settings import Settings

__all__ = ["Shape", "held", "negatives_for", "settings_for"]

DENSE_LINEAR = 2**25  # most weights of a dense linear path, unless a budget says otherwise
ALL_OUTPUTS = 2500  # up to so many, every output is computed
LEAST_COLUMNS = 16
LEAST_HIDDEN = 8
LOSSES = {"linear": 2.0, "storage": 0.1, "slots": 0.5}  # what a saving costs, in halvings


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the data asks for.

    Args:
        task: "one", "many" or "number". num_rows: rows, or None where they stream.
        num_features: columns of X. num_outputs: classes, 1 for a number.
        fixed_bytes: what stands beside the network, such as means and scales.
        pairs: pairs of column and label that could occur together, an upper bound.
    """

    task: str
    num_features: int
    num_outputs: int
    num_rows: int | None = None
    fixed_bytes: int = 0
    pairs: int = 2**40


def negatives_for(num_outputs: int) -> tuple[str, int]:
    """Who chooses the outputs of a tile, and how many besides its labels, where nobody asks.

    Example:
        >>> negatives_for(2500), negatives_for(2501), negatives_for(10_000)
        (('none', 512), ('uniform', 512), ('uniform', 1000))
    """
    name = "none" if num_outputs <= ALL_OUTPUTS else "uniform"
    return name, max(512, min(2048, num_outputs // 10))


def held(settings: Settings, shape: Shape) -> int:
    """Bytes of a network and what stands beside it; what a thread works with is left out."""
    parts = settings.memory()
    return sum(parts.values()) - parts["scratch"] + shape.fixed_bytes


def settings_for(
    shape: Shape, wanted: Settings, linear: str = "auto", memory: int | None = None
) -> Settings:
    """Settings near the wanted ones that suit the data and fit the memory.

    Args:
        shape: of the data.
        wanted: as large as one would like; hidden, storage, columns and slots may become less.
        linear: "auto", or a path that must not change.
        memory: most bytes that `held` may be; None for no bound.

    Raises:
        BudgetError: not even the smallest network fits; the message names what would.
    """
    if memory is None:
        return _unbounded(shape, wanted, linear)
    best, least, found = np.inf, 2**62, None
    for loss, candidate in _candidates(shape, wanted, linear):
        nbytes = held(candidate, shape)
        least = min(least, nbytes)
        if nbytes <= memory and loss < best:
            best, found = loss, candidate
    if found is None:
        needs = format_bytes(least, up=True)
        got = format_bytes(memory)
        raise BudgetError(f"memory must be at least {needs} for this job, got {got}", least)
    return found


def _unbounded(shape: Shape, wanted: Settings, linear: str) -> Settings:
    if linear == "auto":
        small = wanted.num_columns * shape.num_outputs <= DENSE_LINEAR
        linear = "dense" if small or shape.task == "number" else "sparse"
    slots = _slots(shape, DENSE_LINEAR) if linear == "sparse" else 0
    return replace(wanted, linear=linear, slots=slots)


def _candidates(shape: Shape, wanted: Settings, linear: str) -> Iterator[tuple[float, Settings]]:
    """Every smaller network, with what it loses against the wanted one."""
    for columns_lost, columns in _halvings(wanted.num_columns, LEAST_COLUMNS):
        for hidden_lost, hidden in _halvings(wanted.hidden, LEAST_HIDDEN):
            for storage in dict.fromkeys((wanted.storage, "bfloat16")):
                smaller = replace(wanted, num_columns=columns, hidden=hidden, storage=storage)
                lost = columns_lost + hidden_lost + LOSSES["storage"] * (storage != wanted.storage)
                for path_lost, path, slots in _paths(shape, linear, hidden):
                    yield lost + path_lost, replace(smaller, linear=path, slots=slots)


def _paths(shape: Shape, linear: str, hidden: int) -> Iterator[tuple[float, str, int]]:
    if linear in ("auto", "dense"):
        yield 0.0, "dense", 0
    if linear == "sparse" or (linear == "auto" and shape.task != "number"):
        for lost, slots in _halvings(_slots(shape, DENSE_LINEAR), 1024):
            yield LOSSES["slots"] * (1 + lost), "sparse", slots
    if linear in ("auto", "none") and hidden:
        yield LOSSES["linear"], "none", 0


def _halvings(number: int, least: int) -> Iterator[tuple[float, int]]:
    """The number, then each smaller power of two down to `least`, with log2 of what it lost."""
    yield 0.0, number
    power = 1 << max((number - 1).bit_length() - 1, 0)
    while power >= least and power < number:
        yield float(np.log2(number / power)), power
        power //= 2


def _slots(shape: Shape, most: int) -> int:
    return max(1024, min(most, shape.pairs, shape.num_features * shape.num_outputs))
