"""Tensor writer: a safetensors file written array by array, its header last, whole or not at all.

Room for the header is left in front and filled with spaces, so that nothing has to be known before
the first array and nothing is held after it.
"""

import json
import zlib
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np

from thrifty.codec.tensorfile import code_of
from thrifty.core import DataError, replacing

__all__ = ["TensorWriter"]

CHUNK, SMALL = 1 << 24, 1 << 25
ALIGNED = 64


class TensorWriter:
    """Write arrays one after the other; on an error nothing is left.

    Args:
        path: of the file.
        room: bytes kept for the header; where that is not right, what was written is moved once.

    Example:
        >>> import tempfile
        >>> from thrifty.codec.tensorfile import TensorFile
        >>> path = tempfile.mkdtemp() + "/some.safetensors"
        >>> with TensorWriter(path) as writer:
        ...     writer.add("x", np.arange(4.0))
        ...     writer.add_bytes("y", "F8_E8M0", (2,), [np.zeros(2, np.uint8)])
        ...     writer.metadata["made by"] = "hand"
        >>> file = TensorFile(path)
        >>> file.read("x").tolist(), file.metadata, list(file.tensors)
        ([0.0, 1.0, 2.0, 3.0], {'made by': 'hand'}, ['x', 'y'])
    """

    def __init__(self, path: str | Path, *, room: int = 4096) -> None:
        self.path, self.metadata = Path(path), dict[str, str]()
        self.sums = dict[str, int]()  # crc32 of each array
        self._table, self._end = dict[str, Any](), 0
        self._start = -(-(8 + room) // ALIGNED) * ALIGNED
        self._whole = ExitStack()
        self._file: Any = None

    def __enter__(self) -> Self:
        self._file = self._whole.enter_context(replacing(self.path))
        self._whole.push(self._finish)
        self._file.seek(self._start)
        return self

    def __exit__(self, *error: Any) -> None:
        self._whole.__exit__(*error)

    @property
    def nbytes(self) -> int:
        """Bytes of the file so far, the room of its header among them."""
        return self._start + self._end

    def add(self, name: str, array: np.ndarray) -> None:
        """Write an array.

        Raises:
            DataError: an array of this name is there.
            TypeError: a dtype that the format has not.
        """
        flat = np.ascontiguousarray(array).reshape(-1)
        self.add_bytes(name, code_of(flat.dtype), np.shape(array), [flat.view(np.uint8)])

    def add_bytes(
        self, name: str, code: str, shape: tuple[int, ...], chunks: Iterable[np.ndarray]
    ) -> None:
        """Write an array of any dtype as bytes that come in parts.

        Args:
            name: of the array.
            code: its dtype as the format names it.
            shape: of the array.
            chunks: its bytes in order, uint8.

        Raises:
            DataError: an array of this name is there.
        """
        if name in self._table or name == "__metadata__":
            raise DataError(f"names of arrays must differ, got {name!r} twice")
        first, total = self._end, 0
        for chunk in chunks:
            total = zlib.crc32(chunk.data, total)
            self._file.write(chunk.data)
            self._end += chunk.size
        place = [first, self._end]
        self._table[name] = {"dtype": code, "shape": list(shape), "data_offsets": place}
        self.sums[name] = total

    def _finish(self, error: object, *rest: object) -> None:
        """Write the header, unless what came before failed."""
        if error is not None:
            return
        head = {"__metadata__": self.metadata} if self.metadata else {}
        text = json.dumps({**head, **self._table}, separators=(",", ":")).encode()
        start = -(-(8 + len(text)) // ALIGNED) * ALIGNED
        if start > self._start or (start < self._start and self._end < SMALL):
            self._move(start)
        text += b" " * (self._start - 8 - len(text))
        self._file.seek(0)
        self._file.write(len(text).to_bytes(8, "little") + text)

    def _move(self, start: int) -> None:
        """Shift what was written, to leave more room in front, or less."""
        self._file.flush()
        places = range(0, self._end, CHUNK)
        with open(self._file.name, "rb") as reading:
            for place in reversed(places) if start > self._start else places:
                reading.seek(self._start + place)
                data = reading.read(min(CHUNK, self._end - place))
                self._file.seek(start + place)
                self._file.write(data)
                self._file.flush()
        self._file.truncate(start + self._end)
        self._start = start
