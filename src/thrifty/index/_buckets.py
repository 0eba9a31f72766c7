"""Buckets: kernels over flat tables of row ids, [tables, buckets, capacity] int32.

A bucket keeps its ids at the front, oldest first. `size` counts the ids it holds, `load` the rows
whose code it is, which may be more. All arrays of one table go together.
"""

import numpy as np

from thrifty.core.kernels import njit
from thrifty.hashing.keys import GAMMA, mix

__all__ = ["fill", "most_frequent", "move", "rerank", "top_of_all", "top_of_each"]

TALLEST = 4096  # collision counts from here on are not told apart


@njit(forceinline=True, error_model="numpy")
def below(word, n):
    """An integer in 0..n - 1 from a well-mixed uint64."""
    return np.int64((word >> np.uint64(33)) * np.uint64(n) >> np.uint64(31))


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _insert(slots, size, load, code, row, reservoir, seed):
    """Put one row in one bucket; a full bucket drops its oldest or a random row."""
    held, capacity = size[code], slots.shape[1]
    bucket = slots[code]
    load[code] += 1
    if held < capacity:
        bucket[held] = row
        size[code] = held + 1
    elif reservoir:
        word = mix(seed + (np.uint64(row) << np.uint64(20) | np.uint64(code)) * GAMMA)
        place = below(word, load[code])
        if place < capacity:
            bucket[place] = row
    else:
        for i in range(capacity - 1):
            bucket[i] = bucket[i + 1]
        bucket[capacity - 1] = row


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _remove(slots, size, load, code, row):
    bucket, held = slots[code], size[code]
    load[code] -= 1
    i = 0
    while i < held and bucket[i] != row:
        i += 1
    if i < held:
        for j in range(i, held - 1):
            bucket[j] = bucket[j + 1]
        size[code] = held - 1


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def fill(slots, size, load, codes, reservoir, seed):
    """Insert rows 0..n - 1 with their codes into one table."""
    for row in range(codes.size):
        _insert(slots, size, load, np.int64(codes[row]), row, reservoir, seed)


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def move(slots, size, load, codes, ids, new, reservoir, seed):
    """Move rows whose code changed to their new bucket of one table; returns how many."""
    moved = 0
    for i in range(ids.size):
        row = ids[i]
        old, code = np.int64(codes[row]), np.int64(new[i])
        if old != code:
            _remove(slots, size, load, old, row)
            _insert(slots, size, load, code, row, reservoir, seed)
            codes[row] = code
            moved += 1
    return moved


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _count(slots, size, codes, hits, counts, touched, start):
    """Add to counts[id] how often the codes (q,) meet it in one table; list ids first met.

    Each bucket is read once, however many codes name it. A negative count stays out.
    """
    for i in range(codes.size):
        hits[codes[i]] += 1
    for i in range(codes.size):
        code = codes[i]
        weight = hits[code]
        hits[code] = 0
        bucket, held = slots[code], size[code] if weight else 0
        for j in range(held):
            row = bucket[j]
            if counts[row] == 0:
                touched[start] = row
                start += 1
            if counts[row] >= 0:
                counts[row] += weight
    return start


@njit(nogil=True, cache=True, error_model="numpy")
def _take(touched, counts, limit, by_count, seed, out):
    """The ids to keep of those touched, at most limit; clears their counts; returns how many.

    By count, the most frequent, equal ones in an order shuffled by seed; else the first met.
    A smaller limit keeps a subset of a larger one.
    """
    kept = min(limit, touched.size)
    if by_count and kept < touched.size:
        kept = most_frequent(touched, counts, kept, seed, out)
    else:
        out[:kept] = touched[:kept]
    for i in range(touched.size):
        counts[touched[i]] = 0
    return kept


@njit(nogil=True, cache=True, error_model="numpy")
def most_frequent(touched, counts, limit, seed, out):
    """Those of the largest counts, so many of the touched; equal ones by chance; not sorted."""
    heights = np.zeros(TALLEST, np.int64)
    for i in range(touched.size):
        heights[min(counts[touched[i]], TALLEST - 1)] += 1
    cut, above = TALLEST - 1, 0
    while above + heights[cut] < limit:
        above += heights[cut]
        cut -= 1
    ties = np.empty(heights[cut], np.int32)
    kept, tied = 0, 0
    for i in range(touched.size):
        height = min(counts[touched[i]], TALLEST - 1)
        if height > cut:
            out[kept] = touched[i]
            kept += 1
        elif height == cut:
            ties[tied] = touched[i]
            tied += 1
    for i in range(limit - kept):
        j = i + below(mix(seed + np.uint64(i) * GAMMA), tied - i)
        ties[i], ties[j] = ties[j], ties[i]
        out[kept + i] = ties[i]
    return limit


@njit(nogil=True, cache=True, error_model="numpy")
def top_of_all(slots, size, codes, exclude, seed, hits, counts, touched, out):
    """The ids met most often by all queries (tables, q) together, sorted; returns how many."""
    for i in range(exclude.size):
        counts[exclude[i]] = -1
    met = 0
    for table in range(codes.shape[0]):
        met = _count(slots[table], size[table], codes[table], hits, counts, touched, met)
    kept = _take(touched[:met], counts, out.size, True, seed, out)
    for i in range(exclude.size):
        counts[exclude[i]] = 0
    out[:kept].sort()
    return kept


@njit(nogil=True, cache=True, error_model="numpy")
def top_of_each(slots, size, codes, limit, by_count, seed, hits, counts, touched, offsets, out):
    """Candidates of each query: `_count` over all tables, then `_take`, sorted; fills offsets."""
    tables = codes.shape[0]
    for i in range(codes.shape[1]):
        met = 0
        for table in range(tables):
            one = codes[table, i : i + 1]
            met = _count(slots[table], size[table], one, hits, counts, touched, met)
        start = offsets[i]
        kept = _take(touched[:met], counts, limit, by_count, seed, out[start : start + met])
        out[start : start + kept].sort()
        offsets[i + 1] = start + kept


@njit(nogil=True, cache=True, error_model="numpy", fastmath=True)
def _dot(x, y):
    total = np.float32(0)
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def rerank(queries, rows, bias, offsets, ids, best_ids, best_scores):
    """Exact scores of each query's candidates; the best k, highest first, then lowest id."""
    k = best_ids.shape[1]
    for i in range(queries.shape[0]):
        query, top, scores = queries[i], best_ids[i], best_scores[i]
        for j in range(offsets[i], offsets[i + 1]):
            score = _dot(query, rows[ids[j]]) + bias[ids[j]]
            place = k
            while place > 0 and (top[place - 1] < 0 or score > scores[place - 1]):
                if place < k:
                    top[place], scores[place] = top[place - 1], scores[place - 1]
                place -= 1
            if place < k:
                top[place], scores[place] = ids[j], score
