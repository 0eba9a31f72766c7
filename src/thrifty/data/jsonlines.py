"""JsonLines: one JSON object a line, as batches with one schema found in a sample.

Types: text is string; numbers are float64 (int64 where an id does not fit float64); true and
false are bool; lists of texts or numbers are lists; anything nested, and a column of mixed
types, is its JSON text. A block that does not fit is read again, line by line, so that only
what is wrong is lost, and counted.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.json as pajson

from thrifty.core import DataError
from thrifty.data.files import File, Part
from thrifty.data.report import Report
from thrifty.data.rows import sliced
from thrifty.data.textrows import TextRows

__all__ = ["JsonLines"]

EXACT = 2**53
WORDS = {pa.float64(): "a number", pa.int64(): "a whole number", pa.bool_(): "true or false"}
Objects = list[tuple[int, dict[str, Any]]]


class JsonLines(TextRows):
    """Read JSON lines.

    Args:
        files: what to read.
        encoding: see `Stream`.
    """

    def __init__(self, files: Sequence[File], *, encoding: str | None = None) -> None:
        super().__init__(files, encoding=encoding)
        objects = [item for part in self.sample_parts() for item in self._head(part)]
        if not objects:
            raise DataError(f"{files[0].name}: {self._reason()}")
        values: dict[str, list[Any]] = {}
        for item in objects:
            for key, value in item.items():
                values.setdefault(key, []).append(value)
        self.schema = pa.schema([(key, _type_of(found)) for key, found in values.items()])
        self._nested = {key for key, found in values.items() if _is_nested(found)}

    def read(
        self, part: Part, columns: Sequence[str], report: Report, moved: Callable[[int], None]
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a part, only the named columns."""
        schema = pa.schema([self.schema.field(name) for name in columns])
        whole = len(schema) == len(self.schema)
        for data, line in self.blocks(part, report, moved):
            table = None if self._nested & set(columns) else _fast(data, schema, whole)
            if table is None:
                found = _objects(data, line, part.file, report)
                table = _slow(found, schema, part.file, report)
                keys = (key for _, item in found for key in item) if whole else ()
                unknown = Counter(key for key in keys if key not in schema.names)
            else:
                extra = table.column_names[len(schema) :]
                unknown = {key: table.num_rows - table[key].null_count for key in extra}
            for name, rows in unknown.items():
                kind = "values of columns not in the sample, left out"
                report.add(kind, f"{part.file.name}: {name}", rows)
            yield from sliced(table.select(list(columns)))

    def _head(self, part: Part) -> list[dict[str, Any]]:
        data, line = next(self.blocks(part), (b"", 1))
        return [item for _, item in _objects(data, line, part.file, Report())]

    def _reason(self) -> str:
        data, _ = next(self.blocks(self.parts[0]), (b"", 1))
        first = data.strip()[:40].decode(errors="replace")
        return f"not JSON lines (one object a line; `jq -c` makes them), it begins {first!r}"


def _fast(data: bytes, schema: pa.Schema, whole: bool) -> pa.Table | None:
    """The block by pyarrow, or None if anything in it does not fit the schema."""
    try:
        return pajson.read_json(
            pa.py_buffer(data),
            memory_pool=pa.system_memory_pool(),
            read_options=pajson.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=pajson.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="infer" if whole else "ignore"
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _objects(data: bytes, line: int, file: File, report: Report) -> Objects:
    found: Objects = []
    for number, text in enumerate(data.split(b"\n"), start=line):
        if not text.strip():
            continue
        item, reason = _object(text)
        if item is None:
            shown = text[:60].decode(errors="replace")
            report.add(
                "lines that are not JSON", f"{file.name}, line {number}: {reason}: {shown!r}"
            )
        else:
            found.append((number, item))
    return found


def _object(text: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        item = json.loads(text)
    except (ValueError, RecursionError) as error:
        return None, str(error)
    return (item, "") if isinstance(item, dict) else (None, "not an object")


def _slow(found: Objects, schema: pa.Schema, file: File, report: Report) -> pa.Table:
    """The same rows through Python: a value that does not fit becomes null and is counted."""
    columns: list[list[Any]] = [[] for _ in schema]
    for number, item in found:
        for field, column in zip(schema, columns, strict=True):
            value, fits = _fit(item.get(field.name), field.type)
            column.append(value)
            if not fits:
                what = f"{field.name} = {json.dumps(item[field.name])[:40]}"
                where = f"{file.name}, line {number}: {what} is not {_word(field.type)}"
                report.add("values of another type, read as missing", where)
    arrays = [pa.array(column, field.type) for field, column in zip(schema, columns, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _word(kind: pa.DataType) -> str:
    return "a list of numbers" if pa.types.is_list(kind) else WORDS[kind]


def _fit(value: Any, kind: pa.DataType) -> tuple[Any, bool]:
    if value is None:
        return None, True
    if pa.types.is_list(kind):
        items = [_fit(v, kind.value_type) for v in (value if isinstance(value, list) else [value])]
        return [v for v, _ in items if v is not None], all(fits for _, fits in items)
    if pa.types.is_string(kind):
        return _text(value), True
    if pa.types.is_boolean(kind):
        return (value, True) if isinstance(value, bool) else (None, False)
    return _number(value, kind)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode(errors="replace").decode()


def _number(value: Any, kind: pa.DataType) -> tuple[Any, bool]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None, False
    try:
        number = float(value) if pa.types.is_floating(kind) else int(value)
    except (OverflowError, ValueError):
        return None, False
    fits = pa.types.is_floating(kind) or (number == value and abs(number) < 2**63)
    return (number, True) if fits else (None, False)


def _is_nested(values: list[Any]) -> bool:
    """Whether pyarrow cannot read the column as its type: it must go through Python."""
    shapes = {type(v) for v in values if v is not None}
    inner = {type(v) for value in values if isinstance(value, list) for v in value}
    return bool({dict, list} & inner) or dict in shapes or len(shapes - {int, float}) > 1


def _type_of(values: list[Any]) -> pa.DataType:
    shapes = {type(v) for v in values if v is not None}
    if list in shapes:
        inner = [v for value in values if value is not None for v in _listed(value)]
        nested = any(isinstance(v, (list, dict)) for v in inner)
        whole = {type(v) for v in inner} == {int} and max(map(abs, inner)) < 2**63
        kind = pa.int64() if whole else _type_of(inner)
        return pa.string() if nested else pa.list_(kind)
    if shapes == {bool}:
        return pa.bool_()
    if shapes and shapes <= {int, float}:
        whole = [v for v in values if isinstance(v, int)]
        return _type_of_numbers(max((abs(v) for v in whole), default=0), float in shapes)
    return pa.string()


def _type_of_numbers(largest: int, mixed: bool) -> pa.DataType:
    if largest < EXACT or mixed:
        return pa.float64()
    return pa.int64() if largest < 2**63 else pa.string()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
