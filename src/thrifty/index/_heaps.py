"""Heaps: the best candidates of a query while many rows are looked at, the least of them on top."""

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit

__all__ = ["heaps", "sift"]


def heaps(m: int, size: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Scores and places of m queries, nothing in them."""
    return np.full((m, size), -np.inf, np.float32), np.full((m, size), -1, np.int64)


@njit(error_model="numpy")
def sift(score, place, scores, places):
    """Let the least of a heap go for a better one."""
    i, size = 0, scores.size
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and scores[child + 1] < scores[child]:
            child += 1
        if scores[child] >= score:
            break
        scores[i], places[i] = scores[child], places[child]
        i = child
    scores[i], places[i] = score, place
