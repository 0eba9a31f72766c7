"""Tile: a few hundred sparse examples and their labels, cut from a stream, trained together."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.learn.rows import group_columns

__all__ = ["Groups", "Labels", "Scratch", "Tile", "cut", "take", "thinned"]

Labels = tuple[NDArray[np.int64], NDArray[np.int32]] | NDArray[np.float32]


@dataclass(frozen=True)
class Tile:
    """Examples in CSR form with their labels.

    Args:
        indptr: (b + 1,) int64. codes: (nnz,) int32. values: (nnz,) float32.
        offsets: (b + 1,) int64 bounds of each example's labels. ids: (labels,) int32.
        target: (b,) float32 for a number, else empty.
    """

    indptr: NDArray[np.int64]
    codes: NDArray[np.int32]
    values: NDArray[np.float32]
    offsets: NDArray[np.int64]
    ids: NDArray[np.int32]
    target: NDArray[np.float32]

    @property
    def num_rows(self) -> int:
        """Examples in the tile."""
        return self.indptr.size - 1


@dataclass
class Scratch:
    """Working memory of one thread; grows to the largest tile it met."""

    stamp: int = 0
    slots: NDArray[np.int32] = field(default_factory=lambda: np.zeros(1024, np.int32))
    marks: NDArray[np.int32] = field(default_factory=lambda: np.zeros(1024, np.int32))

    def group(self, tile: Tile) -> "Groups":
        """Group the tile's entries by column."""
        nnz = tile.codes.size
        if self.slots.size <= 2 * nnz or self.stamp > 2**31 - 4:
            size = 1 << int(2 * nnz + 1024).bit_length()
            self.slots, self.marks = np.zeros(size, np.int32), np.zeros(size, np.int32)
            self.stamp = 0
        self.stamp += 1
        columns, rows, order = (np.empty(nnz, np.int32) for _ in range(3))
        starts = np.empty(nnz + 1, np.int32)
        scratch = self.slots, self.marks, np.int32(self.stamp)
        distinct = group_columns(tile.codes, tile.indptr, *scratch, columns, starts, rows, order)
        return Groups(columns[:distinct], starts[: distinct + 1], rows, order)


@dataclass(frozen=True)
class Groups:
    """A tile's entries by column: distinct columns, bounds, example and entry numbers."""

    columns: NDArray[np.int32]
    starts: NDArray[np.int32]
    rows: NDArray[np.int32]
    order: NDArray[np.int32]


EMPTY_IDS = np.zeros(0, np.int32)
EMPTY_TARGET = np.zeros(0, np.float32)


def cut(rows: csr_array, labels: Labels | None, size: int) -> Iterator[Tile]:
    """Cut sparse rows and their labels into tiles of at most `size` examples.

    Args:
        rows: (n, columns) CSR. labels: (offsets, ids), a target of n numbers, or None.
        size: examples a tile.

    Example:
        >>> rows = csr_array(np.eye(5, dtype=np.float32))
        >>> [tile.num_rows for tile in cut(rows, np.arange(5.0, dtype=np.float32), 2)]
        [2, 2, 1]
    """
    count = rows.indptr.size - 1
    indptr = rows.indptr.astype(np.int64, copy=False)
    codes = rows.indices.astype(np.int32, copy=False)
    values = rows.data.astype(np.float32, copy=False)
    offsets, ids = (
        labels if isinstance(labels, tuple) else (np.zeros(count + 1, np.int64), EMPTY_IDS)
    )
    target = labels if isinstance(labels, np.ndarray) else EMPTY_TARGET
    for start in range(0, count, size):
        stop = min(start + size, count)
        first, last = indptr[start], indptr[stop]
        left, right = offsets[start], offsets[stop]
        yield Tile(
            indptr[start : stop + 1] - first,
            codes[first:last],
            values[first:last],
            offsets[start : stop + 1] - left,
            ids[left:right],
            target[start:stop],
        )


def take(labels: Labels, rows: NDArray[np.int64]) -> Labels:
    """The labels of some rows, in their order.

    Example:
        >>> labels = np.array([0, 2, 3]), np.array([7, 8, 9], np.int32)
        >>> offsets, ids = take(labels, np.array([1, 0, 1]))
        >>> offsets.tolist(), ids.tolist()
        ([0, 1, 3, 4], [9, 7, 8, 9])
    """
    if not isinstance(labels, tuple):
        return labels[rows]
    offsets, ids = labels
    counts = offsets[rows + 1] - offsets[rows]
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    places = np.repeat(offsets[rows] - bounds[:-1], counts) + np.arange(bounds[-1])
    return bounds, ids[places]


def thinned(tile: Tile, share: float, rng: np.random.Generator) -> Tile:
    """A tile without a random share of its entries, the others larger: equal on average.

    Example:
        >>> tile = next(cut(csr_array(np.ones((4, 500), np.float32)), None, 4))
        >>> thin = thinned(tile, 0.75, np.random.default_rng(0))
        >>> bool(abs(thin.values.sum() / tile.values.sum() - 1) < 0.2), float(thin.values[0])
        (True, 4.0)
    """
    kept = rng.random(tile.codes.size, np.float32) >= share
    ends = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
    values = tile.values[kept] * np.float32(1.0 / (1.0 - share))
    return replace(tile, indptr=ends[tile.indptr], codes=tile.codes[kept], values=values)
