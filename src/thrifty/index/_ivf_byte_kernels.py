"""Byte kernels: rows in blocks of bytes, and a search of the blocks of cells for many queries."""

import numpy as np

from thrifty.core.instructions import trailing_zeros
from thrifty.core.kernels import njit
from thrifty.index._ivf_int8 import LANES, dots
from thrifty.index._ivf_pool import put

__all__ = ["ask", "by_cell", "look", "move", "weigh"]

LEAST, LOW, HIGH = -(2**31), np.uint64(2**32 - 1), np.uint64(LANES)
AT_ONCE = 8  # blocks, which stay in the cache nearest by while all who ask look at them


@njit(nogil=True, cache=True, error_model="numpy")
def move(codes, rows, first, blocks, back):
    """Copy rows of cells to blocks of 32, or back."""
    for cell in range(rows.size - 1):
        for i in range(rows[cell + 1] - rows[cell]):
            block, mine = blocks[first[cell] + i // LANES], codes[rows[cell] + i]
            lane = 4 * (i % LANES)
            for t in range(mine.size):
                place = (t // 4) * 4 * LANES + lane + t % 4
                if back:
                    mine[t] = block[place]
                else:
                    block[place] = mine[t]


@njit(nogil=True, cache=True, error_model="numpy")
def weigh(codes, steps, centres, rows, first, blocks):
    """Minus half the squared length of each row beyond that of its centre."""
    for cell in range(rows.size - 1):
        centre = centres[cell]
        for i in range(rows[cell + 1] - rows[cell]):
            block, mine, total = blocks[first[cell] + i // LANES], codes[rows[cell] + i], 0.0
            for t in range(mine.size):
                gap = (np.float64(mine[t]) - 128.0) * steps[t]
                total += gap * (0.5 * gap + centre[t])
            block[block.size - LANES + i % LANES] = -total


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def ask(queries, steps, words, scales, shifts):
    """Queries in bytes, what one of them is worth, and what the offset of 128 adds to products."""
    for i in range(queries.shape[0]):
        query, mine, top, total = queries[i], words[i], np.float32(1e-30), np.int32(0)
        for t in range(query.size):
            top = max(top, abs(query[t] * steps[t]))
        for t in range(query.size):
            word = np.int32(np.rint(query[t] * steps[t] * (np.float32(127) / top)))
            total += word
            mine[t] = word
        scales[i], shifts[i] = top / np.float32(127), 128 * total


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def by_cell(probes, bases, offsets, askers, theirs):
    """Queries and scores of all probes, cell by cell; -1 is no probe."""
    m, p = probes.shape
    cells = offsets.size - 1
    for i in range(m):
        for j in range(p):
            if probes[i, j] >= 0:
                offsets[probes[i, j] + 1] += 1
    for cell in range(cells):
        offsets[cell + 1] += offsets[cell]
    for i in range(m):
        for j in range(p):
            if probes[i, j] >= 0:
                place = offsets[probes[i, j]]
                askers[place], theirs[place] = i, bases[i, j]
                offsets[probes[i, j]] += 1
    for cell in range(cells, 0, -1):
        offsets[cell] = offsets[cell - 1]
    offsets[0] = 0


@njit(error_model="numpy")
def _least(limit, base, scale, shift, biases):
    """The largest product that is no better than the limit of a pool."""
    bound = (limit - base) * (np.float32(1) / scale)
    if biases.size or not bound > np.float32(-1e9):
        return np.int32(LEAST)
    return np.int32(min(np.floor(bound), np.float32(1e9))) + shift


@njit(error_model="numpy")
def _offer(out, above, count, row, base, scale, shift, bias, allowed, i, pool):
    """Put what is better into a pool; with a bias, which that is has still to be seen."""
    scores, places, counts, limits, keep = pool
    if bias.size:
        above, limit = np.uint32(0), limits[i]
        for t in range(LANES):
            score = base + scale * np.float32(out[t] - shift) + bias[t]
            above |= np.uint32(score > limit) << np.uint32(t)
    while above:
        t = trailing_zeros(above)
        above &= above - np.uint32(1)
        if t < count and (allowed.size == 0 or allowed[row + t]):
            score = base + scale * np.float32(out[t] - shift)
            if bias.size:
                score += bias[t]
            if score > limits[i]:
                put(score, row + t, i, scores, places, counts, limits, keep)


@njit(error_model="numpy")
def _blocks(
    words, groups, shifts, scales, reach, asking, bases, codes, biases, width, begin, end, row,
    stop, allowed, pool, out,
):  # fmt: skip
    """Offer the rows of some blocks of a cell to all who ask for them, two at a time.

    Their limits stay in registers from block to block until something better is found.
    """
    bias, limits = biases[:0], pool[3]
    for a in range(0, asking.size, 2):
        b = min(a + 1, asking.size - 1)
        i, j, x, y = asking[a], asking[b], bases[a], bases[b]
        one, two = scales[i] * reach, scales[j] * reach
        least = _least(limits[i], x, one, shifts[i], biases)
        less = _least(limits[j], y, two, shifts[j], biases)
        for block in range(begin, end):
            start, first = block * width, row + (block - begin) * LANES
            above = dots(codes, start, words, i * groups, j * groups, groups, least, less, out)
            if above == 0:
                continue
            if biases.size:
                bias = biases[(start + width) // 4 - LANES : (start + width) // 4]
            count, low, high = stop - first, np.uint32(above & LOW), np.uint32(above >> HIGH)
            if low:
                _offer(out[:LANES], low, count, first, x, one, shifts[i], bias, allowed, i, pool)
                least = _least(limits[i], x, one, shifts[i], biases)
            if high and b > a:
                _offer(out[LANES:], high, count, first, y, two, shifts[j], bias, allowed, j, pool)
                less = _least(limits[j], y, two, shifts[j], biases)


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def look(
    words, groups, shifts, scales, codes, biases, width, rows, blocks, reach, allowed, pool,
    offsets, askers, theirs, out,
):  # fmt: skip
    """Look cell by cell, whose codes stay in cache for all who ask for them."""
    for cell in range(rows.size - 1):
        first, last = offsets[cell], offsets[cell + 1]
        end = blocks[cell + 1] if last > first else blocks[cell]
        for begin in range(blocks[cell], end, AT_ONCE):
            row = rows[cell] + (begin - blocks[cell]) * LANES
            _blocks(
                words, groups, shifts, scales, reach[cell], askers[first:last], theirs[first:last],
                codes, biases, width, begin, min(begin + AT_ONCE, end), row, rows[cell + 1],
                allowed, pool, out,
            )  # fmt: skip
