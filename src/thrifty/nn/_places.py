"""Places: where each weight of many modules stands in one small array; kernels that copy runs.

Weights are numbered by positions 0, 1, 2, ... A map sends a run of positions to as many slots in a
row, with one sign a run, so that reading is copying; slots are worked out, never kept. A row of
`codes` stands in for the number of the run where a map goes by likeness.
"""

import numpy as np

from thrifty.core.kernels import njit
from thrifty.hashing.keys import mix

__all__ = ["add_rows", "add_tiles", "read_rows", "read_tiles"]

HALF, ONE, BEYOND = np.uint64(32), np.uint64(1), np.uint64(2**16)


@njit(forceinline=True, error_model="numpy")
def word_of(block, row, piece, codes, key):
    """64 random bits of a run: by its number, or by the code that its row has for the piece.

    A row beyond the codes has its own number, above all codes, for one.
    """
    if codes.shape[0]:
        code = np.uint64(codes[row, piece]) if row < codes.shape[0] else np.uint64(row) + BEYOND
        return mix(code + mix(np.uint64(piece) + key))
    return mix(np.uint64(block) + key)


@njit(forceinline=True, error_model="numpy")
def place(p, row, at, shape, codes, key):
    """Slot of position p, how many positions follow it slot by slot, and the sign of the run.

    shape: slots, positions of a run, 1 where the map goes round, 1 where it has signs.
    """
    size, block = shape[0], shape[1]
    number = p // block
    within = p - number * block
    left = block - within
    if shape[2]:
        chunk = p // size
        inside = p - chunk * size
        turn = mix(mix(np.uint64(chunk) + key))
        slot = inside + np.int64(((turn >> HALF) * np.uint64(size)) >> HALF)
        if slot >= size:
            slot -= size
        left = min(left, min(size - inside, size - slot))
        word = mix(np.uint64(number) + key)
    else:
        piece = 0
        if codes.shape[0]:
            piece = at // block
            within = at - piece * block
            left = block - within
        word = word_of(number, row, piece, codes, key)
        slot = np.int64(((word >> HALF) * np.uint64(size - block + 1)) >> HALF) + within
    negative = shape[3] and word & ONE
    return slot, left, negative


@njit(forceinline=True, error_model="numpy")
def alone(p, shape, key):
    """Slot and sign (1 or -1) of a position whose map places each weight by itself."""
    word = mix(np.uint64(p) + key)
    slot = np.int64(((word >> HALF) * np.uint64(shape[0])) >> HALF)
    return slot, 1 - 2 * np.int64(word & ONE & np.uint64(shape[3]))


@njit(forceinline=True, error_model="numpy")
def read_run(values, p, row, out, shape, codes, key, scale, fresh):
    """Out = (or += where not fresh) scale * sign * values at positions p, p + 1, ..."""
    if shape[1] == 1 and not shape[2] and not codes.shape[0]:
        for j in range(out.size):
            slot, sign = alone(p + j, shape, key)
            out[j] = scale * sign * values[slot] + (0 if fresh else out[j])
        return
    at = 0
    while at < out.size:
        slot, left, negative = place(p + at, row, at, shape, codes, key)
        n = min(left, out.size - at)
        factor = -scale if negative else scale
        source, target = values[slot : slot + n], out[at : at + n]
        if fresh:
            for j in range(n):
                target[j] = factor * source[j]
        else:
            for j in range(n):
                target[j] += factor * source[j]
        at += n


@njit(forceinline=True, error_model="numpy")
def add_run(values, p, row, given, shape, codes, key, scale):
    """Values at positions p, p + 1, ... += scale * sign * given."""
    if shape[1] == 1 and not shape[2] and not codes.shape[0]:
        for j in range(given.size):
            slot, sign = alone(p + j, shape, key)
            values[slot] += scale * sign * given[j]
        return
    at = 0
    while at < given.size:
        slot, left, negative = place(p + at, row, at, shape, codes, key)
        n = min(left, given.size - at)
        factor = -scale if negative else scale
        target, source = values[slot : slot + n], given[at : at + n]
        for j in range(n):
            target[j] += factor * source[j]
        at += n


@njit(nogil=True, cache=True, error_model="numpy")
def read_rows(values, first, ids, out, shape, codes, first_row, keys, scale):
    """Row i of out: the weights of row ids[i], the mean over the keys; rows follow each other."""
    width, share = out.shape[1], scale / keys.size
    for i in range(ids.size):
        p, row = first + ids[i] * width, first_row + ids[i]
        for h in range(keys.size):
            read_run(values, p, row, out[i], shape, codes, keys[h], share, h == 0)


@njit(nogil=True, cache=True, error_model="numpy")
def add_rows(values, first, ids, given, shape, codes, first_row, keys, scale):
    """The transpose of `read_rows`: given is added to the slots that its rows are read from."""
    width, share = given.shape[1], scale / keys.size
    for i in range(ids.size):
        p, row = first + ids[i] * width, first_row + ids[i]
        for h in range(keys.size):
            add_run(values, p, row, given[i], shape, codes, keys[h], share)


@njit(forceinline=True, error_model="numpy")
def _copy_tile(values, p, tile, shape, codes, key, scale, add):
    """One tile, its rows one after the other in the order of positions; a run is placed once."""
    left, slot, factor = 0, 0, scale
    for r in range(tile.shape[0]):
        line, at = tile[r], 0
        while at < line.size:
            if left == 0:
                slot, left, negative = place(p, 0, 0, shape, codes, key)
                factor = -scale if negative else scale
            n = min(left, line.size - at)
            held, cut = values[slot : slot + n], line[at : at + n]
            if add:
                for j in range(n):
                    held[j] += factor * cut[j]
            else:
                for j in range(n):
                    cut[j] = factor * held[j]
            at, p, slot, left = at + n, p + n, slot + n, left - n


@njit(nogil=True, cache=True, error_model="numpy")
def read_tiles(values, first, out, high, wide, shape, codes, keys, scale):
    """A matrix whose positions go tile by tile (high x wide, the last ones smaller)."""
    rows, columns = out.shape
    for r in range(0, rows, high):
        tall = min(high, rows - r)
        for c in range(0, columns, wide):
            tile = out[r : r + tall, c : c + wide]
            p = first + r * columns + c * tall
            _copy_tile(values, p, tile, shape, codes, keys[0], scale, False)


@njit(nogil=True, cache=True, error_model="numpy")
def add_tiles(values, first, given, high, wide, shape, codes, keys, scale):
    """The transpose of `read_tiles`."""
    rows, columns = given.shape
    for r in range(0, rows, high):
        tall = min(high, rows - r)
        for c in range(0, columns, wide):
            tile = given[r : r + tall, c : c + wide]
            p = first + r * columns + c * tall
            _copy_tile(values, p, tile, shape, codes, keys[0], scale, True)
