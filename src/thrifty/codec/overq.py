"""OverQ: activations of a few bits, in which a number overwrites a zero beside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._buffers import array_of, values_of
from thrifty.codec.blocks import rows_of
from thrifty.codec.codec import Arrays, Codec
from thrifty.codec.numberformat import in_dtype, real
from thrifty.codec.packing import pack, packed_size, unpack
from thrifty.core import FormatError, in_range, method, taken, whole
from thrifty.core.kernels import njit

__all__ = ["OverQ"]

SHARES = np.linspace(1.0, 0.05, 39)


@method(
    source="Zhao et al. 2019, arXiv:1910.06909 (OverQ, opportunistic outlier quantization)",
    memory="rows * (ceil(bits * columns / 8) + ceil(columns / 8)) + 4 bytes",
    time="O(cascade) an outlier",
    error="half a step; of an outlier that finds no zero, its distance to the range, which is "
    "2**bits times as far for one that does, and half of that with precision; a number with a "
    "zero in the next slot then has 2**-bits of a step",
    exact="x",
    laws=("codec",),
    evidence=("overq",),
)
class OverQ(Codec):
    """Keep numbers that are not negative, many of them zero, in a few bits with a low range.

    Along the last axis, a number above the range takes a second slot for its high bits where one of
    the next `cascade` numbers is zero; those between move on by one slot. One flag a slot marks
    where this begins and where the zero has gone. With precision, a number within the range takes
    the slot of a zero next to it for bits - 1 more low bits, and the top bit of each pair says
    which of both it is: no bit is added. Arrays: `codes` and `flags`, each row packed, and `scale`
    (1,) float32.

    Args:
        bits: of a slot, 2..8.
        cascade: how far the zero may be, 0 for never, 1 for the next slot only.
        largest: the largest number of one slot; None for the least squared error when clipped.
        precision: whether a zero next to a number within the range is overwritten too.

    Raises:
        TypeError: a number that is not whole, or x is not of floats.
        ValueError: one is out of its range, or x is negative or not finite somewhere.

    Example:
        >>> x = np.array([0, 1, 2, 37, 3, 0, 3, 20], np.float32)
        >>> OverQ(2, cascade=0, largest=3).encode(x).decode().tolist()
        [0.0, 1.0, 2.0, 3.0, 3.0, 0.0, 3.0, 3.0]
        >>> OverQ(2, cascade=2, largest=3).encode(x).decode().tolist()
        [0.0, 1.0, 2.0, 15.0, 3.0, 0.0, 3.0, 3.0]
        >>> x = np.array([1.5, 0, 1.5, 1, 9, 0], np.float32)
        >>> OverQ(2, largest=3, precision=True).encode(x).decode().tolist()
        [1.5, 0.0, 2.0, 1.0, 9.0, 0.0]
    """

    KIND = "overq"
    FIXED_RATE = True

    def __init__(
        self,
        bits: int = 4,
        *,
        cascade: int = 4,
        largest: float | None = None,
        precision: bool = False,
    ) -> None:
        self.bits = whole("bits", bits, 2, 8)
        self.cascade = whole("cascade", cascade, 0, 255)
        if largest is not None:
            in_range("largest", largest, 1e-30, 1e30)
        self.largest, self.precision = largest, bool(precision)
        self.finer = self.bits - 1 if self.precision else 0

    def spec(self) -> dict[str, Any]:
        """Bits, cascade and the range, and precision where it is asked for."""
        plain = {"bits": self.bits, "cascade": self.cascade, "largest": self.largest}
        return plain | ({"precision": True} if self.precision else {})

    def size(self, x: Any) -> int:
        """Bytes, exactly: slots, flags and the scale."""
        rows, columns = _sides(array_of(x).shape)
        return rows * (packed_size(columns, self.bits) + packed_size(columns, 1)) + 4

    def bound(self, x: Any) -> NDArray[np.float64]:
        """Half a step, or the distance to the range: an outlier may find no zero."""
        numbers = values_of(x).astype(np.float64)
        scale = float(self._scale(_checked(rows_of(x))))
        return np.maximum(scale * (0.5 + 2.0**-20), numbers - scale * (2**self.bits - 1))

    def _scale(self, x: np.ndarray) -> np.float32:
        top = 2**self.bits - 1
        if self.largest is not None or not x.any():
            return np.float32((self.largest or top) / top)
        sample = x.ravel()[:: -(-x.size // 2**16)].astype(np.float64)
        most = float(x.max())
        scales = np.maximum(SHARES * most / top, 1e-38)
        errors = [np.minimum(np.rint(sample / s), top) * s - sample for s in scales]
        return np.float32(scales[int(np.argmin([np.square(e).sum() for e in errors]))])

    def _encode(self, x: np.ndarray) -> Arrays:
        flat = _checked(rows_of(real(x)))
        scale = self._scale(flat)
        slots, flags = np.zeros(flat.shape, np.uint8), np.zeros(flat.shape, np.uint8)
        _overwrite(flat, np.float64(scale), self.bits, self.finer, self.cascade, slots, flags)
        return {
            "codes": pack(slots, self.bits), "flags": pack(flags, 1),
            "scale": np.array([scale], np.float32),
        }  # fmt: skip

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        numbers = self._numbers(arrays, *_sides(out.shape))
        stored = taken(arrays, "scale", np.float32, (1,))
        with np.errstate(over="ignore", invalid="ignore"):  # a forged scale
            scaled = numbers * stored.astype(np.float64)[0]
            out[...] = in_dtype(scaled, out.dtype).reshape(out.shape)

    def _numbers(
        self, arrays: Mapping[str, np.ndarray], rows: int, columns: int
    ) -> NDArray[np.float64]:
        """Numbers in steps of the scale."""
        slots, flags = (
            unpack(taken(arrays, name, np.uint8, (rows, packed_size(columns, bits))), bits, columns)
            for name, bits in (("codes", self.bits), ("flags", 1))
        )
        numbers = np.zeros((rows, columns), np.float64)
        if not _read(slots, flags, self.bits, self.finer, numbers):
            raise FormatError("flags must come in pairs, got an odd one")
        return numbers

    def covered(self, x: Any) -> tuple[int, int]:
        """How many numbers of x are above the range, and how many of these find a zero.

        Example:
            >>> x = np.array([0, 5, 0, 5, 1, 5, 0, 1], np.float32)
            >>> OverQ(2, cascade=1, largest=3).covered(x), OverQ(2, largest=3).covered(x)
            ((3, 2), (3, 2))
        """
        arrays = self._encode(np.asarray(real(x)))
        flat = rows_of(x)
        above = np.rint(flat.astype(np.float64) / arrays["scale"][0]) >= 2**self.bits
        kept = self._numbers(arrays, *flat.shape) >= 2**self.bits - 0.5
        return int(above.sum()), int((above & kept).sum())


def _sides(shape: tuple[int, ...]) -> tuple[int, int]:
    columns = shape[-1] if shape else 1
    return int(np.prod(shape[:-1], dtype=np.int64)), columns


def _checked(x: np.ndarray) -> np.ndarray:
    if not ((x >= 0) & (x < np.inf)).all():
        raise ValueError("x must be finite in float32 and not negative")
    return x


kernel = njit(nogil=True, cache=True, error_model="numpy")


@kernel
def _paired(value, bits, finer):
    """The code of a number in two slots: with `finer` low bits, or what is above the range."""
    most = (1 << (2 * bits)) - 1
    if finer == 0:
        return int(min(np.rint(value), float(most)))
    half = 1 << (2 * bits - 1)
    fine = np.rint(min(value, float(half)) * (1 << finer))
    if fine < half:
        return int(fine)
    return half + int(min(np.rint(value) - (1 << bits), float(half - 1)))


@kernel
def _gap(x, i, scale, top, finer, cascade):
    """How far the zero is whose slot the number at i takes, 0 for none."""
    value, left = x[i] / scale, len(x) - 1 - i
    if np.rint(value) > top:
        for j in range(1, min(cascade, left) + 1):
            if np.rint(x[i + j] / scale) == 0:
                return j
        return 0
    exact = np.rint(value * (1 << finer)) == np.rint(value) * (1 << finer)
    return 0 if exact or left < 1 or np.rint(x[i + 1] / scale) != 0 else 1


@kernel
def _overwrite(x, scale, bits, finer, cascade, slots, flags):
    """Fill the slots of each row; a flag where a pair begins, and where its zero was."""
    top = (1 << bits) - 1
    for row in range(x.shape[0]):
        i, n = 0, x.shape[1]
        while i < n:
            gap = _gap(x[row], i, scale, top, finer, cascade)
            if gap == 0:
                slots[row, i] = int(min(np.rint(x[row, i] / scale), float(top)))
                i += 1
                continue
            code = _paired(x[row, i] / scale, bits, finer)
            slots[row, i], slots[row, i + 1] = code & top, code >> bits
            flags[row, i], flags[row, i + gap] = 1, 1
            for j in range(1, gap):
                moved = int(min(np.rint(x[row, i + j] / scale), float(top)))
                slots[row, i + j + 1] = moved
            i += gap + 1


@kernel
def _number(code, bits, finer):
    """The number of a pair of slots."""
    half = 1 << (2 * bits - 1)
    if finer == 0:
        return float(code)
    return code / (1 << finer) if code < half else float(code - half + (1 << bits))


@kernel
def _read(slots, flags, bits, finer, out):
    """Numbers of the slots; False if a row ends before the zero of a pair."""
    for row in range(slots.shape[0]):
        i, n = 0, slots.shape[1]
        while i < n:
            out[row, i] = slots[row, i]
            if flags[row, i] == 0:
                i += 1
                continue
            if i + 1 >= n:
                return False
            code = int(slots[row, i]) | int(slots[row, i + 1]) << bits
            out[row, i] = _number(code, bits, finer)
            while flags[row, i + 1] == 0:
                i += 1
                if i + 1 >= n:
                    return False
                out[row, i] = slots[row, i + 1]
            out[row, i + 1] = 0
            i += 2
    return True
