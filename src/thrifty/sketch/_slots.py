"""Slots: an open table of counted hashes that is purged as Misra and Gries do when it is full.

A table is (2 * places,) uint64, hash and count in turns, count 0 where there is none; `refs` is
(places,) int64, what an entry is marked with; `tally` is how many entries there are, what purges
took off each count, and the weight of all that was counted. At most half the places are taken.
"""

import numpy as np
from numpy.typing import NDArray

from thrifty.core.instructions import prefetch
from thrifty.core.kernels import njit

__all__ = [
    "LOST", "TOTAL", "USED", "count", "cut", "fill", "look", "pack", "places_for", "recount",
    "renumber", "table_of",
]  # fmt: skip

USED, LOST, TOTAL = range(3)
SMALL = 1024
AHEAD = 24


def places_for(entries: int) -> int:
    """Places of a table for so many entries: a power of 2, at least twice as many."""
    return 1 << max(2 * entries - 1, 63).bit_length()


def table_of(entries: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """An empty table with room for so many entries, and the marks of its places."""
    places = places_for(entries)
    return np.zeros(2 * places, np.uint64), np.zeros(places, np.int64)


@njit(forceinline=True, error_model="numpy")
def _place(table, word, mask):
    """Where the entry of a word is, or the empty place where it belongs."""
    at = word & mask
    while table[2 * at + np.uint64(1)] != np.uint64(0) and table[2 * at] != word:
        at = (at + np.uint64(1)) & mask
    return at


@njit(nogil=True, cache=True, error_model="numpy")
def count(words, weights, start, row, table, refs, tally, slots):
    """Count words from `start` on, purging where one finds no slot; a new one is marked -1 - row.

    Returns how many are done: all, unless the table is too small for the slots it may use.
    """
    mask, one, room = np.uint64(refs.size - 1), weights.size == 0, refs.size // 2
    last = words.size - 1
    for i in range(start, words.size):
        prefetch(table, np.intp(2 * (words[min(i + AHEAD, last)] & mask)))
        weight = np.int64(1) if one else weights[i]
        at = _place(table, words[i], mask)
        if table[2 * at + np.uint64(1)] == np.uint64(0):
            if weight == 0:
                continue
            if tally[USED] == slots + (slots + 1) // 2:
                _purge(table, refs, tally, slots)
                at = _place(table, words[i], mask)
            elif tally[USED] == room:
                return i
            tally[USED] += 1
            table[2 * at], refs[at] = words[i], -1 - row - i
        table[2 * at + np.uint64(1)] += np.uint64(weight)
        tally[TOTAL] += weight
    return words.size


@njit(nogil=True, cache=True, error_model="numpy")
def _purge(table, refs, tally, slots):
    """Make room in a full table."""
    hashes, counts, marks = pack(table, refs, tally[USED])
    stay = cut(hashes, counts, marks, tally, slots)
    fill(hashes[:stay], counts[:stay], marks[:stay], table, refs)


@njit(nogil=True, cache=True, error_model="numpy")
def cut(hashes, counts, marks, tally, slots):
    """Take the (slots + 1)-th largest count off all; those with a rest are moved to the front."""
    lost, stay = _largest(counts, slots), 0
    for i in range(hashes.size):
        hashes[stay], counts[stay], marks[stay] = hashes[i], counts[i] - lost, marks[i]
        stay += counts[stay] > 0
    tally[USED] = stay
    tally[LOST] += lost
    return stay


@njit(nogil=True, cache=True, error_model="numpy")
def pack(table, refs, used):
    """Hashes, counts and marks of all entries, in the order of the table."""
    hashes = np.empty(used + 1, np.uint64)
    counts, marks = np.empty(used + 1, np.int64), np.empty(used + 1, np.int64)
    n = 0
    for at in range(refs.size):  # writes every place, steps on after an entry: no branch to guess
        count = np.int64(table[2 * at + 1])
        hashes[n], counts[n], marks[n] = table[2 * at], count, refs[at]
        n += count != 0
    return hashes[:used], counts[:used], marks[:used]


@njit(nogil=True, cache=True, error_model="numpy")
def _largest(counts, k):
    """The (k + 1)-th largest; most counts are small, and those are sorted by counting."""
    below = np.zeros(SMALL, np.int64)
    for i in range(counts.size):
        if counts[i] < SMALL:
            below[counts[i]] += 1
    rank = counts.size - 1 - k
    for value in range(SMALL):
        rank -= below[value]
        if rank < 0:
            return np.int64(value)
    return np.partition(counts, counts.size - 1 - k)[counts.size - 1 - k]


@njit(nogil=True, cache=True, error_model="numpy")
def fill(hashes, counts, marks, table, refs):
    """Make the table anew with these entries."""
    mask = np.uint64(refs.size - 1)
    table[:] = np.uint64(0)
    for i in range(hashes.size):
        at = _place(table, hashes[i], mask)
        table[2 * at], table[2 * at + np.uint64(1)] = hashes[i], np.uint64(counts[i])
        refs[at] = marks[i]


@njit(nogil=True, cache=True, error_model="numpy")
def renumber(table, refs, number, new):
    """Count the marks of all entries, or of new ones, up from a number; returns what they were."""
    found, n = np.empty(refs.size, np.int64), 0
    most = np.int64(0) if new else np.int64(2**62)
    for at in range(refs.size):  # no branch to guess
        mark = refs[at]
        hit = (table[2 * at + 1] != 0) & (mark < most)
        found[n] = mark
        refs[at] = number + n if hit else mark
        n += hit
    return found[:n].copy()


@njit(nogil=True, cache=True, error_model="numpy")
def look(words, table, out):
    mask = np.uint64(table.size // 2 - 1)
    for i in range(words.size):
        out[i] = np.int64(table[2 * _place(table, words[i], mask) + np.uint64(1)])


@njit(nogil=True, cache=True, error_model="numpy")
def recount(words, table, refs, sums):
    """Count the words that have an entry at the numbers that their entries are marked with."""
    mask = np.uint64(refs.size - 1)
    for i in range(words.size):
        at = _place(table, words[i], mask)
        if table[2 * at + np.uint64(1)]:
            sums[refs[at]] += 1
