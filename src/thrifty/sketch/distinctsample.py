"""DistinctSample: how often values occur, from the exact counts of a fair sample of them."""

from collections.abc import Mapping
from math import sqrt
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import FormatError, Interval, Summary, budget_for, in_range, method, taken
from thrifty.hashing import hash_blocks

__all__ = ["DistinctSample"]

SPACE = 2.0**64
A_KEY = 16
SMALLEST = 16


@method(
    source="Gibbons 2001, Distinct sampling for highly-accurate answers to distinct values queries "
    "and event reports",
    memory="16 * size bytes",
    time="O(1) a value; a sort of those below the threshold",
    error="relative standard error 1 / sqrt(size) for the number of values of any frequency",
    exact="collections.Counter",
    laws=("summary", "merge", "budget"),
    evidence=("distinctsample",),
)
class DistinctSample(Summary):
    """Keep the values with the smallest hashes, each with its exact count.

    The threshold only falls, so a value that is kept at the end was kept from its first occurrence
    on: its count is exact, also across merges. As hashes do not know about counts, the
    kept values are a fair sample of the distinct ones, rare ones included.

    Args:
        size: values kept, 16..2**26.
        seed: of the hash; samples merge only if size and seed agree.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> values = [f"user {i}" for i in range(50_000)] + [f"user {i}" for i in range(20_000)]
        >>> sample = DistinctSample(size=4096).add(values)
        >>> 50_000 in sample.distinct(0.999), 30_000 in sample.occurring(1, confidence=0.999)
        (True, True)
        >>> 40_000 in sample.repeated(0.999)
        True
    """

    KIND = "distinct-sample"

    def __init__(self, size: int = 4096, *, seed: int = 0) -> None:
        self.size = int(in_range("size", size, SMALLEST, 2**26))
        self.seed = int(in_range("seed", seed, 0, 2**64 - 1))
        self.rows = 0
        self._words, self._counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)

    @classmethod
    def within(cls, budget: int | str, *, seed: int = 0) -> Self:
        """The largest sample that fits a budget.

        Raises:
            BudgetError: not even 16 values fit.
        """
        fits = (budget_for("a distinct sample", budget, A_KEY * SMALLEST + 8) - 8) // A_KEY
        return cls(min(fits, 2**26), seed=seed)

    def spec(self) -> dict[str, Any]:
        """Size and seed."""
        return {"size": self.size, "seed": self.seed}

    def arrays(self) -> dict[str, NDArray]:
        """Hashes in order, their counts, and how many values were added."""
        rows = np.array([self.rows], np.int64)
        return {"words": self._words, "counts": self._counts, "rows": rows}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, NDArray]) -> Self:
        """From size, seed and the arrays."""
        made = cls(spec["size"], seed=spec["seed"])
        words = taken(arrays, "words", np.uint64, (None,))
        counts = taken(arrays, "counts", np.int64, (words.size,))
        rows = int(taken(arrays, "rows", np.int64, (1,))[0])
        if words.size > made.size or (words[1:] <= words[:-1]).any() or (counts < 1).any():
            raise FormatError("a distinct sample must hold growing hashes with counts of 1 or more")
        if rows < 0 or (words.size < made.size and counts.sum(dtype=np.float64) != rows):
            raise FormatError(f"a distinct sample that is not full must count {rows} values")
        made._words, made._counts, made.rows = words, counts, rows
        return made

    def add(self, values: Any) -> Self:
        """Add a column; nulls are left out."""
        for words in hash_blocks(values, self.seed):
            self.add_hashes(words)
        return self

    def add_hashes(self, words: ArrayLike) -> Self:
        """Add values by hashes made elsewhere, (n,) uint64, uniform as those of `hash_column`."""
        words = np.asarray(words, dtype=np.uint64).reshape(-1)
        self.rows += words.size
        if self._full:
            words = words[words <= self._words[-1]]
        found, counts = np.unique(words, return_counts=True)
        self._join(found, counts)
        return self

    def _absorb(self, other: Self) -> None:
        self.rows += other.rows
        self._join(other._words, other._counts)

    def _join(self, words: NDArray[np.uint64], counts: NDArray[np.int64]) -> None:
        """Add counts of distinct, growing words: to those held, or in their place among them."""
        places = np.searchsorted(self._words, words)
        held = np.append(self._words, np.uint64(0))[places] == words
        held &= places < self._words.size
        self._counts[places[held]] += counts[held]
        if held.all():
            return
        new = ~held
        self._words = np.insert(self._words, places[new], words[new])[: self.size]
        self._counts = np.insert(self._counts, places[new], counts[new])[: self.size]

    def distinct(self, confidence: float = 0.95) -> Interval:
        """How many distinct values there were; exact while not more than `size`."""
        if not self._full:
            return _exact(self._words.size)
        estimate = (self.size - 1) / self._share
        return _around(estimate, estimate / sqrt(self.size - 2), confidence, self.size, self.rows)

    def occurring(self, low: int, high: int | None = None, *, confidence: float = 0.95) -> Interval:
        """How many values occurred low..high times; high is low if not given.

        Args:
            low, high: times, at least 1.
            confidence: of the interval, above 0 and below 1.
        """
        in_range("low", low, 1, 2**62)
        top = in_range("high", low if high is None else high, low, 2**62)
        found = int(np.count_nonzero((self._counts >= low) & (self._counts <= top)))
        if not self._full:
            return _exact(found)
        found -= int(low <= self._counts[-1] <= top)  # the last one only says where the sample ends
        spread = sqrt(found + 1) / self._share
        return _around(found / self._share, spread, confidence, found, self.rows)

    def repeated(self, confidence: float = 0.95) -> Interval:
        """How many of the values added have an equal one elsewhere in the stream."""
        once = self.occurring(1, confidence=confidence)
        return Interval(*(max(0.0, self.rows - x) for x in (once.estimate, once.high, once.low)))

    def error_bound(self, confidence: float = 0.95) -> float:
        """Relative error that `distinct` keeps with this confidence; 0 while it is exact."""
        if not self._full:
            return 0.0
        return _z(confidence) / sqrt(self.size - 2)

    @property
    def _full(self) -> bool:
        return self._words.size == self.size

    @property
    def _share(self) -> float:
        """The share of all hashes that are at or below the largest kept."""
        return (float(self._words[-1]) + 1) / SPACE


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + in_range("confidence", confidence, 1e-9, 1 - 1e-9)) / 2)


def _exact(count: int) -> Interval:
    return Interval(float(count), float(count), float(count))


def _around(x: float, spread: float, confidence: float, least: float, most: float) -> Interval:
    half = _z(confidence) * spread
    return Interval(*(min(max(y, least), most) for y in (x, x - half, x + half)))
