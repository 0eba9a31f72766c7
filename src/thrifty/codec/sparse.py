"""Sparse: arrays with many zeros, whole, as what is not zero and where it is."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from thrifty.codec._buffers import array_of, bits_of
from thrifty.codec.codec import Arrays, Codec
from thrifty.core import FormatError, method, one_of, taken

__all__ = ["Sparse", "sparse_sizes"]

INDEXES = ("least", "bitmap", "csr")


@method(
    source="compressed sparse rows: Tinney and Walker 1967, doi:10.1109/PROC.1967.6011; bitmaps: "
    "the folklore of sparse storage",
    memory="nnz * itemsize + ceil(size / 8) as a bitmap; nnz * (itemsize + 2 or 4) + "
    "8 * (rows + 1) as rows",
    time="one pass over the array each way",
    error="0",
    exact="x",
    laws=("codec", "lossless"),
    evidence=("sparse",),
)
class Sparse(Codec):
    """Keep an array that has many zeros as its other elements and where they are.

    Every bit comes back: of the zeros only that of no bits set is left out, -0.0 is kept.

    Args:
        index: "bitmap", a bit for every element; "csr", the column of each kept element (2 bytes
            where a row has at most 65,536, else 4) and where each row begins; "least", of the two
            the one with fewer bytes.

    Raises:
        ValueError: the index is another.

    Example:
        >>> x = np.eye(1000, dtype=np.float32)
        >>> small = Sparse().encode(x)
        >>> x.nbytes, small.nbytes, bool((small.decode() == x).all())
        (4000000, 14008, True)
    """

    KIND = "sparse"

    def __init__(self, *, index: str = "least") -> None:
        self.index = one_of("index", index, INDEXES)

    def spec(self) -> dict[str, Any]:
        """The index."""
        return {"index": self.index}

    def size(self, x: Any) -> int:
        """Bytes, exactly: the elements that are not zero are counted."""
        return _sizes(array_of(x))[self.index]

    def bound(self, x: Any) -> float:
        """0: nothing is lost."""
        return 0.0

    def _encode(self, x: np.ndarray) -> Arrays:
        sizes, rows = _sizes(x), _rows(bits_of(x))
        kept = rows != 0
        values = rows[kept]
        if self.index == "bitmap" or (self.index == "least" and sizes["bitmap"] <= sizes["csr"]):
            return {"values": values, "bitmap": np.packbits(kept)}
        starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(kept.sum(axis=1), out=starts[1:])
        columns = np.nonzero(kept)[1].astype(_column_type(rows.shape[1]))
        return {"values": values, "columns": columns, "starts": starts}

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        bits = bits_of(out)
        target = _rows(bits)
        values = taken(arrays, "values", bits.dtype, (None,))
        where = _marked if "bitmap" in arrays else _listed
        places = where(arrays, target.shape, values.size)
        flat = np.zeros(target.size, bits.dtype)
        flat[places] = values
        bits[...] = flat.reshape(bits.shape)


def sparse_sizes(x: Any) -> dict[str, int]:
    """Bytes of an array by every way of counting a sparse one.

    Args:
        x: array or tensor.

    Returns:
        By name: "dense", all elements; "values", those that are not zero, their places for
        free; "bitmap", "csr" and "least", the indexes of `Sparse`; "csr32", with 4 bytes for
        each column and each start of a row, as libraries of sparse matrices hold it.

    Example:
        >>> sizes = sparse_sizes(np.eye(100, dtype=np.float32))
        >>> sizes["dense"], sizes["values"], sizes["bitmap"], sizes["csr32"]
        (40000, 400, 1650, 1204)
    """
    return _sizes(array_of(x))


def _sizes(x: np.ndarray) -> dict[str, int]:
    count, (rows, width) = np.count_nonzero(bits_of(x)), _shape(x.shape)
    values = int(count) * x.itemsize
    bitmap = values + -(-x.size // 8)
    csr = values + int(count) * _column_type(width).itemsize + 8 * (rows + 1)
    csr32 = values + 4 * int(count) + 4 * (rows + 1)
    sizes = {"dense": x.nbytes, "values": values, "bitmap": bitmap, "csr": csr, "csr32": csr32}
    return sizes | {"least": min(bitmap, csr)}


def _shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of an array: all axes but the last are rows."""
    width = shape[-1] if shape else 1
    return math.prod(shape[:-1]), width


def _rows(bits: np.ndarray) -> np.ndarray:
    return bits.reshape(_shape(bits.shape))


def _column_type(width: int) -> np.dtype:
    return np.dtype(np.uint16 if width <= 2**16 else np.uint32)


def _marked(arrays: Mapping[str, np.ndarray], shape: tuple[int, int], count: int) -> np.ndarray:
    """Places that a bitmap marks."""
    size = math.prod(shape)
    bitmap = taken(arrays, "bitmap", np.uint8, (-(-size // 8),))
    marks = np.unpackbits(bitmap, count=size).view(np.bool_)
    if np.count_nonzero(marks) != count:
        raise FormatError(f"bitmap must mark {count} elements, got {np.count_nonzero(marks)}")
    return np.flatnonzero(marks)


def _listed(arrays: Mapping[str, np.ndarray], shape: tuple[int, int], count: int) -> np.ndarray:
    """Places that rows and columns name."""
    rows, width = shape
    columns = taken(arrays, "columns", _column_type(width), (count,))
    starts = taken(arrays, "starts", np.int64, (rows + 1,))
    lengths = np.diff(starts)
    if starts[0] != 0 or starts[-1] != count or (lengths < 0).any() or (lengths > width).any():
        raise FormatError(f"starts must be rows of {count} elements, got others")
    if count and columns.max() >= width:
        raise FormatError(f"columns must be below {width}, got {columns.max()}")
    return np.repeat(np.arange(rows) * width, lengths) + columns
