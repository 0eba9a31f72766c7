"""Laws of hashes of columns: each takes a factory and raises AssertionError if broken.

`make()` returns a member with its default seed, `make(seed)` one with that seed. A member maps a
list of str and None to codes: an array with a row a value, or the (indptr, codes, counts) of sparse
rows.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

__all__ = ["LAWS"]

Make = Callable[..., Callable[[list[str | None]], Any]]

TEXTS = st.lists(st.none() | st.text(max_size=40), max_size=12)
checked = settings(deadline=None, max_examples=40, derandomize=True)


def same_on_every_run(make: Make) -> None:
    """Two members made alike give the same codes, whatever they were asked before."""

    @checked
    @given(TEXTS, TEXTS)
    def check(before: list[str | None], texts: list[str | None]) -> None:
        family = make()
        family(before)
        assert _rows(family(texts)) == _rows(make()(texts))

    check()


def batch_split_does_not_matter(make: Make) -> None:
    """A batch cut anywhere gives the rows of the whole."""
    family = make()

    @checked
    @given(TEXTS, st.integers(0, 12))
    def check(texts: list[str | None], cut: int) -> None:
        parts = _rows(family(texts[:cut])) + _rows(family(texts[cut:]))
        assert parts == _rows(family(texts))

    check()


def seed_changes_codes(make: Make) -> None:
    """Seeds 0 to 9 give ten unrelated lists of codes: no value keeps its code."""
    texts: list[str | None] = [f"word{i}" for i in range(50)]
    rows = [[tuple(map(float, row)) for row in _rows(make(seed)(texts))] for seed in range(10)]
    for value in zip(*rows, strict=True):
        assert len(set(value)) == 10, value


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "hashing": (same_on_every_run, batch_split_does_not_matter, seed_changes_codes),
}


def _rows(codes: Any) -> list[list[Any]]:
    """Codes, and counts if there are any, of each value."""
    if not isinstance(codes, tuple):
        return np.asarray(codes).reshape(len(codes), -1).tolist() if len(codes) else []
    indptr, *columns = codes
    pairs = list(zip(*(column.tolist() for column in columns), strict=True))
    spans = pairwise(indptr.tolist())
    return [[x for pair in pairs[start:end] for x in pair] for start, end in spans]
