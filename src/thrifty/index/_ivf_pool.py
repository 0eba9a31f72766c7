"""Pool: the best candidates of each query while many rows are looked at, cut to them when full.

To put a candidate at the end and to cut a full pool now and then takes a fraction of the time of a
heap, whose every step is a branch that nobody foresees.
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit

__all__ = ["Pool", "cut", "keep_best", "put"]

HALVINGS = 24
ROOM, SPARE = 3, 16  # ROOM * keep + SPARE candidates are held before a cut


class Pool(NamedTuple):
    """Candidates of m queries.

    Args:
        scores: (m, room) float32, -inf where there is none. places: (m, room) int64, -1 there.
        counts: (m,) int64, how many there are. limits: (m,) float32, what a candidate must be
            better than. keep: how many are to be left.
    """

    scores: NDArray[np.float32]
    places: NDArray[np.int64]
    counts: NDArray[np.int64]
    limits: NDArray[np.float32]
    keep: int

    @classmethod
    def of(cls, m: int, keep: int) -> Self:
        """Nothing yet, of so many queries."""
        shape = (m, ROOM * keep + SPARE)
        scores, places = np.full(shape, -np.inf, np.float32), np.full(shape, -1, np.int64)
        return cls(scores, places, np.zeros(m, np.int64), np.full(m, -np.inf, np.float32), keep)

    def best(self) -> NDArray[np.int64]:
        """The places of the best of each query (m, keep), in no order, -1 where there are fewer."""
        _cut_all(*self)
        return np.ascontiguousarray(self.places[:, : self.keep])


@njit(error_model="numpy")
def cut(scores, count):
    """Two scores, above the first of which are at least so many, above the second at most.

    By halving, all at once each; they differ only where equal scores stand in between.
    """
    low, high = np.float32(np.inf), np.float32(-np.inf)
    for j in range(scores.size):
        low, high = min(low, scores[j]), max(high, scores[j])
    low -= abs(low) * np.float32(1e-6) + np.float32(1e-30)
    for _ in range(HALVINGS):
        middle, above = low + (high - low) * np.float32(0.5), 0
        for j in range(scores.size):
            above += scores[j] > middle
        low, high = (middle, high) if above >= count else (low, middle)
        if above == count:
            return low, low
    return low, high


@njit(error_model="numpy")
def keep_best(scores, places, keep):
    """Bring the best to the front, with their places; how many of them there are."""
    low, high = cut(scores, keep)
    held = 0
    for limit in (high, low):
        for j in range(held, scores.size if held < keep else 0):
            score, place = scores[j], places[j]
            scores[j], places[j] = scores[held], places[held]
            scores[held], places[held] = score, place
            held += score > limit and held < keep
    return held


@njit(error_model="numpy")
def _shrink(i, scores, places, counts, limits, keep):
    """Leave only the best of query i; what comes must be better than the least of them."""
    held, least = keep_best(scores[: counts[i]], places[: counts[i]], keep), np.float32(np.inf)
    for j in range(held):
        least = min(least, scores[j])
    scores[held:], places[held:] = np.float32(-np.inf), -1
    counts[i], limits[i] = held, least


@njit(error_model="numpy")
def put(score, place, i, scores, places, counts, limits, keep):
    """A candidate of query i, which is above its limit."""
    count = counts[i]
    scores[i, count], places[i, count] = score, place
    counts[i] = count + 1
    if count + 1 == scores.shape[1]:
        _shrink(i, scores[i], places[i], counts, limits, keep)


@njit(nogil=True, cache=True, error_model="numpy")
def _cut_all(scores, places, counts, limits, keep):
    """Leave only the best of every query."""
    for i in range(counts.size):
        if counts[i] > keep:
            _shrink(i, scores[i], places[i], counts, limits, keep)
