"""Byte codes: what is left of a row beside its cell's centre, in one byte a number.

The codes of cells are of one of two kinds (the other is in _ivf_product.py), with the same words:

    learned(rest, rng, l2=...)    the codes that fit what is left, (n, d) float32, of a sample
    arrays(), restored(arrays, dim, l2=...)
    encode(rest) -> (n, w) uint8  a row of bytes for each; decode is its inverse as far as may be
    pack(codes, sizes, centres)   cell by cell, in blocks of 32 rows, (blocks, width) uint8
    unpack(blocks, sizes)         its inverse
    by_distance(metric)           whether rows are ordered by squared distances (l2) by its choice
    width_for(dim, metric)        bytes of a block
    TIMES, SPARE                  TIMES * k + SPARE candidates are worth their exact scores
    look(queries, blocks, cells, probes, bases, allowed, pool)
                                  the best candidates of each query from the cells it probes
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import taken
from thrifty.core.instructions import aligned
from thrifty.core.summary import Arrays
from thrifty.index._ivf_byte_kernels import ask, by_cell, look, move, weigh
from thrifty.index._ivf_int8 import LANES
from thrifty.index._ivf_pool import Pool
from thrifty.index._scoring import frozen

__all__ = ["ByteCodes", "Cells", "at_a_line"]

Rows = NDArray[np.float32]
Bytes = NDArray[np.uint8]
CLIP = 6.0  # deviations beyond which what is left is cut off


class Cells(NamedTuple):
    """Where the rows and blocks of each cell begin, and the last ends, (cells + 1,) int64.

    What is left of rows stands in their codes divided by the reach of their cell, (cells,) float32.
    """

    rows: NDArray[np.int64]
    blocks: NDArray[np.int64]
    reach: Rows

    @classmethod
    def of(cls, sizes: NDArray, reach: Rows | None = None) -> Self:
        """Of cells of so many rows; of reach 1 where none is given."""
        wide = sizes.astype(np.int64)
        rows, blocks = np.cumsum(wide), np.cumsum(-(-wide // LANES))
        far = np.ones(wide.size, np.float32) if reach is None else reach
        return cls(frozen(np.append(0, rows)), frozen(np.append(0, blocks)), frozen(far))


class ByteCodes:
    """Codes of one byte a number, 128 being 0, in steps of their own for each of d numbers.

    Args:
        steps: (d,) float32, above 0.
        l2: each row is given, beside its bytes, what makes its scores those of squared distances.
    """

    TIMES, SPARE = 1.5, 6  # of k, and beyond that: candidates whose scores are to be exact

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
        blocks = at_a_line(np.full((cells.blocks[-1], self.width), 128, np.uint8))
        move(codes, cells.rows, cells.blocks, blocks, False)
        if self.l2:
            weigh(codes, self.steps, centres, cells.rows, cells.blocks, blocks.view(np.float32))
        return blocks

    def unpack(self, blocks: Bytes, sizes: NDArray) -> Bytes:
        """Inverse of `pack`."""
        cells = Cells.of(sizes)
        codes = np.empty((cells.rows[-1], self.steps.size), np.uint8)
        move(codes, cells.rows, cells.blocks, np.array(blocks), True)
        return codes

    def asked(
        self, queries: Rows
    ) -> tuple[NDArray[np.int32], int, NDArray[np.int32], NDArray[np.float32]]:
        """Queries in bytes, groups of four, what 128 adds to their products, what 1 is worth."""
        m = len(queries)
        words = np.zeros((m, 4 * self.groups), np.int8)
        scales, shifts = np.empty(m, np.float32), np.empty(m, np.int32)
        ask(queries, self.steps, words, scales, shifts)
        return words.view(np.int32).reshape(-1), self.groups, shifts, scales

    def look(
        self,
        queries: Rows,
        blocks: Bytes,
        cells: Cells,
        probes: NDArray[np.int32],
        bases: Rows,
        allowed: NDArray[np.bool_],
        pool: Pool,
    ) -> None:
        """Put the best rows of the cells that each query probes into its pool.

        Args:
            queries: (m, d) float32. blocks: as `pack` makes them. cells: where they begin.
            probes: (m, p) cells, the likeliest first, then -1 for none. bases: (m, p) scores of
                their centres.
            allowed: (n,) bool, or empty where all rows may be answered.
            pool: of m queries, which changes.
        """
        asked = self.asked(queries)
        flat = frozen(blocks.reshape(-1))
        biases = flat.view(np.float32) if self.l2 else NO_BIAS
        offsets, out = np.zeros(cells.rows.size, np.int64), np.empty(2 * LANES, np.int32)
        askers = np.empty(probes.size, np.int64)
        theirs = np.empty(askers.size, np.float32)
        by_cell(probes, bases, offsets, askers, theirs)
        held = (flat, biases, self.width, *cells, allowed, tuple(pool))
        look(*asked, *held, offsets, askers, theirs, out)


def at_a_line(blocks: Bytes) -> Bytes:
    """A copy that begins at a cache line: loads across two of them take longer."""
    room = aligned(blocks.size, np.uint8).view(np.uint8).reshape(blocks.shape)
    room[:] = blocks
    return room


NO_BIAS = frozen(np.zeros(0, np.float32))
