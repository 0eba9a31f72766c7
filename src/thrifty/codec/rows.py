"""Rows: an encoded matrix a few rows at a time, so that never all of it is decoded."""

from collections.abc import Callable, Iterator

import numpy as np

from thrifty.codec.blocks import Blocks, encoded_rows
from thrifty.codec.codec import Encoded
from thrifty.codec.exponents import ExponentCodec, ExponentReader
from thrifty.codec.leanquant import LeanCodec
from thrifty.core import IncompatibleError

__all__ = ["decoded_blocks"]

BLOCK = 1 << 19  # elements decoded at once
Rows = Callable[[int, int], np.ndarray]


def decoded_blocks(encoded: Encoded, block: int = BLOCK) -> Iterator[tuple[int, np.ndarray]]:
    """The rows of an encoded matrix, block by block, so that one block is decoded at a time.

    Matrices of `Groups`, `NF4`, `BlockFloat`, `LeanCodec` and `ExponentCodec` are decoded by
    block; of another codec all is decoded at once.

    Args:
        encoded: a matrix.
        block: elements decoded at once, about.

    Returns:
        Pairs of the number of the first row and the rows (n, columns).

    Raises:
        IncompatibleError: it is no matrix.
        FormatError: it is damaged.

    Example:
        >>> from thrifty.codec import ExponentCodec
        >>> x = np.random.default_rng(0).normal(size=(100, 64)).astype(np.float16)
        >>> parts = list(decoded_blocks(ExponentCodec().encode(x), block=1000))
        >>> len(parts), bool((np.concatenate([rows for _, rows in parts]) == x).all())
        (7, True)
    """
    if len(encoded.shape) != 2:
        raise IncompatibleError(f"encoded must be a matrix, got {encoded!r}")
    rows, columns = encoded.shape
    read, step = _reader(encoded), max(1, block // max(1, columns))
    for start in range(0, rows, step if read else max(1, rows)):
        yield start, read(start, min(start + step, rows)) if read else encoded.decode()


def _reader(encoded: Encoded) -> Rows | None:
    """What decodes some rows; None where only all of them can be."""
    if isinstance(encoded.codec, Blocks):
        return lambda start, stop: encoded_rows(encoded, start, stop).decode()
    if isinstance(encoded.codec, LeanCodec):
        return lambda start, stop: _lean(encoded, start, stop).decode()
    if isinstance(encoded.codec, ExponentCodec):
        return _exponents(encoded)
    return None


def _lean(encoded: Encoded, start: int, stop: int) -> Encoded:
    """Some rows of what `LeanCodec` encoded."""
    arrays = encoded.arrays()
    mine = {name: array if name == "unit" else array[start:stop] for name, array in arrays.items()}
    return Encoded(encoded.codec, (stop - start, encoded.shape[1]), encoded.dtype, mine)


def _exponents(encoded: Encoded) -> Rows:
    reader, columns = ExponentReader.of(encoded), encoded.shape[1]

    def read(start: int, stop: int) -> np.ndarray:
        out = np.empty((stop - start, columns), reader.dtype)
        reader.read(start * columns, out.reshape(-1))
        return out

    return read
