"""Pool: the best candidates of each query while many rows are looked at, cut to them when full.

To put a candidate at the end and to cut a full pool now and then takes a fraction of the time of a
heap, whose every step is a branch that nobody foresees.
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit

__all__ = ["Pool", "cut", "put"]

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
    """A score that at least so many are above, and hardly more: by halving, all at once each."""
    low, high = np.float32(np.inf), np.float32(-np.inf)
    for j in range(scores.size):
        low, high = min(low, scores[j]), max(high, scores[j])
    low -= abs(low) * np.float32(1e-6) + np.float32(1e-30)
    for _ in range(HALVINGS):
        middle, above = low + (high - low) * np.float32(0.5), 0
        for j in range(scores.size):
            above += scores[j] > middle
        if above >= count:
            low = middle
            if above == count:
                break
        else:
            high = middle
    return low


@njit(error_model="numpy")
def _keep_best(scores, places, count, keep):
    """Move the best of the first so many to the front; how many there are, and the least."""
    above, held, least = cut(scores[:count], keep), 0, np.float32(np.inf)
    for j in range(count):
        score, place = scores[j], places[j]
        scores[held], places[held] = score, place
        better = score > above and held < keep
        least = min(least, score) if better else least
        held += better
    scores[held:count], places[held:count] = np.float32(-np.inf), -1
    return held, least


@njit(error_model="numpy")
def put(score, place, i, scores, places, counts, limits, keep):
    """A candidate of query i, which is above its limit."""
    count = counts[i]
    scores[i, count], places[i, count] = score, place
    counts[i] = count + 1
    if count + 1 == scores.shape[1]:
        counts[i], limits[i] = _keep_best(scores[i], places[i], count + 1, keep)


@njit(nogil=True, cache=True, error_model="numpy")
def _cut_all(scores, places, counts, limits, keep):
    """Leave only the best of every query."""
    for i in range(counts.size):
        if counts[i] > keep:
            counts[i], limits[i] = _keep_best(scores[i], places[i], counts[i], keep)
