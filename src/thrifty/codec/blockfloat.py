"""Block floating point: small numbers of any format, with a power of two for each block."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._buffers import array_of
from thrifty.codec._machine import as_int, exponent_of, power_of_two
from thrifty.codec.blocks import Blocks, rows_of
from thrifty.codec.codec import KINDS, Arrays
from thrifty.codec.fixed import FixedPoint
from thrifty.codec.floats import FloatFormat
from thrifty.codec.logfloat import LogFormat
from thrifty.core import method, one_of, whole
from thrifty.core.kernels import njit

__all__ = ["BlockFloat"]

ELEMENTS = (FixedPoint, FloatFormat, LogFormat)
MICROSCALING = {
    "mxfp8_e5m2": "float8_e5m2", "mxfp8_e4m3": "float8_e4m3fn", "mxfp6_e3m2": "float6_e3m2fn",
    "mxfp6_e2m3": "float6_e2m3fn", "mxfp4": "float4_e2m1fn", "mxint8": "int8",
}  # fmt: skip


@method(
    source="block floating point: Wilkinson 1963, as in Zhang et al. 2019 (QPyTorch), "
    "arXiv:1910.04540; microscaling: OCP Microscaling Formats 1.0, 2023; Rouhani et al. 2023, "
    "arXiv:2310.10537",
    memory="element.bits * size / 8 + rows * ceil(columns / block) bytes",
    time="O(1) an element",
    error="that of the element, times the scale of the block",
    exact="x",
    laws=("codec", "unbiased"),
    evidence=("formats", "blockfloat"),
)
class BlockFloat(Blocks):
    """Keep numbers in a small format, times a power of two that their block shares.

    The scale is such that the leading bit of the block's largest number is the leading bit of the
    largest of the format; what is larger still becomes that. Rounding by chance doubles the scale
    there instead. Arrays: `codes` (rows, bytes of a row), `scales` (rows, blocks) uint8, the
    exponent plus 127.

    Args:
        element: `FixedPoint`, `LogFormat` or a `FloatFormat` that saturates, of 16 bits at most,
            which also rounds; or its spec with its "kind".
        block: neighbours along the last axis that share a scale.

    Raises:
        TypeError: the element is no such format, block is no whole number, or x is not of floats.
        ValueError: the element is too wide or does not saturate, block is out of its range, or x
            is not finite in float32.

    Example:
        >>> x = np.array([1.0, 0.3, -0.01, 1000, 250, 0], np.float32)
        >>> BlockFloat(FixedPoint(8, 6), block=3).encode(x).decode().tolist()
        [1.0, 0.296875, -0.015625, 1000.0, 248.0, 0.0]
        >>> BlockFloat.named("mxfp4").encode(np.zeros(64, np.float32)).nbytes
        34
    """

    KIND = "block float"

    def __init__(self, element: Any, block: int = 32) -> None:
        if isinstance(element, Mapping):
            keywords = dict(element)
            kind = KINDS.get(keywords.pop("kind", ""))
            element = kind(**keywords) if kind in ELEMENTS else None
        if not isinstance(element, ELEMENTS):
            raise TypeError(f"element must be a number format, got {element!r}")
        whole("element.bits", element.bits, 2, 16)
        if isinstance(element, FloatFormat) and not element.saturate:
            raise ValueError(f"element must saturate, got {element!r}")
        self.element, self.bits, self.rounding = element, element.bits, element.rounding
        self.block = whole("block", block, 1, 2**30)
        self._top = int(np.frexp(element.largest)[1]) - 1

    @classmethod
    def named(cls, name: str, *, rounding: str = "nearest", seed: int = 0) -> Self:
        """The microscaling format of this name.

        Args:
            name: mxfp8_e5m2, mxfp8_e4m3, mxfp6_e3m2, mxfp6_e2m3, mxfp4 or mxint8.
            rounding: "nearest" (ties to even), "zero" or "stochastic".
            seed: of stochastic rounding.
        """
        kind = MICROSCALING[one_of("name", name, tuple(MICROSCALING))]
        if kind == "int8":
            return cls(FixedPoint(8, 6, symmetric=True, rounding=rounding, seed=seed))
        return cls(FloatFormat.named(kind, saturate=True, rounding=rounding, seed=seed))

    def spec(self) -> dict[str, Any]:
        """The element, by its kind and spec, and the block."""
        return {"element": {"kind": self.element.KIND, **self.element.spec()}, "block": self.block}

    def with_rounding(self, rounding: str, seed: int = 0) -> Self:
        """The same format, rounding otherwise."""
        return type(self)(self.element.with_rounding(rounding, seed), self.block)

    def bound(self, x: Any) -> NDArray[np.float64]:
        """The element's bound, times the scale of the block."""
        flat = rows_of(x)
        powers = self._scales(flat)["scales"].astype(np.int64) - 127
        wide = np.repeat(np.exp2(powers.astype(np.float64)), self.block, axis=1)
        wide = wide[:, : flat.shape[1]]
        return (self.element.bound(flat / wide) * wide).reshape(array_of(x).shape)

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        table = np.zeros(2 ** (8 if self.bits <= 8 else 16), np.float32)
        with np.errstate(over="ignore"):  # codes that encoding never gives
            table[: 2**self.bits] = self.element.values(np.arange(2**self.bits))
        return table

    def _scale_shapes(self, rows: int, blocks: int) -> dict[str, tuple[Any, tuple[int, int]]]:
        return {"scales": (np.uint8, (rows, blocks))}

    def _scales(self, x: np.ndarray) -> Arrays:
        scales = np.empty((len(x), -(-x.shape[1] // self.block)), np.uint8)
        most = np.float32(self.element.largest * 2.0**-self._top)
        chance = self.rounding.mode == "stochastic"
        if not _powers(x, self.block, self._top, most, chance, scales):
            raise ValueError("x must be finite in float32")
        return {"scales": scales}

    def _ready(self, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
        return (np.minimum(arrays["scales"], 254).astype(np.int32) - 127,)

    def _codes(self, x: np.ndarray, scales: Any, thresholds: np.ndarray, out: np.ndarray) -> None:
        scaled = np.empty(x.shape, np.float32)
        _scale(x, self.block, scales[0], scaled)
        wide = np.float64 if self.element._float64_needed() else np.float32
        flat = scaled.astype(wide, copy=False).reshape(-1)
        self.element._round(flat, thresholds.reshape(-1), out.reshape(-1))

    def _numbers(self, codes: np.ndarray, scales: Any, out: np.ndarray) -> None:
        _unscale(codes, self.block, scales[0], self._table, out)


kernel = njit(nogil=True, cache=True, error_model="numpy")


@kernel
def _powers(x, block, top, most, chance, out):
    """Exponent plus 127 of each block's scale; False if something is not finite."""
    for row in range(x.shape[0]):
        for j in range(out.shape[1]):
            part = x[row, j * block : (j + 1) * block]
            bits = np.int32(0)
            largest = np.float32(0)
            for i in range(part.size):
                size = np.int32(as_int(part[i]) & np.int32(0x7FFFFFFF))
                bits = max(bits, size)
                largest = max(largest, abs(part[i]))
            if bits >= 0x7F800000:
                return False
            power = exponent_of(largest)
            if chance and largest > 0 and power > -126:
                power += largest * power_of_two(np.int32(-power), largest) > most
            out[row, j] = min(max(power - top + 127, 0), 254)
    return True


@njit(forceinline=True, cache=True, error_model="numpy")
def _halves(power):
    """Two powers of two whose product is 2 to the power, both normal numbers."""
    first = np.int32(power >> 1)
    one = np.float32(1)
    return power_of_two(first, one), power_of_two(np.int32(power - first), one)


@kernel
def _scale(x, block, powers, out):
    for row in range(x.shape[0]):
        for j in range(powers.shape[1]):
            start, stop = j * block, min((j + 1) * block, x.shape[1])
            part, target = x[row, start:stop], out[row, start:stop]
            one, other = _halves(-powers[row, j])
            for i in range(part.size):
                target[i] = part[i] * one * other


@kernel
def _unscale(codes, block, powers, table, out):
    for row in range(codes.shape[0]):
        for j in range(powers.shape[1]):
            start, stop = j * block, min((j + 1) * block, codes.shape[1])
            part, target = codes[row, start:stop], out[row, start:stop]
            one, other = _halves(powers[row, j])
            for i in range(part.size):
                target[i] = table[part[i]] * one * other
