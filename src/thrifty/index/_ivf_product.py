"""Product codes: what is left of a row beside its cell's centre, in 4 bits for every few numbers.

The other kind of codes of cells, of the same words, is in _ivf_bytes.py. Here each row has an
offset beside its codes, which makes its scores those of squared distances: without it a row would
be the better the longer what its codes stand for is.

    -|q - c - r|**2 / 2 = -|q - c|**2 / 2 + sum of <q_m, r_m> - (<c, r> + |r|**2 / 2)

The first is a number of the query and cell; the sum is looked up, in tables that are the same for
all cells; the rest, the offset, is a number of the row.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import FormatError, taken
from thrifty.core.summary import Arrays
from thrifty.index._ivf_byte_kernels import by_cell
from thrifty.index._ivf_bytes import Cells
from thrifty.index._ivf_lookups import GROUP, LANES, SPAN
from thrifty.index._ivf_pool import Pool
from thrifty.index._ivf_product_kernels import (
    look,
    means,
    move,
    nearest_words,
    offsets_of,
    tables_of,
)
from thrifty.index._scoring import frozen

__all__ = ["EACH", "ProductCodes"]

Rows = NDArray[np.float32]
Bytes = NDArray[np.uint8]
EACH = 2  # numbers that share a code
WORDS = 16
ROUNDS = 12
SAMPLE = 20000
BLOCK = 1 << 20  # numbers that are encoded at once


class ProductCodes:
    """Codes of 4 bits for every few numbers, the nearest of 16 codewords.

    Args:
        words: (m, each, 16) float32, the codewords of m subvectors of `each` numbers; m is a
            multiple of 4, and what is beyond the last number of a row counts as 0.
        dim: numbers of a row.
        l2: rows are given offsets, which make their scores those of squared distances.
    """

    TIMES, SPARE = 2, 120  # of k, and beyond that: candidates whose scores are to be exact

    def __init__(self, words: Rows, dim: int, *, l2: bool) -> None:
        self.words, self.dim, self.l2 = frozen(words), dim, l2
        self.width = len(words) // 4 * GROUP + SPAN + LANES  # bytes of a block

    @classmethod
    def learned(cls, rest: Rows, rng: np.random.Generator, *, l2: bool, each: int = EACH) -> Self:
        """Codewords by Lloyd's rounds, of at most 20,000 rows.

        Args:
            rest: (n, d) float32, of a sample; at least one row.
            rng: what rows and first codewords are drawn by.
            l2: as above.
            each: numbers of a subvector.
        """
        if len(rest) > SAMPLE:
            rest = rest[rng.choice(len(rest), SAMPLE, replace=False)]
        count = _count(rest.shape[1], each)
        parts = _parted(rest, count, each)
        first = parts[rng.choice(len(parts), WORDS, replace=len(parts) < WORDS)]
        words = np.ascontiguousarray(first.transpose(1, 2, 0))
        codes = np.empty((len(parts), count), np.uint8)
        for _ in range(ROUNDS):
            nearest_words(parts, frozen(words), codes)
            sums, counts = np.zeros(words.shape), np.zeros((count, WORDS), np.int64)
            means(parts, codes, sums, counts)
            words = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
            for m, code in np.argwhere(counts == 0):  # begins again beside the largest
                words[m, :, code] = words[m, :, counts[m].argmax()] * np.float32(1 + 0.01 * code)
        return cls(words, rest.shape[1], l2=l2)

    @staticmethod
    def by_distance(metric: str) -> bool:
        """Whether rows are ordered by squared distances: codes err less by it than by products."""
        return metric != "inner"

    @classmethod
    def width_for(cls, dim: int, metric: str) -> int:
        """Bytes of a block of rows of so many numbers."""
        return cls(np.zeros((_count(dim, EACH), EACH, WORDS), np.float32), dim, l2=True).width

    def arrays(self) -> Arrays:
        """The codewords."""
        return {"words": self.words}

    @classmethod
    def restored(cls, arrays: Arrays, dim: int, *, l2: bool) -> Self:
        """The codes of these codewords.

        Raises:
            FormatError: they are no codewords for so many numbers.
        """
        words = taken(arrays, "words", np.float32, (None, None, WORDS))
        count, each = words.shape[:2]
        if not each or count != _count(dim, each):
            raise FormatError(f"codewords of shape {words.shape} do not fit {dim} numbers")
        return cls(words, dim, l2=l2)

    def encode(self, rest: Rows) -> Bytes:
        """Codes of what is left of rows (n, d): (n, m / 2), the even subvector in the low half."""
        count, each, _ = self.words.shape
        codes = np.empty((len(rest), count), np.uint8)
        step = max(1, BLOCK // (count * each))
        for start in range(0, len(rest), step):
            some = slice(start, start + step)
            nearest_words(_parted(rest[some], count, each), self.words, codes[some])
        return codes[:, ::2] | codes[:, 1::2] << np.uint8(4)

    def decode(self, codes: Bytes) -> Rows:
        """What the codes of rows stand for, (n, d)."""
        count = len(self.words)
        numbers = np.stack([codes & 15, codes >> 4], axis=2).reshape(len(codes), count)
        parts = self.words[np.arange(count), :, numbers]
        return np.ascontiguousarray(parts.reshape(len(codes), -1)[:, : self.dim])

    def pack(self, codes: Bytes, sizes: NDArray, centres: Rows) -> Bytes:
        """Codes, cell by cell, in blocks of 32 rows as _ivf_lookups.py says, with their offsets."""
        cells = Cells.of(sizes)
        offsets = np.zeros(len(codes), np.float32)
        if self.l2:
            offsets_of(self.words, codes, centres, cells.rows, offsets)
        blocks = np.zeros((cells.blocks[-1], self.width), np.uint8)
        move(codes, offsets, cells.rows, cells.blocks, blocks, False)
        return blocks

    def unpack(self, blocks: Bytes, sizes: NDArray) -> Bytes:
        """Inverse of `pack`."""
        cells = Cells.of(sizes)
        codes = np.empty((cells.rows[-1], len(self.words) // 2), np.uint8)
        move(codes, np.zeros(0, np.float32), cells.rows, cells.blocks, np.array(blocks), True)
        return codes

    def asked(self, queries: Rows) -> tuple[Bytes, Rows, Rows]:
        """What queries (m, d) look up: tables of bytes, 16 a subvector, a scale and an addend."""
        tables = np.empty((len(queries), 16 * len(self.words)), np.uint8)
        scales, adds = np.empty(len(queries), np.float32), np.empty(len(queries), np.float32)
        tables_of(frozen(queries), self.words, tables, scales, adds)
        return tables, scales, adds

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
        tables, scales, adds = self.asked(queries)
        with np.errstate(invalid="ignore", over="ignore"):  # of a damaged file
            addends = (adds[:, None] * cells.reach[probes]).astype(np.float32)
            bases = (bases + addends).astype(np.float32)
        offsets, askers = np.zeros(cells.rows.size, np.int64), np.empty(probes.size, np.int64)
        theirs, out = np.empty(probes.size, np.float32), np.empty(LANES, np.float32)
        by_cell(probes, bases, offsets, askers, theirs)
        asked = (tables.reshape(-1), tables.shape[1], scales)
        held = (frozen(blocks.reshape(-1)), self.width, *cells, allowed, tuple(pool))
        look(*asked, *held, offsets, askers, theirs, out)


def _count(dim: int, each: int) -> int:
    """How many subvectors."""
    return -(-dim // (4 * each)) * 4


def _parted(rows: Rows, count: int, each: int) -> Rows:
    """Rows (n, d) as subvectors (n, count, each), with zeros after the last number."""
    padded = np.zeros((len(rows), count * each), np.float32)
    padded[:, : rows.shape[1]] = rows
    return padded.reshape(len(rows), count, each)
