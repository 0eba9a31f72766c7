"""Byte codes: what is left of a row beside its cell's centre, in one byte a number.

The codes of cells are of one of two kinds (the other is in _product.py), with the same words:

    learned(rest, rng, l2=...)    the codes that fit what is left, (n, d) float32, of a sample
    arrays(), restored(arrays, dim, l2=...)
    encode(rest) -> (n, w) uint8  a row of bytes for each; decode is its inverse as far as may be
    pack(codes, sizes, centres)   cell by cell, in blocks of 32 rows, (blocks, width) uint8
    unpack(blocks, sizes)         its inverse
    by_distance(metric)           whether rows are ordered by squared distances (l2) by its choice
    width_for(dim, metric)        bytes of a block
    TIMES, SPARE                  TIMES * k + SPARE candidates are worth their exact scores
    look(queries, blocks, cells, probes, bases, allowed, heaps, helds)
                                  the best candidates of each query from the cells it probes
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import taken
from thrifty.core.kernels import njit
from thrifty.core.summary import Arrays
from thrifty.index._heaps import lowest_bit, sift
from thrifty.index._int8 import LANES, aligned, dots
from thrifty.index._scoring import frozen

__all__ = ["ByteCodes", "Cells"]

Rows = NDArray[np.float32]
Bytes = NDArray[np.uint8]
CLIP = 6.0  # deviations beyond which what is left is cut off
LEAST, LOW = -(2**31), np.uint64(2**32 - 1)


class Cells(NamedTuple):
    """Where the rows and blocks of each cell begin, and the last ends, (cells + 1,) int64."""

    rows: NDArray[np.int64]
    blocks: NDArray[np.int64]

    @classmethod
    def of(cls, sizes: NDArray) -> Self:
        """Of cells of so many rows."""
        wide = sizes.astype(np.int64)
        rows, blocks = np.cumsum(wide), np.cumsum(-(-wide // LANES))
        return cls(frozen(np.append(0, rows)), frozen(np.append(0, blocks)))


class ByteCodes:
    """Codes of one byte a number, 128 being 0, in steps of their own for each of d numbers.

    Args:
        steps: (d,) float32, above 0.
        l2: each row is given, beside its bytes, what makes its scores those of squared distances.
    """

    TIMES, SPARE = 1.25, 4  # of k, and beyond that: candidates whose scores are to be exact

    def __init__(self, steps: Rows, *, l2: bool) -> None:
        self.steps, self.l2 = frozen(steps), l2
        self.groups = -(-steps.size // 4)
        self.width = (self.groups + l2) * 4 * LANES  # bytes of a block

    @classmethod
    def learned(cls, rest: Rows, rng: np.random.Generator, *, l2: bool) -> Self:
        """Steps that reach to six deviations, or to the largest there is."""
        top = np.abs(rest).max(axis=0, initial=0)
        top = np.minimum(top, CLIP * rest.std(axis=0, dtype=np.float64)) / 127
        return cls(np.where(top > 0, top, 1).astype(np.float32), l2=l2)

    @staticmethod
    def by_distance(metric: str) -> bool:
        """Whether rows are ordered by squared distances."""
        return metric == "l2"

    @classmethod
    def width_for(cls, dim: int, metric: str) -> int:
        """Bytes of a block of rows of so many numbers."""
        return cls(np.ones(dim, np.float32), l2=cls.by_distance(metric)).width

    def arrays(self) -> Arrays:
        """The steps."""
        return {"steps": self.steps}

    @classmethod
    def restored(cls, arrays: Arrays, dim: int, *, l2: bool) -> Self:
        """The codes of these steps."""
        return cls(taken(arrays, "steps", np.float32, (dim,)), l2=l2)

    def encode(self, rest: Rows) -> Bytes:
        """What is left of rows (n, d), in steps."""
        return (np.clip(np.rint(rest / self.steps), -127, 127) + 128).astype(np.uint8)

    def decode(self, codes: Bytes) -> Rows:
        """What is left of rows, as far as it is known."""
        return (codes.astype(np.float32) - 128) * self.steps

    def pack(self, codes: Bytes, sizes: NDArray, centres: Rows) -> Bytes:
        """Codes (n, d), cell by cell, in blocks of 32 rows: `[groups, 32, 4]`, then the bias."""
        cells = Cells.of(sizes)
        blocks = aligned((int(cells.blocks[-1]), self.width))
        blocks[:] = 128
        _move(codes, cells.rows, cells.blocks, blocks, False)
        if self.l2:
            _weigh(codes, self.steps, centres, cells.rows, cells.blocks, blocks.view(np.float32))
        return blocks

    def unpack(self, blocks: Bytes, sizes: NDArray) -> Bytes:
        """Inverse of `pack`."""
        cells = Cells.of(sizes)
        codes = np.empty((cells.rows[-1], self.steps.size), np.uint8)
        _move(codes, cells.rows, cells.blocks, np.array(blocks), True)
        return codes

    def asked(
        self, queries: Rows
    ) -> tuple[NDArray[np.int32], int, NDArray[np.int32], NDArray[np.float32]]:
        """Queries in bytes, groups of four, what 128 adds to their products, what 1 is worth."""
        m = len(queries)
        words = np.zeros((m, 4 * self.groups), np.int8)
        scales, shifts = np.empty(m, np.float32), np.empty(m, np.int32)
        _ask(queries, self.steps, words, scales, shifts)
        return words.view(np.int32).reshape(-1), self.groups, shifts, scales

    def look(
        self,
        queries: Rows,
        blocks: Bytes,
        cells: Cells,
        probes: NDArray[np.int32],
        bases: Rows,
        allowed: NDArray[np.bool_],
        heaps: Rows,
        helds: NDArray[np.int64],
    ) -> None:
        """Put the best rows of the cells that each query probes into its heap.

        Args:
            queries: (m, d) float32. blocks: as `pack` makes them. cells: where they begin.
            probes: (m, p) cells, the likeliest first. bases: (m, p) scores of their centres.
            allowed: (n,) bool, or empty where all rows may be answered.
            heaps, helds: (m, r) scores and rows, the least first; both change.
        """
        m, asked = len(queries), (*self.asked(queries), probes, bases)
        flat = frozen(blocks.reshape(-1))
        biases = flat.view(np.float32) if self.l2 else NO_BIAS
        offsets, out = np.zeros(cells.rows.size, np.int64), np.empty(2 * LANES, np.int32)
        askers = np.empty(probes.size - m + 1, np.int64)
        theirs = np.empty(askers.size, np.float32)
        _by_cell(probes, bases, offsets, askers, theirs)
        held = (flat, biases, self.width, *cells, allowed, heaps, helds)
        _look(*asked, *held, offsets, askers, theirs, out)


NO_BIAS = frozen(np.zeros(0, np.float32))


@njit(nogil=True, cache=True, error_model="numpy")
def _move(codes, rows, first, blocks, back):
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
def _weigh(codes, steps, centres, rows, first, blocks):
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
def _ask(queries, steps, words, scales, shifts):
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
def _by_cell(probes, bases, offsets, askers, theirs):
    """Queries and scores of all but the first probe of each, cell by cell."""
    m, p = probes.shape
    cells = offsets.size - 1
    for i in range(m):
        for j in range(1, p):
            offsets[probes[i, j] + 1] += 1
    for cell in range(cells):
        offsets[cell + 1] += offsets[cell]
    for i in range(m):
        for j in range(1, p):
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
    words, groups, shifts, scales, asking, bases, codes, start, bias, count, row, allowed, heaps,
    helds, out,
):  # fmt: skip
    """Offer the rows of a block to all who ask for them, two at a time."""
    for a in range(0, asking.size, 2):
        b = min(a + 1, asking.size - 1)
        i, j, x, y = asking[a], asking[b], bases[a], bases[b]
        least = _least(heaps[i, 0], x, scales[i], shifts[i], bias)
        less = _least(heaps[j, 0], y, scales[j], shifts[j], bias)
        above = dots(codes, start, words, i * groups, j * groups, groups, least, less, out)
        one, two = np.uint32(above & LOW), np.uint32(above >> np.uint64(LANES))
        if one:
            told = (x, scales[i], shifts[i], bias, allowed, heaps[i], helds[i])
            _offer(out[:LANES], one, count, row, *told)
        if two and b > a:
            told = (y, scales[j], shifts[j], bias, allowed, heaps[j], helds[j])
            _offer(out[LANES:], two, count, row, *told)


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _look(
    words, groups, shifts, scales, probes, bases, codes, biases, width, rows, blocks, allowed,
    heaps, helds, offsets, askers, theirs, out,
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
                words, groups, shifts, scales, askers[first:last], theirs[first:last], codes, start,
                bias, count, row, allowed, heaps, helds, out,
            )  # fmt: skip
            row += count
