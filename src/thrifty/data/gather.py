"""Gather: rows of an Arrow batch in another order, lists and strings at the speed of memory."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core.kernels import njit

__all__ = ["gather"]


@njit(nogil=True, cache=True, error_model="numpy")
def _ends(offsets, rows, ends):  # pragma: no cover
    """Where each row ends once the rows stand one after the other."""
    total = 0
    for i in range(rows.size):
        total += offsets[rows[i] + 1] - offsets[rows[i]]
        ends[i + 1] = total
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _copy(items, offsets, rows, width, out):  # pragma: no cover
    """Copy the bytes of each row behind those of the row before."""
    at = 0
    for i in range(rows.size):
        begin, end = offsets[rows[i]] * width, offsets[rows[i] + 1] * width
        source, target = items[begin:end], out[at : at + end - begin]
        for j in range(source.size):  # slices from zero: LLVM makes it one memcpy
            target[j] = source[j]
        at += end - begin


def gather(batch: pa.RecordBatch, rows: NDArray[np.int64]) -> pa.RecordBatch:
    """The named rows of a batch, as `batch.take(rows)` but several times faster for lists.

    Args:
        batch: (n,) rows.
        rows: (m,) int64, each in 0..n-1.

    Returns:
        (m,) rows of the same schema.

    Example:
        >>> batch = pa.RecordBatch.from_pydict({"x": [[1, 2], [], [3]]})
        >>> gather(batch, np.array([2, 0])) == batch.take(pa.array([2, 0]))
        True
    """
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    arrays = [_column(array, rows) for array in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _column(array: pa.Array, rows: NDArray[np.int64]) -> pa.Array:
    kind = array.type
    listed = pa.types.is_list(kind) and pa.types.is_primitive(kind.value_type)
    items = array.values if listed else None
    wide = 8 if items is None else items.type.bit_width
    simple = items is not None and not items.null_count and wide >= 8
    if array.null_count or not (simple or pa.types.is_string(kind)) or not len(array):
        return array.take(pa.array(rows))
    index, data = array.buffers()[1], array.buffers()[-1]
    offsets = np.frombuffer(index, np.int32)[array.offset : array.offset + len(array) + 1]
    offsets.flags.writeable = False
    ends = np.zeros(len(rows) + 1, np.int32)
    total, width = _ends(offsets, rows, ends), wide // 8
    out = np.empty(total * width, np.uint8)
    skip = 0 if items is None else items.offset * width
    raw = np.frombuffer(data if data is not None and data.size else bytes(skip + 1), np.uint8)
    raw.flags.writeable = False  # one signature, whoever owns the bytes
    _copy(raw[skip:], offsets, rows, width, out)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(out)]
    if items is None:
        return pa.StringArray.from_buffers(len(rows), buffers[1], buffers[2])
    values = pa.Array.from_buffers(items.type, total, [None, buffers[2]])
    return pa.Array.from_buffers(kind, len(rows), buffers[:2], children=[values])
