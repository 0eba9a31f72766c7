"""Store: a folder of segments that never change, under one manifest that is replaced as a whole.

    manifest.json                 settings, and which segments there are; the only file that changes
    lock                          held by the one writer
    segment-<number>/             files of one segment; any file put there before the commit is kept
    removed-<number>.thrifty      which documents of a segment are no longer there

A commit writes new files first, then the manifest beside itself and renames it: whenever a process
is killed, the manifest names whole files. What it does not name is removed by the next writer.
"""

import errno
import json
import os
import shutil
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from thrifty.core import DAMAGE, FormatError, IncompatibleError, SaveError, replacing

__all__ = ["Store", "fingerprint"]

KIND, VERSION = "text-index", 1
MANIFEST, LOCK = "manifest.json", "lock"
EDGE = 1 << 13


class Store:
    """The folder of an index.

    Args:
        path: of the folder.
        write: hold the lock; False only reads.

    Raises:
        FormatError: no index is there, or its manifest is damaged or newer than this version.
        SaveError: another writer holds the lock, or the folder cannot be written.

    Example:
        >>> import tempfile
        >>> store = Store.create(tempfile.mkdtemp() + "/index", {"k": 1})
        >>> (store.new_segment() / "vectors").write_bytes(b"any file")
        8
        >>> entry = store.described("segment-000001")
        >>> store.commit([entry])
        >>> Store(store.path).segments[0]["files"]["vectors"][0]
        8
    """

    def __init__(self, path: str | Path, *, write: bool = False) -> None:
        self.path = Path(path)
        self.settings: dict[str, Any] = {}
        self.segments: list[dict[str, Any]] = []
        self.generation = self._number = 0
        self._lock: int | None = None
        self.refresh()
        if write:
            self._lock = _taken(self.path / LOCK)
            self.refresh()
            self._sweep()

    @classmethod
    def create(cls, path: str | Path, settings: Mapping[str, Any]) -> "Store":
        """Make the folder and an empty index in it, open for writing.

        Raises:
            IncompatibleError: something is there already.
            SaveError: the folder cannot be written.
        """
        path = Path(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(name not in (LOCK,) for name in os.listdir(path)):
                raise IncompatibleError(f"{path} must be a new or empty folder: open it to add")
        except OSError as error:
            raise SaveError(error.errno, f"cannot write {path}: {error.strerror}") from error
        lock = _taken(path / LOCK)
        _write(path, {"generation": 0, "number": 0, "settings": dict(settings), "segments": []})
        store = cls(path)
        store._lock = lock
        return store

    @property
    def writing(self) -> bool:
        """Whether this process may change the index."""
        return self._lock is not None

    def refresh(self) -> bool:
        """Read the manifest anew; whether it has changed.

        Raises:
            FormatError: it is not there, damaged, or of a newer version.
        """
        told, before = _read(self.path), self.generation
        try:
            self.generation, self._number = int(told["generation"]), int(told["number"])
            self.settings, self.segments = dict(told["settings"]), list(told["segments"])
        except DAMAGE as error:
            raise FormatError(f"{self.path / MANIFEST}: damaged: {error}") from error
        return self.generation != before

    def new_segment(self) -> Path:
        """A new, empty folder for the files of a segment."""
        self._must_write()
        self._number += 1
        folder = self.path / f"segment-{self._number:06}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def new_file(self, stem: str) -> Path:
        """The path of a new file beside the segments."""
        self._must_write()
        self._number += 1
        return self.path / f"{stem}-{self._number:06}.thrifty"

    def described(self, name: str, **facts: Any) -> dict[str, Any]:
        """The entry of a segment: its name, facts, and the fingerprints of all its files."""
        folder = self.path / name
        files = {path.name: fingerprint(path) for path in sorted(folder.iterdir())}
        return {"name": name, "files": files, **facts}

    def commit(self, segments: list[dict[str, Any]]) -> None:
        """Make these the segments, all at once, and remove the files of those that went.

        Raises:
            SaveError: the disk is full or not writable; the index is as it was.
        """
        self._must_write()
        for entry in segments:
            _settle(self.path / entry["name"])
        told = {
            "generation": self.generation + 1, "number": self._number,
            "settings": self.settings, "segments": segments,
        }  # fmt: skip
        _write(self.path, told)
        self.generation, self.segments = self.generation + 1, segments
        self._sweep()

    def close(self) -> None:
        """Give the lock back; a reader has none."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _must_write(self) -> None:
        if not self.writing:
            raise ValueError("index must be opened with write=True, got a reader")

    def _sweep(self) -> None:
        """Remove what the manifest does not name; readers that have it open keep it."""
        kept = {MANIFEST, LOCK}
        for entry in self.segments:
            kept |= {entry["name"], entry.get("removed")}
        for path in self.path.iterdir():
            if path.name in kept:
                continue
            if path.is_dir() and path.name.startswith("segment-"):
                shutil.rmtree(path, ignore_errors=True)
            elif path.suffix in (".part", ".thrifty"):
                path.unlink(missing_ok=True)


def fingerprint(path: Path) -> list[int]:
    """Size and the checksum of both ends of a file, where its tables stand."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        ends = file.read(EDGE)
        file.seek(max(size - EDGE, 0))
        return [size, zlib.crc32(ends + file.read())]


def _taken(path: Path) -> int:
    """The lock; the system gives it back when the process ends, however it ends."""
    try:
        import fcntl
    except ModuleNotFoundError as error:
        message = f"cannot write {path.parent}: this system has no locks of POSIX; reading works"
        raise SaveError(errno.ENOTSUP, message) from error
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise SaveError(error.errno, f"cannot write {path}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise SaveError(errno.EAGAIN, f"another writer holds the lock {path}") from error
    return lock


def _settle(path: Path) -> None:
    """Have the names in a folder written to the disk."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write(path: Path, told: Mapping[str, Any]) -> None:
    text = json.dumps(told, sort_keys=True)
    whole = {"kind": KIND, "version": VERSION, "crc32": zlib.crc32(text.encode()), "text": text}
    with replacing(path / MANIFEST) as file:
        file.write(json.dumps(whole).encode())
    _settle(path)


def _read(path: Path) -> dict[str, Any]:
    name = path / MANIFEST
    try:
        whole = json.loads(name.read_bytes())
        kind, version, text = whole["kind"], int(whole["version"]), whole["text"]
        if kind == KIND and version <= VERSION and zlib.crc32(text.encode()) == whole["crc32"]:
            return dict(json.loads(text))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FormatError(f"{path} must be the folder of an index, got no {MANIFEST}") from error
    except DAMAGE as error:
        raise FormatError(f"{name}: not a manifest, or damaged: {error}") from error
    if kind == KIND and version > VERSION:
        raise FormatError(f"{name}: version {version} is newer than {VERSION}: update thrifty")
    raise FormatError(f"{name}: not a manifest, or damaged")
