"""Rows: from a stream of bytes to blocks of whole rows in valid UTF-8, with line numbers."""

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa

from thrifty.data.files import Stream
from thrifty.data.report import Report

__all__ = ["BATCH_ROWS", "last_line_end", "row_blocks", "sliced"]

BATCH_ROWS = 16_384
LONGEST_ROW = 1 << 24
REPLACEMENT = "\ufffd".encode()


def last_line_end(data: bytes) -> int:
    """Bytes up to and with the last line end; 0 if there is none."""
    return data.rfind(b"\n") + 1


def row_blocks(
    stream: Stream, row_end: Callable[[bytes], int] = last_line_end
) -> Iterator[tuple[bytes, int]]:
    """Cut a stream into blocks of whole rows.

    Args:
        stream: the bytes.
        row_end: how many leading bytes of its argument are whole rows.

    Yields:
        The block, in valid UTF-8, and the line number of its first line (from 1).
    """
    for data, line in _cut(stream, row_end):
        yield _repaired(data, line, stream), line


def _cut(stream: Stream, row_end: Callable[[bytes], int]) -> Iterator[tuple[bytes, int]]:
    rest, line = b"", 1
    for chunk in stream:
        rest += chunk
        end = row_end(rest)
        if end:
            yield rest[:end], line
            line += rest.count(b"\n", 0, end)
            rest = rest[end:]
        elif len(rest) > LONGEST_ROW:
            rest, line = _without_line(rest, line, stream)
    if stream.cut:
        return
    while rest:
        end = row_end(rest + b"\n")
        if end:
            yield rest[:end], line
            line, rest = line + rest.count(b"\n", 0, end), rest[end:]
        else:
            rest, line = _without_line(rest, line, stream)


def _without_line(rest: bytes, line: int, stream: Stream) -> tuple[bytes, int]:
    """Give up on a line whose row finds no end, and go on after it."""
    end = rest.find(b"\n") + 1 or len(rest)
    shown = rest[:60].decode(errors="replace")
    reason = "a quote that is not closed" if b'"' in rest[:end] else "a row without end"
    stream.report.add("rows without end", f"{_at(stream, line)}: {reason}: {shown!r}")
    return rest[end:], line + 1


def _at(stream: Stream, line: int) -> str:
    return f"{stream.part.file.name}, line {line}"


def _repaired(data: bytes, line: int, stream: Stream) -> bytes:
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        _count_bad(data.split(b"\n"), line, stream, stream.report)
        return data.decode(errors="replace").encode()
    if stream.encoding is not None and REPLACEMENT in data:
        _count_bad(data.split(b"\n"), line, stream, stream.report)
    return data


def _count_bad(lines: Iterable[bytes], first: int, stream: Stream, report: Report) -> None:
    for number, line in enumerate(lines, start=first):
        text = line.decode(errors="replace")
        if "\ufffd" in text:
            start = max(0, text.index("\ufffd") - 20)
            example = f"{_at(stream, number)}: {text[start : start + 40]!r}"
            report.add("lines with bytes of another encoding", example)


def sliced(table: pa.Table | pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The rows of a table in batches of at most `BATCH_ROWS`, without a copy."""
    if isinstance(table, pa.RecordBatch):
        table = pa.Table.from_batches([table])
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        if batch.num_rows:
            yield batch
