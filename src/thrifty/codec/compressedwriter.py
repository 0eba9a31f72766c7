"""Compressed writer: a compressed model written tensor by tensor; what is finished stays.

Files of a few hundred megabytes are finished one by one, so that a run that was killed goes on
behind the last of them; the folder is no model before `finish`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from thrifty.codec.codec import Encoded
from thrifty.codec.compressed import FORMAT, MANIFEST, VERSION, Entry, parts_of
from thrifty.codec.tensorfile import TensorFile
from thrifty.codec.tensorwriter import TensorWriter
from thrifty.core import FormatError, replacing

__all__ = ["AT_ONCE", "ROOM", "CompressedWriter"]

AT_ONCE = 256_000_000
ROOM = 16_384
Rows = tuple[int, int]


class CompressedWriter:
    """Write a compressed model into a folder.

    Args:
        folder: to write to; files that an earlier writer finished there are gone on with.
        at_once: bytes of a file, about; a tensor is never split over two.

    Example:
        >>> import tempfile
        >>> from thrifty.codec.compressed import CompressedTensors
        >>> with CompressedWriter(tempfile.mkdtemp()) as writer:
        ...     writer.keep("x", "F32", (3,), [np.arange(3, dtype=np.float32).view(np.uint8)])
        ...     writer.finish({}, {}, {})
        >>> CompressedTensors(writer.folder).decode("x").tolist()
        [0.0, 1.0, 2.0]
    """

    def __init__(self, folder: str | Path, *, at_once: int = AT_ONCE) -> None:
        self.folder, self.at_once = Path(folder), at_once
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files, self.entries = list[str](), dict[str, Entry]()
        self._rows, self._writer = dict[str, Any](), None
        self._writer: TensorWriter | None = None
        self._resume()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.__exit__(*error)

    @property
    def nbytes(self) -> int:
        """Bytes of the finished files."""
        return sum((self.folder / name).stat().st_size for name in self.files)

    def add(
        self,
        name: str,
        code: str,
        shape: tuple[int, ...],
        setting: str,
        pieces: Iterable[tuple[Rows, Encoded]],
    ) -> int:
        """Write an encoded tensor; returns the bytes of its arrays.

        Args:
            name: of the tensor.
            code: its dtype as safetensors names it.
            shape: of the tensor.
            setting: name of how it was compressed.
            pieces: its rows and what they became, in order.

        Raises:
            DataError: a tensor of this name was written.
        """
        writer, told, total = self._current(), [], 0
        for number, (rows, encoded) in enumerate(pieces):
            arrays = encoded.arrays()
            for array in arrays:
                writer.add(f"{name}:{number}:{array}", arrays[array])
            told.append({"rows": list(rows), "spec": encoded.spec(), "arrays": list(arrays)})
            total += encoded.nbytes
        self._rows[name] = _row(code, shape, setting, told)
        self._cut()
        return total

    def keep(
        self, name: str, code: str, shape: tuple[int, ...], chunks: Iterable[np.ndarray]
    ) -> None:
        """Write a tensor as it is, from parts of its bytes.

        Raises:
            DataError: a tensor of this name was written.
        """
        self._current().add_bytes(name, code, shape, chunks)
        self._rows[name] = _row(code, shape, "kept", [])
        self._cut()

    def finish(
        self, aliases: Mapping[str, str], metadata: Mapping[str, Any], about: Mapping[str, Any]
    ) -> None:
        """Finish the last file and name all of them; the folder is a model then.

        Args:
            aliases: tensors that are the same as another, by name.
            metadata: of the files that were compressed.
            about: what else a reader should know, as JSON can hold it.
        """
        self._close()
        told = {"format": FORMAT, "version": VERSION, "files": self.files}
        told |= {"aliases": dict(aliases), "metadata": dict(metadata), "about": dict(about)}
        with replacing(self.folder / MANIFEST) as file:
            file.write(json.dumps(told).encode())

    def _resume(self) -> None:
        while (path := self.folder / self._name()).exists():
            try:
                entries, _ = parts_of(TensorFile(path), len(self.files))
            except FormatError:
                return  # it is written anew
            self.files.append(path.name)
            self.entries |= entries

    def _name(self) -> str:
        return f"compressed-{len(self.files) + 1:05}.safetensors"

    def _current(self) -> TensorWriter:
        if self._writer is None:
            self._writer = TensorWriter(self.folder / self._name(), room=ROOM).__enter__()
        return self._writer

    def _cut(self) -> None:
        if self._writer is not None and self._writer.nbytes >= self.at_once:
            self._close()

    def _close(self) -> None:
        """Finish the file that is being written, if any."""
        if self._writer is None:
            return
        about = {"format": FORMAT, "version": VERSION, "tensors": self._rows}
        about["crc32"] = self._writer.sums
        self._writer.metadata["thrifty"] = json.dumps(about, separators=(",", ":"))
        self._writer.__exit__(None, None, None)
        self._writer, self._rows = None, {}
        entries, _ = parts_of(TensorFile(self.folder / self._name()), len(self.files))
        self.files.append(self._name())
        self.entries |= entries


def _row(code: str, shape: tuple[int, ...], setting: str, pieces: list[Any]) -> dict[str, Any]:
    return {"dtype": code, "shape": list(shape), "setting": setting, "pieces": pieces}
