"""Scoring: exact scores of held rows, larger is nearer, and the best k of each query."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from thrifty.core.instructions import prefetch
from thrifty.core.kernels import njit

__all__ = ["METRICS", "frozen", "halves", "insert", "real", "score_places", "score_row"]

METRICS = ("cosine", "inner", "l2")
LINE = 64  # bytes
FAST = {"reassoc", "contract", "nsz"}


def frozen(array: NDArray) -> NDArray:
    """The same numbers as a read-only, contiguous array: kernels are compiled for these alone."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def halves(vectors: NDArray) -> NDArray:
    """What kernels read vectors as: float32 as it is, float16 as its bits in uint16."""
    return frozen(vectors.view(np.uint16) if vectors.dtype == np.float16 else vectors)


@intrinsic
def real(typing, value):
    """A float32 as it is; the bits of a float16 (uint16) as the float32 of that value."""
    if value == types.float32:
        return types.float32(value), lambda context, builder, signature, given: given[0]

    def generate(context, builder, signature, arguments):
        word, single = ir.IntType(32), ir.FloatType()
        wide = builder.zext(arguments[0], word)
        size = builder.shl(builder.and_(wide, word(0x7FFF)), word(13))
        sign = builder.shl(builder.and_(wide, word(0x8000)), word(16))
        scaled = builder.fmul(builder.bitcast(size, single), ir.Constant(single, 2.0**112))
        return builder.bitcast(builder.or_(builder.bitcast(scaled, word), sign), single)

    return types.float32(types.uint16), generate


@njit(error_model="numpy", fastmath=FAST)
def _inner(query, row):
    total = np.float32(0)
    for t in range(query.size):
        total += query[t] * real(row[t])
    return total


@njit(error_model="numpy", fastmath=FAST)
def _minus_squared(query, row):
    total = np.float32(0)
    for t in range(query.size):
        gap = query[t] - real(row[t])
        total += gap * gap
    return -total


@njit(error_model="numpy")
def score_row(query, row, l2):
    """Exact score of one row: the inner product, or minus the squared distance."""
    return _minus_squared(query, row) if l2 else _inner(query, row)


@njit(error_model="numpy")
def _fetch(vectors, places):
    """Begin to load the rows at these places."""
    for j in range(places.size):
        if 0 <= places[j] < vectors.shape[0]:
            row = vectors[places[j]]
            for t in range(0, row.size, LINE // row.itemsize):
                prefetch(row, np.intp(t))


@njit(error_model="numpy")
def insert(score, key, scores, ids):
    """Put an id in its place among the best, highest score first, then lowest id."""
    place = scores.size - 1
    last, held = scores[place], ids[place]
    if not (score > last or (score == last and (held < 0 or key < held))):
        return
    while place > 0 and (
        ids[place - 1] < 0
        or score > scores[place - 1]
        or (score == scores[place - 1] and key < ids[place - 1])
    ):
        scores[place], ids[place] = scores[place - 1], ids[place - 1]
        place -= 1
    scores[place], ids[place] = score, key


@njit(nogil=True, cache=True, error_model="numpy")
def score_places(queries, vectors, keys, places, l2, scores, ids):
    """Exact scores of the rows at each query's places (m, c), -1 for none; the best go in.

    Args:
        queries: (m, d) float32. vectors: (n, d) as `halves` gives them. keys: (n,) int64, the ids.
        places: (m, c) int64 row numbers; what is no row is skipped.
        l2: minus squared distances, else inner products.
        scores, ids: (m, k) the best so far, which change.
    """
    for i in range(queries.shape[0]):
        query, best, mine = queries[i], scores[i], ids[i]
        if i == 0:
            _fetch(vectors, places[0])
        if i + 1 < queries.shape[0]:
            _fetch(vectors, places[i + 1])
        for j in range(places.shape[1]):
            place = places[i, j]
            if 0 <= place < keys.size:
                insert(score_row(query, vectors[place], l2), keys[place], best, mine)
