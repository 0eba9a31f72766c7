"""Source: open files of rows, whatever their format, and read them as Arrow batches."""

import inspect
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from thrifty.core import DataError, one_of
from thrifty.data.delimited import Delimited, sniff_delimiter
from thrifty.data.files import File, Part, Paths, Stream, find
from thrifty.data.jsonlines import JsonLines
from thrifty.data.parquet import Parquet
from thrifty.data.plain import PlainText
from thrifty.data.report import Report, missing_column
from thrifty.data.svmrows import SvmRows

__all__ = ["FORMATS", "Source", "open"]

FORMATS = {
    "csv": Delimited, "jsonl": JsonLines, "parquet": Parquet, "svmlight": SvmRows,
    "text": PlainText,
}  # fmt: skip
ENDINGS = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".psv": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".jl": "jsonl",
    ".parquet": "parquet", ".pq": "parquet", ".parq": "parquet",
    ".svm": "svmlight", ".svmlight": "svmlight", ".libsvm": "svmlight",
}  # fmt: skip
SVM_LINE = re.compile(r"[-+.\deE,]+( +qid:\d+)?( +\d+:\S+)+ *(#.*)?")
SAMPLE_BATCHES = 16
Progress = Callable[[int, int], None]


class Reader(Protocol):
    """What a format must offer."""

    schema: pa.Schema
    parts: list[Part]

    def sample_parts(self) -> list[Part]: ...

    def cut(self, part: Part, nbytes: int) -> Iterator[Part]: ...

    def read(
        self, part: Part, columns: Sequence[str], report: Report, moved: Callable[[int], None]
    ) -> Iterator[pa.RecordBatch]: ...


class Source:
    """Rows on disk: batches of at most 16,384 rows, one schema, bounded memory.

    Made by `open`. Only a block of about 1 MiB (of Parquet: some pages of a row group) is in
    memory at a time, so the size of the files does not matter.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "few.csv"
        >>> _ = path.write_text("a,b" + chr(10) + "1,x" + chr(10) + "2" + chr(10) + "3,z" + chr(10))
        >>> source = open(path)
        >>> [row for batch in source.batches(["b"]) for row in batch["b"].to_pylist()]
        ['x', 'z']
        >>> source.report.counts
        {'rows with a wrong number of fields': 1}
    """

    def __init__(self, files: Sequence[File], format: str, reader: Reader, report: Report) -> None:
        self.files, self.format, self.report = list(files), format, report
        self._reader = reader
        self._opened = report

    def __repr__(self) -> str:
        return f"Source({self.files[0].name!r}, format={self.format!r}, files={len(self.files)})"

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the batches."""
        return self._reader.schema

    @property
    def partitions(self) -> list[Part]:
        """Pieces that can be read alone: files, and row groups of Parquet."""
        return self._reader.parts

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        return sum(max(0, file.nbytes) for file in self.files)

    def fresh_report(self) -> Report:
        """A report for one pass, which holds what was found when the source was opened."""
        report = Report(self._opened.strict)
        report.merge(self._opened)
        return report

    def pieces(self, nbytes: int) -> Iterator[Part]:
        """The partitions, with files much larger than `nbytes` cut into ranges of whole rows.

        Packed files and other encodings than UTF-8 are not cut. Each piece is given as soon as
        its end is known; `read` reads it.
        """
        for part in self.partitions:
            yield from self._reader.cut(part, nbytes)

    def read(
        self, part: Part, columns: Sequence[str], report: Report, moved: Callable[[int], None]
    ) -> Iterator[pa.RecordBatch]:
        """The rows of one piece; several may be read at the same time.

        Args:
            part: of `pieces` or `partitions`.
            columns: names, in the order wanted.
            report: where what is wrong is counted.
            moved: called with the bytes read from disk, each time some were read.
        """
        return self._reader.read(part, columns, report, moved)

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        partitions: Sequence[Part] | None = None,
        progress: Progress | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Read the rows; `report` then says what was wrong in this pass.

        Args:
            columns: names, in the order wanted; None is all.
            partitions: some of `partitions`; None is all, in order.
            progress: called as progress(bytes_done, rows_done) after each batch.

        Raises:
            DataError: a column is not there; or strict, and a row cannot be used.
        """
        names = self._checked(columns)
        self.report = self.fresh_report()
        parts = self.partitions if partitions is None else partitions
        return self._read(parts, names, self.report, progress)

    def sample(self, rows: int = 5000, columns: Sequence[str] | None = None) -> pa.Table:
        """About `rows` rows, spread over the files (and within them where that is cheap).

        A packed file cannot be entered in the middle: its first 16 blocks stand for it.
        """
        names = self._checked(columns)
        report = Report()
        kept: list[pa.RecordBatch] = []
        parts = self._reader.sample_parts()
        for part in parts:
            found = self._reader.read(part, names, report, lambda count: None)
            some = itertools.islice(found, max(2, SAMPLE_BATCHES // len(parts)))
            kept += [_thinned(batch, rows) for batch in some]
        schema = pa.schema([self.schema.field(name) for name in names])
        table = pa.Table.from_batches(kept, schema)
        return _thinned(table, rows)

    def _checked(self, columns: Sequence[str] | None) -> list[str]:
        names = self.schema.names if columns is None else list(columns)
        for name in names:
            if name not in self.schema.names:
                raise missing_column(name, self.schema.names)
        return names

    def _read(
        self, parts: Sequence[Part], names: list[str], report: Report, progress: Progress | None
    ) -> Iterator[pa.RecordBatch]:
        moved, rows = [0], 0

        def move(count: int) -> None:
            moved[0] += count

        for part in parts:
            for batch in self._reader.read(part, names, report, move):
                rows += batch.num_rows
                yield batch
                if progress is not None:
                    progress(moved[0], rows)
        pa.default_memory_pool().release_unused()


def open(path: Paths, *, format: str | None = None, strict: bool = False, **options: Any) -> Source:
    """Open a table: CSV or TSV, JSON lines, Parquet, svmlight or plain text.

    Args:
        path: a file, a glob, a folder (walked; hidden and empty files are left out), a list of
            them, local or any fsspec address; .gz and .zst are read as they are.
        format: "csv", "jsonl", "parquet", "svmlight" or "text"; None tells by ending, else by
            content.
        strict: raise at the first row that cannot be used, instead of counting it.
        options: delimiter, quote, header and encoding of CSV; encoding of JSON lines and text;
            zero_based, multilabel and query_id of svmlight.

    Returns:
        A `Source`; nothing but a sample has been read.

    Raises:
        DataError: no such file, an empty file, files of different formats, or not that format.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "lines.txt"
        >>> _ = path.write_text("one" + chr(10) + "two" + chr(10))
        >>> open(path).schema.names, open(path).nbytes
        (['text'], 8)
    """
    files = find(path)
    report = Report(strict)
    if format is None:
        files, format = _told(files, report)
    one_of("format", format, tuple(FORMATS))
    allowed = tuple(inspect.signature(FORMATS[format]).parameters)[1:]
    for option in options:
        one_of(f"option of format {format!r}", option, allowed)
    return Source(files, format, FORMATS[format](files, **options), report)


def _told(files: list[File], report: Report) -> tuple[list[File], str]:
    """The format by the endings; in a folder, files of unknown endings are then left out."""
    kinds = {ENDINGS.get(file.suffix) for file in files}
    known = [file for file in files if file.suffix in ENDINGS]
    if len(kinds - {None}) > 1:
        first = {ENDINGS[file.suffix]: file.name for file in reversed(known)}
        shown = ", ".join(f"{name} ({kind})" for kind, name in sorted(first.items()))
        raise DataError(f"files of different formats: {shown}; name one with format=")
    if not known:
        return files, _sniffed(files[0])
    for file in files:
        if file not in known:
            report.add("files of another ending, left out", file.name)
    return known, ENDINGS[known[0].suffix]


def _sniffed(file: File) -> str:
    """The format by the first bytes."""
    stream = Stream(Part(file, file.nbytes), Report())
    data = next((chunk for chunk in stream if chunk), b"")[: 1 << 16]
    if data[:4] == b"PAR1":
        return "parquet"
    text = data.decode(errors="replace")
    lines = [line for line in text.splitlines()[:100] if line.strip()]
    lines = lines[:-1] if len(lines) > 1 and len(data) == 1 << 16 else lines
    if lines and _is_object(lines[0]):
        return "jsonl"
    if lines and all(SVM_LINE.fullmatch(line.strip()) for line in lines[:20]):
        return "svmlight"
    even = len(lines) > 1 and sniff_delimiter("\n".join(lines))
    return "csv" if even else "text"


def _thinned(table: Any, rows: int) -> Any:
    """At most `rows` rows, evenly spread."""
    some = np.linspace(0, table.num_rows - 1, rows).astype(np.int64)
    return table.take(pa.array(some)) if table.num_rows > rows else table


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
