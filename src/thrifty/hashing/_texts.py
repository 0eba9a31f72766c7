"""Texts: a text column as blocks of rows, laid out for the kernels that read n-grams."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from thrifty.core import in_range
from thrifty.hashing import _layout
from thrifty.hashing._columns import chunks, text_buffers

__all__ = ["CHARS", "NONE", "lay_out", "orders", "text_blocks"]

BLOCK = 1 << 20
PADDING = 64
CHARS = 0x6368617273
NONE = (0, -1)


def orders(name: str, pair: tuple[int, int] | None, most: int) -> tuple[int, int] | None:
    """Shortest and longest n-gram, checked; None stays None."""
    if pair is None:
        return None
    low, high = (int(in_range(name, n, 1, most)) for n in pair)
    if low > high:
        raise ValueError(f"{name} must be (shortest, longest), got {pair!r}")
    return low, high


def text_blocks(array: pa.Array) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Data and int64 offsets of about a megabyte of rows at a time."""
    if isinstance(array, pa.DictionaryArray):
        array = chunks(array.dictionary_decode())[0]
    if pt.is_null(array.type):
        array = array.cast(pa.string())
    if not (pt.is_string(array.type) or pt.is_large_string(array.type)):
        raise TypeError(f"column must be of text, got {array.type}")
    data, offsets = text_buffers(array.fill_null("") if array.null_count else array)
    row, rows = 0, len(array)
    while row < rows:
        full = int(np.searchsorted(offsets, int(offsets[row]) + BLOCK, side="right")) - 1
        end = min(max(full, row + 1), row + BLOCK, rows)
        yield data, offsets[row : end + 1].astype(np.int64)
        row = end


def lay_out(data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Text, marks and starts of a block: see `_layout`."""
    size = int(offsets[-1] - offsets[0]) + len(offsets) + PADDING
    text, marks = np.empty((2, size), np.uint8)
    starts = np.empty(len(offsets), np.int64)
    _layout.lay_out(data, offsets, *_layout.tables(), text, marks, starts)
    return text, marks, starts
