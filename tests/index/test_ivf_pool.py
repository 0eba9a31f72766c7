"""Pools of candidates: what is left is the best, whatever came, in whatever order."""

import numpy as np
import pytest

from thrifty.core.kernels import njit
from thrifty.index._ivf_pool import Pool, cut, put


@njit
def feed(scores, i, pool):
    """Put every score that is above the limit, as a search does."""
    for place in range(scores.size):
        if scores[place] > pool[3][i]:
            put(scores[place], place, i, pool[0], pool[1], pool[2], pool[3], pool[4])


@pytest.mark.parametrize("keep", [1, 5, 21])
@pytest.mark.parametrize("count", [0, 3, 79, 5000])
def test_the_best_are_left(keep, count):
    """As sorting gives them, of each of two queries; where there are fewer, all, then -1."""
    rng = np.random.default_rng(keep + count)
    rows = rng.permutation(2 * count).reshape(2, count).astype(np.float32) - count
    pool = Pool.of(2, keep)
    for i, row in enumerate(rows):
        feed(row, i, tuple(pool))
    for row, found in zip(rows, pool.best(), strict=True):
        best = np.sort(np.argsort(-row)[:keep])
        assert sorted(found[found >= 0]) == best.tolist()
        assert (found >= 0).sum() == min(keep, count)


def test_equal_scores_leave_no_more_than_are_kept():
    """Of many equal ones some are left; better ones after them push them out."""
    pool = Pool.of(1, 4)
    feed(np.append(np.zeros(500, np.float32), np.float32([3, 1, 2])), 0, tuple(pool))
    found = pool.best()[0]
    assert set(found.tolist()) > {500, 501, 502}
    assert len(set(found.tolist())) == 4


def test_a_cut_leaves_so_many():
    """Where scores differ; where they are equal, fewer above the one and more above the other."""
    scores = np.random.default_rng(1).standard_normal(1000).astype(np.float32)
    for count in (1, 10, 999, 1000):
        low, high = cut(scores, count)
        assert low == high
        assert (scores > low).sum() == count
    low, high = cut(np.round(scores), 10)
    assert (np.round(scores) > high).sum() <= 10 <= (np.round(scores) > low).sum()
