"""Planes: the bits of every element cut in parts of at most 8, the highest first."""

from typing import NamedTuple

import numpy as np

from thrifty.codec._bitstreams import BLOCK
from thrifty.core.kernels import njit

__all__ = ["Layout", "add_plane", "block_counts", "layout_of", "packed", "plane_of", "unpacked"]


class Layout(NamedTuple):
    """How elements of a dtype are cut.

    Args:
        turned: the sign goes below all other bits, so that the exponent is highest.
        width: bits of every plane, 8 or 4.
        planes: how many.
    """

    turned: bool
    width: int
    planes: int

    @property
    def paired(self) -> bool:
        """Whether an element is an exponent and one other part, which are joined as they come."""
        return self.turned and self.planes == 2

    def shift(self, plane: int) -> int:
        """Bits of an element below this plane."""
        return (self.planes - 1 - plane) * self.width


def layout_of(dtype: np.dtype) -> Layout:
    """The layout of a dtype: whole bytes, but exponents of float8_e4m3fn are four bits.

    All eight bits of float8_e5m2 are one plane, as is every byte of integers.
    """
    if dtype.name == "float8_e4m3fn":
        return Layout(True, 4, 2)
    return Layout(dtype.kind in "fV" and dtype.itemsize > 1, 8, dtype.itemsize)


def plane_of(words: np.ndarray, layout: Layout, plane: int) -> np.ndarray:
    """One plane of elements, a byte each.

    Args:
        words: (n,) unsigned, the bits of the elements.
    """
    kind, out = words.dtype.type, np.empty(words.size, np.uint8)
    shift, top = kind(layout.shift(plane)), kind(8 * words.itemsize - 1)
    _cut(words, layout.turned, top, shift, kind((1 << layout.width) - 1), out)
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def _cut(words, turned, top, shift, mask, out):
    one = top // top
    for i in range(words.size):
        word = words[i]
        if turned:
            word = word << one | word >> top
        out[i] = word >> shift & mask


def add_plane(out: np.ndarray, values: np.ndarray, layout: Layout, plane: int) -> None:
    """Put a plane into elements; the planes are to come from the highest to the lowest.

    Args:
        out: (n,) unsigned, the bits of the elements, changed.
        values: (n,) uint8, or one value for all.
    """
    kind = out.dtype.type
    top, last = kind(8 * out.itemsize - 1), layout.turned and plane == layout.planes - 1
    _paste(out, values, values.size > 1, kind(layout.shift(plane)), plane == 0, last, top)


@njit(nogil=True, cache=True, error_model="numpy")
def _paste(out, values, each, shift, first, turned, top):
    one = top // top
    for i in range(out.size):
        word = out.dtype.type(values[i] if each else values[0]) << shift
        if not first:
            word |= out[i]
        out[i] = word >> one | word << top if turned else word


def packed(values: np.ndarray, width: int) -> np.ndarray:
    """A plane that is not coded: bytes as they are, halves two in a byte, the first one lower."""
    if width == 8:
        return values
    even = np.append(values, np.zeros(values.size % 2, np.uint8))
    return even[0::2] | even[1::2] << 4


def unpacked(stored: np.ndarray, width: int, start: int, stop: int) -> np.ndarray:
    """Elements from start to stop of what `packed` made."""
    if width == 8:
        return stored[start:stop]
    part = stored[start // 2 : (stop + 1) // 2]
    both = np.stack([part & 15, part >> 4], axis=1).ravel()
    return both[start % 2 : start % 2 + stop - start]


@njit(nogil=True, cache=True, error_model="numpy")
def block_counts(values):
    """How often each byte comes in each block of a plane: (blocks, 256) int64."""
    blocks = (values.size + BLOCK - 1) // BLOCK
    counts = np.zeros((blocks, 256), np.int64)
    two = np.zeros(512, np.int64)
    for block in range(blocks):
        part = values[block * BLOCK : (block + 1) * BLOCK]
        two[:] = 0
        for i in range(part.size // 2):
            two[part[2 * i]] += 1
            two[256 + np.int64(part[2 * i + 1])] += 1
        if part.size % 2:
            two[part[part.size - 1]] += 1
        counts[block] = two[:256] + two[256:]
    return counts
