"""Elimination: what peeling leaves of equations in three unknowns each, over one bit.

Unknowns are settled one by one by equations in which all others are settled, or active: the
heaviest are made so where it does not go on. Only the equations of the active ones are solved by
elimination, in rows of 64 bits a word.
"""

import numpy as np

from thrifty.core.kernels import njit

__all__ = ["ACTIVE", "dense_of", "eliminate", "settle"]

IDLE, ACTIVE, SETTLED = 0, 1, 2


@njit(error_model="numpy")
def _by_degree(degree):
    """Unknowns that still stand in an equation, those in most of them first."""
    most = degree.max()
    starts = np.zeros(most + 2, np.int32)
    for v in range(degree.size):
        starts[most - degree[v] + 1] += 1
    for d in range(most + 1):
        starts[d + 1] += starts[d]
    total = starts[most]
    sorted_ = np.empty(degree.size, np.int32)
    for v in range(degree.size):
        place = most - degree[v]
        sorted_[starts[place]] = v
        starts[place] += 1
    return sorted_[:total]


@njit(error_model="numpy")
def _equations_of(unknowns, pivot, degree):
    """Equations that were not peeled, unknown by unknown: starts (n + 1,) and their numbers."""
    starts = np.zeros(degree.size + 1, np.int32)
    starts[1:] = np.cumsum(degree)
    ends, held = starts[:-1].copy(), np.empty(starts[-1], np.int32)
    for e in range(unknowns.shape[1]):
        if pivot[e] >= 0:
            continue
        for j in range(3):
            held[ends[unknowns[j, e]]] = e
            ends[unknowns[j, e]] += 1
    return starts, held


@njit(error_model="numpy")
def _retire(v, starts, held, idle, queue, last):
    """Count an unknown as no longer idle; equations with one idle unknown or none are queued."""
    for i in range(starts[v], starts[v + 1]):
        e = held[i]
        idle[e] -= 1
        if idle[e] <= 1:
            queue[last] = e
            last += 1
    return last


@njit(error_model="numpy")
def settle(unknowns, pivot, degree, order, state, slot):
    """Settle what can be from as few active unknowns as the heaviest-first rule gives.

    Returns:
        How many equations settle an unknown (in `order`, their unknown in `pivot`), and how many
        unknowns are active (numbered in `slot`).
    """
    starts, held = _equations_of(unknowns, pivot, degree)
    idle = np.full(unknowns.shape[1], 3, np.int8)
    queue = np.empty(2 * unknowns.shape[1] + 1, np.int32)
    first, last, count, active = 0, 0, 0, 0
    for v in _by_degree(degree):
        if state[v] != IDLE:
            continue
        state[v], slot[v] = ACTIVE, active
        active += 1
        last = _retire(v, starts, held, idle, queue, last)
        while first < last:
            e = queue[first]
            first += 1
            if idle[e] != 1 or pivot[e] >= 0:
                continue
            for j in range(3):
                u = unknowns[j, e]
                if state[u] == IDLE:
                    state[u], pivot[e] = SETTLED, u
            order[count] = e
            count += 1
            last = _retire(pivot[e], starts, held, idle, queue, last)
    return count, active


@njit(error_model="numpy")
def _add_row(row, rows, v, state, slot):
    """Add to a row what an unknown is, in terms of the active ones."""
    if state[v] == ACTIVE:
        row[slot[v] >> 6] ^= np.uint64(1) << np.uint64(slot[v] & 63)
    elif state[v] == SETTLED:
        other = rows[slot[v]]
        for w in range(row.size):
            row[w] ^= other[w]


@njit(error_model="numpy")
def dense_of(unknowns, wanted, pivot, order, state, slot, active):
    """Equations (d, words) of the active unknowns alone; the bit after them is what is wanted."""
    width = active // 64 + 1
    rows = np.zeros((order.size, width), np.uint64)
    dense = np.zeros((unknowns.shape[1] - order.size, width), np.uint64)
    last_word, last_bit = active >> 6, np.uint64(active & 63)
    for i in range(order.size):
        e = order[i]
        for j in range(3):
            if unknowns[j, e] != pivot[e]:
                _add_row(rows[i], rows, unknowns[j, e], state, slot)
        rows[i, last_word] ^= np.uint64(wanted[e]) << last_bit
        slot[pivot[e]] = i
    count = 0
    for e in range(unknowns.shape[1]):
        if pivot[e] >= 0:
            continue
        for j in range(3):
            _add_row(dense[count], rows, unknowns[j, e], state, slot)
        dense[count, last_word] ^= np.uint64(wanted[e]) << last_bit
        count += 1
    return dense[:count]


@njit(error_model="numpy")
def eliminate(dense, active, solved):
    """Solve for the active unknowns into `solved`; False where they contradict each other."""
    rank, width = 0, dense.shape[1]
    pivots = np.empty(active, np.int32)
    for column in range(active):
        word, bit = column >> 6, np.uint64(1) << np.uint64(column & 63)
        found = rank
        while found < dense.shape[0] and not dense[found, word] & bit:
            found += 1
        if found == dense.shape[0]:
            continue
        for w in range(width):
            dense[rank, w], dense[found, w] = dense[found, w], dense[rank, w]
        for i in range(dense.shape[0]):
            if i != rank and dense[i, word] & bit:
                for w in range(word, width):
                    dense[i, w] ^= dense[rank, w]
        pivots[rank] = column
        rank += 1
    word, bit = active >> 6, np.uint64(active & 63)
    for i in range(dense.shape[0]):
        one = (dense[i, word] >> bit) & np.uint64(1)
        if i < rank:
            solved[pivots[i]] = one
        elif one:
            return False
    return True
