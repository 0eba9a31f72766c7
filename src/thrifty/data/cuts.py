"""Cuts: a large file as ranges of whole rows that can be read at the same time, none lost."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import IO

from thrifty.data.files import Part
from thrifty.data.rows import LONGEST_ROW

__all__ = ["line_cuts", "row_cuts"]

CHUNK = 1 << 20
WIDE = (b"\xff\xfe", b"\xfe\xff")


def line_cuts(part: Part, nbytes: int, encoding: str | None = None) -> Iterator[Part]:
    """Cut a file in which every line is a row; only a few bytes at each cut are read.

    Args:
        part: a whole file.
        nbytes: bytes of a piece, about; the last may have half as many again.
        encoding: of the text; only UTF-8 (None) is cut.

    Yields:
        Parts that hold whole rows, named "FILE from byte N"; the part itself where it
        is packed, of another encoding, or small.
    """
    if not _can_cut(part, nbytes, encoding):
        yield part
        return
    with part.file.open() as file:
        start = 0
        while part.nbytes - start > nbytes + nbytes // 2:
            stop = _after_line(file, start + nbytes)
            if stop >= part.nbytes:
                break
            yield _piece(part, start, stop)
            start = stop
    yield _piece(part, start, part.nbytes)


def row_cuts(
    part: Part, nbytes: int, row_end: Callable[[bytes], int], encoding: str | None = None
) -> Iterator[Part]:
    """Cut a file in which a row may span lines (CSV); the bytes are looked through on the way.

    Args:
        part: a whole file.
        nbytes: bytes of a piece, about.
        row_end: how many leading bytes of its argument are whole rows.
        encoding: of the text; only UTF-8 (None) is cut.

    Yields:
        As `line_cuts`; a piece is given as soon as its end is known.
    """
    if not _can_cut(part, nbytes, encoding):
        yield part
        return
    start = 0
    with part.file.open() as file:
        for stop in _row_ends(file, row_end, min(nbytes, CHUNK)):
            if stop - start >= nbytes and part.nbytes - stop > nbytes // 2:
                yield _piece(part, start, stop)
                start = stop
    yield _piece(part, start, part.nbytes)


def _can_cut(part: Part, nbytes: int, encoding: str | None) -> bool:
    if part.file.compression or encoding is not None or part.nbytes <= nbytes + nbytes // 2:
        return False
    with part.file.open() as file:
        return file.read(2) not in WIDE


def _piece(part: Part, start: int, stop: int) -> Part:
    if stop - start == part.nbytes:
        return part
    name = f"{part.file.name} from byte {start}" if start else part.file.name
    file = replace(part.file, name=name)
    return replace(part, file=file, nbytes=stop - start, start=start, stop=stop, exact=True)


def _after_line(file: IO[bytes], at: int) -> int:
    """The first byte after a line end, from the one before `at` on; the file's size at its end."""
    file.seek(at - 1)
    at -= 1
    while chunk := file.read(1 << 16):
        found = chunk.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(chunk)
    return at


def _row_ends(file: IO[bytes], row_end: Callable[[bytes], int], size: int) -> Iterator[int]:
    """Where rows end, once a chunk."""
    rest, at = b"", 0
    while chunk := file.read(size):
        rest += chunk
        end = row_end(rest)
        if not end and len(rest) > LONGEST_ROW:
            end = rest.find(b"\n") + 1 or len(rest)
        if end:
            at, rest = at + end, rest[end:]
            yield at
