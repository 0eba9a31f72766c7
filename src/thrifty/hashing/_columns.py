"""Columns: whatever a user calls a column, as Arrow arrays and their bare buffers."""

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

__all__ = ["Column", "chunks", "numbers", "text_buffers"]

Column = Any
"""A pyarrow Array or ChunkedArray, a NumPy array, a list, an exporter of Arrow, or a scalar."""

SCALARS = (str, bytes, bool, int, float, Decimal, date, time, timedelta, np.generic, pa.Scalar)


def chunks(column: Column) -> list[pa.Array]:
    """The column as a list of Arrow arrays, with string views made plain; a scalar is one value.

    Raises:
        TypeError: the values are not of one Arrow type.
    """
    if isinstance(column, pa.Array):
        return [_plain(column)]
    if not isinstance(column, pa.ChunkedArray):
        column = _arrow(column)
    return [_plain(chunk) for chunk in getattr(column, "chunks", [column])]


def _arrow(column: Column) -> pa.Array | pa.ChunkedArray:
    if column is None or isinstance(column, SCALARS):
        column = [column.as_py() if isinstance(column, pa.Scalar) else column]
    try:
        if hasattr(column, "__arrow_c_stream__"):
            return pa.chunked_array(column)
        return pa.array(column)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        pa.ArrowNotImplementedError,
        OverflowError,
    ) as error:
        raise TypeError(f"column must be values of one type, got {error}") from error


def _plain(array: pa.Array) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if isinstance(array, pa.RunEndEncodedArray):
        array = pc.run_end_decode(array)
    if array.type == pa.string_view():
        return array.cast(pa.large_string())
    if array.type == pa.binary_view():
        return array.cast(pa.large_binary())
    return array.cast(pa.large_binary()) if pt.is_fixed_size_binary(array.type) else array


def text_buffers(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Data bytes and row offsets of a string or binary array, without a copy.

    Args:
        array: string, large_string, binary or large_binary, sliced or not.

    Returns:
        data: (m,) uint8, read-only, the whole buffer.
        offsets: (n + 1,) int32 or int64, read-only; row i is data[offsets[i]:offsets[i + 1]].
    """
    wide = pt.is_large_string(array.type) or pt.is_large_binary(array.type)
    dtype = np.dtype(np.int64 if wide else np.int32)
    if len(array) == 0:
        return _frozen(np.zeros(0, np.uint8)), _frozen(np.zeros(1, dtype))
    _, offsets, data = array.buffers()
    start = array.offset * dtype.itemsize
    ends = np.frombuffer(offsets, dtype, count=len(array) + 1, offset=start)
    text = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return _frozen(text), _frozen(ends)


def numbers(array: pa.Array, arrow: pa.DataType, dtype: type) -> np.ndarray:
    """Values of a fixed-width array, cast to arrow, as (n,) dtype; null slots hold anything."""
    array = array if array.type == arrow else array.cast(arrow, safe=False)
    if len(array) == 0:
        return _frozen(np.zeros(0, dtype))
    width = np.dtype(dtype).itemsize
    buffer = array.buffers()[1]
    return _frozen(np.frombuffer(buffer, dtype, count=len(array), offset=array.offset * width))


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
