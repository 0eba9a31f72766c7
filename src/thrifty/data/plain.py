"""Plain: a text file as one column "text", one row a line."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from thrifty.data.cuts import line_cuts
from thrifty.data.files import File, Part, Stream, windows
from thrifty.data.report import Report
from thrifty.data.rows import row_blocks, sliced

__all__ = ["PlainText"]


class PlainText:
    """Read lines; an empty line is a row of empty text.

    Args:
        files: what to read.
        encoding: see `Stream`.
    """

    def __init__(self, files: Sequence[File], *, encoding: str | None = None) -> None:
        self.files, self.encoding = files, encoding
        self.schema = pa.schema([("text", pa.string())])
        self.parts = [Part(file, file.nbytes) for file in files]

    def sample_parts(self) -> list[Part]:
        """Parts spread over the files, for a cheap sample."""
        return windows(self.files)

    def cut(self, part: Part, nbytes: int) -> Iterator[Part]:
        """The part as ranges of whole lines, of about so many bytes."""
        return line_cuts(part, nbytes, self.encoding)

    def read(
        self, part: Part, columns: Sequence[str], report: Report, moved: Callable[[int], None]
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a part, only the named columns."""
        stream = Stream(part, report, encoding=self.encoding, moved=moved)
        for data, _ in row_blocks(stream):
            lines = pc.split_pattern(pa.array([data.decode()]), "\n").flatten()
            lines = lines.slice(0, len(lines) - data.endswith(b"\n"))
            lines = pc.utf8_rtrim(lines, "\r") if b"\r" in data else lines
            for batch in sliced(pa.RecordBatch.from_arrays([lines], ["text"])):
                yield batch.select(list(columns))
