"""Encoded: rows of features as an Arrow batch: codes, values, and the length of each block."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.models._sparse import place

__all__ = ["Block", "buffers", "folded", "joined", "list_array", "side_by_side"]

Block = tuple[NDArray[Any], ...]
"""Dense: codes and values, both (n, k). Ragged: ends (n + 1,), codes and values."""


def joined(blocks: list[Block], rows: int) -> pa.RecordBatch:
    """One encoded batch of all blocks, side by side in each row.

    Args:
        blocks: dense ones, whose values of 0 are left out, and ragged ones.
        rows: how many.

    Example:
        >>> dense = np.array([[7], [8]], np.int32), np.array([[1], [0]], np.float32)
        >>> ragged = np.array([0, 0, 1]), np.array([9], np.int32), np.array([5], np.float32)
        >>> joined([dense, ragged], 2).to_pylist()[1]
        {'codes': [9], 'values': [5.0], 'blocks': [0, 1]}
    """
    lengths = np.empty((rows, len(blocks)), np.int32)
    for i, block in enumerate(blocks):
        lengths[:, i] = (block[1] != 0).sum(axis=1) if len(block) == 2 else np.diff(block[0])
    ends = np.zeros(rows + 1, np.int32)
    np.cumsum(lengths.sum(axis=1), out=ends[1:])
    codes, values = np.empty(ends[-1], np.int32), np.empty(ends[-1], np.float32)
    starts = ends[:-1].astype(np.int64)
    nothing = np.zeros(1, np.int64)
    for block in blocks:
        dense = block[0].shape[1] if len(block) == 2 else 0
        if len(block) == 3 or dense:
            body = [np.ascontiguousarray(part).reshape(-1) for part in block[-2:]]
            where = nothing if dense else block[0]
            place(dense, *body, starts, where, codes, values)
    every = np.arange(0, lengths.size + 1, len(blocks), dtype=np.int32)
    names = ["codes", "values", "blocks"]
    parts = ((ends, codes), (ends, values), (every, lengths.reshape(-1)))
    return pa.RecordBatch.from_arrays([list_array(*part) for part in parts], names)


def list_array(ends: NDArray[np.int32], items: NDArray[Any]) -> pa.ListArray:
    """An Arrow list column over bare arrays, without a copy.

    Bare buffers, because `pa.array` looks for pandas at every call, for 50 microseconds.
    """
    kind = pa.from_numpy_dtype(items.dtype)
    inner = pa.Array.from_buffers(kind, len(items), [None, pa.py_buffer(items)])
    buffers = [None, pa.py_buffer(ends)]
    return pa.Array.from_buffers(pa.list_(kind), len(ends) - 1, buffers, children=[inner])


def buffers(encoded: pa.RecordBatch) -> Block:
    """The bare arrays of an encoded batch, sliced or not, read-only and without a copy.

    Returns:
        offsets (n + 1,) int32 from 0, codes int32, values float32, lengths (n * blocks,) int32.
    """
    codes, values, lengths = (encoded[name] for name in ("codes", "values", "blocks"))
    offsets = codes.offsets.to_numpy()
    return offsets - offsets[0], *(part.flatten().to_numpy() for part in (codes, values, lengths))


def side_by_side(parts: list[NDArray[Any]], dtype: type, rows: int) -> NDArray[Any]:
    """Arrays (rows, any) as one; with none of them, (rows, 0)."""
    return np.concatenate([np.zeros((rows, 0), dtype), *parts], axis=1, dtype=dtype)


def folded(slots: NDArray[np.int32], room: int, least: int) -> NDArray[np.int32]:
    """Counts of half as many slots, as long as that leaves at least `room` of them, and `least`.

    Example:
        >>> folded(np.array([1, 0, 0, 0, 2, 0, 0, 3], np.int32), 2, 2).tolist()
        [3, 0, 0, 3]
    """
    while len(slots) > max(least, 2 * room):
        slots = slots[: len(slots) // 2] + slots[len(slots) // 2 :]
    return slots
