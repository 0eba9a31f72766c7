"""Count-sketch: how often a key came, right on average, in fixed memory."""

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from thrifty.core import Interval, in_range, method
from thrifty.core.kernels import njit
from thrifty.hashing.keys import mix
from thrifty.sketch._counters import PIECE, TURNS, Counters, place_of

__all__ = ["CountSketch"]

SIGNS, ONE = np.uint64(0xD6E8FEB86659FD93), np.uint64(1)
SPARE = 8


@njit(nogil=True, cache=True, error_model="numpy")
def _add_signed(table, words, weights, rows, width):
    """Add each weight with the key's sign to its counter in every row."""
    signs = np.empty(PIECE, np.uint64)
    for start in range(0, words.size, PIECE):
        piece, heavy = words[start : start + PIECE], weights[start : start + PIECE]
        for i in range(piece.size):
            signs[i] = mix(piece[i] ^ SIGNS)
        for row in range(rows):
            counters, turn = table[row * width : (row + 1) * width], TURNS[row]
            for i in range(piece.size):
                sign = np.int64(1) - np.int64((signs[i] >> np.uint64(row)) & ONE) * 2
                counters[place_of(piece[i], turn, width)] += sign * heavy[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _median(table, words, rows, width, out):
    """The median of each key's counters, with its signs taken off."""
    found = np.empty(rows, np.int64)
    for i in range(words.size):
        signs = mix(words[i] ^ SIGNS)
        for row in range(rows):
            place = np.int64(row * width) + np.int64(place_of(words[i], TURNS[row], width))
            sign = np.int64(1) - np.int64((signs >> np.uint64(row)) & ONE) * 2
            value, slot = sign * table[place], row
            while slot and found[slot - 1] > value:
                found[slot] = found[slot - 1]
                slot -= 1
            found[slot] = value
        out[i] = found[rows // 2]


@method(
    source="Charikar, Chen and Farach-Colton 2002, doi:10.1007/3-540-45465-9_59; second moment of "
    "Alon, Matias and Szegedy 1996, doi:10.1145/237814.237823",
    memory="8 * rows * width bytes",
    time="rows counters a key",
    error="unbiased; a row's standard error is sqrt(second moment / width), the median's is less",
    exact="sum of the weights of a key",
    laws=("summary", "merge", "linear", "budget"),
    evidence=("countsketch",),
)
class CountSketch(Counters):
    """Count how often each key came, as often too high as too low.

    A key adds its weight with a random sign to one counter in each row, so that other keys cancel
    on average; its estimate is the median over rows. Weights and sums may have any sign. On
    streams without heavy keys it beats a count-min sketch of the same size.

    Args:
        rows: odd, 1..31.
        width: counters a row, 1..2**32.
        seed: of the hash, 0..2**64 - 1. Sketches merge only if all of these agree.

    Raises:
        TypeError: rows, width or seed is not an int.
        ValueError: rows, width or seed is out of range, or rows is even.

    Example:
        >>> seen = CountSketch(rows=5, width=500)
        >>> seen = seen.add(["be", "to", "be", "or"], weights=[30, 20, -7, 1])
        >>> seen.estimate(["be", "to", "absent"]).tolist()
        [23, 20, 0]
        >>> abs(seen.second_moment() - (23**2 + 20**2 + 1)) < 1e-9
        True
    """

    KIND = "count-sketch"
    LEAST_ROWS = 5

    def __init__(self, rows: int = 5, width: int = 65_536, *, seed: int = 0) -> None:
        super().__init__(rows, width, seed=seed)
        if self.rows % 2 == 0:
            raise ValueError(f"rows must be odd, got {self.rows}")

    @classmethod
    def for_error(cls, error: float, confidence: float = 0.98, *, seed: int = 0) -> Self:
        """The smallest one whose estimates are off by more than this rarely enough.

        Args:
            error: in square roots of the second moment, 1e-4..1.
            confidence: chance that an estimate keeps it, 0.5..1 - 1e-6.

        Raises:
            ValueError: an argument is out of range.
        """
        width = math.ceil(SPARE / in_range("error", error, 1e-4, 1) ** 2)
        left = 1 - in_range("confidence", confidence, 0.5, 1 - 1e-6)
        rows = next(r for r in range(1, 32, 2) if binom.sf(r // 2, r, 1 / SPARE) <= left)
        return cls(rows, width, seed=seed)

    def add(self, keys: Any, weights: Any = None) -> Self:
        """Add the keys of a column, each with its weight; nulls are left out.

        Args:
            keys: a column; see `hash_column`.
            weights: (n,) whole numbers, or one for all; None for 1 each.

        Raises:
            TypeError: the column holds values without a hash, or the weights are not numbers.
            ValueError: a weight is not whole, or too large.
        """
        return self._count(keys, weights, None, _add_signed)

    def estimate(self, keys: Any) -> NDArray[np.int64]:
        """Estimated sum of the weights of each key; 0 for a null.

        Returns:
            (n,) int64.

        Raises:
            TypeError: the column holds lists, structs or other values without a hash.
        """
        return self._answered(keys, _median)

    def interval(self, keys: Any, confidence: float = 0.95) -> Interval:
        """Estimates of keys, and for each the ends between which the truth lies.

        Returns:
            An `Interval` of three (n,) arrays.

        Raises:
            TypeError: the column holds lists, structs or other values without a hash.
            ValueError: confidence is not between 0 and 1.
        """
        bound, found = self.error_bound(confidence), self.estimate(keys)
        return Interval(found, found - bound, found + bound)  # type: ignore[arg-type]

    def error_bound(self, confidence: float = 0.95) -> int:
        """How far an estimate is off at most, with this confidence, from the counters.

        A key meets the other keys of a random counter in each row, with either sign alike; the
        median is off by more only where more than half of the rows are, to the same side.

        Raises:
            ValueError: confidence is not between 0 and 1.
        """
        in_range("confidence", confidence, 0, 1 - 1e-13)
        sizes = np.sort(np.abs(self._table))
        low, high = -1, int(sizes[-1])
        while high - low > 1:
            middle = (low + high) // 2
            above = 1 - sizes.searchsorted(middle, "right") / sizes.size
            off = 2 * binom.sf(self.rows // 2, self.rows, above / 2)
            low, high = (middle, high) if off > 1 - confidence else (low, middle)
        return high

    def second_moment(self) -> float:
        """Estimated sum of the squares of the keys' sums; unbiased a row, the median over rows.

        Its relative standard error is at most sqrt(2 / width) a row.
        """
        return float(np.median((self._grid().astype(np.float64) ** 2).sum(axis=1)))
