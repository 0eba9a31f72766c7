"""Fixed point: numbers on an even grid, of a word of so many bits, some of them a fraction."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._buffers import values_of
from thrifty.codec._machine import is_negative
from thrifty.codec.numberformat import NumberFormat
from thrifty.codec.rounding import Rounding
from thrifty.core import method, whole
from thrifty.core.kernels import njit

__all__ = ["FixedPoint"]


@method(
    source="two's complement fixed point; as a format of training: Gupta et al. 2015, "
    "arXiv:1502.02551, and Zhang et al. 2019 (QPyTorch), arXiv:1910.04540",
    memory="word * size / 8 bytes",
    time="O(1) an element",
    error="2**-(fraction + 1) within the range, twice that if not to the nearest; beyond it, the "
    "distance to the range",
    exact="x",
    laws=("codec", "unbiased"),
    evidence=("formats",),
)
class FixedPoint(NumberFormat):
    """Keep numbers as whole multiples of 2**-fraction in words of so many bits.

    What is out of the range becomes the nearest end of it, infinities too; NaN is refused.

    Args:
        word: bits of a number, 2..32.
        fraction: of these, bits behind the point, -64..96; more than `word`, or fewer than none,
            only moves the point.
        symmetric: leave out the lowest number, so that -x is on the grid with x.
        rounding: "nearest" (ties to even), "zero" or "stochastic".
        seed: of stochastic rounding.

    Raises:
        TypeError: a word, fraction or seed that is no whole number, or x is not of floats.
        ValueError: one is out of its range, or NaN is in x.

    Example:
        >>> x = np.array([0.1, -0.75, 100, -100], np.float32)
        >>> small = FixedPoint(4, 2).encode(x)
        >>> small.decode().tolist(), small.nbytes
        ([0.0, -0.75, 1.75, -2.0], 2)
    """

    KIND = "fixed point"

    def __init__(
        self, word: int, fraction: int, *, symmetric: bool = False,
        rounding: str = "nearest", seed: int = 0,
    ) -> None:  # fmt: skip
        self.bits = whole("word", word, 2, 32)
        self.fraction = whole("fraction", fraction, -64, 96)
        self.symmetric = bool(symmetric)
        self.rounding = Rounding(rounding, seed)
        self.high = 2 ** (word - 1) - 1
        self.low = -self.high if self.symmetric else -self.high - 1

    def spec(self) -> dict[str, Any]:
        """Word, fraction, symmetry and rounding."""
        return {
            "word": self.bits, "fraction": self.fraction, "symmetric": self.symmetric,
            "rounding": self.rounding.mode, "seed": self.rounding.seed,
        }  # fmt: skip

    @property
    def largest(self) -> float:
        """The largest number."""
        return self.high * 2.0**-self.fraction

    def values(self, codes: NDArray[np.integer]) -> NDArray[np.float64]:
        """The numbers of codes: two's complement, times 2**-fraction."""
        whole_numbers = np.asarray(codes, np.int64)
        negative = whole_numbers >> (self.bits - 1)
        return (whole_numbers - (negative << self.bits)) * np.float64(2.0**-self.fraction)

    def bound(self, x: Any) -> NDArray[np.float64]:
        """Half a step or a whole one, or the distance to the range."""
        numbers = values_of(x).astype(np.float64)
        step = 2.0**-self.fraction
        beyond = np.maximum(numbers - self.high * step, self.low * step - numbers)
        return np.maximum(self.rounding.part * step, beyond)

    def _float64_needed(self) -> bool:
        return self.bits > 24

    def _round(self, x: np.ndarray, thresholds: np.ndarray, out: np.ndarray) -> None:
        scale = x.dtype.type(2.0**self.fraction)
        low, high = x.dtype.type(self.low), x.dtype.type(self.high)
        mask = 2**self.bits - 1
        if _fixed_codes(x, thresholds, self.rounding.even, scale, low, high, mask, out):
            raise ValueError("x must be without NaN, which fixed point has not")


@njit(nogil=True, cache=True, error_model="numpy")
def _fixed_codes(x, thresholds, even, scale, low, high, mask, out):
    """Codes into `out`; returns how many elements are NaN."""
    one, half = type(scale)(1), type(scale)(0.5)
    bad = 0
    for i in range(x.size):
        bad += x[i] != x[i]
        size = abs(x[i]) * scale
        size = size if size < -low else -low
        down = np.floor(size)
        rest = size - down
        odd = down != np.floor(down * half) * (one + one)
        up = (rest > thresholds[i]) | ((rest == thresholds[i]) & even & odd)
        size = down + one if up else down
        size = -size if is_negative(x[i]) else size
        out[i] = np.int32(size if size < high else high) & mask
    return bad
