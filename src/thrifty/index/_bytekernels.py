"""Byte kernels: rows in blocks of bytes, and a search of the blocks of cells for many queries."""

import numpy as np

from thrifty.core.kernels import njit
from thrifty.index._heaps import lowest_bit, sift
from thrifty.index._int8 import LANES, dots

__all__ = ["ask", "by_cell", "look", "move", "weigh"]

LEAST, LOW = -(2**31), np.uint64(2**32 - 1)


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
    """Queries and scores of all but the first probe of each, cell by cell; -1 is no probe."""
    m, p = probes.shape
    cells = offsets.size - 1
    for i in range(m):
        for j in range(1, p):
            if probes[i, j] >= 0:
                offsets[probes[i, j] + 1] += 1
    for cell in range(cells):
        offsets[cell + 1] += offsets[cell]
    for i in range(m):
        for j in range(1, p):
            if probes[i, j] >= 0:
                place = offsets[probes[i, j]]
                askers[place], theirs[place] = i, bases[i, j]
                offsets[probes[i, j]] += 1
    for cell in range(cells, 0, -1):
        offsets[cell] = offsets[cell - 1]
    offsets[0] = 0


@njit(error_model="numpy")
def _least(top, base, scale, shift, biases):
    """The largest product that is no better than the top of a heap."""
    bound = (top - base) * (np.float32(1) / scale)
    if biases.size or not bound > np.float32(-1e9):
        return np.int32(LEAST)
    return np.int32(min(np.floor(bound), np.float32(1e9))) + shift


@njit(error_model="numpy")
def _offer(out, above, count, row, base, scale, shift, bias, allowed, heap, held):
    """Put what is better into a heap; with a bias, which that is has still to be seen."""
    if bias.size:
        above, top = np.uint32(0), heap[0]
        for i in range(LANES):
            score = base + scale * np.float32(out[i] - shift) + bias[i]
            above |= np.uint32(score > top) << np.uint32(i)
    while above:
        i = lowest_bit(above)
        above &= above - np.uint32(1)
        if i < count and (allowed.size == 0 or allowed[row + i]):
            score = base + scale * np.float32(out[i] - shift)
            if bias.size:
                score += bias[i]
            if score > heap[0]:
                sift(score, row + i, heap, held)


@njit(error_model="numpy")
def _block(
    words, groups, shifts, scales, reach, asking, bases, codes, start, bias, count, row, allowed,
    heaps, helds, out,
):  # fmt: skip
    """Offer the rows of a block to all who ask for them, two at a time."""
    for a in range(0, asking.size, 2):
        b = min(a + 1, asking.size - 1)
        i, j, x, y = asking[a], asking[b], bases[a], bases[b]
        least = _least(heaps[i, 0], x, scales[i] * reach, shifts[i], bias)
        less = _least(heaps[j, 0], y, scales[j] * reach, shifts[j], bias)
        above = dots(codes, start, words, i * groups, j * groups, groups, least, less, out)
        one, two = np.uint32(above & LOW), np.uint32(above >> np.uint64(LANES))
        if one:
            told = (x, scales[i] * reach, shifts[i], bias, allowed, heaps[i], helds[i])
            _offer(out[:LANES], one, count, row, *told)
        if two and b > a:
            told = (y, scales[j] * reach, shifts[j], bias, allowed, heaps[j], helds[j])
            _offer(out[LANES:], two, count, row, *told)


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def look(
    words, groups, shifts, scales, probes, bases, codes, biases, width, rows, blocks, reach,
    allowed, heaps, helds, offsets, askers, theirs, out,
):  # fmt: skip
    """The first cell of each query, then cell by cell, whose codes stay in cache for all askers.

    The last of askers and of theirs is room for a query that asks alone.
    """
    m, cells, bias = probes.shape[0], rows.size - 1, biases[:0]
    for turn in range(m + cells):
        first, last = askers.size - 1, askers.size
        if turn < m:
            cell = np.int64(probes[turn, 0])
            askers[first], theirs[first] = turn, bases[turn, 0]
        else:
            cell = turn - m
            first, last = offsets[cell], offsets[cell + 1]
        row = rows[cell]
        for block in range(blocks[cell], blocks[cell + 1] if last > first else 0):
            count, start = min(LANES, rows[cell + 1] - row), block * width
            if biases.size:
                bias = biases[(start + width) // 4 - LANES : (start + width) // 4]
            _block(
                words, groups, shifts, scales, reach[cell], askers[first:last], theirs[first:last],
                codes, start, bias, count, row, allowed, heaps, helds, out,
            )  # fmt: skip
            row += count
