"""Compress folder: made beside where it will be, gone on with after a kill, put there whole."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from thrifty.codec.compressed import MANIFEST
from thrifty.core import DataError, replacing

__all__ = ["Folder", "check_place"]

PLAN = "plan.json"


class Folder:
    """Where a job writes: a hidden folder beside `out`, which becomes `out` when all is done.

    Args:
        out: the folder that there will be; one that an earlier compression made is replaced.
        source: what is compressed; never touched.
        mark: what the job depends on; an unfinished folder of another mark is removed.

    Raises:
        DataError: `out` is the source, inside of it or around it, or holds something else.

    Example:
        >>> import tempfile
        >>> folder = Folder(Path(tempfile.mkdtemp()) / "small", None, "a mark")
        >>> folder.keep({"x": "int8"})
        >>> Folder(folder.out, None, "a mark").kept(), Folder(folder.out, None, "other").kept()
        ({'x': 'int8'}, None)
    """

    def __init__(self, out: str | Path, source: Path | None, mark: str) -> None:
        self.out, self.mark = Path(out), mark
        check_place(self.out, source)
        self.part = self.out.absolute().with_name(f".{self.out.name}.part")
        if self.kept() is None:
            shutil.rmtree(self.part, ignore_errors=True)
        self.part.mkdir(parents=True, exist_ok=True)

    def keep(self, plan: Mapping[str, Any]) -> None:
        """Write down what was decided, so that a run after a kill decides the same."""
        with replacing(self.part / PLAN) as file:
            file.write(json.dumps({"mark": self.mark, "plan": plan}).encode())

    def kept(self) -> dict[str, Any] | None:
        """What an unfinished run of the same mark decided, or None."""
        try:
            found = json.loads((self.part / PLAN).read_bytes())
            return dict(found["plan"]) if found["mark"] == self.mark else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def copy(self, files: Iterable[Path], root: Path) -> list[str]:
        """Copy files into the folder, under their names within `root`."""
        names = []
        for path in files:
            name = path.relative_to(root)
            (self.part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self.part / name)
            names.append(str(name))
        return names

    def install(self) -> Path:
        """Put the folder where it belongs; what stood there goes last."""
        (self.part / PLAN).unlink(missing_ok=True)
        old = self.part.with_name(f".{self.out.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if self.out.exists():
            os.rename(self.out, old)
        os.rename(self.part, self.out)
        shutil.rmtree(old, ignore_errors=True)
        return self.out


def check_place(out: Path, source: Path | None) -> None:
    """Whether a compressed model of a source can go there.

    Raises:
        DataError: `out` is the source, inside of it or around it, or holds something else.
    """
    if source is not None:
        one, two = out.resolve(), source.resolve()
        if one == two or two in one.parents or one in two.parents:
            raise DataError(f"out must lie outside of the model {source}, got {out}")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).exists():
        raise DataError(f"out must be new or an earlier compressed model, got {out}")
    if out.exists() and not out.is_dir():
        raise DataError(f"out must be a folder, got the file {out}")
