"""Svmlight lines: any source of bytes, cut into blocks of whole lines in bounded memory."""

import io
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import zstandard
from numpy.typing import NDArray

from thrifty.core import DataError
from thrifty.data._svmlight_kernel import last_newline
from thrifty.data.decimals import PAD
from thrifty.data.report import Report

__all__ = ["Bytes", "line_blocks", "name_of", "opened", "plain_nbytes"]

Bytes = str | os.PathLike[str] | BinaryIO | Iterable[bytes]
PACKED = (".gz", ".bz2", ".zst")
NEWLINE = 10
Fill = Callable[[memoryview], int]


def name_of(source: Bytes) -> str:
    """What errors call a source: its path, its own name, or "svmlight"."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "svmlight"


def plain_nbytes(source: Bytes) -> int:
    """The bytes of text in the file at a path, 0 if that is not known before it is read."""
    if not isinstance(source, str | os.PathLike) or os.fspath(source).endswith(PACKED):
        return 0
    return os.stat(source).st_size


@contextmanager
def opened(source: Bytes) -> Iterator[Any]:
    """The source, opened if it is a path (.gz, .bz2 and .zst unpacked), closed again after."""
    if not isinstance(source, str | os.PathLike):
        yield source
    elif os.fspath(source).endswith(PACKED):
        with pa.input_stream(os.fspath(source), compression="detect") as file:
            yield file
    else:
        with open(source, "rb", buffering=0) as file:
            yield file


def line_blocks(
    source: Any, name: str, report: Report, *, nbytes: int, longest: int
) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Cut a source into blocks of whole lines.

    A line that ends with the file gets its newline. Where the bytes break off, the report says
    so, and the last line is left out if it was not whole.

    Args:
        source: a binary file, or an iterable of bytes (left open).
        name: what errors call it.
        report: where damage is counted, or raised if it is strict.
        nbytes: about how many bytes a block has.
        longest: how many bytes a line may have (up to nbytes more pass).

    Yields:
        A new (>= size + PAD,) uint8 array, and size; the byte before size is a newline.

    Raises:
        DataError: a line is too long, or a strict report and damaged bytes.
    """
    fill, rest, start, more = _filler(source), np.empty(0, dtype=np.uint8), 0, True
    while more:
        room = max(nbytes, min(len(rest), longest + 1 - len(rest)))
        text = np.empty(len(rest) + room + 1 + PAD, dtype=np.uint8)
        text[: len(rest)] = rest
        count, whole = _fill(fill, text.data[len(rest) : len(rest) + room], name, report)
        used, more = len(rest) + count, count == room
        if used and whole and not more and not getattr(source, "cut", False):
            text[used], used = NEWLINE, used + 1
        end = last_newline(text, len(rest), used)
        if end:
            yield text, end
        elif used > longest:
            raise DataError(f"{name}, byte {start}: line must be shorter than {longest + 1} bytes")
        start, rest = start + end, text[end:used].copy()


def _fill(fill: Fill, view: memoryview, name: str, report: Report) -> tuple[int, bool]:
    """Fill the view as far as the bytes go; how many, and whether they did not break off."""
    count = 0
    try:
        while count < len(view) and (more := fill(view[count:])):
            count += more
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        report.add("damaged files", f"{name}: {error}")
        return count, False
    return count, True


def _filler(source: Any) -> Fill:
    """A function that puts the next bytes of a source into a view, and says how many."""
    if hasattr(source, "readinto"):
        return source.readinto
    if not hasattr(source, "read"):
        return _Joined(iter(source)).readinto
    return lambda view: io.BytesIO(source.read(len(view))).readinto(view)


class _Joined:
    """An iterable of bytes, read like a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readinto(self, view: memoryview) -> int:
        """Put the next bytes into the view; how many, 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
