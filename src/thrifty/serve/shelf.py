"""Shelf: the indexes and models that are served, by name, read again when their files change."""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thrifty.core import DataError, FormatError
from thrifty.models.model import FILE

__all__ = ["Served", "Shelf", "open_thing"]

MANIFEST = "manifest.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SAFETENSORS = ".safetensors"
Mark = tuple[tuple[str, int, int, int], ...]


@dataclass
class Served:
    """One thing on the shelf.

    Args:
        name: under which it is asked for.
        path: where it is.
        kind: "index" or "model".
        thing: the `SearchIndex` or `Model`; replaced whole, so who holds it may go on.
        mark: what its files looked like when it was read.
        stale: why a newer state could not be read, or nothing.
        loads: how often it was read.
        again: when what failed is tried again, on `time.monotonic`'s clock.
        delay: seconds to wait after another failure; doubles up to a minute.
    """

    name: str
    path: Path
    kind: str
    thing: Any
    mark: Mark
    stale: str = ""
    loads: int = 1
    again: float = 0.0
    delay: float = 1.0


class Shelf:
    """Everything that is served.

    A name is looked up among those that are there, and never becomes part of a path.

    Args:
        paths: each an index or a model, or "name=path"; else the name is that of the file or
            folder.
        opener: turns a path into a kind and a thing.

    Raises:
        FileNotFoundError: nothing is at a path.
        DataError: a name cannot be used or comes twice, or there is no path.
        FormatError: what is there is no index and no model.

    Example:
        >>> shelf = Shelf(["it=."], lambda path: ("model", path))
        >>> shelf.find("model", "it").name, shelf.find("model", "../it")
        ('it', None)
    """

    def __init__(
        self,
        paths: Iterable[str | Path],
        opener: Callable[[Path], tuple[str, Any]] | None = None,
    ) -> None:
        self._opener = opener or open_thing
        self._served: dict[tuple[str, str], Served] = {}
        for name, path in map(_named, paths):
            served = self._read(name, path)
            key = (served.kind, name)
            if key in self._served:
                raise DataError(f"two {_plural(served.kind)} are named {name!r}: give name=path")
            self._served[key] = served
        if not self._served:
            raise DataError("give at least one index or model to serve")

    def __iter__(self) -> Iterator[Served]:
        return iter(self._served.values())

    def find(self, kind: str, name: str) -> Served | None:
        """What is served under a name, or None."""
        return self._served.get((kind, name))

    def names(self, kind: str) -> list[str]:
        """The names of a kind, in the order they were given."""
        return [served.name for served in self if served.kind == kind]

    def refresh(self, served: Served) -> bool:
        """Read it again if its files have changed since; returns whether it is newer now.

        The old state is served until the new one is read whole, and if that fails. What failed is
        tried again a second later, then two, up to a minute.

        Raises:
            OSError: the new state cannot be read.
            ValueError: the new state is damaged or no longer of its kind.
        """
        mark = marked(served.path)
        if mark == served.mark or time.monotonic() < served.again:
            return False
        try:
            found = self._read(served.name, served.path)
            if found.kind != served.kind:
                raise FormatError(f"{served.path} was an {served.kind}, and is a {found.kind} now")
        except (OSError, ValueError) as error:
            served.stale, served.again = str(error), time.monotonic() + served.delay
            served.delay = min(60.0, 2 * served.delay)
            raise
        served.thing, served.mark = found.thing, found.mark
        served.stale, served.again, served.delay = "", 0.0, 1.0
        served.loads += 1
        return True

    def _read(self, name: str, path: Path) -> Served:
        if not path.exists():
            raise FileNotFoundError(2, "No such file or directory", str(path))
        mark = marked(path)
        kind, thing = self._opener(path)
        return Served(name, path, kind, thing, mark)


def open_thing(path: Path) -> tuple[str, Any]:
    """Open what is at a path, and ask it once so that its kernels are compiled.

    Raises:
        FormatError: it is neither an index nor a model.
    """
    from thrifty import models

    if path.suffix == SAFETENSORS or (path / FILE).is_file():
        model = models.Model.load(path)
        model.predict({}, 1)
        model.explain({}, 1, 1)
        return "model", model
    if not (path / MANIFEST).is_file():
        raise FormatError(f"{path} is neither an index nor a model")
    index = models.SearchIndex.open(path)
    index.search("warm", k=1)
    return "index", index


def marked(path: Path) -> Mark:
    """What the files of a path look like from outside; empty where nothing is."""
    files = [path] if path.suffix == SAFETENSORS else [path / FILE, path / MANIFEST]
    told = []
    for file in files:
        with suppress(FileNotFoundError, NotADirectoryError):
            stat = os.stat(file)
            told.append((file.name, stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return tuple(told)


def _named(path: str | Path) -> tuple[str, Path]:
    name, equal, rest = str(path).partition("=")
    if equal and NAME.fullmatch(name):
        return name, Path(rest)
    found = Path(path)
    name = found.resolve().name.removesuffix(SAFETENSORS)
    if not NAME.fullmatch(name):
        shown = "letters, digits, '.', '_' and '-', else give name=path"
        raise DataError(f"a name must be {shown}, got {name!r}")
    return name, found


def _plural(kind: str) -> str:
    return "indexes" if kind == "index" else f"{kind}s"
