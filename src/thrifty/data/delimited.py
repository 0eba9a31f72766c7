"""Delimited: CSV and TSV as batches of text columns; what a text means is the schema's job."""

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from thrifty.core import DataError
from thrifty.core.kernels import njit
from thrifty.data.cuts import row_cuts
from thrifty.data.files import File, Part, Stream, windows
from thrifty.data.report import Report
from thrifty.data.rows import sliced
from thrifty.data.textrows import TextRows

__all__ = ["Delimited", "sniff_delimiter"]

DELIMITERS = ("\t", ",", ";", "|")
SAMPLE_ROWS = 200
NUMBER = re.compile(r" *(?!(19|20)\d\d *$)[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)? *", re.IGNORECASE)


@njit(nogil=True, cache=True, error_model="numpy")
def _rows_end(data, delimiter, quote, first_only):  # pragma: no cover
    """Bytes up to and with the last (or first) row end that stands outside quotes."""
    end, state, size = 0, 0, data.size  # state: 0 field start, 1 in field, 2 quoted, 3 quote in it
    for i in range(size):
        c = data[i]
        if state == 2:
            state = 3 if c == quote else 2
        elif c == 10 or (c == 13 and i + 1 < size and data[i + 1] != 10):
            end, state = i + 1, 0
            if first_only:
                return end
        elif c == delimiter:
            state = 0
        elif c == quote and state != 1:
            state = 2
        elif c != 13 or state == 3:
            state = 1
    return end


class Delimited(TextRows):
    """Read delimited text, all columns as strings, empty unquoted fields as null.

    Rows whose number of fields differs from the header's are skipped and counted. The columns
    are those of the first file; other files give them by name, in any order.

    Args:
        files: what to read.
        delimiter: one character; None finds it in a sample.
        quote: the quote character, "" for none; None is '"' unless the sample reads better without.
        header: "first" (the first row of each file), None (columns are named column1, column2,
            ...) or the names, for files without a header; "auto" is "first" unless a number
            that is no year stands in the first row.
        encoding: see `Stream`.
    """

    def __init__(
        self,
        files: Sequence[File],
        *,
        delimiter: str | None = None,
        quote: str | None = None,
        header: str | Sequence[str] | None = "auto",
        encoding: str | None = None,
    ) -> None:
        if isinstance(header, str) and header not in ("auto", "first"):
            raise ValueError(f"header must be 'auto', 'first', None or names, got {header!r}")
        if delimiter is not None and len(delimiter.encode()) != 1:
            raise ValueError(f"delimiter must be one ASCII character, got {delimiter!r}")
        if quote and len(quote.encode()) != 1:
            raise ValueError(f"quote must be one ASCII character or none, got {quote!r}")
        super().__init__(files, encoding=encoding)
        self.header = header
        text = _head(files[0], encoding)
        tsv = files[0].suffix == ".tsv"
        self.delimiter = delimiter or sniff_delimiter(text) or ("\t" if tsv else ",")
        self.quote = _sniff_quote(text, self.delimiter) if quote is None else quote
        if header == "auto":
            row = next(_rows(text, self.delimiter, self.quote), [])
            self.header = None if any(NUMBER.fullmatch(cell) for cell in row) else "first"
        self.schema = pa.schema([(name, pa.string()) for name in self._names(text.encode())])

    def cut(self, part: Part, nbytes: int) -> Iterator[Part]:
        """The part as ranges of whole rows, of about so many bytes."""
        return row_cuts(part, nbytes, self.row_end, self.encoding)

    def read(
        self, part: Part, columns: Sequence[str], report: Report, moved: Callable[[int], None]
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a part, only the named columns."""
        names = None if part.start == 0 else self._names_within(part)
        for data, line in self.blocks(part, report, moved):
            if names is None:
                names = self._names_of(data, part.file, report)
                if self.header == "first":
                    end = self.row_end(data, first=True) or len(data)
                    line, data = line + data.count(b"\n", 0, end), data[end:]
            yield from self._parse(data, names, columns, _Ragged(data, line, part.file, report))

    def row_end(self, data: bytes, first: bool = False) -> int:
        """How many leading bytes are whole rows; or, if asked, the first row."""
        mark = self.quote.encode()
        if (not mark or mark not in data) and (b"\r" not in data or b"\r\n" in data):
            return (data.find if first else data.rfind)(b"\n") + 1
        codes = np.frombuffer(data, np.uint8)
        quote = ord(self.quote) if self.quote else -1
        return int(_rows_end(codes, ord(self.delimiter), quote, first))

    def _names(self, data: bytes) -> list[str]:
        if isinstance(self.header, Sequence) and not isinstance(self.header, str):
            return _unique(self.header)
        row = next(_rows(data.decode(errors="replace"), self.delimiter, self.quote), [])
        if not row:
            raise DataError(f"{self.files[0].name}: the file has no rows")
        named = row if self.header == "first" else [""] * len(row)
        return _unique([name.strip() or f"column{i}" for i, name in enumerate(named, start=1)])

    def _names_within(self, part: Part) -> list[str]:
        """The names of the columns of a file, for a part that does not hold its header."""
        if self.header != "first" or part.file.key == self.files[0].key:
            return self.schema.names
        return self._names(_head(part.file, self.encoding).encode())

    def _names_of(self, data: bytes, file: File, report: Report) -> list[str]:
        if self.header != "first":
            return self.schema.names
        names = self._names(data[: self.row_end(data, first=True) or len(data)])
        for kind, left in (
            ("columns of the first file missing in another", set(self.schema.names) - set(names)),
            ("columns not in the first file, left out", set(names) - set(self.schema.names)),
        ):
            if left:
                report.add(kind, f"{file.name}: {', '.join(sorted(left)[:5])}", len(left))
        return names

    def _parse(
        self, data: bytes, names: list[str], columns: Sequence[str], ragged: "_Ragged"
    ) -> Iterator[pa.RecordBatch]:
        if not data:
            return
        own = [name for name in columns if name in set(names)]
        table = pacsv.read_csv(
            pa.py_buffer(data),
            memory_pool=pa.system_memory_pool(),
            read_options=pacsv.ReadOptions(
                use_threads=False, block_size=len(data) + 1, column_names=names
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self.delimiter,
                quote_char=self.quote or False,
                newlines_in_values=bool(self.quote),
                invalid_row_handler=ragged,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=own or names[:1],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
            ),
        )
        if ragged.error is not None:
            raise ragged.error
        for batch in sliced(table):
            empty = pa.nulls(batch.num_rows, pa.string())
            arrays = [batch[name] if name in own else empty for name in columns]
            yield pa.RecordBatch.from_arrays(arrays, list(columns))


class _Ragged:
    """What pyarrow calls for each row with a wrong number of fields: count it and skip it."""

    def __init__(self, data: bytes, line: int, file: File, report: Report) -> None:
        self.data, self.line, self.file, self.report, self.at = data, line, file, report, 0
        self.error: DataError | None = None  # pyarrow would swallow what is raised in a call

    def __call__(self, row: pacsv.InvalidRow) -> str:
        kind = "rows with a wrong number of fields"
        where = self._where(row.text) if self.report.wants(kind) else ""
        fields = f"{row.actual_columns} fields where {row.expected_columns} are expected"
        try:
            self.report.add(kind, f"{self.file.name}, {where}: {fields}: {row.text[:60]!r}")
        except DataError as error:
            self.error = self.error or error
        return "skip"

    def _where(self, text: str) -> str:
        raw = text.encode()
        found = self.data.find(raw, self.at)
        while found > 0 and self.data[found - 1] not in b"\r\n":
            found = self.data.find(raw, found + 1)
        first = self.line + self.data.count(b"\n", 0, max(0, found))
        self.at = max(0, found) + len(raw)
        last = first + raw.count(b"\n")
        return f"line {first}" if first == last else f"lines {first} to {last}"


def sniff_delimiter(text: str) -> str | None:
    """The delimiter that cuts the sample's rows into the same number of fields, at least two.

    Example:
        >>> sniff_delimiter("a;b;c" + chr(10) + "1,5;2;3")
        ';'
    """
    best = max(DELIMITERS, key=lambda mark: _evenness(text, mark, '"'))
    return best if _evenness(text, best, '"') > (0.7, 0) else None


def _evenness(text: str, delimiter: str, quote: str) -> tuple[float, int]:
    """Share of rows with the commonest number of fields, and that number; (0, 1) for one."""
    counts = Counter(len(row) for row in _rows(text, delimiter, quote) if row)
    if not counts:
        return (0.0, 0)
    fields, rows = counts.most_common(1)[0]
    return (round(rows / counts.total(), 3), fields) if fields > 1 else (0.0, 1)


def _sniff_quote(text: str, delimiter: str) -> str:
    return '"' if _evenness(text, delimiter, '"') >= _evenness(text, delimiter, "") else ""


def _rows(text: str, delimiter: str, quote: str) -> Iterator[list[str]]:
    quoting = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote or None, quoting=quoting)
    try:
        yield from itertools.islice(reader, SAMPLE_ROWS)
    except csv.Error:
        return


def _head(file: File, encoding: str | None) -> str:
    """The first rows of a file, without the last one unless the file ends there."""
    part = windows([file], count=2)[0]
    chunks = iter(Stream(part, Report(), encoding=encoding))
    data = b""
    for chunk in chunks:
        data += chunk
        if len(data) >= 1 << 18:
            data = data[: data.rfind(b"\n", 0, 1 << 18) + 1] or data
            break
    return data.decode(errors="replace")


def _unique(names: Sequence[str]) -> list[str]:
    """The names, a second "a" becoming "a_2"."""
    seen: Counter[str] = Counter()
    unique: list[str] = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return unique if len(set(unique)) == len(unique) else _unique(unique)
