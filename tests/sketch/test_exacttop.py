"""Exact top: equals a counter, says less rather than wrong, refuses what is read only once."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError
from thrifty.sketch import exact_top


def parts(n=40, seed=0):
    """Blocks of texts, some frequent, most rare."""
    rng = np.random.default_rng(seed)
    return [[f"v{int(v)}" for v in rng.pareto(0.5, 500).clip(max=1e6)] for _ in range(n)]


@pytest.mark.parametrize("slots", [5, 50, 500, 20_000])
def test_agrees_with_exact(slots):
    """What is returned is the exact beginning of the sorted counts, longer with more slots."""
    blocks = parts()
    exact = Counter(text for block in blocks for text in block)
    found = exact_top(blocks, 30, slots=slots)
    assert [n for _, n in found] == [n for _, n in exact.most_common(30)][: len(found)]
    assert all(exact[value] == n for value, n in found)
    assert len(found) == 30 or slots < 500


def test_counts_ints_and_skips_nulls():
    """Nulls are no candidates; equal counts are all there."""
    assert exact_top([pa.array([3, None, 3, 5])]) == [(3, 2), (5, 1)]
    assert exact_top([]) == []


def test_a_source_that_is_read_once_is_refused():
    """A generator is empty on the second pass; another source that shrinks is found out."""
    with pytest.raises(TypeError, match=r"^source must be readable twice, got <list_iterator .*>$"):
        exact_top(iter([["a"]]))

    class Shrinks:
        left = 2

        def __iter__(self):
            self.left -= 1
            return iter([["a"] * self.left])

    with pytest.raises(DataError, match=r"^source must hold 1 values again, got 0$"):
        exact_top(Shrinks())
    with pytest.raises(ValueError, match=r"^k must be in 0\.\..*, got -1$"):
        exact_top([], -1)
