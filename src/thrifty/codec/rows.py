"""Rows: an encoded matrix a few rows at a time, so that never all of it is decoded."""

from collections.abc import Iterator

import numpy as np

from thrifty.codec.codec import Encoded, RowReader

__all__ = ["decoded_blocks"]

BLOCK = 1 << 19  # elements decoded at once


def decoded_blocks(encoded: Encoded, block: int = BLOCK) -> Iterator[tuple[int, np.ndarray]]:
    """The rows of an encoded matrix, block by block, so that one block is decoded at a time.

    Where a codec cannot tell rows apart, all is decoded at once.

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
    reader = RowReader(encoded)
    rows, columns = encoded.shape
    step = max(1, block // max(1, columns)) if reader.alone else max(1, rows)
    for start in range(0, rows, step):
        yield start, reader.read(slice(start, start + step))
