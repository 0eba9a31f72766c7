"""Graph walk: from a few rows along links to ever nearer ones, the best of them kept in a beam."""

import numpy as np

from thrifty.core.instructions import prefetch_rows
from thrifty.core.kernels import njit
from thrifty.index._scoring import insert, score_row

__all__ = ["choose_starts", "walk"]

_ask_for = prefetch_rows(4)


@njit(error_model="numpy")
def _first_seen(row, seen):
    """Note a row in a set of open addresses; whether it was not there."""
    mask = seen.size - 1
    place = (np.uint32(row) * np.uint32(2654435769) >> np.uint32(7)) & mask
    while seen[place] >= 0:
        if seen[place] == row:
            return False
        place = (place + 1) & mask
    seen[place] = row
    return True


@njit(error_model="numpy")
def _enter(score, row, beam, rows, open_ones, held):
    """Put a row in its place in the beam, best first; returns the place, or its size if none."""
    if held == beam.size and not score > beam[held - 1]:
        return held
    low, high = 0, held
    while low < high:
        middle = (low + high) // 2
        if beam[middle] >= score:
            low = middle + 1
        else:
            high = middle
    for i in range(min(held, beam.size - 1), low, -1):
        beam[i], rows[i], open_ones[i] = beam[i - 1], rows[i - 1], open_ones[i - 1]
    beam[low], rows[low], open_ones[low] = score, row, True
    return low


@njit(nogil=True, cache=True, error_model="numpy")
def walk(queries, vectors, links, starts, width, most, l2, allowed, keys, scores, ids, counts):
    """Search a graph of rows, best first.

    Args:
        queries: (m, d) float32. vectors: (n, d) as `halves` gives them.
        links: (n, degree) int32; what is no row is skipped.
        starts: (m, s) int32, rows that each query begins at; what is no row is skipped.
        width: of the beam, at least 1. A width of 1 is the greedy walk.
        most: rows that are scored for a query, at most; a little more where a row's links end it.
        l2: minus squared distances, else inner products.
        allowed: (n,) bool of what may be answered, or empty; the walk goes by all rows.
        keys: (n,) int64 ids.
        scores, ids: (m, k) the best so far; they change.
        counts: (m, 2) int64 out, rows scored and rows whose links were followed.
    """
    n, degree = links.shape
    size = 64
    while size < 2 * (most + degree + starts.shape[1]):
        size *= 2
    seen, fresh = np.empty(size, np.int32), np.empty(max(degree, starts.shape[1]), np.int32)
    beam, rows = np.empty(width, np.float32), np.empty(width, np.int32)
    open_ones = np.empty(width, np.bool_)
    for q in range(queries.shape[0]):
        query, mine, best = queries[q], scores[q], ids[q]
        seen[:] = -1
        held, scored, followed, following = 0, 0, 0, starts[q]
        place = 0
        while True:
            count = 0
            for row in following:
                if 0 <= row < n and _first_seen(row, seen):
                    _ask_for(vectors, row)
                    fresh[count] = row
                    count += 1
            for row in fresh[:count]:
                score = score_row(query, vectors[row], l2)
                if score >= mine[mine.size - 1] and (allowed.size == 0 or allowed[row]):
                    insert(score, keys[row], mine, best)
                at = _enter(score, row, beam, rows, open_ones, held)
                if at < width:
                    held, place = min(held + 1, width), min(place, at)
            scored += count
            while place < held and not open_ones[place]:
                place += 1
            if place >= held or scored >= most:
                break
            open_ones[place], following = False, links[rows[place]]
            followed += 1
        counts[q, 0], counts[q, 1] = scored, followed


@njit(nogil=True, cache=True, error_model="numpy")
def choose_starts(products, half, stride, starts):
    """The best heads of each query, by their product less half their squared length.

    Args:
        products: (m, h) float32. half: (h,) float32. stride: rows from one head to the next.
        starts: (m, s) int32 out, rows, best first; -1 where there are fewer.
    """
    best = np.empty(starts.shape[1], np.float32)
    for i in range(products.shape[0]):
        mine, rows, products_of = best, starts[i], products[i]
        mine[:] = np.float32(-np.inf)
        for h in range(half.size):
            score = products_of[h] - half[h]
            if score > mine[mine.size - 1]:
                place = mine.size - 1
                while place > 0 and score > mine[place - 1]:
                    mine[place], rows[place] = mine[place - 1], rows[place - 1]
                    place -= 1
                mine[place], rows[place] = score, h * stride
