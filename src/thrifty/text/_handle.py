"""Handle: an index on disk that is open: its snapshot, and its writer if it has one."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from thrifty.core import DAMAGE, FormatError, parse_bytes, whole
from thrifty.text._merge import merged
from thrifty.text._textscoring import Scoring
from thrifty.text._writer import Extras, Writer
from thrifty.text.analyzer import Analyzer
from thrifty.text.snapshot import Snapshot
from thrifty.text.store import Store

__all__ = ["LARGEST", "Handle"]

MANY = 10  # segments, before the small ones are merged at a commit
TRIES = 5
LARGEST = 1 << 40


class Handle:
    """What reading and writing share: see `TextIndex`."""

    def __init__(self, store: Store, *, memory: int | str = "256 MB", extras: Extras | None = None):
        try:
            self._analyzer = Analyzer.restore(store.settings["analyzer"])
            self._scoring = Scoring(store.settings)
        except DAMAGE as error:
            raise FormatError(f"{store.path}: settings are damaged: {error}") from error
        self._store, self._lock = store, threading.RLock()
        self._snapshot = Snapshot(store, self._analyzer, self._scoring)
        self._writer: Writer | None = None
        if store.writing:
            self._writer = Writer(
                store, self._analyzer, self._scoring, parse_bytes(memory), extras
            )  # fmt: skip

    @classmethod
    def _opened(cls, path: str | Path, write: bool, **how: Any) -> Self:
        """Open what the newest manifest names, which a writer may be replacing."""
        for attempt in range(TRIES):
            store = Store(path, write=write)
            try:
                return cls(store, **how)
            except FormatError:
                store.close()
                if attempt + 1 == TRIES or not _changed(path, store):
                    raise  # else: a writer has replaced segments since the manifest was read
            except BaseException:
                store.close()
                raise
        raise AssertionError

    def close(self) -> None:
        """Give the lock back; what was not committed is forgotten."""
        self._writer = None
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *how: object) -> None:
        self.close()

    def commit(self) -> None:
        """Make what was added and removed the index, all at once.

        Raises:
            SaveError: the disk is full or not writable; the index is as it was.
            ValueError: the index is open for reading.
        """
        with self._lock:
            writer = self._writing()
            writer.commit()
            if len(writer.entries) > MANY:
                small = sorted(writer.segments, key=len)[: len(writer.entries) - MANY // 2]
                self._merge([segment.name for segment in small])
            self._snapshot = Snapshot(self._store, self._analyzer, self._scoring)

    def merge(self, segments: int = 1) -> None:
        """Commit, and join the smallest segments until there are no more than so many.

        Raises:
            ValueError: segments is below 1, or the index is open for reading.
        """
        with self._lock:
            writer, most = self._writing(), whole("segments", segments, 1, LARGEST)
            writer.commit()
            names = [segment.name for segment in sorted(writer.segments, key=len)]
            loose = any(segment.alive.size for segment in writer.segments)
            if len(names) > most or loose:
                self._merge(names[: len(names) - most + 1] if most > 1 else names)
            self._snapshot = Snapshot(self._store, self._analyzer, self._scoring)

    def _merge(self, names: Sequence[str]) -> None:
        writer = self._writing()
        writer.entries = merged(self._store, writer.segments, names, self._scoring, writer.extras)
        writer.segments = Snapshot(self._store, self._analyzer, self._scoring).segments

    def _writing(self) -> Writer:
        if self._writer is None:
            raise ValueError("index must be opened with write=True, got a reader")
        return self._writer

    def refresh(self) -> bool:
        """Go to the newest commit; whether there was one. Searches that run stay on theirs."""
        with self._lock:
            for attempt in range(TRIES):
                if not self._store.refresh() and not attempt:
                    return False
                try:
                    self._snapshot = Snapshot(self._store, self._analyzer, self._scoring)
                    return True
                except FormatError:
                    if attempt + 1 == TRIES:
                        raise
            raise AssertionError


def _changed(path: str | Path, store: Store) -> bool:
    return Store(path).generation != store.generation
