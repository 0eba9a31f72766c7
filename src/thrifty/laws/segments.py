"""Laws of segment reductions: each takes a factory and raises AssertionError if broken.

`make(labels, num_segments)` returns an object with `count`, `sum`, `max` and `softmax`, as
`thrifty.core.segments.Segments` has them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

__all__ = ["LAWS"]

Make = Callable[[np.ndarray, int], Any]

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(-1000, 1000)), max_size=20)
checked = settings(deadline=None, max_examples=60, derandomize=True)


def order_does_not_matter(make: Make) -> None:
    """Shuffled rows give the same counts, sums and maxima."""

    @checked
    @given(ROWS, st.randoms(use_true_random=False))
    def check(rows: list[tuple[int, int]], random: Any) -> None:
        shuffled = random.sample(rows, len(rows))
        assert _reduce(make, rows) == _reduce(make, shuffled)

    check()


def parts_add_up(make: Make) -> None:
    """Sums and counts of two parts add to those of the whole; the maximum is the larger one."""

    @checked
    @given(ROWS, ROWS)
    def check(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
        (n, sums, tops), (m, more, others) = _reduce(make, a), _reduce(make, b)
        added = [x + y for x, y in zip(n + sums, m + more, strict=True)]
        largest = [max(pair) for pair in zip(tops, others, strict=True)]
        assert _reduce(make, a + b) == (added[:6], added[6:], largest)

    check()


def shares_sum_to_one(make: Make) -> None:
    """The softmax of a segment sums to 1 and a constant added to all values changes nothing."""

    @checked
    @given(ROWS, st.integers(-1000, 1000))
    def check(rows: list[tuple[int, int]], shift: int) -> None:
        labels, values = _arrays(rows)
        segments = make(labels, 6)
        shares = segments.softmax(values.astype(np.float64))
        np.testing.assert_allclose(segments.sum(shares)[segments.count() > 0], 1, rtol=1e-12)
        moved = segments.softmax(values.astype(np.float64) + shift)
        np.testing.assert_allclose(moved, shares, rtol=1e-9)

    check()


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "segments": (order_does_not_matter, parts_add_up, shares_sum_to_one),
}


def _arrays(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.array(rows, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _reduce(make: Make, rows: list[tuple[int, int]]) -> tuple[list[Any], list[Any], list[Any]]:
    labels, values = _arrays(rows)
    segments = make(labels, 6)
    return segments.count().tolist(), segments.sum(values).tolist(), segments.max(values).tolist()
