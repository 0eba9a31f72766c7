"""Svmlight columns: parsed blocks joined into one sparse matrix as they come."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import csr_array

from thrifty.data._svmlight_block import Block, Traits

__all__ = ["Columns"]

_SPARE = 1.02


class Columns:
    """Blocks joined into one matrix.

    Args:
        dtype: of the values, float64 or float32.
        traits: how the text is written.
        nbytes: how much text there will be, 0 if unknown; room is made for it at once.
    """

    def __init__(self, dtype: np.dtype, traits: Traits, nbytes: int = 0) -> None:
        self._multilabel, self._nbytes = traits.multilabel, nbytes
        self._indices, self._values = _Column(np.int32), _Column(dtype)
        self._lengths, self._queries = _Column(np.int32), _Column(np.int64)
        self._labels = _Column(np.float64)
        self._label_lists: list[tuple[float, ...]] = []

    def add(self, block: Block) -> None:
        """Append the rows of a block."""
        times = self._nbytes / block.nbytes * _SPARE
        self._indices.add(block.indices, times)
        self._values.add(block.values, times)
        self._lengths.add(np.diff(block.row_ends), times)
        self._queries.add(block.queries[block.has_query], times)
        if self._multilabel:
            labels = block.labels.tolist()
            ends = pairwise(block.label_ends.tolist())
            self._label_lists += [tuple(sorted(labels[start:end])) for start, end in ends]
        else:
            self._labels.add(block.labels, times)

    def labels(self) -> NDArray[np.float64] | list[tuple[float, ...]]:
        """The labels of the rows; an array, or tuples in ascending order."""
        return self._label_lists if self._multilabel else self._labels.whole()

    def queries(self) -> NDArray[np.int64]:
        """The query ids, of the rows that have one."""
        return self._queries.whole()

    def matrix(self, num_features: int | None, zero_based: bool | str) -> csr_array:
        """The rows; the columns are used up.

        Raises:
            ValueError: num_features is too small.
        """
        indices, lengths = self._indices.whole(), self._lengths.whole()
        if zero_based is False or (zero_based == "auto" and len(indices) and indices.min() > 0):
            indices -= 1
        least = int(indices.max(initial=0)) + 1
        width = least if num_features is None else num_features
        if width < least:
            rule = f"at least {least}, the largest index plus one"
            raise ValueError(f"num_features must be {rule}, got {num_features}")
        small = max(width, len(indices)) < 2**31
        ends = np.zeros(len(lengths) + 1, dtype=np.int32 if small else np.int64)
        np.cumsum(lengths, out=ends[1:])
        rows = csr_array((self._values.whole(), indices, ends), shape=(len(lengths), width))
        rows.has_canonical_format = True
        return rows


class _Column:
    """An array that grows at its end; its unused room is never touched."""

    def __init__(self, dtype: DTypeLike) -> None:
        self._data: NDArray[Any] = np.empty(0, dtype=dtype)
        self._used = 0

    def add(self, items: NDArray[Any], times: float) -> None:
        """Append items, the first of about `times` such parts (cast if need be)."""
        used, self._used = self._used, self._used + len(items)
        if self._used > len(self._data):
            room = max(self._used, int(len(items) * times), self._used * 3 // 2 if used else 0)
            old, self._data = self._data, np.empty(room, dtype=self._data.dtype)
            self._data[:used] = old[:used]
        with np.errstate(over="ignore"):
            self._data[used : self._used] = items

    def whole(self) -> NDArray[Any]:
        """All that was appended; the column is used up."""
        self._data.resize(self._used, refcheck=False)
        return self._data
