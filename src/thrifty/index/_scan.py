"""Scan: of many rows those that are likely the nearest, by products of blocks of them."""

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.index._scoring import frozen

__all__ = ["nearest_in"]

BLOCK = 1 << 18  # numbers of a block of rows, which stays in cache
SPARE = 8  # rows more than asked, because a product rounds otherwise than a score


@njit(error_model="numpy")
def _sift(score, place, scores, places):
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


@njit(nogil=True, cache=True, error_model="numpy")
def _take(products, offsets, allowed, first, scores, places):
    """Keep in each query's heap the rows of a block whose product less its offset is best."""
    for i in range(products.shape[0]):
        mine, heap, held = products[i], scores[i], places[i]
        for start in range(0, mine.size, 64):
            stop = min(start + 64, mine.size)
            best = np.float32(-np.inf)
            for j in range(start, stop):
                best = max(best, mine[j] - offsets[j])
            if not best > heap[0]:
                continue
            for j in range(start, stop):
                score = mine[j] - offsets[j]
                if score > heap[0] and (allowed.size == 0 or allowed[first + j]):
                    _sift(score, first + j, heap, held)


def nearest_in(
    queries: NDArray[np.float32],
    vectors: NDArray,
    allowed: NDArray[np.bool_],
    k: int,
    l2: bool,
) -> NDArray[np.int64]:
    """Places of the nearest rows of each query and some more, in no order, -1 for none.

    Args:
        queries: (m, d) float32.
        vectors: (n, d) float32 or float16.
        allowed: (n,) bool, or empty where all rows are.
        k: rows wanted.
        l2: nearest by distance, else by inner product.
    """
    shape = (len(queries), min(k + SPARE, len(vectors)))
    scores, places = np.full(shape, -np.inf, np.float32), np.full(shape, -1, np.int64)
    step = max(64, BLOCK // vectors.shape[1])
    for first in range(0, len(vectors), step):
        block = vectors[first : first + step].astype(np.float32, copy=False)
        with np.errstate(invalid="ignore", over="ignore"):  # of a damaged file
            half = 0.5 * np.einsum("ij,ij->i", block, block) if l2 else np.zeros(len(block), "f4")
            products = queries @ block.T
        _take(products, frozen(half), allowed, first, scores, places)
    return places
