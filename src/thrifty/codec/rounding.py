"""Rounding: to the nearest number of a grid, toward zero, or by chance; the same for all formats.

Every format rounds alike: what lies between two neighbours of its grid goes to the one farther from
zero if its share of the way there is above a threshold. The threshold is 1/2 for "nearest" (a tie
goes to the even code), beyond 1 for "zero", and uniform between 0 and 1 for "stochastic", so that
the mean over seeds is the number itself, to 2**-24 of a step.
"""

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from thrifty.core import one_of, whole
from thrifty.core.kernels import njit
from thrifty.hashing.keys import mix, seed_key

__all__ = ["ROUNDINGS", "Rounding"]

ROUNDINGS = ("nearest", "zero", "stochastic")
FIXED = {"nearest": 0.5, "zero": 2.0}
GAMMA = 0x9E3779B97F4A7C15


class Rounding:
    """How a format rounds.

    Args:
        mode: "nearest" (ties to the even code), "zero" (toward zero) or "stochastic".
        seed: of "stochastic"; element i of an array draws by the seed and i alone.

    Raises:
        TypeError: the seed is no whole number.
        ValueError: the mode is none of these, or the seed is out of its range.

    Example:
        >>> chance = Rounding("stochastic", 7)
        >>> chance.thresholds(5, 2) == chance.thresholds(4, 4)[1:3]
        array([ True,  True])
    """

    def __init__(self, mode: str = "nearest", seed: int = 0) -> None:
        self.mode = one_of("rounding", mode, ROUNDINGS)
        self.seed = whole("seed", seed, 0, 2**64 - 1)

    @property
    def even(self) -> bool:
        """Whether what is exactly at the threshold goes to the even code."""
        return self.mode == "nearest"

    @property
    def part(self) -> float:
        """The largest error, in steps of the grid."""
        return 0.5 if self.mode == "nearest" else 1.0

    def thresholds(self, start: int, n: int) -> NDArray[np.float32]:
        """Of elements start to start + n - 1: (n,) float32."""
        out = np.empty(n, np.float32)
        self.fill(out, start)
        return out

    def fill(self, out: NDArray[np.float32], start: int, fresh: bool = True) -> None:
        """`thresholds` into memory; where they never change, only if it is fresh."""
        if self.mode == "stochastic":
            _draw(out, start, seed_key(self.seed))
        elif fresh:
            out[:] = FIXED[self.mode]


@njit(nogil=True, cache=True, error_model="numpy")
def _draw(out, start, key):
    """Odd multiples of 2**-24: two of one hashed counter, which is i // 2."""
    if start % 2 and out.size:
        word = mix(key + uint64(start // 2) * uint64(GAMMA))
        out[0] = _unit(word >> uint64(32))
    first = start % 2
    pairs = out[first:]
    for i in range(pairs.size // 2):
        word = mix(key + uint64((start + first) // 2 + i) * uint64(GAMMA))
        pairs[2 * i] = _unit(word & uint64(0xFFFFFFFF))
        pairs[2 * i + 1] = _unit(word >> uint64(32))
    if pairs.size % 2:
        word = mix(key + uint64((start + out.size - 1) // 2) * uint64(GAMMA))
        pairs[pairs.size - 1] = _unit(word & uint64(0xFFFFFFFF))


@njit(forceinline=True, cache=True, error_model="numpy")
def _unit(half):
    return np.float32(np.int32((half >> uint64(9)) * uint64(2) + uint64(1))) * np.float32(2**-24)
