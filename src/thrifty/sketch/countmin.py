"""Count-min sketch: how often a key came, never less than the truth, in fixed memory."""

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import IncompatibleError, Interval, in_range, method
from thrifty.core.kernels import njit
from thrifty.sketch._counters import PIECE, TURNS, Counters, place_of

__all__ = ["CountMin"]


@njit(nogil=True, cache=True, error_model="numpy")
def _add_weights(table, words, weights, rows, width):
    """Add each weight to the key's counter in every row."""
    for start in range(0, words.size, PIECE):
        piece, heavy = words[start : start + PIECE], weights[start : start + PIECE]
        for row in range(rows):
            counters, turn = table[row * width : (row + 1) * width], TURNS[row]
            for i in range(piece.size):
                counters[place_of(piece[i], turn, width)] += heavy[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _raise_counters(table, words, weights, rows, width):
    """Raise a key's counters to its new estimate, and only those below it."""
    places = np.empty(rows, np.int64)
    for i in range(words.size):
        count = np.int64(2**63 - 1)
        for row in range(rows):
            places[row] = row * width + np.int64(place_of(words[i], TURNS[row], width))
            count = min(count, table[places[row]])
        count += weights[i]
        for row in range(rows):
            table[places[row]] = max(table[places[row]], count)


@njit(nogil=True, cache=True, error_model="numpy")
def _least(table, words, rows, width, out):
    """The least counter of each key."""
    out[:] = 2**63 - 1
    for start in range(0, words.size, PIECE):
        piece, least = words[start : start + PIECE], out[start : start + PIECE]
        for row in range(rows):
            counters, turn = table[row * width : (row + 1) * width], TURNS[row]
            for i in range(piece.size):
                least[i] = min(least[i], counters[place_of(piece[i], turn, width)])


@method(
    source="Cormode and Muthukrishnan 2005, doi:10.1016/j.jalgor.2003.12.001; conservative update "
    "of Estan and Varghese 2002, doi:10.1145/633025.633056",
    memory="8 * rows * width bytes",
    time="rows counters a key",
    error="never too low; too high by more than total * e / width with chance exp(-rows)",
    exact="sum of the weights of a key",
    laws=("summary", "merge", "linear", "budget"),
    evidence=("countmin",),
)
class CountMin(Counters):
    """Count how often each key came, in fixed memory.

    A key has one counter in each row, shared with all keys that hash to it; its estimate is the
    least of them. Weights may be negative, also by `subtract`, as long as no key's true sum is.
    With conservative update only counters below the new estimate are raised: less error, but
    weights must not be negative, nothing can be subtracted, and a merge, still never too low,
    depends on how the stream was cut.

    Args:
        rows: 1..32.
        width: counters a row, 1..2**32.
        conservative: raise no counter more than needed.
        seed: of the hash, 0..2**64 - 1. Sketches merge only if all of these agree.

    Raises:
        TypeError: rows, width or seed is not an int.
        ValueError: rows, width or seed is out of range.

    Example:
        >>> words = ["be"] * 30 + ["to"] * 20 + [str(i) for i in range(1000)]
        >>> seen = CountMin(rows=4, width=500).add(words)
        >>> estimates = seen.estimate(["be", "to", "absent"])
        >>> bool((estimates >= [30, 20, 0]).all())
        True
        >>> bool((estimates <= np.array([30, 20, 0]) + seen.error_bound(0.999)).all())
        True
    """

    KIND = "count-min"

    def __init__(
        self, rows: int = 4, width: int = 65_536, *, conservative: bool = False, seed: int = 0
    ) -> None:
        super().__init__(rows, width, seed=seed)
        if not isinstance(conservative, bool):
            raise TypeError(f"conservative must be True or False, got {conservative!r}")
        self.conservative = conservative

    @classmethod
    def for_error(cls, error: float, confidence: float = 0.98, *, seed: int = 0) -> Self:
        """The smallest one whose estimates are too high by more than error * total rarely enough.

        Args:
            error: share of the total, 1e-9..1.
            confidence: chance that an estimate keeps it, 0.1..1 - 1e-13.

        Raises:
            ValueError: an argument is out of range.
        """
        in_range("error", error, 1e-9, 1)
        rows = math.ceil(-math.log1p(-in_range("confidence", confidence, 0.1, 1 - 1e-13)))
        return cls(rows, math.ceil(math.e / error), seed=seed)

    def add(self, keys: Any, weights: Any = None) -> Self:
        """Add the keys of a column, each with its weight; nulls are left out.

        Args:
            keys: a column; see `hash_column`.
            weights: (n,) whole numbers, or one for all; None for 1 each.

        Raises:
            TypeError: the column holds values without a hash, or the weights are not numbers.
            ValueError: a weight is not whole, negative with conservative update, or too large.
        """
        if self.conservative:
            return self._count(keys, weights, 0, _raise_counters)
        return self._count(keys, weights, None, _add_weights)

    def estimate(self, keys: Any) -> NDArray[np.int64]:
        """Estimated sum of the weights of each key: never too low; 0 for a null.

        Returns:
            (n,) int64.

        Raises:
            TypeError: the column holds lists, structs or other values without a hash.
        """
        return self._answered(keys, _least)

    def interval(self, keys: Any, confidence: float = 0.95) -> Interval:
        """Estimates of keys, and for each the ends between which the truth lies.

        The upper end is the estimate and certain; the lower holds at least as often as asked.

        Returns:
            An `Interval` of three (n,) arrays.

        Raises:
            TypeError: the column holds lists, structs or other values without a hash.
            ValueError: confidence is not between 0 and 1.
        """
        bound, found = self.error_bound(confidence), self.estimate(keys)
        return Interval(found, np.maximum(found - bound, np.minimum(found, 0)), found)  # type: ignore[arg-type]

    def error_bound(self, confidence: float = 0.95) -> int:
        """By how much an estimate is too high at most, with this confidence, from the counters.

        A key meets the other keys of a random counter in each row; the bound is exceeded by all
        of them at once with at most the chance that is left. On skewed streams this is far less
        than total * e / width.

        Raises:
            ValueError: confidence is not between 0 and 1.
        """
        in_range("confidence", confidence, 0, 1 - 1e-13)
        rows = np.sort(self._grid(), axis=1)
        low, high = -1, max(0, int(rows[:, -1].min()))
        while high - low > 1:
            middle = (low + high) // 2
            above = [1 - row.searchsorted(middle, "right") / self.width for row in rows]
            low, high = (middle, high) if math.prod(above) > 1 - confidence else (low, middle)
        return high

    def subtract(self, other: Self) -> Self:
        """The sketch of this stream without the other's, which it contains; neither changes.

        Raises:
            IncompatibleError: the other was made with other arguments, or updates conservatively.
        """
        if self.conservative:
            raise IncompatibleError(f"cannot subtract from {self!r}: it updates conservatively")
        return super().subtract(other)

    def total(self) -> int:
        """Sum of all weights that were added; no more than that with conservative update."""
        return int(self._grid().sum(axis=1).max())

    def spec(self) -> dict[str, Any]:
        """Its rows, width, seed and way of updating."""
        return {**super().spec(), "conservative": self.conservative}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The sketch of a spec and its counters, checked."""
        made = super().restore(spec, arrays)
        if made.conservative and made._table.min() < 0:
            raise ValueError("counters must not be negative")
        return made
