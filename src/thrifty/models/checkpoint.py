"""Checkpoint: the weights of a model where they lie: a file, a folder, or a model of ours."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from thrifty.codec.tensorfile import TensorFile, TensorInfo
from thrifty.core import DataError, FormatError

__all__ = ["OURS", "WEIGHTS", "Checkpoint"]

OURS, LINEAR = "wide-model", "linear.weights"
INDEX, CONFIG = "model.safetensors.index.json", "config.json"
WEIGHTS = {".safetensors", ".bin", ".pt", ".pth", ".h5", ".msgpack", ".onnx", ".gguf", ".ot"}
PICKLED = {".bin", ".pt", ".pth"}
LARGEST_EXTRA = 64_000_000
SAMPLE, CHUNK = 4096, 1 << 24
DAMAGE = (AttributeError, KeyError, RecursionError, TypeError, ValueError)


class Checkpoint:
    """Tensors in one safetensors file or several, found by their names; read in parts.

    Args:
        path: a safetensors file; or a folder as transformers writes it (`model.safetensors`, or
            an index of several files); or a model that thrifty trained. It is never written to.

    Raises:
        FormatError: a file is cut, its header lies, or the index names what is not there.
        DataError: the folder has no safetensors file.
        FileNotFoundError: nothing is there.

    Example:
        >>> import tempfile
        >>> from thrifty.core import save
        >>> path = tempfile.mkdtemp() + "/one.safetensors"
        >>> save(path, kind="demo", version=1, header={}, arrays={"x": np.zeros((2, 3))})
        >>> opened = Checkpoint(path)
        >>> opened.tensors["x"].shape, opened.kind, opened.ours
        ((2, 3), 'file', 'demo')
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        whole = self.path.is_dir()
        self.kind = "folder" if whole else "file"
        self.files = [TensorFile(found) for found in (_files(self.path) if whole else [self.path])]
        self.tensors: dict[str, TensorInfo] = {}
        self._home: dict[str, TensorFile] = {}
        for file in self.files:
            twice = self.tensors.keys() & file.tensors.keys()
            if twice:
                raise FormatError(f"{file.path}: tensor {min(twice)!r} is in two files")
            self.tensors |= file.tensors
            self._home |= dict.fromkeys(file.tensors, file)
        _check_index(self.path / INDEX, self._home)
        if self.ours == OURS:  # its file keeps bfloat16 as words of 16 bits
            words = {n: i for n, i in self.tensors.items() if i.code == "U16" and _words(n, i)}
            self.tensors |= {name: replace(info, code="BF16") for name, info in words.items()}

    @property
    def steady(self) -> frozenset[str]:
        """Arrays of one axis in a model of ours that are no weights: counts, sums, biases."""
        if self.ours != OURS:
            return frozenset()
        flat = (name for name, info in self.tensors.items() if len(info.shape) == 1)
        return frozenset(name for name in flat if not name.endswith(LINEAR))

    @property
    def nbytes(self) -> int:
        """Bytes of the files of tensors."""
        return sum(file.nbytes for file in self.files)

    @property
    def metadata(self) -> dict[str, str]:
        """What stands in the first file beside its tensors."""
        return self.files[0].metadata if self.files else {}

    @property
    def ours(self) -> str | None:
        """The kind of a file that thrifty wrote, such as "wide-model"; else None."""
        try:
            return str(json.loads(self.metadata["thrifty"])["format"])
        except DAMAGE:
            return None

    @cached_property
    def architecture(self) -> str | None:
        """The class of transformers that the folder's config names, if it does."""
        try:
            return str(json.loads((self.path / CONFIG).read_bytes())["architectures"][0])
        except (*DAMAGE, IndexError, OSError):
            return None

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Some rows of a tensor; see `TensorFile.read`."""
        found, dtype = self._home[name].read(name, start, stop), self.tensors[name].dtype
        return found if dtype is None else found.view(dtype)

    def chunks(self, name: str) -> Iterator[np.ndarray]:
        """All bytes of a tensor, some megabytes at a time."""
        return self._home[name].chunks(name)

    def extras(self) -> list[Path]:
        """Files of the folder that are no weights, such as config and tokenizer."""
        if self.kind == "file":
            return []
        inside = (p for p in self.path.rglob("*") if p.is_file() and not _hidden(p, self.path))
        return sorted(
            p
            for p in inside
            if p.suffix not in WEIGHTS and p.name != INDEX and p.stat().st_size <= LARGEST_EXTRA
        )

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Tensors that hold the same bytes as an earlier one, and which."""
        seen: dict[tuple[Any, ...], list[str]] = {}
        found = {}
        for name, info in self.tensors.items():
            if info.nbytes < SAMPLE:
                continue
            alike = seen.setdefault((info.code, info.shape, self._sample(name)), [])
            same = next((other for other in alike if self._same(name, other)), None)
            if same is None:
                alike.append(name)
            else:
                found[name] = same
        return found

    def _sample(self, name: str) -> bytes:
        file, total = self._home[name], self.tensors[name].nbytes
        places = {0, (total - SAMPLE) // 2, total - SAMPLE}
        return b"".join(file.bytes_of(name, p, p + SAMPLE).tobytes() for p in sorted(places))

    def _same(self, name: str, other: str) -> bool:
        pairs = zip(self.chunks(name), self.chunks(other), strict=True)
        return all(np.array_equal(one, two) for one, two in pairs)


def _files(folder: Path) -> list[Path]:
    """The safetensors files of a folder that hold its weights."""
    if (folder / INDEX).exists():
        named = _weight_map(folder / INDEX).values()
        return [folder / name for name in dict.fromkeys(named)]
    if (folder / "model.safetensors").exists():
        return [folder / "model.safetensors"]
    found = sorted(folder.glob("*.safetensors"))
    if len(found) == 1:
        return found
    if found:
        raise DataError(f"{folder}: {len(found)} safetensors files and no {INDEX} that joins them")
    pickled = sorted(p.name for p in folder.iterdir() if p.suffix in PICKLED)
    beside = f", only {pickled[0]}, which could run code: save it as safetensors" if pickled else ""
    raise DataError(f"{folder}: no safetensors file in it{beside}")


def _words(name: str, info: TensorInfo) -> bool:
    """Whether words of 16 bits are bfloat16: those of tables and of the linear path."""
    return len(info.shape) == 2 or name.endswith(LINEAR)


def _weight_map(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_bytes())["weight_map"]
        names = set(found.values())
    except DAMAGE as error:
        raise FormatError(f"{path} is damaged: {error!r}") from error
    bad = [n for n in names if not isinstance(n, str) or Path(n).name != n or n in (".", "..")]
    if bad or not names:
        raise FormatError(f"{path}: names of files must be ones in the folder, got {bad[:1]}")
    return found


def _check_index(path: Path, home: dict[str, TensorFile]) -> None:
    """What an index promises is where it says."""
    if not path.exists():
        return
    for name, file in _weight_map(path).items():
        if name not in home or home[name].path.name != file:
            raise FormatError(f"{path}: tensor {name!r} is not in {file}")


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
