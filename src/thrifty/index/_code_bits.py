"""Bit codes: codes as words in blocks, their distances, and the nearest of each query."""

import numpy as np
from numpy.typing import NDArray

from thrifty.core.instructions import ones
from thrifty.core.kernels import njit

__all__ = ["BLOCK", "blocks_of", "insert_near", "scan", "scan_far", "words_of"]

BLOCK = 512
FAR = np.uint64(1 << 40)
Words = NDArray[np.uint64]


@njit(error_model="numpy")
def _distances_of_one(words, query, out):
    """Distances of a block of codes of one word, and the least of them."""
    a, p = words[0], query[0]
    least = FAR
    for i in range(BLOCK):
        far = ones(a[i] ^ p)
        out[i] = far
        least = min(least, far)
    return least


@njit(error_model="numpy")
def _distances_of_four(words, query, out):
    """As `_distances_of_one`, for four words."""
    a, b, c, d = words[0], words[1], words[2], words[3]
    p, q, r, s = query[0], query[1], query[2], query[3]
    least = FAR
    for i in range(BLOCK):
        far = ones(a[i] ^ p) + ones(b[i] ^ q) + ones(c[i] ^ r) + ones(d[i] ^ s)
        out[i] = far
        least = min(least, far)
    return least


@njit(error_model="numpy")
def _distances(words, query, out):
    """As `_distances_of_one`, for any number of words."""
    for i in range(BLOCK):
        out[i] = np.uint64(0)
    for w in range(query.size):
        row, bits = words[w], query[w]
        for i in range(BLOCK):
            out[i] += ones(row[i] ^ bits)
    least = FAR
    for i in range(BLOCK):
        least = min(least, out[i])
    return least


@njit(error_model="numpy", counted=False)
def insert_near(far, key, distances, ids):
    """Put an id in its place among the nearest, the nearest first, then the lowest, none twice."""
    last = distances.size - 1
    if not (far < distances[last] or (far == distances[last] and key < ids[last])):
        return
    place = last + 1
    while place > 0 and (
        distances[place - 1] > far or (distances[place - 1] == far and ids[place - 1] > key)
    ):
        place -= 1
    if place > 0 and distances[place - 1] == far and ids[place - 1] == key:
        return
    for i in range(last, place, -1):
        distances[i], ids[i] = distances[i - 1], ids[i - 1]
    distances[place], ids[place] = far, key


@njit(nogil=True, cache=True, error_model="numpy")
def scan(blocks, first, keys, allowed, queries, slack, distances, ids):
    """Look through blocks of codes, which stay in cache for all queries.

    Args:
        blocks: (b, words, 512) uint64, of the rows from `first` on. keys: (n,) int64, all ids.
        allowed: (n,) bool, or empty. queries: (m, words) uint64.
        slack: 0 where no row can be as near as one that is held and have a lower id, else 1.
        distances, ids: (m, k) the nearest so far, which change.
    """
    out = np.empty(BLOCK, np.uint64)
    last, width = distances.shape[1] - 1, queries.shape[1]
    for b in range(blocks.shape[0]):
        start = first + b * BLOCK
        count = min(BLOCK, keys.size - start)
        words = blocks[b]
        for q in range(queries.shape[0]):
            if width == 4:
                least = _distances_of_four(words, queries[q], out)
            elif width == 1:
                least = _distances_of_one(words, queries[q], out)
            else:
                least = _distances(words, queries[q], out)
            bound = distances[q, last] + slack
            if least < bound:
                for i in range(count):
                    if out[i] < bound and (allowed.size == 0 or allowed[start + i]):
                        insert_near(out[i], keys[start + i], distances[q], ids[q])
                        bound = distances[q, last] + slack


@njit(error_model="numpy")
def _sink(far, place, distances, places):
    """Let the farthest of a heap go for a nearer one."""
    i, size = 0, distances.size
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and distances[child + 1] > distances[child]:
            child += 1
        if distances[child] <= far:
            break
        distances[i], places[i] = distances[child], places[child]
        i = child
    distances[i], places[i] = far, place


@njit(nogil=True, cache=True, error_model="numpy")
def scan_far(blocks, first, rows, allowed, queries, distances, places):
    """As `scan`, for many: row numbers in heaps of which the farthest is on top, in no order."""
    out, width = np.empty(BLOCK, np.uint64), queries.shape[1]
    for b in range(blocks.shape[0]):
        start = first + b * BLOCK
        count = min(BLOCK, rows - start)
        words = blocks[b]
        for q in range(queries.shape[0]):
            heap, held = distances[q], places[q]
            if width == 4:
                least = _distances_of_four(words, queries[q], out)
            else:
                least = _distances(words, queries[q], out)
            if least < heap[0]:
                for i in range(count):
                    if out[i] < heap[0] and (allowed.size == 0 or allowed[start + i]):
                        _sink(out[i], start + i, heap, held)


def blocks_of(words: Words) -> Words:
    """Codes (n, words) as blocks (ceil(n / 512), words, 512), zeros after the last."""
    count, width = words.shape
    padded = np.zeros((-(-count // BLOCK), width, BLOCK), np.uint64)
    for start in range(0, count // BLOCK * BLOCK, BLOCK):
        padded[start // BLOCK] = words[start : start + BLOCK].T
    rest = count % BLOCK
    if rest:
        padded[-1, :, :rest] = words[count - rest :].T
    return padded


def words_of(blocks: Words, rows: int) -> Words:
    """Codes (rows, words) of blocks."""
    width = blocks.shape[1]
    return np.ascontiguousarray(blocks.transpose(0, 2, 1)).reshape(-1, width)[:rows]
