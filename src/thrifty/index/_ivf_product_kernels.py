"""Product kernels: nearest codewords, tables of queries, blocks of rows, and the look through them.

Codewords stand as (subvectors, numbers, 16), so that 16 of them are one register.
"""

import numpy as np

from thrifty.core.instructions import trailing_zeros
from thrifty.core.kernels import njit
from thrifty.index._ivf_lookups import GROUP, LANES, SPAN, lookups
from thrifty.index._ivf_pool import put

__all__ = ["look", "means", "move", "nearest_words", "offsets_of", "tables_of"]


@njit(nogil=True, cache=True, error_model="numpy")
def nearest_words(parts, words, codes):
    """Of each subvector the nearest codeword, the first of equals."""
    gaps = np.empty(16, np.float32)
    for i in range(parts.shape[0]):
        for m in range(parts.shape[1]):
            part, mine = parts[i, m], words[m]
            for c in range(16):
                gaps[c] = np.float32(0)
            for t in range(part.size):
                number, column = part[t], mine[t]
                for c in range(16):
                    gap = number - column[c]
                    gaps[c] += gap * gap
            best = 0
            for c in range(1, 16):
                if gaps[c] < gaps[best]:
                    best = c
            codes[i, m] = best


@njit(nogil=True, cache=True, error_model="numpy")
def means(parts, codes, sums, counts):
    """Add subvectors to the sums and counts of their codewords."""
    for i in range(parts.shape[0]):
        for m in range(parts.shape[1]):
            code = codes[i, m]
            counts[m, code] += 1
            for t in range(parts.shape[2]):
                sums[m, t, code] += parts[i, m, t]


@njit(error_model="numpy")
def _shares(words, centre, table):
    """What each codeword adds to the offset of a row of this cell."""
    for m in range(words.shape[0]):
        mine = table[m]
        mine[:] = np.float32(0)
        for t in range(words.shape[1]):
            place, column = m * words.shape[1] + t, words[m, t]
            here = centre[place] if place < centre.size else np.float32(0)
            for c in range(16):
                mine[c] -= column[c] * (here + np.float32(0.5) * column[c])


@njit(nogil=True, cache=True, error_model="numpy")
def offsets_of(words, codes, centres, rows, offsets):
    """What rows score beside their inner product: -(<c, r> + |r|**2 / 2)."""
    table = np.empty((words.shape[0], 16), np.float32)
    for cell in range(rows.size - 1):
        if rows[cell] < rows[cell + 1]:
            _shares(words, centres[cell], table)
        for row in range(rows[cell], rows[cell + 1]):
            mine, total = codes[row], np.float32(0)
            for b in range(mine.size):
                total += table[2 * b, mine[b] & 15] + table[2 * b + 1, mine[b] >> 4]
            offsets[row] = total


@njit(error_model="numpy")
def _span(offsets, block, place):
    """Put offsets of a block's rows in bytes, after their least and the step of one."""
    low, high = offsets[0], offsets[0]
    for offset in offsets:
        low, high = min(low, offset), max(high, offset)
    step = (high - low) / np.float32(255)
    span = block[place : place + SPAN].view(np.float32)
    span[0], span[1] = low, step
    for i in range(offsets.size if step > 0 else 0):
        number = min((offsets[i] - low) / step, np.float32(255))
        block[place + SPAN + i] = np.uint8(number + np.float32(0.5))


@njit(nogil=True, cache=True, error_model="numpy")
def move(codes, offsets, rows, first, blocks, back):
    """Copy rows of cells to blocks of 32, or back."""
    size = codes.shape[1]
    for cell in range(rows.size - 1):
        for i in range(rows[cell + 1] - rows[cell]):
            row, block = rows[cell] + i, blocks[first[cell] + i // LANES]
            mine, lane, shift = codes[row], 4 * (i % 16), np.uint8(4 * (i % LANES // 16))
            if i % LANES == 0 and not back:
                last = min(row + LANES, rows[cell + 1])
                _span(offsets[row:last], block, size // 2 * GROUP)
            for b in range(size):
                place = b // 2 * GROUP + lane + 2 * (b % 2)
                if back:
                    low, high = block[place] >> shift & 15, block[place + 1] >> shift & 15
                    mine[b] = low | high << 4
                else:
                    block[place] |= (mine[b] & 15) << shift
                    block[place + 1] |= (mine[b] >> 4) << shift


@njit(nogil=True, cache=True, error_model="numpy")
def tables_of(queries, words, tables, scales, adds):
    """Inner products with codewords as bytes: product = scale * (sum of bytes) + add, nearly."""
    count, each, _ = words.shape
    products, lows = np.empty((count, 16), np.float32), np.empty(count, np.float32)
    for i in range(queries.shape[0]):
        query, widest, add = queries[i], np.float32(0), np.float32(0)
        for m in range(count):
            mine = products[m]
            mine[:] = np.float32(0)
            for t in range(min(each, query.size - m * each)):
                number, column = query[m * each + t], words[m, t]
                for c in range(16):
                    mine[c] += number * column[c]
            low, high = mine[0], mine[0]
            for c in range(16):
                low, high = min(low, mine[c]), max(high, mine[c])
            lows[m], add, widest = low, add + low, max(widest, high - low)
        widest = widest if widest > 0 else np.float32(1)
        scales[i], adds[i], fine = widest / np.float32(255), add, np.float32(255) / widest
        for m in range(count):
            mine, low, into = products[m], lows[m], tables[i, 16 * m :]
            for c in range(16):
                number = (mine[c] - low) * fine + np.float32(0.5)
                into[c] = np.uint8(min(max(number, np.float32(0)), np.float32(255)))


@njit(error_model="numpy")
def _offer(out, above, count, row, allowed, i, pool):
    """Put what is better into a pool."""
    scores, places, counts, limits, keep = pool
    while above:
        t = trailing_zeros(above)
        above &= above - np.uint32(1)
        if t < count and out[t] > limits[i] and (allowed.size == 0 or allowed[row + t]):
            put(out[t], row + t, i, scores, places, counts, limits, keep)


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def look(
    tables, each, scales, codes, width, rows, blocks, reach, allowed, pool, offsets, askers,
    theirs, out,
):  # fmt: skip
    """Look cell by cell, whose codes stay in cache for all who ask for them.

    Args:
        tables: of all queries, `each` bytes. scales: (m,). out: (32,) float32, room for scores.
        offsets, askers, theirs: as `by_cell` leaves them.
    """
    limits, groups = pool[3], width // GROUP
    for cell in range(rows.size - 1):
        for a in range(offsets[cell], offsets[cell + 1]):
            i, row, scale = askers[a], rows[cell], scales[askers[a]] * reach[cell]
            for block in range(blocks[cell], blocks[cell + 1]):
                numbers = (theirs[a], scale, limits[i])
                above = lookups(codes, block * width, tables, i * each, groups, numbers, out)
                if above:
                    _offer(out, above, min(LANES, rows[cell + 1] - row), row, allowed, i, pool)
                row += LANES
