"""Byte codes: what is left of a row beside its cell's centre, in one byte a number.

The codes of cells are of one of two kinds (the other is in _product.py), with the same words:

    learned(rest, rng, l2=...)    the codes that fit what is left, (n, d) float32, of a sample
    arrays(), restored(arrays, dim, l2=...)
    encode(rest) -> (n, w) uint8  a row of bytes for each; decode is its inverse as far as may be
    pack(codes, sizes, centres)   cell by cell, in blocks of 32 rows, (blocks, width) uint8
    unpack(blocks, sizes)         its inverse
    by_distance(metric)           whether rows are ordered by squared distances (l2) by its choice
    width_for(dim, metric)        bytes of a block;  SPARE: candidates beyond 2 * k worth scoring
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
from thrifty.index._int8 import LANES, dots
from thrifty.index._scoring import frozen

__all__ = ["ByteCodes", "Cells"]

Rows = NDArray[np.float32]
Bytes = NDArray[np.uint8]
CLIP = 6.0  # deviations beyond which what is left is cut off
LEAST = -(2**31)


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

    SPARE = 10  # candidates more than twice k whose scores are to be exact

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
        blocks = np.full((cells.blocks[-1], self.width), 128, np.uint8)
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
        weighted = queries * self.steps
        scales = np.maximum(np.abs(weighted).max(axis=1) / np.float32(127), np.float32(1e-30))
        words = np.zeros((len(queries), 4 * self.groups), np.int8)
        words[:, : self.steps.size] = np.rint(weighted / scales[:, None])
        shifts = 128 * words.sum(axis=1, dtype=np.int32)
        asked = (words.view(np.int32).ravel(), shifts, scales, probes, bases)
        flat = frozen(blocks.reshape(-1))
        biases = flat.view(np.float32) if self.l2 else NO_BIAS
        _look(*asked, flat, biases, self.width, *cells, allowed, heaps, helds)


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


@njit(nogil=True, cache=True, error_model="numpy")
def _by_cell(probes, cells, offsets, askers):
    """All but the first probe of each query, cell by cell."""
    m, p = probes.shape
    for i in range(m):
        for j in range(1, p):
            offsets[probes[i, j] + 1] += 1
    for cell in range(cells):
        offsets[cell + 1] += offsets[cell]
    for i in range(m):
        for j in range(1, p):
            cell = probes[i, j]
            askers[offsets[cell]] = i * p + j
            offsets[cell] += 1
    for cell in range(cells, 0, -1):
        offsets[cell] = offsets[cell - 1]
    offsets[0] = 0


@njit(error_model="numpy")
def _least(top, base, scale, shift):
    """The largest product that is no better than the top of a heap."""
    bound = (top - base) / scale
    if not bound > np.float32(-1e9):
        return np.int32(LEAST)
    return np.int32(min(np.floor(bound), np.float32(1e9))) + shift


@njit(error_model="numpy")
def _above(out, count, base, scale, shift, bias, least):
    """Which rows are above `least` with their bias."""
    above = np.uint32(0)
    for i in range(count):
        score = base + scale * np.float32(out[i] - shift) + bias[i]
        above |= np.uint32(score > least) << np.uint32(i)
    return above


@njit(error_model="numpy")
def _offer(out, above, count, row, base, scale, shift, bias, allowed, heap, held):
    """Put what is better into a heap."""
    while above:
        i = lowest_bit(above)
        above &= above - np.uint32(1)
        if i < count and (allowed.size == 0 or allowed[row + i]):
            score = base + scale * np.float32(out[i] - shift)
            if bias.size:
                score += bias[i]
            if score > heap[0]:
                sift(score, row + i, heap, held)


@njit(nogil=True, cache=True, error_model="numpy")
def _look(
    words, shifts, scales, probes, bases, codes, biases, width, rows, blocks, allowed, heaps, helds
):
    """The first cell of each query, then cell by cell, whose codes stay in cache for all askers."""
    m, p = probes.shape
    cells, groups, out = rows.size - 1, words.size // m, np.empty(LANES, np.int32)
    offsets, askers = np.zeros(cells + 1, np.int64), np.empty(m * (p - 1), np.int64)
    _by_cell(probes, cells, offsets, askers)
    first, bias = np.empty(1, np.int64), biases[:0]
    for turn in range(m + cells):
        if turn < m:
            cell, asking = np.int64(probes[turn, 0]), first
            first[0] = turn * p
        else:
            cell = turn - m
            asking = askers[offsets[cell] : offsets[cell + 1]]
        row = rows[cell]
        for block in range(blocks[cell], blocks[cell + 1] if asking.size else 0):
            count = min(LANES, rows[cell + 1] - row)
            if biases.size:
                bias = biases[(block + 1) * width // 4 - LANES : (block + 1) * width // 4]
            for a in range(asking.size):
                i, j = asking[a] // p, asking[a] % p
                base, scale, shift, heap = bases[i, j], scales[i], shifts[i], heaps[i]
                least = np.int32(LEAST) if bias.size else _least(heap[0], base, scale, shift)
                above = dots(codes, block * width, words, i * groups, groups, least, out)
                if bias.size:
                    above = _above(out, count, base, scale, shift, bias, heap[0])
                if above:
                    _offer(
                        out, above, count, row, base, scale, shift, bias, allowed, heap, helds[i]
                    )
            row += count
