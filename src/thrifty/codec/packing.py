"""Packing: codes of few bits side by side in bytes, and out again; the one place that does it.

Code i takes bits i * bits to (i + 1) * bits - 1, the lowest bit of a byte being its first; 8 bits
are the bytes themselves, 16 and 32 bits little-endian words.
"""

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from thrifty.core import IncompatibleError, whole
from thrifty.core.instructions import load64, store64
from thrifty.core.kernels import njit

__all__ = ["code_type", "pack", "packed_size", "unpack"]

kernel = njit(nogil=True, cache=True, error_model="numpy")
BYTES, PAIRS, HALVES = 0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF, 0x00000000FFFFFFFF


def packed_size(n: int, bits: int) -> int:
    """Bytes that n codes take.

    Example:
        >>> packed_size(3, 3), packed_size(8, 3)
        (2, 3)
    """
    return (n * bits + 7) // 8


def code_type(bits: int) -> type[np.unsignedinteger]:
    """The unsigned type that codes of so many bits are held in while not packed."""
    return np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32


def pack(codes: NDArray[np.unsignedinteger], bits: int) -> NDArray[np.uint8]:
    """Pack codes into bytes, each row of the last axis into whole bytes of its own.

    Args:
        codes: (..., n) of `code_type(bits)`, each below 2**bits: higher bits spoil their
            neighbours.
        bits: of a code, 1..32.

    Returns:
        (..., packed_size(n, bits)) uint8.

    Raises:
        TypeError: codes are of another type, or bits is no whole number.
        ValueError: bits is out of its range.

    Example:
        >>> pack(np.array([1, 2, 3, 0, 1], np.uint8), 2)
        array([57,  1], dtype=uint8)
        >>> unpack(pack(np.arange(8, dtype=np.uint8), 3), 3, 8)
        array([0, 1, 2, 3, 4, 5, 6, 7], dtype=uint8)
    """
    _check(codes, bits)
    n = codes.shape[-1]
    out = np.empty((*codes.shape[:-1], packed_size(n, bits)), np.uint8)
    pack_into(codes, bits, out)
    return out


def pack_into(codes: np.ndarray, bits: int, out: np.ndarray) -> None:
    """`pack` into memory that is given; the arrays are contiguous and of the right sizes."""
    if not codes.size:
        return
    rows, target = codes.reshape(-1, codes.shape[-1]), out.reshape(-1, out.shape[-1])
    if codes.shape[-1] * bits == 8 * out.shape[-1]:  # rows without a gap are one
        rows, target = codes.reshape(1, -1), out.reshape(1, -1)
    for row, bytes_of_row in zip(rows, target, strict=True):
        if bits in (8, 16, 32):
            bytes_of_row[:] = row.view(np.uint8)
        elif bits < 8:
            _pack_bytes(row, bits, bytes_of_row)
        else:
            _pack_words(row, bits, bytes_of_row)


def unpack(packed: NDArray[np.uint8], bits: int, n: int) -> NDArray[np.unsignedinteger]:
    """The codes of `pack` again.

    Args:
        packed: (..., packed_size(n, bits)) uint8.
        bits: of a code, 1..32.
        n: codes of a row.

    Returns:
        (..., n) of `code_type(bits)`.

    Raises:
        IncompatibleError: the bytes are not those of n codes.
    """
    if packed.dtype != np.uint8 or packed.shape[-1:] != (packed_size(n, bits),):
        raise IncompatibleError(
            f"packed must be uint8 of {packed_size(n, bits)} bytes a row, "
            f"got {packed.dtype} {packed.shape}"
        )
    out = np.empty((*packed.shape[:-1], n), code_type(bits))
    unpack_into(np.ascontiguousarray(packed), bits, out)
    return out


def unpack_into(packed: np.ndarray, bits: int, out: np.ndarray) -> None:
    """`unpack` into memory that is given; the arrays are contiguous and of the right sizes."""
    if not out.size:
        return
    rows, source = out.reshape(-1, out.shape[-1]), packed.reshape(-1, packed.shape[-1])
    if out.shape[-1] * bits == 8 * packed.shape[-1]:
        rows, source = out.reshape(1, -1), packed.reshape(1, -1)
    for row, bytes_of_row in zip(rows, source, strict=True):
        if bits in (8, 16, 32):
            row.view(np.uint8)[:] = bytes_of_row
        elif bits < 8:
            _unpack_bytes(bytes_of_row, bits, row)
        else:
            _unpack_words(bytes_of_row, bits, row)


def _check(codes: np.ndarray, bits: int) -> None:
    whole("bits", bits, 1, 32)
    if codes.dtype != code_type(bits) or not codes.flags.c_contiguous:
        kind = np.dtype(code_type(bits))
        raise TypeError(f"codes must be contiguous {kind} for {bits} bits, got {codes.dtype}")


@njit(forceinline=True, cache=True, error_model="numpy")
def squeeze(word, bits):
    """Eight codes of up to 8 bits, a byte each in a uint64, side by side in its lowest bits."""
    gap = uint64(8) - uint64(bits)
    word = (word & uint64(BYTES)) | ((word & ~uint64(BYTES)) >> gap)
    word = (word & uint64(PAIRS)) | ((word & ~uint64(PAIRS)) >> (uint64(2) * gap))
    return (word & uint64(HALVES)) | ((word & ~uint64(HALVES)) >> (uint64(4) * gap))


@njit(forceinline=True, cache=True, error_model="numpy")
def spread(word, bits):
    """The inverse of `squeeze`; bits above the eight codes are dropped."""
    bits = uint64(bits)
    one = (uint64(1) << bits) - uint64(1)
    two = (one << bits) | one
    four = (two << (uint64(2) * bits)) | two
    word = (word & four) | (((word >> (uint64(4) * bits)) & four) << uint64(32))
    two |= two << uint64(32)
    word = (word & two) | (((word >> (uint64(2) * bits)) & two) << uint64(16))
    one |= one << uint64(32)
    one |= one << uint64(16)
    return (word & one) | (((word >> bits) & one) << uint64(8))


@kernel
def _pack_bytes(codes, bits, out):
    whole_words = min(codes.size // 8, (out.size - 8) // bits + 1 if out.size >= 8 else 0)
    for i in range(whole_words):
        store64(out, i * bits, squeeze(load64(codes, 8 * i), bits))
    for i in range(whole_words, (codes.size + 7) // 8):
        word = uint64(0)
        for j in range(min(8, codes.size - 8 * i)):
            word |= uint64(codes[8 * i + j]) << uint64(j * bits)
        for j in range(min(bits, out.size - i * bits)):
            out[i * bits + j] = np.uint8((word >> uint64(8 * j)) & uint64(255))


@kernel
def _unpack_bytes(packed, bits, out):
    whole_words = min(out.size // 8, (packed.size - 8) // bits + 1 if packed.size >= 8 else 0)
    for i in range(whole_words):
        store64(out, 8 * i, spread(load64(packed, i * bits), bits))
    one = (uint64(1) << uint64(bits)) - uint64(1)
    for i in range(whole_words, (out.size + 7) // 8):
        word = uint64(0)
        for j in range(min(bits, packed.size - i * bits)):
            word |= uint64(packed[i * bits + j]) << uint64(8 * j)
        for j in range(min(8, out.size - 8 * i)):
            out[8 * i + j] = np.uint8((word >> uint64(j * bits)) & one)


@kernel
def _pack_words(codes, bits, out):
    word, filled, place = uint64(0), uint64(0), 0
    for i in range(codes.size):
        word |= uint64(codes[i]) << filled
        filled += uint64(bits)
        while filled >= uint64(8):
            out[place] = np.uint8(word & uint64(255))
            word >>= uint64(8)
            filled -= uint64(8)
            place += 1
    if filled > uint64(0):
        out[place] = np.uint8(word & uint64(255))


@kernel
def _unpack_words(packed, bits, out):
    word, filled, place = uint64(0), uint64(0), 0
    mask = (uint64(1) << uint64(bits)) - uint64(1)
    for i in range(out.size):
        while filled < uint64(bits):
            word |= uint64(packed[place]) << filled
            filled += uint64(8)
            place += 1
        out[i] = word & mask
        word >>= uint64(bits)
        filled -= uint64(bits)
