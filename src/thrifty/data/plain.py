"""Plain: a text file as one column "text", one row a line."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from thrifty.data.files import File, Part
from thrifty.data.report import Report
from thrifty.data.rows import sliced
from thrifty.data.textrows import TextRows

__all__ = ["PlainText"]


class PlainText(TextRows):
    """Read lines; an empty line is a row of empty text.

    Args:
        files: what to read.
        encoding: see `Stream`.
    """

    def __init__(self, files: Sequence[File], *, encoding: str | None = None) -> None:
        super().__init__(files, encoding=encoding)
        self.schema = pa.schema([("text", pa.string())])

    def read(
        self, part: Part, columns: Sequence[str], report: Report, moved: Callable[[int], None]
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a part, only the named columns."""
        for data, _ in self.blocks(part, report, moved):
            lines = pc.split_pattern(pa.array([data.decode()]), "\n").flatten()
            lines = lines.slice(0, len(lines) - data.endswith(b"\n"))
            lines = pc.utf8_rtrim(lines, "\r") if b"\r" in data else lines
            for batch in sliced(pa.RecordBatch.from_arrays([lines], ["text"])):
                yield batch.select(list(columns))
