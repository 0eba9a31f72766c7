"""Parquet: row groups as batches, a few pages of each column in memory at a time."""

import json
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as papq

from thrifty.core import DataError
from thrifty.data.files import File, Part
from thrifty.data.report import Report
from thrifty.data.rows import BATCH_ROWS

__all__ = ["Parquet"]

BATCH_BYTES = 1 << 21
HOW = {"buffer_size": 1 << 18, "pre_buffer": False}


class Parquet:
    """Read Parquet files whose columns agree, or can be widened to agree.

    Dictionaries are decoded, structs and maps become JSON text, and a column with types that do
    not meet (text in one file, numbers in another) becomes text.

    Args:
        files: what to read; their footers are read at once.
    """

    def __init__(self, files: Sequence[File]) -> None:
        self.parts: list[Part] = []
        schemas = []
        for file in files:
            with file.open() as raw:
                found = _open(file, raw)
                schemas.append(found.schema_arrow.remove_metadata())
                self.parts += _row_groups(file, found.metadata)
        self.schema = _unified(schemas)

    def sample_parts(self) -> list[Part]:
        """A few row groups spread over the files."""
        step = max(1, len(self.parts) // 8)
        return self.parts[::step][:8]

    def cut(self, part: Part, nbytes: int) -> Iterator[Part]:
        """The part itself: a row group is not cut."""
        yield part

    def read(
        self, part: Part, columns: Sequence[str], report: Report, moved: Callable[[int], None]
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a row group, only the named columns."""
        with part.file.open() as raw:
            found = _open(part.file, raw)
            own = [name for name in columns if name in found.schema_arrow.names]
            if len(own) < len(columns):
                kind = "columns missing in a file, read as missing values"
                report.add(kind, f"{part.file.name}: {', '.join(set(columns) - set(own))}")
            rows = _batch_rows(part)
            try:
                batches = found.iter_batches(rows, [part.row_group], own, use_threads=False)
                for batch in batches:
                    yield self._uniform(batch, columns)
                    moved(part.nbytes * batch.num_rows // max(1, part.num_rows or 1))
            except (OSError, pa.ArrowInvalid) as error:
                where = f"{part.file.name}, row group {part.row_group}"
                report.add("damaged files", f"{where}: {str(error).splitlines()[0]}")

    def _uniform(self, batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        schema = pa.schema([self.schema.field(name) for name in columns])
        arrays = [
            _to_type(batch[f.name], f.type) if f.name in batch.schema.names
            else pa.nulls(batch.num_rows, f.type)
            for f in schema
        ]  # fmt: skip
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _open(file: File, raw: object) -> papq.ParquetFile:
    try:
        return papq.ParquetFile(raw, **HOW)
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{file.name}: not a Parquet file, or cut: {reason}") from error


def _row_groups(file: File, meta: papq.FileMetaData) -> list[Part]:
    groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
    packed = [sum(g.column(c).total_compressed_size for c in range(g.num_columns)) for g in groups]
    return [
        Part(file, nbytes, row_group=i, num_rows=group.num_rows)
        for i, (group, nbytes) in enumerate(zip(groups, packed, strict=True))
    ]


def _batch_rows(part: Part) -> int:
    """Rows a batch so that long texts do not make it large; packed bytes are about a third."""
    a_row = 3 * part.nbytes / max(1, part.num_rows or 1)
    return int(min(BATCH_ROWS, max(64, BATCH_BYTES / max(1.0, a_row))))


def _unified(schemas: Sequence[pa.Schema]) -> pa.Schema:
    types: dict[str, pa.DataType] = {}
    for schema in schemas:
        for field in schema:
            kind = _plain(field.type)
            types[field.name] = _wider(types.get(field.name, kind), kind)
    return pa.schema(list(types.items()))


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if listed or pa.types.is_fixed_size_list(kind):
        inner = _plain(kind.value_type)
        return pa.string() if pa.types.is_nested(kind.value_type) else pa.list_(inner)
    texts = (pa.types.is_large_string, pa.types.is_string_view, pa.types.is_nested)
    return pa.string() if any(is_text(kind) for is_text in texts) else kind


def _wider(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    try:
        pair = [pa.schema([("x", kind)]) for kind in (left, right)]
        return pa.unify_schemas(pair, promote_options="permissive").field("x").type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.string()


def _to_type(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if array.type == kind:
        return array
    if pa.types.is_string(kind) and pa.types.is_nested(array.type):
        texts = [None if v is None else json.dumps(v, default=str) for v in array.to_pylist()]
        return pa.array(texts, kind)
    return pc.cast(array, kind, safe=False)
