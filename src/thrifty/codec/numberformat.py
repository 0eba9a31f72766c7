"""Number formats: every element to a code of so many bits, packed; and rounding to their grids."""

from collections.abc import Mapping
from typing import Any, Self

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from thrifty.codec._buffers import array_of, bits_of
from thrifty.codec._machine import as_int
from thrifty.codec.codec import Arrays, Codec, Some
from thrifty.codec.packing import code_type, pack_into, packed_size, unpack_into
from thrifty.codec.rounding import Rounding
from thrifty.core import IncompatibleError, taken
from thrifty.core.kernels import njit

__all__ = ["NumberFormat", "quantize", "real"]

CHUNK = 2**16  # elements at a time: codes and thresholds stay in the cache; a multiple of 8
WIDEST_TABLE = 16


class NumberFormat(Codec):
    """Base of formats that know no neighbours: an element's code depends on that element alone.

    A kind gives `bits`, `values` (of codes) and `_round` (the kernel that makes codes), and takes
    `rounding` and `seed` as keywords.
    """

    FIXED_RATE = True
    bits: int
    rounding: Rounding

    def values(self, codes: NDArray[np.integer]) -> NDArray[np.float64]:
        """The numbers that codes stand for.

        Args:
            codes: unsigned integers below 2**bits, any shape.
        """
        raise NotImplementedError

    def _round(self, x: np.ndarray, thresholds: np.ndarray, out: np.ndarray) -> None:
        """The codes of a piece, float32 or float64, into `out`."""
        raise NotImplementedError

    def _float64_needed(self) -> bool:
        """Whether float32 arithmetic would round a float32."""
        return False

    def size(self, x: Any) -> int:
        """Bytes, exactly: so many bits an element."""
        return packed_size(array_of(x).size, self.bits)

    def codes(self, x: Any) -> NDArray[np.unsignedinteger]:
        """The codes of the elements, not packed, of the shape of x.

        Args:
            x: array or tensor of floats of any kind.
        """
        found = real(x)
        out = np.empty(found.size, code_type(self.bits))
        for start, piece in self._pieces(found):
            out[start : start + len(piece)] = piece
        return out.reshape(found.shape)

    def _pieces(self, x: np.ndarray) -> Any:
        """Codes of a few elements at a time, and where these start; the memory is used again."""
        flat = np.ascontiguousarray(x).reshape(-1)
        wide = np.float64 if flat.dtype == np.float64 or self._float64_needed() else np.float32
        n = min(CHUNK, flat.size)
        codes, thresholds = np.empty(n, code_type(self.bits)), np.empty(n, np.float32)
        for start in range(0, flat.size, CHUNK):
            with np.errstate(invalid="ignore"):  # a signalling NaN is a NaN
                piece = flat[start : start + CHUNK].astype(wide, copy=False)
            self.rounding.fill(thresholds[: len(piece)], start, fresh=not start)
            self._round(piece, thresholds[: len(piece)], codes[: len(piece)])
            yield start, codes[: len(piece)]

    def _encode(self, x: np.ndarray) -> Arrays:
        packed = np.empty(self.size(real(x)), np.uint8)
        for start, codes in self._pieces(x):
            begin = packed_size(start, self.bits)
            end = begin + packed_size(len(codes), self.bits)
            pack_into(codes, self.bits, packed[begin:end])
        return {"codes": packed}

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        packed = taken(arrays, "codes", np.uint8, (packed_size(out.size, self.bits),))
        look_up = _reader(self, out)
        codes = np.empty(min(CHUNK, out.size), code_type(self.bits))
        packed = np.ascontiguousarray(packed)
        for start in range(0, out.size, CHUNK):
            n = min(CHUNK, out.size - start)
            begin = packed_size(start, self.bits)
            end = begin + packed_size(n, self.bits)
            unpack_into(packed[begin:end], self.bits, codes[:n])
            look_up(codes[:n], start)

    def _rows(
        self, arrays: Mapping[str, np.ndarray], shape: tuple[int, int], some: Some
    ) -> Arrays | None:
        """Codes of some rows, where rows are of whole bytes."""
        rows, bits = shape[0], shape[1] * self.bits
        if bits % 8:
            return None
        packed = taken(arrays, "codes", np.uint8, (rows * bits // 8,))
        return {"codes": packed.reshape(rows, bits // 8)[some].reshape(-1)}

    def quantized(self, x: Any) -> np.ndarray:
        """The elements of x as this format has them, in x's own dtype."""
        found = real(x)
        out = np.empty(found.shape, found.dtype)
        look_up = _reader(self, out)
        for start, codes in self._pieces(found):
            look_up(codes, start)
        return out

    def with_rounding(self, rounding: str, seed: int = 0) -> Self:
        """The same format, rounding otherwise."""
        return type(self)(**(self.spec() | {"rounding": rounding, "seed": seed}))


def quantize(
    x: Any, format: Any, *, rounding: str | None = None, seed: int | None = None
) -> np.ndarray:
    """Round numbers to the grid of a format: what training in that format would hold.

    Args:
        x: array of any shape, or torch tensor on the CPU, of floats of any kind.
        format: any codec: `FixedPoint`, `FloatFormat`, `BlockFloat`, `Groups`, ...
        rounding: "nearest", "zero" or "stochastic"; None for the format's own.
        seed: of stochastic rounding; None for the format's own.

    Returns:
        The rounded numbers, an array of x's shape and dtype.

    Raises:
        IncompatibleError: a rounding or seed for a codec that does not round.

    Example:
        >>> from thrifty.codec import FixedPoint
        >>> x = np.full(100_000, 0.3, np.float32)
        >>> coarse = quantize(x, FixedPoint(8, 1), rounding="stochastic", seed=1)
        >>> sorted(set(coarse.tolist())), bool(abs(coarse.mean() - 0.3) < 0.01)
        ([0.0, 0.5], True)
    """
    if rounding is not None or seed is not None:
        own = getattr(format, "rounding", None)
        if own is None:
            raise IncompatibleError(f"{format!r} does not round")
        format = format.with_rounding(rounding or own.mode, own.seed if seed is None else seed)
    if isinstance(format, NumberFormat):
        return format.quantized(x)
    return format.encode(x).decode()


def real(x: Any) -> np.ndarray:
    """The array of x if its elements are floats of some kind.

    Raises:
        TypeError: they are not.
    """
    found = array_of(x)
    if "float" not in found.dtype.name:
        raise TypeError(f"x must be of floats, got {found.dtype}")
    return found


def in_dtype(values: NDArray[np.floating], dtype: np.dtype) -> np.ndarray:
    """Numbers in a dtype; finite ones too large for it become its largest."""
    most = float(ml_dtypes.finfo(dtype).max)
    finite = np.isfinite(values)
    with np.errstate(over="ignore", invalid="ignore"):
        kept = np.clip(values, -most, most)
        return (kept if finite.all() else np.where(finite, kept, values)).astype(dtype)


def narrow(numbers: NDArray[np.float32], out: np.ndarray) -> None:
    """`in_dtype` of float32, into memory."""
    if out.dtype == ml_dtypes.bfloat16:
        _to_bfloat16(numbers, out.view(np.uint16))
    else:
        out[...] = in_dtype(numbers, out.dtype)


def _reader(form: NumberFormat, out: np.ndarray) -> Any:
    """A function that writes the numbers of some codes into `out` from an element on."""
    flat, kind = out.reshape(-1), out.dtype
    if form.bits > WIDEST_TABLE or out.size < 2**form.bits:

        def compute(codes: np.ndarray, start: int) -> None:
            flat[start : start + len(codes)] = in_dtype(form.values(codes), kind)

        return compute
    table = np.zeros(2 ** (8 if form.bits <= 8 else 16), kind)
    table[: 2**form.bits] = in_dtype(form.values(np.arange(2**form.bits)), kind)
    words, target = bits_of(table), bits_of(flat)

    def look_up(codes: np.ndarray, start: int) -> None:
        _look_up(codes, words, target[start : start + len(codes)])

    return look_up


@njit(nogil=True, cache=True, error_model="numpy")
def _look_up(codes, table, out):
    for i in range(codes.size):
        out[i] = table[codes[i]]


@njit(nogil=True, cache=True, error_model="numpy")
def _to_bfloat16(numbers, out):
    """The nearest bfloat16, ties to even; beyond the largest, the largest."""
    for i in range(numbers.size):
        bits = as_int(numbers[i])
        size = np.int32(bits & np.int32(0x7FFFFFFF))
        rounded = np.int32((size + 0x7FFF + ((size >> 16) & 1)) >> 16)
        out[i] = np.uint16(min(rounded, np.int32(0x7F7F)) | ((bits >> 16) & 0x8000))
