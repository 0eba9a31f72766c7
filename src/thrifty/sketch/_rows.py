"""Rows: batches of any kind as Arrow tables, joined, and kept as bytes that are safe to read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt
from numpy.typing import NDArray

from thrifty.core import FormatError, IncompatibleError
from thrifty.hashing._columns import chunks
from thrifty.hashing.keys import hash_column, mix64

__all__ = ["COLUMN", "content_word", "from_bytes", "joined", "rows_of", "to_bytes"]

COLUMN = "value"
"""The name of the one column of what came as a column and not as a table."""

HEAD = 64


def rows_of(batch: Any) -> tuple[pa.Table, bool]:
    """A batch as a table of plain columns, and whether it came as a single column.

    Args:
        batch: Arrow RecordBatch or Table, a data frame, a dict of columns; or a single column as
            Arrow or NumPy array, list or scalar.

    Raises:
        TypeError: the values of a column are not of one Arrow type.
    """
    if isinstance(batch, pa.RecordBatch | Mapping):
        batch = pa.table(batch) if isinstance(batch, Mapping) else pa.Table.from_batches([batch])
    elif not isinstance(batch, pa.Table) and _is_frame(batch):
        batch = pa.table(batch)
    if not isinstance(batch, pa.Table):
        return pa.table({COLUMN: _column(batch)}), True
    columns = {field.name: _column(batch[i]) for i, field in enumerate(batch.schema)}
    if len(columns) < batch.num_columns:
        raise TypeError(f"columns must have names of their own, got {batch.column_names}")
    return pa.table(columns), False


def joined(one: pa.Table, other: pa.Table) -> pa.Table:
    """The rows of both, in types that hold both.

    Raises:
        IncompatibleError: their columns have other names, or types without one that holds both.
    """
    if one.column_names != other.column_names:
        raise IncompatibleError(f"cannot put rows of {other.column_names} among {one.column_names}")
    try:
        return pa.concat_tables([one, other], promote_options="permissive").combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise IncompatibleError(f"cannot put rows among others: {error}") from error


def content_word(table: pa.Table, key: np.uint64) -> np.uint64:
    """A word of the first rows, as far as their columns can be hashed."""
    word = np.zeros(1, np.uint64)
    for column in table.slice(0, HEAD).columns:
        try:
            words = hash_column(column)
        except TypeError:
            continue
        for cell in words:
            word = mix64(word + cell, int(key))
    return word[0]


def to_bytes(table: pa.Table) -> NDArray[np.uint8]:
    """The rows as one Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return np.frombuffer(sink.getvalue(), np.uint8)


def from_bytes(data: NDArray[np.uint8], rows: int) -> pa.Table:
    """So many rows from an Arrow IPC stream that may be damaged.

    Raises:
        FormatError: it does not hold so many rows of sound values.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(data.tobytes())) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise FormatError(f"rows are damaged: {error}") from error
    odd = any(isinstance(kind, pa.BaseExtensionType) for kind in table.schema.types)
    if table.num_rows != rows or not table.num_columns or odd:
        raise FormatError(f"rows must be {rows} of plain types, got {table.num_rows}")
    return table


def _is_frame(batch: Any) -> bool:
    """Whether an exporter of Arrow data has columns."""
    if isinstance(batch, pa.Array | pa.ChunkedArray) or not hasattr(batch, "__arrow_c_stream__"):
        return False
    return hasattr(batch, "columns") or hasattr(batch, "schema")


def _column(column: Any) -> pa.ChunkedArray:
    """A column without codes, so that it takes the values of any other."""
    parts = [
        chunks(part.dictionary)[0].take(part.indices) if pt.is_dictionary(part.type) else part
        for part in chunks(column)
    ]
    if parts:
        return pa.chunked_array(parts)
    kind = column.type
    return pa.chunked_array([], kind.value_type if pt.is_dictionary(kind) else kind)
