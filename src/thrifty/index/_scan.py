"""Scan: the nearest of all rows: products of blocks choose some, exact scores decide among them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.index._heaps import sift
from thrifty.index._parts import Part
from thrifty.index._scoring import frozen, halves, insert, score_places, score_row

__all__ = ["fill_exactly", "score_every"]

BLOCK = 1 << 18  # numbers of a block of rows, which stays in cache
SPARE = 8  # rows more than asked, because a product rounds otherwise than a score
QUERIES = 256  # asked at once
ROUNDING = 2.0**-23
Rows = NDArray[np.float32]


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
                    sift(score, first + j, heap, held)


@njit(nogil=True, cache=True, error_model="numpy")
def score_every(queries, vectors, keys, allowed, l2, scores, ids):
    """Exact scores of all allowed rows; the best go in; as `score_places`."""
    for i in range(queries.shape[0]):
        query, best, mine = queries[i], scores[i], ids[i]
        for j in range(keys.size):
            if allowed.size == 0 or allowed[j]:
                insert(score_row(query, vectors[j], l2), keys[j], best, mine)


def _nearest_in(
    queries: Rows, vectors: NDArray, allowed: NDArray[np.bool_], k: int, metric: str
) -> tuple[NDArray[np.int64], Rows, float]:
    """Places of the nearest rows of each query and some more, in no order, -1 for none.

    Also what every row left out is not above, (m,), and the length of the longest row.
    """
    shape = (len(queries), min(k + SPARE, len(vectors)))
    scores, places = np.full(shape, -np.inf, np.float32), np.full(shape, -1, np.int64)
    step, longest = max(64, BLOCK // vectors.shape[1]), 1.01 if metric == "cosine" else 0.0
    for first in range(0, len(vectors), step):
        with np.errstate(invalid="ignore", over="ignore"):  # of a damaged file
            block = vectors[first : first + step].astype(np.float32, copy=False)
            products, half = queries @ block.T, np.zeros(len(block), np.float32)
            squares = 0 * half if metric == "cosine" else np.einsum("ij,ij->i", block, block)
        if metric == "l2":
            half += squares / 2
        longest = max(longest, float(squares.max()))
        _take(products, frozen(half), allowed, first, scores, places)
    return places, scores[:, 0], longest**0.5


def _bounds(tops: Rows, queries: Rows, longest: float, l2: bool) -> NDArray[Any]:
    """What no row that was left out can score above, whatever was rounded."""
    wide = queries.astype(np.float64)
    squares = np.einsum("ij,ij->i", wide, wide)
    slack = queries.shape[1] * ROUNDING * longest * (np.sqrt(squares) + l2 * longest)
    return 2 * (tops + slack) - squares if l2 else tops + slack


def fill_exactly(
    parts: Sequence[Part],
    queries: Rows,
    allowed: Sequence[NDArray[np.bool_]],
    metric: str,
    scores: Rows,
    ids: NDArray[np.int64],
) -> None:
    """Put the best of all rows of all parts in scores and ids (m, k), which begin as nothing.

    Where rounding might have hidden a row, all are scored alone.
    """
    l2 = metric == "l2"
    for start in range(0, len(queries), QUERIES):
        some = slice(start, start + QUERIES)
        asked, best, keys = queries[some], scores[some], ids[some]
        bounds = []
        for part, mask in zip(parts, allowed, strict=True):
            vectors = part["vectors"]
            places, tops, longest = _nearest_in(asked, vectors, mask, keys.shape[1], metric)
            score_places(asked, halves(vectors), part.ids, places, l2, best, keys)
            bounds.append(_bounds(tops, asked, longest, l2))
        unsure = np.flatnonzero(np.max(bounds, axis=0) >= best[:, -1])
        unsure = unsure[np.max(bounds, axis=0)[unsure] > -np.inf]
        _again(parts, asked, allowed, l2, best, keys, unsure)


def _again(
    parts: Sequence[Part],
    queries: Rows,
    allowed: Sequence[NDArray[np.bool_]],
    l2: bool,
    scores: Rows,
    ids: NDArray[np.int64],
    which: NDArray[np.int64],
) -> None:
    if not which.size:
        return
    best, keys = np.full_like(scores[which], -np.inf), np.full_like(ids[which], -1)
    for part, mask in zip(parts, allowed, strict=True):
        asked = frozen(queries[which])
        score_every(asked, halves(part["vectors"]), part.ids, mask, l2, best, keys)
    scores[which], ids[which] = best, keys
