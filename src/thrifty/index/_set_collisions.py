"""Collisions: kernels that build hash tables of rows, count in how many rows meet, and score them.

Tables may come from a file that nobody has read whole: bounds and row numbers are looked at before
they are used.
"""

import numpy as np

from thrifty.core.kernels import njit
from thrifty.hashing.keys import GAMMA, mix
from thrifty.index._buckets import most_frequent

__all__ = ["build", "count_each", "distinct", "put_each", "score_all", "score_each"]


@njit(nogil=True, cache=True, error_model="numpy")
def build(codes, shift, capacity, hot, seed, starts, members):
    """Fill one table: the rows of each bucket, one bucket after the other; returns how many.

    A bucket of more than `hot` rows stays empty; one of more than `capacity` keeps those of the
    least hash, a fair sample.

    Args:
        codes: (n,) uint32; 0 is in no bucket; code >> shift is the bucket.
        starts: (buckets + 1,) uint32. members: (n,) int32.
    """
    buckets = starts.size - 1
    ends = np.zeros(buckets + 1, np.int64)
    for code in codes:
        if code:
            ends[np.int64(code >> shift) + 1] += 1
    for b in range(buckets):
        ends[b + 1] += ends[b]
    rows, place = np.empty(ends[buckets], np.int32), ends[:buckets].copy()
    for row in range(codes.size):
        if codes[row]:
            b = np.int64(codes[row] >> shift)
            rows[place[b]] = row
            place[b] += 1
    kept = 0
    for b in range(buckets):
        starts[b] = kept
        own = rows[ends[b] : ends[b + 1]]
        if own.size > hot:
            continue
        if own.size > capacity:
            words = np.empty(own.size, np.uint64)
            for i in range(own.size):
                words[i] = mix(seed + (np.uint64(own[i]) << np.uint64(32) | np.uint64(b)) * GAMMA)
            own = np.sort(own[np.argsort(words)[:capacity]])
        members[kept : kept + own.size] = own
        kept += own.size
    starts[buckets] = kept
    return kept


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _find(starts, bounds, shift, codes, size, firsts, lasts):
    """Where the buckets of a query are among all members; all looked up before any is read."""
    for t in range(codes.size):
        bucket = np.int64(codes[t] >> shift)
        firsts[t] = bounds[t] + np.int64(starts[t, bucket])
        lasts[t] = bounds[t] + np.int64(starts[t, bucket + 1])
    for t in range(codes.size):
        if codes[t] == 0 or lasts[t] > size:
            lasts[t] = firsts[t]


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _meet(members, firsts, lasts, counts, touched):
    """Count the rows of some buckets, and list those that are met; returns how many."""
    most = 0
    for t in range(firsts.size):
        most += lasts[t] - firsts[t]
    if most > counts.size:
        return _meet_most(members, firsts, lasts, counts, touched)
    met = 0
    for t in range(firsts.size):
        for j in range(firsts[t], lasts[t]):
            row = members[j]
            if row >= 0 and row < counts.size:
                touched[met] = row
                met += counts[row] == 0
                counts[row] += 1
    return met


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _meet_most(members, firsts, lasts, counts, touched):
    """As `_meet`, where it is cheaper to look through all rows afterwards."""
    for t in range(firsts.size):
        for j in range(firsts[t], lasts[t]):
            row = members[j]
            if row >= 0 and row < counts.size:
                counts[row] += 1
    met = 0
    for row in range(counts.size):
        touched[met] = row
        met += counts[row] > 0
    return met


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _allowed(touched, counts, allowed):
    """The touched rows that may be answered, moved to the front; the others' counts are cleared."""
    kept = 0
    for i in range(touched.size):
        row = touched[i]
        if allowed[row]:
            touched[kept] = row
            kept += 1
        else:
            counts[row] = 0
    return kept


@njit(nogil=True, cache=True, error_model="numpy")
def count_each(starts, bounds, members, shift, codes, allowed, seed, rows, found):
    """The rows that each query meets in most tables, and in how many.

    Args:
        starts: (tables, buckets + 1) uint32 into the members of a table.
        bounds: (tables + 1,) int64 of the members of each table. members: (m,) int32.
        shift: a code's bucket is code >> shift.
        codes: (queries, tables) uint32; 0 meets nothing.
        allowed: (n,) bool, the rows that may be answered.
        seed: of equal counts, where only some can be kept.
        rows, found: (queries, most) int32, all -1 and all 0; most often met first, then lowest row.

    Returns:
        Rows met in all, each as often as it was.
    """
    counts, touched = np.zeros(allowed.size, np.int32), np.empty(allowed.size + 1, np.int32)
    firsts, lasts = np.empty(codes.shape[1], np.int64), np.empty(codes.shape[1], np.int64)
    total = 0
    for i in range(codes.shape[0]):
        _find(starts, bounds, shift, codes[i], members.size, firsts, lasts)
        met = _meet(members, firsts, lasts, counts, touched)
        for j in range(met):
            total += counts[touched[j]]
        met = _allowed(touched[:met], counts, allowed)
        limit = min(met, rows.shape[1])
        if limit < met:
            most_frequent(touched[:met], counts, limit, seed, rows[i])
        else:
            rows[i, :met] = touched[:met]
        _rank(rows[i, :limit], counts, found[i])
        for j in range(met):
            counts[touched[j]] = 0
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _rank(rows, counts, found):
    """Sort rows by falling count, then by number; writes their counts."""
    keys = np.empty(rows.size, np.int64)
    for i in range(rows.size):
        keys[i] = (np.int64(-counts[rows[i]]) << np.int64(32)) + np.int64(rows[i])
    keys.sort()
    for i in range(rows.size):
        rows[i] = np.int32(keys[i] & np.int64(0x7FFFFFFF))
        found[i] = counts[rows[i]]


@njit(nogil=True, cache=True, error_model="numpy")
def distinct(starts, items, cuts, out):
    """Sorted items of each row without repeats; fills cuts (n + 1,); returns how many."""
    made = 0
    for row in range(starts.size - 1):
        own = np.sort(items[starts[row] : starts[row + 1]])
        for i in range(own.size):
            if i == 0 or own[i] != own[i - 1]:
                out[made] = own[i]
                made += 1
        cuts[row + 1] = made
    return made


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _shared(mine, theirs):
    """How many items two sorted rows share; without branches that nobody can foresee."""
    i, j, total = 0, 0, 0
    while i < mine.size and j < theirs.size:
        a, b = mine[i], theirs[j]
        total += a == b
        i += a <= b
        j += b <= a
    return total


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _product(mine, weights, theirs, values):
    """The product of two sorted rows of items and values."""
    i, j, total = 0, 0, np.float32(0)
    while i < mine.size and j < theirs.size:
        a, b = mine[i], theirs[j]
        if a == b:
            total += weights[i] * values[j]
        i += a <= b
        j += b <= a
    return total


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _score(row, cuts, items, values, mine, weights):
    """Jaccard similarity, or the product where there are values; 0 for a row that is damaged."""
    first, last = cuts[row], cuts[row + 1]
    if first < 0 or last < first or last > items.size:
        return np.float32(0)
    if values.size:
        return _product(mine, weights, items[first:last], values[first:last])
    shared = _shared(mine, items[first:last])
    union = mine.size + (last - first) - shared
    return np.float32(np.float64(shared) / np.float64(max(1, union)))


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _put(key, score, ids, scores):
    """Put an id in its place among the best: highest score, then lowest id."""
    place = ids.size
    while place > 0:
        other = ids[place - 1]
        behind = score < scores[place - 1] or (score == scores[place - 1] and key > other)
        if other >= 0 and behind:
            break
        if place < ids.size:
            ids[place], scores[place] = ids[place - 1], scores[place - 1]
        place -= 1
    if place < ids.size:
        ids[place], scores[place] = key, score


@njit(nogil=True, cache=True, error_model="numpy")
def put_each(keys, rows, found, ids, counts):
    """Put rows (queries, most), ending with the first -1, among the ids of the largest counts."""
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            if rows[i, j] < 0:
                break
            _put(keys[rows[i, j]], found[i, j], ids[i], counts[i])


@njit(nogil=True, cache=True, error_model="numpy")
def score_each(asked, held, keys, rows, ids, scores):
    """The best of each query's candidates by their similarity.

    Args:
        asked, held: (starts, items, values) of queries and rows, items rising; no values: sets.
        keys: (n,) int64, the id of each row.
        rows: (queries, most) int32 candidates, ending with the first -1.
        ids, scores: (queries, k) int64 and float32, the best so far, to be changed.
    """
    starts, items, values = asked
    for i in range(rows.shape[0]):
        mine, weights = items[starts[i] : starts[i + 1]], values[starts[i] : starts[i + 1]]
        for row in rows[i]:
            if row < 0:
                break
            _put(keys[row], _score(row, *held, mine, weights), ids[i], scores[i])


@njit(nogil=True, cache=True, error_model="numpy")
def score_all(asked, held, keys, allowed, ids, scores):
    """As `score_each`, of all rows that are allowed (n,)."""
    starts, items, values = asked
    for i in range(ids.shape[0]):
        mine, weights = items[starts[i] : starts[i + 1]], values[starts[i] : starts[i + 1]]
        for row in range(keys.size):
            if allowed[row]:
                _put(keys[row], _score(row, *held, mine, weights), ids[i], scores[i])
