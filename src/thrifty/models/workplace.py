"""Workplace: the folder where an unfinished run keeps what it needs to go on after a kill."""

import json
import os
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from thrifty import __version__
from thrifty.core import FormatError, load, save

__all__ = ["Kept", "Workplace", "fingerprint", "named", "of"]

KIND, VERSION = "training-state", 1
NAME = ".work"
Arrays = Mapping[str, np.ndarray]
State = tuple[dict[str, Any], dict[str, np.ndarray]]


def fingerprint(files: list[Any], settings: Mapping[str, Any]) -> str:
    """What a run depends on, as a short text: the same files and settings give the same.

    Args:
        files: of a `Source`; name, bytes, and time of change where it has one.
        settings: everything that decides the result, as JSON can hold it.

    Example:
        >>> fingerprint([], {"seed": 1}) == fingerprint([], {"seed": 1})
        True
        >>> fingerprint([], {"seed": 1}) == fingerprint([], {"seed": 2})
        False
    """
    found = [(file.name, file.nbytes, _changed(file.name)) for file in files]
    text = json.dumps([__version__, found, settings], sort_keys=True, default=str)
    return f"{zlib.crc32(text.encode()):08x}{zlib.adler32(text.encode()):08x}"


def _changed(name: str) -> int | None:
    try:
        return os.stat(name).st_mtime_ns
    except OSError:
        return None


class Workplace:
    """A folder for one unfinished run; what another run left there is removed.

    Args:
        out: the folder of the model; the workplace is ".work" in it.
        mark: the fingerprint of the run.

    Example:
        >>> import tempfile
        >>> place = Workplace(tempfile.mkdtemp(), "abc")
        >>> place.keep("first", {"rows": 3}, {})
        >>> place.find("first")[0]["rows"], place.find("second")
        (3, None)
        >>> place.remove()
    """

    def __init__(self, out: str | Path, mark: str) -> None:
        self.folder, self.mark = Path(out) / NAME, mark
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Where a file of that name is."""
        return self.folder / name

    def keep(self, name: str, header: Mapping[str, Any], arrays: Arrays) -> None:
        """Write a state, whole or not at all.

        Raises:
            SaveError: the disk is full or not writable.
        """
        marked = {"mark": self.mark, "state": dict(header)}
        save(self.path(name), kind=KIND, version=VERSION, header=marked, arrays=arrays)

    def find(self, name: str, into: Arrays | None = None) -> State | None:
        """A state of this very run, or None where there is none that can be read.

        Args:
            name: as it was kept.
            into: arrays to read those of the same name into; see `core.load`.
        """
        try:
            header, arrays = load(self.path(name), kind=KIND, version=VERSION, into=into)
        except (OSError, FormatError):
            return None
        return (header["state"], arrays) if header.get("mark") == self.mark else None

    def clear(self) -> None:
        """Remove everything, but keep the folder."""
        self.remove()
        self.folder.mkdir(parents=True, exist_ok=True)

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Kept:
    """The best epoch so far on disk, read back into the live arrays so nothing is held twice.

    Args:
        place: where to.
        live: gives the live arrays by name.
    """

    def __init__(self, place: Workplace, live: Any) -> None:
        self.place, self.live = place, live

    def save(self, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Write a state.

        Raises:
            SaveError: the disk is full or not writable.
        """
        self.place.keep("best", header, arrays)

    def load(self) -> State:
        """Read it back.

        Raises:
            FormatError: it is not there or damaged.
        """
        found = self.place.find("best", into=self.live())
        if found is None:
            raise FormatError(f"{self.place.path('best')}: the best epoch is lost or damaged")
        return found


def named(name: str, arrays: Arrays) -> dict[str, np.ndarray]:
    """Arrays of a part under names that say whose they are; `of` is the inverse.

    Example:
        >>> list(named("target", {"counts": np.zeros(1)}))
        ['target/counts']
    """
    return {f"{name}/{key}": array for key, array in arrays.items()}


def of(name: str, arrays: Arrays) -> dict[str, np.ndarray]:
    """The arrays of a part, among those of others, under its own names for them."""
    start = f"{name}/"
    return {k.removeprefix(start): a for k, a in arrays.items() if k.startswith(start)}
