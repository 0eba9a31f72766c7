"""Rows: what people hand over as rows, as Arrow batches; one row as fast as can be."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["batches"]

MOST = 1024
Rows = pa.RecordBatch | pa.Table | Mapping[str, Any] | Sequence[Mapping[str, Any]]


def batches(rows: Rows, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Rows as Arrow batches of the named columns; a value that a dict lacks is null.

    Args:
        rows: a dict a row, one dict, or an Arrow batch or table (which keep their columns).
        names: the columns that are wanted.

    Example:
        >>> next(batches([{"a": "x"}, {"a": None, "b": 1}], ["a", "b"])).to_pylist()
        [{'a': 'x', 'b': None}, {'a': None, 'b': 1}]
    """
    if isinstance(rows, pa.RecordBatch):
        yield rows
    elif isinstance(rows, pa.Table):
        yield from rows.to_batches(max_chunksize=MOST)
    else:
        rows = [rows] if isinstance(rows, Mapping) else rows
        arrays = [_array([row.get(name) for row in rows]) for name in names]
        yield pa.RecordBatch.from_arrays(arrays, list(names))


def _array(values: list[Any]) -> pa.Array:
    """An Arrow array of any values; texts and numbers without nulls go the short way."""
    kinds = {type(value) for value in values}
    if kinds == {str}:
        return _texts(values)
    if kinds == {float} or (kinds == {int} and all(-(2**63) <= v < 2**63 for v in values)):
        numbers = np.array(values)
        kind = pa.from_numpy_dtype(numbers.dtype)
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(numbers)])
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])


def _texts(values: list[str]) -> pa.Array:
    packed = [value.encode(errors="replace") for value in values]
    ends = np.array([0, *accumulate(map(len, packed))], np.int64)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(packed))]
    found = pa.Array.from_buffers(pa.large_string(), len(values), buffers)
    return found.cast(pa.string()) if ends[-1] < 2**31 else found
