"""Files: from what the user names (file, glob, folder, list, address) to streams of bytes."""

import codecs
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import fsspec
import zstandard

from thrifty.core import DataError
from thrifty.data.report import Report

__all__ = ["File", "Part", "Stream", "find", "windows"]

CHUNK = 1 << 20
ZST_CHUNK = 1 << 14
COMPRESSIONS = {".gz": "gz", ".zst": "zst"}
Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class File:
    """One file: its name as the user knows it, where it lives, and its bytes on disk."""

    name: str
    fs: Any
    key: str
    nbytes: int

    @property
    def compression(self) -> str | None:
        """How it is packed, by its name: "gz", "zst" or None."""
        return COMPRESSIONS.get(os.path.splitext(self.name)[1].lower())

    @property
    def suffix(self) -> str:
        """The ending that tells the format, without that of the compression."""
        stem, last = os.path.splitext(self.name)
        return (os.path.splitext(stem)[1] if self.compression else last).lower()

    def open(self) -> IO[bytes]:
        """Open for reading the bytes as they lie on disk."""
        return self.fs.open(self.key, "rb")


@dataclass(frozen=True)
class Part:
    """A piece of a source that can be read alone: a file, a window of it, or a row group.

    Args:
        file: where it lies.
        nbytes: bytes on disk.
        start, stop: the window, in bytes of an uncompressed file; rows cut by its ends are left
            out.
        exact: the window lies between rows, so that none is cut: its end is read like a file's.
        row_group: the row group, for Parquet.
        num_rows: rows, where the format says so without reading.
    """

    file: File
    nbytes: int
    start: int = 0
    stop: int | None = None
    row_group: int | None = None
    num_rows: int | None = None
    exact: bool = False


def find(paths: Paths) -> list[File]:
    """List the files behind a path, glob, folder or fsspec address, or a list of them.

    A folder is walked to its leaves, in order of name; hidden files (a name on the way begins
    with "." or "_") and empty ones are left out there and in globs. A file named outright must
    hold something.

    Raises:
        DataError: nothing is there, or a file named outright is empty.
    """
    if isinstance(paths, (str, os.PathLike)):
        return _find_one(os.fspath(paths))
    found = [file for path in paths for file in _find_one(os.fspath(path))]
    if not found:
        raise DataError("the list of files is empty")
    return found


def _find_one(path: str) -> list[File]:
    fs, key = fsspec.core.url_to_fs(path)
    if fs.isfile(key):
        file = _file(path, fs, key, fs.info(key))
        if file.nbytes == 0:
            raise DataError(f"{path}: the file is empty")
        return [file]
    if fs.isdir(key):
        base, found = key, fs.find(key, detail=True)
    elif any(mark in path for mark in "*?["):
        base, found = "", {k: v for k, v in fs.glob(key, detail=True).items() if _is_file(v)}
    else:
        raise DataError(f"{path}: no such file or folder")
    return _visible(path, fs, base, found)


def _visible(path: str, fs: Any, base: str, found: dict[str, dict[str, Any]]) -> list[File]:
    parts = {key: key.removeprefix(base).replace("\\", "/").split("/") for key in found}
    names = {key: way if base else way[-1:] for key, way in parts.items()}
    shown = [key for key in sorted(found) if not any(n[:1] in (".", "_") for n in names[key] if n)]
    files = [_file(fs.unstrip_protocol(k) if "://" in path else k, fs, k, found[k]) for k in shown]
    files = [file for file in files if file.nbytes]
    if not files:
        raise DataError(f"{path}: no file with anything in it")
    return files


def _is_file(info: dict[str, Any]) -> bool:
    return info.get("type") == "file"


def _file(name: str, fs: Any, key: str, info: dict[str, Any]) -> File:
    size = info.get("size")
    return File(name, fs, key, -1 if size is None else int(size))


def windows(files: Sequence[File], count: int = 8, nbytes: int = 1 << 18) -> list[Part]:
    """Small parts spread over the files, for a sample that a sorted file does not mislead.

    Args:
        files: the files; a packed one gives its beginning only.
        count: about how many windows.
        nbytes: bytes of each.
    """
    step = max(1, len(files) / count)
    some = [files[int(i * step)] for i in range(min(count, len(files)))]
    each = max(1, count // len(some))
    return [part for file in some for part in _windows_of(file, each, nbytes)]


def _windows_of(file: File, count: int, nbytes: int) -> list[Part]:
    if file.compression or file.nbytes <= 2 * nbytes:
        return [Part(file, file.nbytes)]
    count = min(count, file.nbytes // nbytes)
    starts = [(file.nbytes - nbytes) * i // max(1, count - 1) for i in range(count)]
    return [Part(file, nbytes, start, start + nbytes) for start in starts]


class Stream:
    """The bytes of a part, unpacked and in UTF-8, in chunks of about 1 MiB.

    A packed file that is cut or damaged gives what comes before the damage; then the report
    says where it broke and `cut` is true. A window that ends inside the file is `cut` as well.

    Args:
        part: what to read.
        report: where damage is counted (strict: raised).
        encoding: of the text, by Python's name; None is UTF-8, or UTF-16 if its mark is there.
        moved: called with the number of bytes read from disk, each time some were read.

    Raises:
        ValueError: Python knows no such encoding.
        DataError: the file is damaged and the report strict.
    """

    def __init__(
        self,
        part: Part,
        report: Report,
        *,
        encoding: str | None = None,
        moved: Callable[[int], None] | None = None,
    ) -> None:
        try:
            codecs.lookup(encoding or "utf-8")
        except LookupError:
            raise ValueError(f"encoding must be one that Python knows, got {encoding!r}") from None
        self.part = part
        self.name = part.file.name
        self.report = report
        self.encoding = encoding
        self.cut = False
        self._moved = moved or (lambda count: None)
        self._read = 0

    def __iter__(self) -> Iterator[bytes]:
        with self.part.file.open() as file:
            unpack = {"gz": self._gunzip, "zst": self._unzstd, None: self._plain}
            chunks = unpack[self.part.file.compression](file)
            first = next(chunks, b"")
            if self.part.start == 0:
                first = self._mark(first)
            yield from self._decode(_chain(first, chunks))

    def _raw(self, file: IO[bytes], size: int) -> Iterator[bytes]:
        while chunk := file.read(size):
            self._read += len(chunk)
            self._moved(len(chunk))
            yield chunk

    def _plain(self, file: IO[bytes]) -> Iterator[bytes]:
        start, stop = self.part.start, self.part.stop
        if stop is None:
            yield from self._raw(file, CHUNK)
            return
        self.cut = stop < self.part.file.nbytes and not self.part.exact
        begin = start if self.part.exact else max(0, start - 1)
        file.seek(begin)
        for at in range(begin, stop, CHUNK):
            data = file.read(min(CHUNK, stop - at))
            self._moved(len(data) - (at < start))
            yield data[data.find(b"\n") + 1 :] if at < start else data

    def _gunzip(self, file: IO[bytes]) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(31)
        try:
            for chunk in self._raw(file, CHUNK >> 2):
                while chunk:
                    if unpacker.eof:
                        unpacker, chunk = zlib.decompressobj(31), chunk.lstrip(b"\0")
                    yield unpacker.decompress(chunk, CHUNK)
                    chunk = unpacker.unconsumed_tail or unpacker.unused_data
        except zlib.error as error:
            return self._damage(str(error))
        if not unpacker.eof:
            self._damage("the file ends early")

    def _unzstd(self, file: IO[bytes]) -> Iterator[bytes]:
        unpacker = zstandard.ZstdDecompressor().decompressobj()
        try:
            for chunk in self._raw(file, ZST_CHUNK):
                while chunk:
                    if unpacker.eof:
                        unpacker = zstandard.ZstdDecompressor().decompressobj()
                    yield unpacker.decompress(chunk)
                    chunk = unpacker.unused_data
        except zstandard.ZstdError as error:
            return self._damage(str(error))
        if not unpacker.eof:
            self._damage("the file ends early")

    def _damage(self, reason: str) -> None:
        self.cut = True
        where = f"{self.part.file.name}, byte {self._read} of {self.part.file.nbytes}"
        self.report.add("damaged files", f"{where}: {reason}")

    def _mark(self, first: bytes) -> bytes:
        if self.encoding is None and first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            self.encoding = "utf-16"
        return first.removeprefix(codecs.BOM_UTF8) if self.encoding is None else first

    def _decode(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        if self.encoding is None:
            yield from chunks
            return
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
