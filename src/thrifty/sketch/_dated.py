"""Dated: rows with times, as the numbers of their periods, given out period by period."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt
from numpy.typing import NDArray

from thrifty.hashing._columns import SCALARS, chunks
from thrifty.hashing.blocks import checked_weights

__all__ = ["Rows", "periods_of"]

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
DAY, CUT = 86_400, 1 << 19
Ints = NDArray[np.int64]


class Rows:
    """Keys and weights of a batch, to be given out by row numbers."""

    def __init__(self, keys: Any, weights: Any) -> None:
        if isinstance(keys, np.ndarray) and keys.ndim > 1:
            self.keys, self.length = keys, len(keys)
        else:
            parts = chunks(keys)
            self.keys = pa.chunked_array(parts) if parts else pa.nulls(0)
            self.length = len(self.keys)
        self.weights = weights
        if weights is not None and not isinstance(weights, SCALARS):
            self.weights = checked_weights(weights, self.length, np.asarray(weights).dtype)

    def give(self, summary: Any, rows: Ints) -> None:
        """Add these rows, which ascend, to a summary."""
        start, end = int(rows[0]), int(rows[-1]) + 1
        if isinstance(self.keys, np.ndarray):
            keys = self.keys[rows]
        else:
            together = end - start == len(rows)
            keys = self.keys.slice(start, len(rows)) if together else self.keys.take(pa.array(rows))
        if self.weights is None:
            summary.add(keys)
        else:
            each = isinstance(self.weights, np.ndarray) and self.weights.ndim
            summary.add(keys, self.weights[rows] if each else self.weights)


def periods_of(
    times: Any, length: int, period: int
) -> Iterator[tuple[int, Ints, NDArray[np.bool_]]]:
    """Cut by cut: the first row, the period of each row, and whether it has a time at all."""
    one = isinstance(times, SCALARS) or times is None
    if isinstance(times, (np.ndarray, np.datetime64)) and times.dtype.kind == "M":
        unit = np.datetime_data(times.dtype)[0]
        times = times if unit in ("D", *PER_SECOND) else times.astype("datetime64[s]")
        times = times.reshape(-1)
    parts = chunks(times)
    found = sum(len(part) for part in parts)
    if one and length:
        number, there = _numbers(parts[0], period)
        yield 0, number.repeat(length), there.repeat(length)
    elif not one and found != length:
        raise ValueError(f"times must be {length}, one a row, got {found}")
    elif not one:
        start = 0
        for cut in (part.slice(i, CUT) for part in parts for i in range(0, len(part), CUT)):
            yield start, *_numbers(cut, period)
            start += len(cut)


def _numbers(times: pa.Array, period: int) -> tuple[Ints, NDArray[np.bool_]]:
    return _seconds(times) // period, times.is_valid().to_numpy(zero_copy_only=False)


def _seconds(times: pa.Array) -> Ints:
    """Whole seconds since 1970, rounded down; anything where there is no time."""
    kind = times.type
    if pt.is_null(kind):
        return np.zeros(len(times), np.int64)
    if pt.is_dictionary(kind):
        times, kind = times.dictionary_decode(), kind.value_type
    if not (pt.is_timestamp(kind) or pt.is_date(kind)):
        raise TypeError(f"times must be timestamps or dates, got {kind}")
    width = pa.int32() if pt.is_date32(kind) else pa.int64()
    bare = times.view(width).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    if pt.is_date32(kind):
        return bare * DAY
    return bare // PER_SECOND["ms" if pt.is_date64(kind) else kind.unit]
