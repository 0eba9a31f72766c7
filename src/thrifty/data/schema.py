"""Schema: the kind of each column, told by one cheap pass, and batches brought to it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from thrifty.core import FormatError, one_of
from thrifty.data.casts import to_dates, to_lists, to_numbers, to_texts
from thrifty.data.kinds import KINDS, Column, kind_of
from thrifty.data.report import Report, missing_column
from thrifty.data.source import Source

__all__ = ["Schema", "infer"]

Overrides = str | Mapping[str, str] | None
TYPES = {
    "text": pa.string(), "category": pa.string(), "number": pa.float64(),
    "date": pa.timestamp("us"), "list": pa.list_(pa.string()),
}  # fmt: skip


@dataclass(frozen=True)
class Schema:
    """Columns and their kinds.

    Example:
        >>> schema = Schema((Column("age", "number"), Column("tags", "list", separator="|")))
        >>> batch = pa.RecordBatch.from_pydict({"age": ["7", "old"], "tags": ["a|b", None]})
        >>> report = Report()
        >>> schema.cast(batch, report).to_pylist()
        [{'age': 7.0, 'tags': ['a', 'b']}, {'age': None, 'tags': None}]
        >>> print(report)
        values of column 'age' that are no number, read as missing: 1
          'old'
    """

    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """The columns that are used: all that are not ignored."""
        return [column.name for column in self.columns if column.kind != "ignore"]

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise missing_column(name, [column.name for column in self.columns])

    def override(self, overrides: Overrides) -> "Schema":
        """The schema with some kinds set by hand.

        Args:
            overrides: "age=number,tags=list:|,day=date:%d.%m.%Y", or the same as a mapping from
                names to "kind" or "kind:detail".

        Raises:
            DataError: a name is not there.
            ValueError: a kind is not one.
        """
        changed = {name: _overridden(self[name], to) for name, to in _pairs(overrides)}
        return Schema(tuple(changed.get(column.name, column) for column in self.columns))

    def select(self, names: Iterable[str]) -> "Schema":
        """The schema of some columns only, in that order."""
        return Schema(tuple(self[name] for name in names))

    def without(self, *names: str) -> "Schema":
        """The schema of all columns but these."""
        return Schema(tuple(column for column in self.columns if column.name not in names))

    def cast(self, batch: pa.RecordBatch, report: Report | None = None) -> pa.RecordBatch:
        """Bring a raw batch to canonical types: what is used, in the schema's order.

        Args:
            batch: raw rows, with at least the columns of `names`.
            report: where values that do not parse are counted; they become null.

        Returns:
            text and category: string; number: float64; date: timestamp[us]; list: list<string>;
            sparse: as it is.

        Raises:
            DataError: a column is missing; or the report is strict and a value does not parse.
        """
        arrays = {}
        for name in self.names:
            if name not in batch.schema.names:
                raise missing_column(name, batch.schema.names)
            arrays[name] = _cast(self[name], batch[name], report)
        return pa.RecordBatch.from_pydict(arrays)

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain lists and texts, ready for JSON."""
        return {"columns": [asdict(column) for column in self.columns]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Schema":
        """Inverse of `to_dict`.

        Raises:
            FormatError: the mapping is not one of `to_dict`.
        """
        try:
            columns = tuple(Column(**column) for column in data["columns"])
        except (KeyError, TypeError) as error:
            raise FormatError(f"not a schema: {error}") from error
        for column in columns:
            if column.kind not in KINDS:
                raise FormatError(f"not a schema: kind {column.kind!r}")
        return cls(columns)


def infer(
    source: Source, *, rows: int = 5000, overrides: Overrides = None, keep: Sequence[str] = ()
) -> Schema:
    """Tell the kind of each column from a sample spread over the source.

    Text is many words or mostly distinct; a category comes again; numbers, dates and lists must
    parse in 95 of 100 values; constants, row numbers and unique ids are ignored.

    Args:
        source: where the rows are.
        rows: how many to look at.
        overrides: kinds that are known; see `Schema.override`.
        keep: columns that are never ignored and never text or dates by a guess: targets.

    Raises:
        DataError: a column of overrides or keep is not there.
    """
    for name in keep:
        if name not in source.schema.names:
            raise missing_column(name, source.schema.names)
    table = source.sample(rows)
    return Schema(tuple(_told(table, name, name in keep) for name in table.column_names)).override(
        overrides
    )


def _told(table: pa.Table, name: str, keep: bool) -> Column:
    names = table.column_names
    if name in ("indices", "values") and names[-2:] == ["indices", "values"]:
        return Column(name, "sparse", reason="svmlight")
    return kind_of(name, table[name].combine_chunks(), keep)


def _pairs(overrides: Overrides) -> list[tuple[str, str]]:
    if overrides is None or isinstance(overrides, Mapping):
        return list((overrides or {}).items())
    pairs = []
    for piece in re.split(r",(?=[^,=]+=)", overrides):
        name, equals, to = piece.partition("=")
        if not equals:
            raise ValueError(f"override must be name=kind, got {piece!r}")
        pairs.append((name.strip(), to))
    return pairs


def _overridden(column: Column, to: str) -> Column:
    kind, _, detail = to.partition(":")
    one_of(f"kind of column {column.name!r}", kind.strip(), KINDS)
    kind = kind.strip()
    return replace(
        column,
        kind=kind,
        separator=(detail or column.separator) if kind == "list" else None,
        format=(detail or column.format or "iso") if kind == "date" else None,
        reason="as asked",
    )


def _cast(column: Column, array: pa.Array, report: Report | None) -> pa.Array:
    if column.kind == "sparse":
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), TYPES[column.kind])
    if column.kind in ("text", "category"):
        texts = to_texts(array)
        return pc.utf8_trim_whitespace(texts) if column.kind == "category" else texts
    if column.kind == "number":
        cast, lost = to_numbers(array)
    elif column.kind == "date":
        cast, lost = to_dates(array, column.format or "iso")
    else:
        cast, lost = to_lists(array, column.separator)
    if report is not None and pc.any(lost).as_py():
        _count(column, array.filter(lost), report)
    return cast


def _count(column: Column, lost: pa.Array, report: Report) -> None:
    kind = f"values of column {column.name!r} that are no {column.kind}, read as missing"
    shown = [repr(value)[:60] for value in lost.slice(0, 3).to_pylist()]
    for example in shown[:-1]:
        report.add(kind, example)
    report.add(kind, shown[-1], len(lost) - len(shown) + 1)
