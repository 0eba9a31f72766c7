"""Tables: buckets of row ids by code, filled, moved and asked; it knows codes, not vectors."""

import threading
from collections.abc import Mapping
from math import log2

import numpy as np
from numpy.typing import NDArray

from thrifty.core import BudgetError, format_bytes, in_range, parse_bytes
from thrifty.index import _buckets as kernels

__all__ = ["CAPACITY", "Ids", "Tables", "shape_within", "table_nbytes"]

Ids = NDArray[np.int32]
QUERIES = 1024  # asked at once
LARGEST = 2**31 - 1
LOAD, CAPACITY, MOST_TABLES = 10, 32, 64  # of tables within a budget


class Tables:
    """Flat buckets [tables, buckets, capacity] of the rows 0..num_rows - 1 by their codes.

    Args:
        tables: number of tables.
        num_codes: buckets a table.
        capacity: ids a bucket holds.
        num_rows: rows that will be filled in.
        reservoir: what a full bucket keeps: a random subset, or the newest.
        seed: of the reservoir and of ties.
    """

    def __init__(
        self, tables: int, num_codes: int, capacity: int, num_rows: int, reservoir: bool, seed: int
    ) -> None:
        self.num_rows = num_rows
        self.reservoir = reservoir
        self.seed = np.uint64(seed)
        self.slots = np.zeros((tables, num_codes, capacity), np.int32)
        self.size = np.zeros((tables, num_codes), np.int32)
        self.load = np.zeros((tables, num_codes), np.int32)
        self.codes = np.zeros((tables, num_rows), _code(num_codes))
        self._scratch = _Scratch()

    def fill(self) -> None:
        """Insert every row by `codes`, into empty buckets."""
        for table in self._each():
            kernels.fill(*table, self.reservoir, self.seed)

    def move(self, ids: Ids, codes: NDArray[np.int32]) -> int:
        """Give rows ids (n,) new codes (tables, n); returns how many moves that took."""
        pairs = zip(self._each(), codes, strict=True)
        return sum(kernels.move(*t, ids, new, self.reservoir, self.seed) for t, new in pairs)

    def of_each(
        self, codes: NDArray[np.int32], limit: int, by_count: bool
    ) -> tuple[NDArray[np.int64], Ids]:
        """Ids met by each query of codes (tables, q), as offsets and sorted ids."""
        in_range("limit", limit, 0, LARGEST)
        starts = range(0, codes.shape[1], QUERIES)
        parts = [self._part(codes[:, start : start + QUERIES], limit, by_count) for start in starts]
        lengths = np.concatenate([np.diff(offsets) for offsets, _ in parts] or [[]])
        ids = np.concatenate([ids for _, ids in parts] or [np.empty(0, np.int32)])
        return np.append(0, np.cumsum(lengths)).astype(np.int64), ids

    def of_all(self, codes: NDArray[np.int32], limit: int, exclude: Ids) -> Ids:
        """Sorted ids met most often by all queries of codes (tables, q) together."""
        most = codes.size * self.slots.shape[2]
        in_range("limit", limit, 0, LARGEST)
        out = np.empty(min(limit, self.num_rows, most), np.int32)
        seed = self.seed + codes.sum(dtype=np.uint64)
        scratch = self._scratch.of(self.num_rows, self.load.shape[1])
        kept = kernels.top_of_all(self.slots, self.size, codes, exclude, seed, *scratch, out)
        return out[:kept]

    def arrays(self) -> dict[str, NDArray]:
        """What has to be kept to restore these tables."""
        return {name: getattr(self, name) for name in ("slots", "size", "load", "codes")}

    def adopt(self, arrays: Mapping[str, NDArray]) -> None:
        """Take over arrays read from a file.

        Raises:
            ValueError: they do not fit these tables or each other.
        """
        for name, mine in self.arrays().items():
            if mine.shape != arrays[name].shape or mine.dtype != arrays[name].dtype:
                raise ValueError(f"{name} must be {mine.dtype} of shape {mine.shape}")
            setattr(self, name, arrays[name])
        tops = ((self.slots, self.num_rows), (self.size, self.slots.shape[2] + 1))
        for array, top in (*tops, (self.codes, self.slots.shape[1])):
            if array.size and not (array.min() >= 0 and array.max() < max(1, top)):
                raise ValueError(f"an id, a size or a code must be below {top}")

    @property
    def nbytes(self) -> int:
        """Bytes held by buckets and codes."""
        return sum(array.nbytes for array in self.arrays().values())

    def _each(self):
        return zip(self.slots, self.size, self.load, self.codes, strict=True)

    def _part(self, codes: NDArray, limit: int, by_count: bool) -> tuple[NDArray, Ids]:
        most = min(self.num_rows, codes.shape[0] * self.slots.shape[2])
        offsets = np.zeros(codes.shape[1] + 1, np.int64)
        ids = np.empty(codes.shape[1] * most, np.int32)
        scratch = self._scratch.of(self.num_rows, self.load.shape[1])
        asked = (np.ascontiguousarray(codes), limit, by_count, self.seed)
        kernels.top_of_each(self.slots, self.size, *asked, *scratch, offsets, ids)
        return offsets, ids[: offsets[-1]].copy()  # the room for all is given back


class _Scratch(threading.local):
    """Work space of one thread: collision counts by bucket and by id, and the ids met."""

    shape: tuple[int, int] | None = None

    def of(self, num_rows: int, num_codes: int) -> tuple[Ids, Ids, Ids]:
        if self.shape != (num_rows, num_codes):
            self.shape = (num_rows, num_codes)
            self.hits, self.counts = np.zeros(num_codes, "i4"), np.zeros(num_rows, "i4")
            self.touched = np.empty(num_rows, "i4")
        return self.hits, self.counts, self.touched


def shape_within(budget: int | str, num_rows: int, dim: int) -> tuple[int, int]:
    """Bits of a code and number of tables over num_rows rows of width dim that fit a budget.

    Raises:
        BudgetError: not even one table fits.
    """
    bits = int(min(24, max(1, round(log2(max(2, num_rows / LOAD))))))
    table = table_nbytes(1 << bits, CAPACITY, num_rows) + 4 * (dim + 1) * bits
    tables = min(MOST_TABLES, parse_bytes(budget, "budget") // table)
    if tables < 1:
        needs = f"an index over {num_rows} rows needs {format_bytes(table)}"
        raise BudgetError(f"{needs}, got {budget!r}", table)
    return bits, tables


def table_nbytes(num_codes: int, capacity: int, num_rows: int) -> int:
    """Bytes of one table."""
    return num_codes * (4 * capacity + 8) + num_rows * _code(num_codes).itemsize


def _code(num_codes: int) -> np.dtype:
    return np.dtype(np.uint16 if num_codes <= 1 << 16 else np.uint32)
