"""Tensor file: the tensors of a safetensors file of any dtype, read in parts, never trusted.

What its header says is checked as the format's own reader does: places fill the file without holes
or overlaps, shapes fill their places, no name stands twice. Reading takes the memory of the part
that is read, so a file may be larger than memory.
"""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thrifty.codec._buffers import DTYPES
from thrifty.core import DAMAGE, FormatError

__all__ = ["CODES", "MAX_HEADER", "TensorFile", "TensorInfo", "code_of"]

MAX_HEADER = 100_000_000
NAMES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "F16": "float16",
    "BF16": "bfloat16", "U32": "uint32", "I32": "int32", "F32": "float32", "F64": "float64",
    "U64": "uint64", "I64": "int64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip
CODES = {DTYPES[name]: code for code, name in NAMES.items()}
BITS = {code: 8 * DTYPES[name].itemsize for code, name in NAMES.items()}
BITS |= {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E8M0": 8, "C64": 64}


@dataclass(frozen=True)
class TensorInfo:
    """Where a tensor lies in its file.

    Args:
        code: its dtype as the format names it, such as "BF16"; may be one that NumPy has not.
        shape: of the tensor.
        begin: its first byte in the file.
        nbytes: it takes.
    """

    code: str
    shape: tuple[int, ...]
    begin: int
    nbytes: int

    @property
    def dtype(self) -> np.dtype | None:
        """What its numbers are in NumPy; None where they can only be moved as bytes."""
        return DTYPES[NAMES[self.code]] if self.code in NAMES else None

    @property
    def size(self) -> int:
        """Numbers in it."""
        return math.prod(self.shape)


class TensorFile:
    """A safetensors file, opened for reading.

    Args:
        path: of the file.

    Raises:
        FormatError: the file is cut, or its header lies or is damaged.

    Example:
        >>> import tempfile
        >>> from thrifty.core import save
        >>> path = tempfile.mkdtemp() + "/one.safetensors"
        >>> save(path, kind="demo", version=1, header={}, arrays={"x": np.arange(6).reshape(3, 2)})
        >>> file = TensorFile(path)
        >>> file.read("x", 1).tolist(), file.tensors["x"].code
        ([[2, 3], [4, 5]], 'I64')
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with open(self.path, "rb") as file:
            self.nbytes = os.fstat(file.fileno()).st_size
            try:
                table, begin = _table(file, self.nbytes)
                self.metadata = _metadata(table.pop("__metadata__", {}))
                self.tensors = _placed(table, begin, self.nbytes)
            except FormatError as error:
                raise FormatError(f"{self.path}: {error}") from None
            except DAMAGE as error:
                raise FormatError(f"{self.path}: header is damaged: {error!r}") from error

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """A tensor, or some of its rows; one of a dtype that NumPy has not, as its bytes.

        Args:
            name: of the tensor.
            start: first row; a tensor without rows is read whole.
            stop: the row behind the last; None for all.

        Raises:
            FormatError: the file was cut since it was opened.
        """
        info = self.tensors[name]
        if info.dtype is None or not info.shape:
            flat = self.bytes_of(name, 0, info.nbytes)
            return flat if info.dtype is None else flat.view(info.dtype).reshape(info.shape)
        first, last, _ = slice(start, stop).indices(info.shape[0])
        row = info.nbytes // max(1, info.shape[0])
        flat = self.bytes_of(name, first * row, max(first, last) * row)
        return flat.view(info.dtype).reshape(max(0, last - first), *info.shape[1:])

    def bytes_of(self, name: str, first: int, last: int) -> np.ndarray:
        """Bytes first..last of a tensor, uint8.

        Raises:
            FormatError: the file was cut since it was opened.
        """
        found = np.empty(last - first, np.uint8)
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.tensors[name].begin + first)
            done = 0
            while done < found.size:
                count = file.readinto(found[done:].data)
                if not count:
                    raise FormatError(f"{self.path}: the file ends inside tensor {name!r}")
                done += count
        return found

    def chunks(self, name: str, nbytes: int = 1 << 24) -> Iterator[np.ndarray]:
        """All bytes of a tensor, at most so many at a time."""
        total = self.tensors[name].nbytes
        for first in range(0, total, nbytes):
            yield self.bytes_of(name, first, min(total, first + nbytes))


def code_of(dtype: np.dtype) -> str:
    """The format's name of a dtype.

    Raises:
        TypeError: it has none.

    Example:
        >>> code_of(np.dtype(np.float16))
        'F16'
    """
    if dtype not in CODES:
        raise TypeError(f"dtype must be one of {', '.join(map(str, CODES))}, got {dtype}")
    return CODES[dtype]


def _table(file: Any, total: int) -> tuple[dict[str, Any], int]:
    size = int.from_bytes(file.read(8), "little")
    if not 2 <= size <= min(total - 8, MAX_HEADER):
        raise FormatError(f"header of {size} bytes in a file of {total}")
    table = json.loads(file.read(size), object_pairs_hook=_once)
    if not isinstance(table, dict):
        raise FormatError(f"header must be a table, got {type(table).__name__}")
    return table, 8 + size


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError(f"name {twice!r} stands twice in the header")
    return table


def _metadata(found: Any) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise FormatError("metadata must be texts by name")
    return found


def _placed(table: dict[str, Any], begin: int, total: int) -> dict[str, TensorInfo]:
    """The tensors in the order of their bytes, which must fill the file."""
    found = {name: _info(name, entry, begin) for name, entry in table.items()}
    order = sorted(found, key=lambda name: (found[name].begin, found[name].nbytes))
    end = begin
    for name in order:
        if found[name].begin != end:
            raise FormatError(f"tensor {name!r} overlaps another or leaves a hole before it")
        end += found[name].nbytes
    if end != total:
        raise FormatError(f"{total} bytes where the header promises {end}")
    return {name: found[name] for name in order}


def _info(name: str, entry: Any, begin: int) -> TensorInfo:
    code, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
    whole = all(isinstance(n, int) and not isinstance(n, bool) for n in (*shape, first, last))
    if not whole or not isinstance(code, str) or min(*shape, 0, first) < 0 or last < first:
        raise FormatError(f"tensor {name!r} must have a dtype, sizes and places, got {entry}")
    if code in BITS and math.prod(shape) * BITS[code] != 8 * (last - first):
        raise FormatError(f"tensor {name!r} of {code} {shape} does not fill {last - first} bytes")
    return TensorInfo(code, tuple(shape), begin + first, last - first)
