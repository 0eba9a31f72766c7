"""Laws of languages of sets of entities: `make(subjects, relations, objects)` gives one.

Its words are `members(set)`, `follow(set, relation)`, `union`, `intersection` and `difference`; a
set of names is `of(names)`, or `sets([names])` with `members` a list of lists. Each law raises
AssertionError if broken.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

__all__ = ["LAWS"]

Make = Callable[..., Any]
NAMES = [f"e{i:02}" for i in range(60)]


def a_set_holds_its_members(make: Make) -> None:
    """All of them, and nothing else; none where there are none."""
    for size in (0, 1, 5, 40):
        ask, some = _asker(make), _some(size, size)
        assert ask.members(ask.of(some)) == some


def a_hop_reaches_what_triples_say(make: Make) -> None:
    """One hop and three are those of a walk over the triples."""
    ask, facts = _asker(make), _facts()
    for size in (1, 4, 15):
        held, x = set(_some(size, 9)), ask.of(_some(size, 9))
        for relation in ("r0", "r1", "r0"):
            held = {o for s, r, o in facts if s in held and r == relation}
            x = ask.follow(x, relation)
            assert ask.members(x) == sorted(held)


def sets_are_sets(make: Make) -> None:
    """Union, intersection and difference are those of sets, also of an empty one."""
    ask = _asker(make)
    for left, right in ((12, 20), (0, 7), (7, 0)):
        a, b = set(_some(left, 1)), set(_some(right, 2))
        x, y = ask.of(sorted(a)), ask.of(sorted(b))
        assert ask.members(ask.union(x, y)) == sorted(a | b)
        assert ask.members(ask.intersection(x, y)) == sorted(a & b)
        assert ask.members(ask.difference(x, y)) == sorted(a - b)


class _One:
    """A language of rows of sets, asked for one."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def of(self, names: list[str]) -> Any:
        return self.inner.sets([names])

    def members(self, x: Any) -> list[str]:
        return self.inner.members(x)[0]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def _asker(make: Make) -> Any:
    """A fresh language about the facts."""
    made = make(*zip(*_facts(), strict=True))
    return made if hasattr(made, "of") else _One(made)


def _facts() -> list[tuple[str, str, str]]:
    rng = np.random.default_rng(0)
    ends = rng.integers(0, len(NAMES), (240, 2)).tolist()
    rows = [(NAMES[a], f"r{i % 3}", NAMES[b]) for i, (a, b) in enumerate(ends)]
    return rows + [(name, "is", name) for name in NAMES]


def _some(size: int, seed: int) -> list[str]:
    chosen: Iterable[int] = np.random.default_rng(seed).permutation(len(NAMES))[:size].tolist()
    return sorted(NAMES[i] for i in chosen)


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "entity sets": (a_set_holds_its_members, a_hop_reaches_what_triples_say, sets_are_sets)
}
