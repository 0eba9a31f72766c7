"""Logarithmic numbers: a sign and a fixed-point logarithm, so that all steps are of one ratio."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._buffers import values_of
from thrifty.codec._machine import exponent_of, is_negative, power_of_two
from thrifty.codec.numberformat import NumberFormat
from thrifty.codec.rounding import Rounding
from thrifty.core import method, whole
from thrifty.core.kernels import njit

__all__ = ["LogFormat"]

BINS = 256  # of the mantissa; in each at most one level, as 2**(1 / 64) > 1 + 1 / 128


@method(
    source="Swartzlander and Alexopoulos 1975, doi:10.1109/T-C.1975.224172; for networks: "
    "Miyashita et al. 2016, arXiv:1603.01025",
    memory="bits * size / 8 bytes",
    time="O(1) an element",
    error="abs(x) * (2**(2**-fraction) - 1) / 2 within the range, twice that if not to the nearest",
    exact="x",
    laws=("codec", "unbiased"),
    evidence=("formats",),
)
class LogFormat(NumberFormat):
    """Keep numbers as 2 to a fixed-point power, with a sign; the lowest code is zero.

    The numbers are 2**(top - j * 2**-fraction) for j from 0 to 2**(bits - 1) - 2. The nearest is
    the nearest number, not the nearest logarithm. What is larger than 2**top becomes that,
    infinities too; NaN is refused.

    Args:
        bits: of a code, 2..16.
        fraction: bits of the logarithm behind the point, 0..6.
        top: the logarithm of the largest number, -64..127.
        rounding: "nearest", "zero" or "stochastic".
        seed: of stochastic rounding.

    Raises:
        TypeError: a number that is not whole, or x is not of floats.
        ValueError: one is out of its range, the smallest number is below 2**-1000, or NaN is in x.

    Example:
        >>> x = np.array([0.1, 0.7, -3, 0, 1e-9], np.float32)
        >>> LogFormat(4, 0, top=1).encode(x).decode().tolist()
        [0.125, 0.5, -2.0, 0.0, 0.0]
    """

    KIND = "logarithmic"

    def __init__(
        self, bits: int, fraction: int, *, top: int = 0, rounding: str = "nearest", seed: int = 0
    ) -> None:
        self.bits = whole("bits", bits, 2, 16)
        self.fraction = whole("fraction", fraction, 0, 6)
        self.top = whole("top", top, -64, 127)
        self.rounding = Rounding(rounding, seed)
        self._most = 2 ** (self.bits - 1) - 1
        lowest = self.top - (self._most - 1) / 2**self.fraction
        if lowest < -1000:
            raise ValueError(f"smallest number must be at least 2**-1000, got 2**{lowest}")

    def spec(self) -> dict[str, Any]:
        """Bits, those of the fraction, the top and rounding."""
        return {
            "bits": self.bits, "fraction": self.fraction, "top": self.top,
            "rounding": self.rounding.mode, "seed": self.rounding.seed,
        }  # fmt: skip

    @property
    def largest(self) -> float:
        """The largest number."""
        return 2.0**self.top

    def values(self, codes: NDArray[np.integer]) -> NDArray[np.float64]:
        """The numbers of codes: the sign in the highest bit, then the logarithm, 0 for zero."""
        found = np.asarray(codes, np.int64)
        size = found & self._most
        place = self.top * 2**self.fraction - (self._most - size)
        steps = _steps(self.fraction)[place & (2**self.fraction - 1)]
        numbers = np.where(size > 0, np.ldexp(steps, place >> self.fraction), 0.0)
        return np.where(found >> (self.bits - 1), -numbers, numbers)

    def bound(self, x: Any) -> NDArray[np.float64]:
        """Half a step at x or a whole one; beyond the range, the distance to it."""
        size = np.abs(values_of(x).astype(np.float64))
        step = np.maximum(size * np.expm1(np.log(2) / 2**self.fraction), self.values(np.array(1)))
        return np.maximum(step * (self.rounding.part + 2.0**-40), size - self.largest)

    def _float64_needed(self) -> bool:
        return True

    def _round(self, x: np.ndarray, thresholds: np.ndarray, out: np.ndarray) -> None:
        steps = _steps(self.fraction)
        edges = 1 + np.arange(BINS) / BINS
        starts = np.searchsorted(steps, edges, side="right").astype(np.int64) - 1
        shape = (self.fraction, self._most, self.top * 2**self.fraction, self.bits - 1)
        limits = (float(self.values(np.array(1))), self.largest)
        if _log_codes(x, thresholds, self.rounding.even, shape, limits, steps, starts, out):
            raise ValueError("x must be without NaN, which logarithmic numbers have not")


def _steps(fraction: int) -> NDArray[np.float64]:
    """Levels from 1 to 2."""
    return np.exp2(np.arange(2**fraction + 1) / 2**fraction)


@njit(nogil=True, cache=True, error_model="numpy")
def _log_codes(x, thresholds, even, shape, limits, steps, starts, out):
    """Codes into `out`; returns how many elements are NaN."""
    fraction, most, top, sign = shape
    least, largest = limits
    bad = 0
    for i in range(x.size):
        size = abs(x[i])
        if size >= largest:
            code = most
        elif size >= least:
            power = exponent_of(size)
            mantissa = size * power_of_two(np.int32(-power), size)
            j = starts[int((mantissa - 1.0) * BINS)]
            j += mantissa >= steps[j + 1]
            rest = (mantissa - steps[j]) / (steps[j + 1] - steps[j])
            code = most - (top - ((power << fraction) + j))
            code += (rest > thresholds[i]) | ((rest == thresholds[i]) & even & ((code & 1) == 1))
        else:
            code = int(size / least > thresholds[i])
            bad += size != size
        out[i] = (np.int64(code) | (np.int64(is_negative(x[i])) << sign)) if code else 0
    return bad
