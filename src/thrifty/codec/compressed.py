"""Compressed: the tensors of a model in a folder, each encoded by a codec or kept as it is.

The folder holds safetensors files whose arrays are codes, scales and tensors that were kept; the
metadata of each file says how its tensors come back, and `compressed.json` names the files.
"""

import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from thrifty.codec._buffers import dtype_named
from thrifty.codec.codec import Encoded
from thrifty.codec.tensorfile import BITS, TensorFile, TensorInfo
from thrifty.core import DAMAGE, FormatError

__all__ = ["FORMAT", "MANIFEST", "VERSION", "CompressedTensors", "Entry", "Piece", "parts_of"]

FORMAT, VERSION, MANIFEST = "compressed-tensors", 1, "compressed.json"


@dataclass(frozen=True)
class Piece:
    """Some rows of a tensor, encoded.

    Args:
        rows: first and behind the last; (0, 0) for a tensor of no axis.
        spec: of its `Encoded`.
        arrays: names of its arrays, under which the file has them as "<tensor>:<number>:<array>".
    """

    rows: tuple[int, int]
    spec: dict[str, Any]
    arrays: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A tensor of a compressed model.

    Args:
        code: its dtype as safetensors names it.
        shape: of the tensor.
        setting: name of how it was compressed.
        file: number of the file it is in.
        pieces: of it in order of their rows; none for a tensor that was kept as it is.
    """

    code: str
    shape: tuple[int, ...]
    setting: str
    file: int
    pieces: tuple[Piece, ...] = field(default=())

    @property
    def info(self) -> TensorInfo:
        """What a plain file would say of it, without its place."""
        bits = BITS.get(self.code, 8)
        return TensorInfo(self.code, self.shape, 0, math.prod(self.shape) * bits // 8)


class CompressedTensors:
    """A compressed model, opened; tensors are decoded when they are asked for.

    Args:
        folder: that compression wrote.

    Raises:
        FormatError: it is damaged, newer than this version, or none.
        FileNotFoundError: no such folder, or it has no `compressed.json`.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        manifest = _manifest(self.folder / MANIFEST)
        try:
            self.aliases = {str(k): str(v) for k, v in manifest["aliases"].items()}
            self.metadata: dict[str, Any] = dict(manifest["metadata"])
            self.about: dict[str, Any] = dict(manifest["about"])
            names = [_inside(name) for name in manifest["files"]]
        except DAMAGE as error:
            raise FormatError(f"{self.folder / MANIFEST} is damaged: {error!r}") from error
        self._files, self._sums = list[TensorFile](), list[dict[str, int]]()
        self.entries: dict[str, Entry] = {}
        for name in names:
            self._open(self.folder / name)
        lost = [name for name, other in self.aliases.items() if other not in self.entries]
        if lost:
            raise FormatError(f"{self.folder}: tensor {lost[0]!r} is the same as one not there")

    @classmethod
    def unfinished(cls, folder: Path, files: Iterable[str]) -> "CompressedTensors":
        """What a writer has finished of a folder that is no model yet.

        Args:
            folder: that it writes to.
            files: names of those that are finished.

        Raises:
            FormatError: one is damaged.
        """
        made = cls.__new__(cls)
        made.folder, made.aliases, made.metadata, made.about = folder, {}, {}, {}
        made._files, made._sums, made.entries = [], [], {}
        for name in files:
            made._open(folder / name)
        return made

    def _open(self, path: Path) -> None:
        file = TensorFile(path)
        entries, sums = parts_of(file, len(self._files))
        self._files.append(file)
        self._sums.append(sums)
        twice = entries.keys() & self.entries.keys()
        if twice:
            raise FormatError(f"{path}: tensor {min(twice)!r} is in two files")
        self.entries |= entries

    @property
    def nbytes(self) -> int:
        """Bytes of the files of tensors and of what names them."""
        return (self.folder / MANIFEST).stat().st_size + sum(f.nbytes for f in self._files)

    @property
    def files(self) -> list[Path]:
        """The files of tensors."""
        return [file.path for file in self._files]

    def names(self) -> list[str]:
        """All tensors; those that are the same as another come last."""
        return [*self.entries, *self.aliases]

    def entry(self, name: str) -> Entry:
        """What is known of a tensor without reading it.

        Raises:
            KeyError: there is none of this name.
        """
        return self.entries[self.aliases.get(name, name)]

    def encoded(self, name: str) -> Iterator[tuple[tuple[int, int], Encoded]]:
        """The pieces of a tensor: first row and the one behind the last, and what is encoded."""
        name = self.aliases.get(name, name)
        entry = self.entries[name]
        for number, piece in enumerate(entry.pieces):
            stored = {a: self._array(entry.file, f"{name}:{number}:{a}") for a in piece.arrays}
            try:
                yield piece.rows, Encoded.restore(piece.spec, stored)
            except DAMAGE as error:
                raise FormatError(f"tensor {name!r} is damaged: {error}") from error

    def decode(self, name: str) -> np.ndarray:
        """A tensor again; one of a dtype that NumPy has not, as its bytes.

        Raises:
            FormatError: its bytes are damaged.
            KeyError: there is none of this name.
        """
        name, entry = self.aliases.get(name, name), self.entry(name)
        if not entry.pieces:
            return self._array(entry.file, name)
        dtype = entry.info.dtype
        if dtype is None:
            raise FormatError(f"tensor {name!r} of {entry.code} cannot have been encoded")
        parts = list(self.chunks(name))
        if len(parts) == 1:
            return parts[0].reshape(entry.shape)
        return np.concatenate(parts).reshape(entry.shape)

    def chunks(self, name: str) -> Iterator[np.ndarray]:
        """The parts of a tensor, one after the other; of one that was kept, its bytes.

        Raises:
            FormatError: its bytes are damaged.
        """
        entry = self.entry(name)
        if not entry.pieces:
            yield from self._kept(self.aliases.get(name, name), entry)
        done, dtype = 0, entry.info.dtype
        for (first, last), encoded in self.encoded(name):
            wanted = (last - first, *entry.shape[1:]) if entry.shape else ()
            fits = first == done <= last and encoded.size == math.prod(wanted)
            if not fits or dtype_named(encoded.dtype) != dtype:
                raise FormatError(f"tensor {name!r} is damaged: rows {first}..{last}")
            done = last
            try:
                yield encoded.decode().reshape(wanted)
            except DAMAGE as error:
                raise FormatError(f"tensor {name!r} is damaged: {error}") from error
        if entry.pieces and done != (entry.shape[0] if entry.shape else 0):
            raise FormatError(f"tensor {name!r} is damaged: {done} of {entry.shape[0]} rows")

    def stored(self, name: str) -> int:
        """Bytes of the arrays of a tensor in the file."""
        entry = self.entry(name)
        name, table = self.aliases.get(name, name), self._files[entry.file].tensors
        if not entry.pieces:
            return table[name].nbytes
        pieces = enumerate(entry.pieces)
        return sum(table[f"{name}:{n}:{a}"].nbytes for n, piece in pieces for a in piece.arrays)

    def _kept(self, name: str, entry: Entry) -> Iterator[np.ndarray]:
        total = 0
        for chunk in self._files[entry.file].chunks(name):
            total = zlib.crc32(chunk.data, total)
            yield chunk
        if total != self._sums[entry.file].get(name):
            raise FormatError(f"tensor {name!r} is damaged: checksum does not match")

    def _array(self, file: int, name: str) -> np.ndarray:
        if name not in self._files[file].tensors:
            raise FormatError(f"{self._files[file].path}: array {name!r} is missing")
        array = self._files[file].read(name)
        if zlib.crc32(array.reshape(-1).view(np.uint8).data) != self._sums[file].get(name):
            raise FormatError(f"array {name!r} is damaged: checksum does not match")
        return array


def parts_of(file: TensorFile, number: int = 0) -> tuple[dict[str, Entry], dict[str, int]]:
    """The tensors of one file of a compressed model, and the checksums of its arrays.

    Args:
        file: opened.
        number: of the file in its folder.

    Raises:
        FormatError: it is no such file, damaged, or newer than this version.
    """
    try:
        about = json.loads(file.metadata["thrifty"])
        _known(about, file.path)
        entries = {name: _entry(row, number) for name, row in about["tensors"].items()}
        sums = {str(name): int(value) for name, value in about["crc32"].items()}
    except FormatError:
        raise
    except DAMAGE as error:
        raise FormatError(f"{file.path}: not a compressed model, or damaged: {error!r}") from error
    for name, entry in entries.items():
        kept = file.tensors.get(name)
        if not entry.pieces and (
            kept is None or (kept.code, kept.shape) != (entry.code, entry.shape)
        ):
            raise FormatError(f"{file.path}: tensor {name!r} is missing")
    return entries, sums


def _entry(row: Mapping[str, Any], number: int) -> Entry:
    pieces = tuple(
        Piece(
            (int(piece["rows"][0]), int(piece["rows"][1])),
            dict(piece["spec"]),
            tuple(map(str, piece["arrays"])),
        )
        for piece in row["pieces"]
    )
    shape = tuple(int(size) for size in row["shape"])
    if min(shape, default=0) < 0:
        raise FormatError(f"shape must be sizes, got {row['shape']}")
    return Entry(str(row["dtype"]), shape, str(row["setting"]), number, pieces)


def _manifest(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
        _known(found, path)
    except FormatError:
        raise
    except DAMAGE as error:
        raise FormatError(f"{path} is damaged: {error}") from error
    return found


def _known(about: Any, path: Path) -> None:
    if about["format"] != FORMAT:
        raise FormatError(f"{path}: this holds {about['format']!r}, expected {FORMAT!r}")
    if int(about["version"]) > VERSION:
        raise FormatError(
            f"{path}: {FORMAT} version {about['version']} is newer than {VERSION}: update thrifty"
        )


def _inside(name: Any) -> str:
    """A name of a file in the folder itself, never a way out of it."""
    if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
        raise FormatError(f"name of a file must be one in the folder, got {name!r}")
    return name
