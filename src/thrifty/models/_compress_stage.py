"""Compress stage: a smaller model of transformers beside where its compressed form will be."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from thrifty.codec.tensorwriter import TensorWriter
from thrifty.core import DataError, replacing
from thrifty.models.checkpoint import CONFIG, Checkpoint

__all__ = ["Stage"]

DONE = ".shrunk.json"  # hidden: it is not copied
NUMBERS = ("float64", "float32", "float16", "bfloat16")


class Stage:
    """A hidden folder beside `out` that holds the smaller model until its codes are written.

    Args:
        out: the folder that there will be.
        mark: what the smaller model depends on.

    Example:
        >>> import tempfile
        >>> stage = Stage(Path(tempfile.mkdtemp()) / "small", "a mark")
        >>> stage.begin()
        >>> stage.finish({"layers": []})
        >>> Stage(stage.out, "a mark").facts(), Stage(stage.out, "other").facts()
        ({'layers': []}, None)
    """

    def __init__(self, out: str | Path, mark: str) -> None:
        self.out, self.mark = Path(out), mark
        self.path = _beside(self.out, "shrunk")

    def facts(self) -> dict[str, Any] | None:
        """What an earlier run of the same mark made, if it made all of it."""
        try:
            found = json.loads((self.path / DONE).read_bytes())
            return dict(found["facts"]) if found["mark"] == self.mark else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self) -> None:
        """Start anew: what an earlier run made goes, and what it encoded of that."""
        self.clear(self.out)
        shutil.rmtree(_beside(self.out, "part"), ignore_errors=True)
        self.path.mkdir(parents=True)

    def finish(self, facts: Mapping[str, Any]) -> None:
        """All is made: what is told of it."""
        with replacing(self.path / DONE) as file:
            file.write(json.dumps({"mark": self.mark, "facts": facts}).encode())

    @staticmethod
    def clear(out: str | Path) -> None:
        """Remove the stage beside a folder, if there is one."""
        shutil.rmtree(_beside(Path(out), "shrunk"), ignore_errors=True)

    def copy(self, source: Checkpoint, config: Mapping[str, Any] | None) -> None:
        """Copy what stands beside the tensors, other numbers in the config.

        Args:
            source: of it.
            config: numbers to write; None to leave the config out.
        """
        for path in source.extras():
            name = path.relative_to(source.path)
            if str(name) == CONFIG:
                continue
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self.path / name)
        if config is not None:
            found = json.loads((source.path / CONFIG).read_bytes())
            with replacing(self.path / CONFIG) as file:
                file.write(json.dumps({**found, **config}, indent=2).encode())

    def write(
        self,
        source: Checkpoint,
        arrays: Mapping[str, Callable[[np.dtype], np.ndarray]],
        found: Callable[[str], str | None],
        needed: Iterable[str],
    ) -> None:
        """Write all tensors of a checkpoint under their names, some of them anew.

        Args:
            source: of the others.
            arrays: by the names of a module: of a dtype, the array that stands there now.
            found: of a name of the checkpoint, that of the module.
            needed: names of the module that must have a place.

        Raises:
            DataError: a tensor has no place in the checkpoint, or stands there as codes.
        """
        left = set(needed)
        with TensorWriter(self.path / "model.safetensors") as writer:
            writer.metadata |= source.metadata
            for name, info in source.tensors.items():
                key = found(name)
                dtype = info.dtype
                if key not in arrays or dtype is None or dtype.name not in NUMBERS:
                    writer.add_bytes(name, info.code, info.shape, source.chunks(name))
                    continue
                writer.add(name, arrays[str(key)](dtype))
                left.discard(str(key))
        if left:
            raise DataError(f"tensor {min(left)!r} has no place in {source.path}")


def _beside(out: Path, kind: str) -> Path:
    return out.absolute().with_name(f".{out.name}.{kind}")
