"""TextRows: what readers of text files share, however their rows are written."""

from collections.abc import Callable, Iterator, Sequence

from thrifty.data.cuts import line_cuts
from thrifty.data.files import File, Part, Stream, windows
from thrifty.data.report import Report
from thrifty.data.rows import last_line_end, row_blocks

__all__ = ["TextRows"]

Moved = Callable[[int], None] | None


class TextRows:
    """Files of text, one part each, in blocks of whole rows; a reader adds `schema` and `read`.

    A row is a line, unless `row_end` and `cut` say otherwise.

    Args:
        files: what to read.
        encoding: see `Stream`.
    """

    def __init__(self, files: Sequence[File], *, encoding: str | None = None) -> None:
        self.files, self.encoding = files, encoding
        self.parts = [Part(file, file.nbytes) for file in files]

    def sample_parts(self) -> list[Part]:
        """Parts spread over the files, for a cheap sample."""
        return windows(self.files)

    def cut(self, part: Part, nbytes: int) -> Iterator[Part]:
        """The part as ranges of whole rows, of about so many bytes."""
        return line_cuts(part, nbytes, self.encoding)

    def row_end(self, data: bytes) -> int:
        """How many leading bytes are whole rows."""
        return last_line_end(data)

    def stream(self, part: Part, report: Report | None = None, moved: Moved = None) -> Stream:
        """The bytes of a part as UTF-8; without a report what is wrong is not told."""
        report = Report() if report is None else report
        return Stream(part, report, encoding=self.encoding, moved=moved)

    def blocks(
        self, part: Part, report: Report | None = None, moved: Moved = None
    ) -> Iterator[tuple[bytes, int]]:
        """Blocks of whole rows of a part, with the line number of the first; see `row_blocks`."""
        return row_blocks(self.stream(part, report, moved), self.row_end)
