"""Documents: rows of files as the documents of an index: ids, texts, numbers, passages."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from thrifty.core import DataError, whole
from thrifty.data.casts import to_numbers
from thrifty.data.report import Report, missing_column
from thrifty.data.source import Source

__all__ = ["DOCUMENT", "Layout", "layout_of", "passages", "tables"]

DOCUMENT = "_document"
ID_NAMES = ("_id", "id", "doc_id", "docid")
TEXT_NAMES = ("text", "body", "content", "abstract", "contents", "passage", "description")
WORD = re.compile(r"\S+")
Told = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Layout:
    """Which column is what.

    Args:
        id: of the ids in the files; None where rows get numbers, in a column "id".
        texts: columns that are searched.
        title: of them, the one that a result is shown by.
        vectors: of vectors that came with the rows.
        numbers: columns of texts that are read as numbers.
        chunk: words of a passage; None leaves documents whole.
        overlap: words that a passage shares with the one before.
    """

    id: str | None
    texts: tuple[str, ...]
    title: str | None = None
    vectors: str | None = None
    numbers: tuple[str, ...] = ()
    chunk: int | None = None
    overlap: int = 50

    @property
    def key(self) -> str:
        """The column of ids in the index."""
        return self.id or "id"

    def spec(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def restore(cls, spec: Mapping[str, Any]) -> "Layout":
        """Inverse of `spec`."""
        lists = {name: tuple(spec[name]) for name in ("texts", "numbers")}
        return cls(**dict[str, Any]({**spec, **lists}))


def layout_of(
    source: Source,
    *,
    text: str | None = None,
    title: str | None = None,
    id: str | None = None,
    vectors: str | None = None,
    chunk: int | None = None,
    overlap: int = 50,
) -> Layout:
    """Tell which column is what, from names and a sample.

    Args:
        source: of the files.
        text: columns to search, with commas between; None takes a usual name, else the column of
            the longest texts.
        title: the column of titles, searched as well; None takes "title" if it is there.
        id: the column of ids; None takes a usual name, else rows are numbered.
        vectors: the column of vectors.
        chunk: words of a passage, 20..10,000.
        overlap: words shared with the passage before, 0..chunk / 2.

    Raises:
        DataError: a column is not there, or none holds text.
        ValueError: chunk or overlap out of range.
    """
    names = source.schema.names
    if chunk is not None:
        whole("chunk", chunk, 20, 10_000)
        overlap = min(overlap, chunk // 2)
    whole("overlap", overlap, 0, 5000)
    sample = source.sample(1000)
    title = title or ("title" if "title" in names else None)
    wanted = text.split(",") if text else [_longest(sample, {title, vectors})]
    for name in (*wanted, *(n for n in (title, id, vectors) if n)):
        if name not in names:
            raise missing_column(name, names)
    key = id or next((name for name in ID_NAMES if name in names), None)
    texts = tuple(dict.fromkeys([*([title] if title else []), *wanted]))
    taken = {key, vectors, *texts}
    numbers = tuple(name for name in names if name not in taken and _numeric(sample[name]))
    return Layout(key, texts, title, vectors, numbers, chunk, overlap)


def _longest(sample: pa.Table, others: set[str | None]) -> str:
    """A column with a usual name, else that of the longest texts."""
    text = [
        n for n in sample.column_names if pa.types.is_string(sample[n].type) and n not in others
    ]
    usual = [name for name in TEXT_NAMES if name in text]
    if not text:
        shown = ", ".join(sample.column_names)
        raise DataError(f"a column of the files must hold text, got {shown}")
    lengths = {name: pc.sum(pc.utf8_length(sample[name])).as_py() or 0 for name in text}
    return usual[0] if usual else max(text, key=lambda name: lengths[name])


def _numeric(column: pa.ChunkedArray) -> bool:
    """Whether texts are all numbers."""
    if not pa.types.is_string(column.type):
        return False
    found, lost = to_numbers(column.combine_chunks())
    return found.null_count < len(found) and not pc.any(lost).as_py()


def tables(
    source: Source, layout: Layout, first: int, tell: Told, report: Report
) -> Iterator[pa.Table]:
    """Documents of the files, in pieces; nothing is changed in texts.

    Args:
        source: of the files.
        layout: of their columns.
        first: the number of the first row, where rows are numbered.
        tell: called with fraction and rows_per_second.
        report: what is left out or read as missing is counted there.

    Raises:
        DataError: a column is not there or is of another kind.
    """
    for name in (*layout.texts, *(n for n in (layout.id, layout.vectors) if n)):
        if name not in source.schema.names:
            raise missing_column(name, source.schema.names)
    total = max(1, source.nbytes)

    def moved(nbytes: int, rows: int) -> None:
        tell({"fraction": min(1.0, nbytes / total), "rows": rows})

    for batch in source.batches(progress=moved):
        table = _typed(pa.Table.from_batches([batch]), layout, report)
        table = _named(table, layout, first, report)
        first += batch.num_rows
        yield passages(table, layout) if layout.chunk else table


def _typed(table: pa.Table, layout: Layout, report: Report) -> pa.Table:
    """Texts are text, numbers are numbers, vectors are lists of float32."""
    for name in layout.texts:
        table = _with(table, name, _text(table[name]))
    for name in layout.numbers:
        if name in table.column_names:
            found, lost = to_numbers(table[name].combine_chunks())
            bad = pc.sum(lost).as_py() or 0
            if bad:
                example = table[name].filter(lost)[0].as_py()
                report.add(f"values of {name!r} that are no number", f"{example!r:.60}", bad)
            table = _with(table, name, found)
    if layout.vectors:
        table = _with(table, layout.vectors, _lists(table[layout.vectors], layout.vectors))
    return table


def _with(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column
    if pa.types.is_list(column.type):
        texts = [None if v is None else " ".join(map(str, v)) for v in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column.cast(pa.string())


def _lists(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Vectors as lists of float32.

    Raises:
        DataError: the column holds something else.
    """
    try:
        if pa.types.is_string(column.type):
            values = [None if v is None else _numbers(v) for v in column.to_pylist()]
            return pa.chunked_array([pa.array(values, pa.list_(pa.float32()))])
        return column.cast(pa.list_(pa.float32()))
    except (pa.ArrowException, ValueError) as error:
        raise DataError(f"column {name!r} must hold vectors, got {column.type}: {error}") from None


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.strip("[] ").replace(",", " ").split()]


def _named(table: pa.Table, layout: Layout, first: int, report: Report) -> pa.Table:
    """Ids as text; rows without an id are left out, and of two with the same the later stays."""
    if layout.id is None:
        names = pa.array([str(first + i) for i in range(table.num_rows)], pa.string())
        if "id" in table.column_names:
            return _with(table, "id", names)
        return table.add_column(0, "id", names)
    made = [_name(value) for value in table[layout.id].to_pylist()]
    table = _with(table, layout.id, pa.array(made, pa.string()))
    last = {name: place for place, name in enumerate(made) if name}
    lost = sum(not name for name in made)
    if lost:
        report.add("rows without an id, left out", f"column {layout.id!r}", lost)
    again = len(made) - lost - len(last)
    if again:
        twice = next(name for place, name in enumerate(made) if name and last[name] != place)
        report.add(
            "ids that come again; the later row stays", repr(twice), len(made) - lost - len(last)
        )
    return table if len(last) == len(made) else table.take(pa.array(sorted(last.values())))


def _name(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def passages(table: pa.Table, layout: Layout) -> pa.Table:
    """Cut the last of the text columns into passages; all else is repeated.

    A passage of a document "a" has the id "a#1", "a#2", ..., and the document in a column.

    Args:
        table: of documents.
        layout: with chunk and overlap.

    Example:
        >>> table = pa.table({"id": ["a"], "text": ["one two three four five"]})
        >>> cut = passages(table, Layout("id", ("text",), chunk=3, overlap=1))
        >>> cut["id"].to_pylist(), cut["text"].to_pylist()
        (['a#1', 'a#2'], ['one two three', 'three four five'])
    """
    body, size = layout.texts[-1], layout.chunk or 1
    rows, names, texts = [], [], []
    keys = table[layout.key].to_pylist()
    for row, text in enumerate(table[body].to_pylist()):
        for number, piece in enumerate(_cut(text or "", size, size - layout.overlap), start=1):
            rows.append(row)
            names.append(f"{keys[row]}#{number}")
            texts.append(piece)
    made = table.take(pa.array(np.array(rows, np.int64)))
    owners = made[layout.key].cast(pa.string())
    made = _with(made, layout.key, pa.array(names, pa.string()))
    made = _with(made, body, pa.array(texts, pa.string()))
    return made.append_column(DOCUMENT, owners)


def _cut(text: str, size: int, step: int) -> list[str]:
    spans = [match.span() for match in WORD.finditer(text)]
    if len(spans) <= size:
        return [text]
    starts = range(0, len(spans) - (size - step), step)
    return [text[spans[a][0] : spans[min(a + size, len(spans)) - 1][1]] for a in starts]
