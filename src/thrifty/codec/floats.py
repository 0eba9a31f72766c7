"""Floats of any split: sign, so many bits of exponent and so many of mantissa."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._buffers import values_of
from thrifty.codec._machine import exponent_of, is_negative, power_of_two
from thrifty.codec.numberformat import NumberFormat
from thrifty.codec.rounding import Rounding
from thrifty.core import method, one_of, whole
from thrifty.core.kernels import njit

__all__ = ["FloatFormat"]

SPECIALS = ("inf", "nan", "none")
NAMED: dict[str, tuple[int, int, str]] = {
    "bfloat16": (8, 7, "inf"),
    "float16": (5, 10, "inf"),
    "float8_e5m2": (5, 2, "inf"),
    "float8_e4m3": (4, 3, "inf"),
    "float8_e3m4": (3, 4, "inf"),
    "float8_e4m3fn": (4, 3, "nan"),
    "float6_e3m2fn": (3, 2, "none"),
    "float6_e2m3fn": (2, 3, "none"),
    "float4_e2m1fn": (2, 1, "none"),
}


@method(
    source="IEEE 754-2019; 8 bits: Micikevicius et al. 2022, arXiv:2209.05433; 6 and 4 bits: "
    "OCP Microscaling Formats 1.0, 2023; any split: Zhang et al. 2019 (QPyTorch), arXiv:1910.04540",
    memory="(1 + exponent + mantissa) * size / 8 bytes",
    time="O(1) an element",
    error="max(abs(x) * 2**-(mantissa + 1), 2**(emin - mantissa - 1)) within the range, with "
    "emin = 2 - 2**(exponent - 1); twice that if not to the nearest",
    exact="x",
    laws=("codec", "unbiased"),
    evidence=("formats",),
)
class FloatFormat(NumberFormat):
    """Keep numbers as floats with so many bits of exponent and of mantissa, subnormals too.

    Numbers too large, and infinities, become infinite, or NaN, or the largest number, as the format
    has them; toward zero, finite numbers stay finite. NaN stays NaN, its sign too, or is refused.

    Args:
        exponent: bits, 1..8.
        mantissa: bits, 0..22.
        specials: codes that are no finite number: "inf", infinities and NaN as in IEEE 754; "nan",
            the code of all ones is NaN, as in float8_e4m3fn; "none", every code is a number.
        saturate: what is too large, and infinities, become the largest number; always so where
            there are no specials.
        rounding: "nearest" (ties to even), "zero" or "stochastic".
        seed: of stochastic rounding.

    Raises:
        TypeError: a number of bits or a seed that is no whole number, or x is not of floats.
        ValueError: one is out of its range, or NaN is in x and not in the format.

    Example:
        >>> eighth = FloatFormat.named("float8_e4m3fn")
        >>> x = np.array([0.3, 17, 1e-3, 448, 1000], np.float32)
        >>> eighth.encode(x).decode().tolist()
        [0.3125, 16.0, 0.001953125, 448.0, nan]
        >>> FloatFormat(4, 3, specials="nan", saturate=True).encode(x).decode()[4].item()
        448.0
    """

    KIND = "float"

    def __init__(
        self, exponent: int, mantissa: int, *, specials: str = "inf", saturate: bool = False,
        rounding: str = "nearest", seed: int = 0,
    ) -> None:  # fmt: skip
        self.exponent = whole("exponent", exponent, 1, 8)
        self.mantissa = whole("mantissa", mantissa, 0, 22)
        self.specials = one_of("specials", specials, SPECIALS)
        if specials == "inf" and not mantissa:
            raise ValueError("mantissa must be in 1..22 where specials is 'inf', got 0")
        self.saturate = bool(saturate) or specials == "none"
        self.rounding = Rounding(rounding, seed)
        self.bits = 1 + exponent + mantissa
        self.lowest_exponent = 2 - 2 ** (exponent - 1)
        ones = 2 ** (exponent + mantissa) - 1
        self.top = {"none": ones, "nan": ones - 1, "inf": ones - 2**mantissa}[specials]

    @classmethod
    def named(cls, name: str, *, saturate: bool = False, rounding: str = "nearest", seed: int = 0
    ) -> Self:  # fmt: skip
        """The format of this name, as NumPy, torch and ml_dtypes have it.

        Args:
            name: bfloat16, float16, float8_e5m2, float8_e4m3, float8_e3m4, float8_e4m3fn,
                float6_e3m2fn, float6_e2m3fn or float4_e2m1fn.
            saturate: see the class.
            rounding: see the class.
            seed: see the class.
        """
        exponent, mantissa, specials = NAMED[one_of("name", name, tuple(NAMED))]
        return cls(
            exponent, mantissa, specials=specials, saturate=saturate, rounding=rounding, seed=seed
        )

    def spec(self) -> dict[str, Any]:
        """Bits of exponent and mantissa, what is special, and rounding."""
        return {
            "exponent": self.exponent, "mantissa": self.mantissa, "specials": self.specials,
            "saturate": self.saturate, "rounding": self.rounding.mode, "seed": self.rounding.seed,
        }  # fmt: skip

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return float(self._sizes(np.array(self.top)))

    def _sizes(self, codes: np.ndarray) -> NDArray[np.float64]:
        """Numbers of codes without sign, as if none were special."""
        field, rest = codes >> self.mantissa, codes & (2**self.mantissa - 1)
        whole_part = np.where(field > 0, rest + 2**self.mantissa, rest)
        power = np.maximum(field, 1) - 1 + self.lowest_exponent - self.mantissa
        return np.ldexp(whole_part.astype(np.float64), power)

    def values(self, codes: NDArray[np.integer]) -> NDArray[np.float64]:
        """The numbers of codes: the sign in the highest bit, then exponent, then mantissa."""
        found = np.asarray(codes, np.int64)
        size = found & (2 ** (self.bits - 1) - 1)
        numbers = self._sizes(size)
        if self.specials == "inf":
            numbers[size == self.top + 1] = np.inf
            numbers[size > self.top + 1] = np.nan
        numbers[(size > self.top) & (self.specials == "nan")] = np.nan
        return np.copysign(numbers, np.where(found >> (self.bits - 1), -1.0, 1.0))

    def bound(self, x: Any) -> NDArray[np.float64]:
        """Half a step at x or a whole one; beyond the range, the distance to it or infinity."""
        size = np.abs(values_of(x).astype(np.float64))
        least = 2.0 ** (self.lowest_exponent - self.mantissa)
        step = np.maximum(size * 2.0**-self.mantissa, least)
        beyond = size - self.largest
        if not self.saturate and self.rounding.mode != "zero":
            beyond = np.where(beyond > 0, np.inf, 0)
        return np.maximum(step * self.rounding.part, beyond)

    def _float64_needed(self) -> bool:
        return self.exponent == 8

    def _round(self, x: np.ndarray, thresholds: np.ndarray, out: np.ndarray) -> None:
        ones = 2 ** (self.bits - 1) - 1
        infinite = self.top if self.saturate else self.top + 1
        beyond = self.top if self.rounding.mode == "zero" else infinite
        nan = ones if self.specials == "nan" else self.top + 1 + 2 ** max(self.mantissa - 1, 0)
        limit = x.dtype.type(self._sizes(np.array(self.top + 1)))
        bad = _float_codes(
            x, thresholds, self.rounding.even, self.mantissa, self.lowest_exponent, limit,
            (self.top, beyond, infinite, nan, self.bits - 1), out,
        )  # fmt: skip
        if bad and self.specials == "none":
            raise ValueError(f"x must be without NaN, which {self!r} has not")


@njit(nogil=True, cache=True, error_model="numpy")
def _float_codes(x, thresholds, even, mantissa, least, limit, special, out):
    """Codes into `out`; returns how many elements are NaN."""
    top, beyond = np.int32(special[0]), np.int32(special[1])
    infinite, nan, sign = np.int32(special[2]), np.int32(special[3]), np.int32(special[4])
    width, least = np.int32(mantissa), np.int32(least)
    bad = 0
    for i in range(x.size):
        size = abs(x[i])
        near = size if size < limit else limit
        power = np.int32(max(exponent_of(near), least))
        scaled = near * power_of_two(np.int32(width - power), near)
        down = np.floor(scaled)
        rest = scaled - down
        code = np.int32(np.int32(down) + np.int32(np.int32(power - least) << width))
        up = (rest > thresholds[i]) | ((rest == thresholds[i]) & even & ((code & 1) == 1))
        code = np.int32(code + np.int32(up))
        over = infinite if size == np.inf else beyond
        code = over if code > top else code
        code = code if size == size else nan
        bad += size != size
        out[i] = np.int32(code | np.int32(is_negative(x[i]) << sign))
    return bad
