"""Buckets: the kernels that walk through buckets of a band, compare rows and join clusters."""

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.models._union import find, link

__all__ = ["compare", "gather_buckets", "most_pairs"]

ALL = 32  # rows of a bucket up to which every pair is compared
LEADERS = 32
PIECE = 4096


@njit(nogil=True, cache=True, error_model="numpy")
def gather_buckets(keys, order, rows, parent, members, starts):
    """Rows of the buckets that are not one cluster yet, bucket by bucket; how many buckets.

    A bucket of more than PIECE rows comes in pieces that share its first row.

    Args:
        keys: (m,) uint64 of all entries; order: (m,) int64 sorts them.
        rows: (m,) int32.
        members, starts: (2 * m + 2,) to fill.
    """
    count, filled, i = 0, 0, 0
    starts[0] = 0
    while i < order.size:
        end = i + 1
        while end < order.size and keys[order[end]] == keys[order[i]]:
            end += 1
        if end - i > 1 and _is_open(order[i:end], rows, parent):
            first = rows[order[i]]
            while i < end - 1:
                stop = min(end, i + PIECE)
                members[filled] = first
                for j in range(i + 1, stop):
                    members[filled + j - i] = rows[order[j]]
                filled += stop - i
                count += 1
                starts[count] = filled
                i = stop - 1
        i = end
    return count


@njit(error_model="numpy")
def _is_open(order, rows, parent):
    root = find(parent, rows[order[0]])
    for place in order:  # noqa: SIM110 (Numba has no any)
        if find(parent, rows[place]) != root:
            return True
    return False


@njit(nogil=True, cache=True, error_model="numpy")
def compare(starts, rows, codes, shape, needed, parent, matches, pairs):
    """Join rows of a bucket that agree on enough codes; count pairs by how many they agree on.

    With room for pairs they are noted there, as smaller << 32 | larger, and nothing is joined.

    A pair counts in the first band it meets in. A large bucket is led by its first rows that are
    not like each other: the rest are compared with these only.

    Args:
        starts: (buckets + 1,) int64 into rows and codes.
        rows: (m,) int32; codes: (m, tables) uint32 of these rows.
        shape: (band, codes in a band).
        needed: codes that must agree.
        parent: (n,) int32, the clusters.
        matches: (tables + 1,) int64.
        pairs: (m,) int64 to note pairs in, m of `most_pairs`; empty to join them.

    Returns:
        Rows that were like no leader and found no place among the leaders; and pairs noted.
    """
    left, noted = 0, 0
    leaders = np.empty(LEADERS, np.int64)
    for b in range(starts.size - 1):
        low, high = starts[b], starts[b + 1]
        if high - low <= ALL:
            for i in range(low + 1, high):
                for j in range(low, i):
                    if _alike(codes[i], codes[j], shape, needed, matches):
                        noted = _join(rows[i], rows[j], parent, pairs, noted)
        else:
            more, noted = _led(
                low, high, rows, codes, shape, needed, parent, matches, leaders, pairs, noted
            )
            left += more
    return left, noted


@njit(error_model="numpy")
def _join(i, j, parent, pairs, noted):
    if pairs.size == 0:
        link(parent, i, j)
        return noted
    pairs[noted] = np.int64(min(i, j)) << 32 | np.int64(max(i, j))
    return noted + 1


def most_pairs(starts: NDArray[np.int64]) -> int:
    """Pairs that `compare` may note in such buckets."""
    sizes = np.diff(starts)
    return int(np.where(sizes <= ALL, sizes * (sizes - 1) // 2, sizes * LEADERS).sum())


@njit(error_model="numpy")
def _led(low, high, rows, codes, shape, needed, parent, matches, leaders, pairs, noted):
    led, left = 0, 0
    for i in range(low, high):
        joined = False
        for k in range(led):
            j = leaders[k]
            if find(parent, rows[i]) == find(parent, rows[j]):
                joined = True
            elif _alike(codes[i], codes[j], shape, needed, matches):
                noted = _join(rows[i], rows[j], parent, pairs, noted)
                joined = True
        if not joined and led < LEADERS:
            leaders[led] = i
            led += 1
        elif not joined:
            left += 1
    return left, noted


@njit(error_model="numpy")
def _alike(a, b, shape, needed, matches):
    same = 0
    for k in range(a.size):
        same += a[k] == b[k]
    if not _met_before(a, b, shape):
        matches[same] += 1
    return same >= needed


@njit(error_model="numpy")
def _met_before(a, b, shape):
    band, rows = shape
    for earlier in range(band):
        k, end = earlier * rows, (earlier + 1) * rows
        while k < end and a[k] == b[k]:
            k += 1
        if k == end:
            return True
    return False
