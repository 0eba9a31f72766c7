"""Equations: systems over one bit, three unknowns in each, solved by peeling and elimination.

Of a key's codeword, bit t is the exclusive or of the bits p + t, q + t and r + t of its group.
"""

import numpy as np

from thrifty.codec._elimination import ACTIVE, dense_of, eliminate, settle
from thrifty.core.kernels import njit
from thrifty.hashing.keys import join, key_of, mix

__all__ = ["places_of", "solve_groups", "try_word"]

HALF, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
TRIES = 256


@njit(forceinline=True, error_model="numpy")
def try_word(first, second, key, seed):
    """What a key of a 128-bit signature chooses its places by, in a try of its group."""
    return join(first ^ key_of(key + np.uint64(seed)), second)


@njit(forceinline=True, error_model="numpy")
def places_of(word, slots):
    """Three distinct places below `slots`, which is 3 or more."""
    more = mix(word)
    p = np.int64(((word >> HALF) * np.uint64(slots)) >> HALF)
    q = np.int64(((word & LOW) * np.uint64(slots - 1)) >> HALF)
    r = np.int64(((more >> HALF) * np.uint64(slots - 2)) >> HALF)
    q += q >= p
    low, top = min(p, q), max(p, q)
    r += r >= low
    r += r >= top
    return p, q, r


@njit(error_model="numpy")
def _write_down(words, codes, lengths, slots, unknowns, wanted):
    """Unknowns (3, e) and wanted bits (e,) of all equations of a group."""
    e = 0
    for i in range(words.size):
        p, q, r = places_of(words[i], slots)
        for t in range(lengths[i]):
            unknowns[0, e], unknowns[1, e], unknowns[2, e] = p + t, q + t, r + t
            wanted[e] = (codes[i] >> np.uint64(lengths[i] - 1 - t)) & np.uint64(1)
            e += 1


@njit(error_model="numpy")
def _peel(unknowns, degree, order, pivot):
    """Take away equations that alone have some unknown, in an order; returns how many."""
    linked = np.zeros(degree.size, np.int32)
    queue = np.empty(degree.size + unknowns.shape[1], np.int32)
    for e in range(unknowns.shape[1]):
        for j in range(3):
            degree[unknowns[j, e]] += 1
            linked[unknowns[j, e]] ^= e
    count, last = 0, 0
    for v in range(degree.size):
        if degree[v] == 1:
            queue[last] = v
            last += 1
    first = 0
    while first < last:
        v = queue[first]
        first += 1
        if degree[v] != 1:
            continue
        e = linked[v]
        order[count], pivot[e] = e, v
        count += 1
        for j in range(3):
            u = unknowns[j, e]
            degree[u] -= 1
            linked[u] ^= e
            if degree[u] == 1:
                queue[last] = u
                last += 1
    return count


@njit(error_model="numpy")
def _solve(words, codes, lengths, slots, region):
    """Fill the bytes of a group with a solution; False where this try has none."""
    equations, n = np.int64(0), 8 * region.size
    for i in range(lengths.size):
        equations += lengths[i]
    unknowns = np.empty((3, equations), np.int32)
    wanted, pivot = np.empty(equations, np.uint8), np.full(equations, -1, np.int32)
    _write_down(words, codes, lengths, slots, unknowns, wanted)
    degree, order = np.zeros(n, np.int32), np.empty(equations, np.int32)
    peeled = _peel(unknowns, degree, order, pivot)
    state, slot = np.zeros(n, np.uint8), np.zeros(n, np.int32)
    values = np.zeros(n, np.uint8)
    rest = order[peeled:]
    if rest.size:
        settled, active = settle(unknowns, pivot, degree, rest, state, slot)
        dense = dense_of(unknowns, wanted, pivot, rest[:settled], state, slot, active)
        found = np.zeros(active, np.uint8)
        if not eliminate(dense, active, found):
            return False
        for v in range(n):
            if state[v] == ACTIVE:
                values[v] = found[slot[v]]
        for i in range(settled):
            _give(unknowns, wanted, pivot, values, rest[i])
    for i in range(peeled - 1, -1, -1):
        _give(unknowns, wanted, pivot, values, order[i])
    for v in range(n):
        region[v >> 3] = (region[v >> 3] << 1) | values[v]
    return True


@njit(error_model="numpy")
def _give(unknowns, wanted, pivot, values, e):
    """Set the unknown of an equation by the two others, its own being 0 so far."""
    a, b, c = values[unknowns[0, e]], values[unknowns[1, e]], values[unknowns[2, e]]
    values[pivot[e]] = wanted[e] ^ a ^ b ^ c


@njit(nogil=True, cache=True, error_model="numpy")
def solve_groups(groups, starts, offsets, pad, signatures, codes, lengths, key, bits, seeds):
    """Solve some groups of keys, each with the first seed that has a solution.

    Args:
        groups: first and last + 1, int64.
        starts: (g + 1,) int64, first key of each group.
        offsets: (g + 1,) int64, first byte of each group.
        pad: bits of a group in which no key begins.
        signatures: (2, n) uint64, in the order of the groups.
        codes: (n,) uint64, the last `lengths` bits count.
        lengths: (n,) uint8.
        key: uint64 of the whole.
        bits: uint8, written.
        seeds: (g,) uint8, written.

    Returns:
        The first group without a solution, or -1.
    """
    first, second = signatures[0], signatures[1]
    for g in range(groups[0], groups[1]):
        part = slice(starts[g], starts[g + 1])
        region = bits[offsets[g] : offsets[g + 1]]
        words = np.empty(starts[g + 1] - starts[g], np.uint64)
        done = False
        for seed in range(TRIES):
            for i in range(words.size):
                j = starts[g] + i
                words[i] = try_word(first[j], second[j], key, seed)
            slots = 8 * region.size - pad
            if _solve(words, codes[part], lengths[part], slots, region):
                seeds[g], done = seed, True
                break
        if not done:
            return g
    return -1
