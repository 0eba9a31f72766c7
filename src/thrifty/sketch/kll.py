"""KLL: quantiles, ranks and histograms of a stream, from a few sorted levels."""

import math
from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import FormatError, Interval, Summary, budget_for, in_range, method, taken
from thrifty.hashing.blocks import checked_weights
from thrifty.hashing.keys import seed_key
from thrifty.sketch._levels import Levels
from thrifty.sketch._ordered import KINDS, back, ordered, same_kind

__all__ = ["KLL"]

WEIGHT, NANS, NULLS = range(3)
DEVIATION, REST = 0.6, 4600
Reals = NDArray[np.float64]


@method(
    source="Karnin, Lang and Liberty 2016, arXiv:1603.05346; compacted lazily and in bulk as in "
    "Ivkin et al. 2019, arXiv:1907.00236",
    memory="at most 24 * k + 4600 bytes",
    time="O(log k) a value: a block of 65,536 is sorted, halved and merged upwards",
    error="a rank is off by at most 0.6 / k of the weight (one standard deviation, near normal)",
    exact="numpy.quantile(column, q, method='inverted_cdf')",
    laws=("summary", "budget"),
    evidence=("kll",),
)
class KLL(Summary):
    """Quantiles of numbers or times, each with an interval.

    Values of weight 1 lie in level 0. When all levels are full, the lowest full one is sorted and
    every other of its values goes up, where it weighs twice as much; the first or the second of
    each pair by a coin. A coin moves a rank by at most one weight, either way; the variance of all
    coins is kept, and intervals are made of it.

    Args:
        k: values in the highest level, 8..2**26; lower levels hold 2/3 of the next, at least 8.
        seed: of the coins; what they show depends on the values too.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> values = np.random.default_rng(0).normal(size=100_000)
        >>> half = KLL(k=200).add(values[:50_000])
        >>> whole = half.merge(KLL(k=200).add(values[50_000:]))
        >>> median = whole.quantile(0.5)
        >>> bool(abs((values <= median.estimate).mean() - 0.5) <= 3 / 200)
        True
        >>> np.median(values) in whole.quantile(0.5, confidence=0.999)
        True
        >>> bool(whole.quantile(1).estimate == values.max()), whole.nbytes < 24 * 200 + 4600
        (True, True)
    """

    KIND = "kll"

    def __init__(self, k: int = 800, *, seed: int = 0) -> None:
        self.k = int(in_range("k", k, 8, 2**26))
        self.seed, self._kind = int(seed), 0
        self._levels = Levels(self.k, seed_key(seed))
        self._tally, self._ends = np.zeros(3, np.int64), np.array([np.inf, -np.inf])

    @classmethod
    def within(cls, budget: int | str, *, seed: int = 0) -> Self:
        """The largest that fits, however long the stream.

        Raises:
            BudgetError: the budget is below that of k = 8.
        """
        nbytes = budget_for("a KLL", budget, 24 * 8 + REST)
        return cls(min((nbytes - REST) // 24, 2**26), seed=seed)

    @classmethod
    def for_error(cls, share: float, confidence: float = 0.95, *, seed: int = 0) -> Self:
        """The smallest whose ranks are off by at most this share of the weight.

        Args:
            share: 1e-7..0.5.
            confidence: that this holds for one rank, 0.5..0.999999.
        """
        width = _deviations(confidence) * DEVIATION
        k = math.ceil(width / in_range("share", share, 1e-7, 0.5))
        return cls(max(8, k), seed=seed)

    def add(self, column: Any, weights: Any = None) -> Self:
        """Add the values of a column; nulls and NaN are skipped and counted.

        Args:
            column: numbers or times, as Arrow or NumPy array, list or scalar.
            weights: whole numbers from 0 on, one a row or one for all; 1 if None.

        Raises:
            TypeError: the values are neither numbers nor times, or weights are not numbers.
            ValueError: weights are not whole, negative, or reach 2**62 in all.
            IncompatibleError: times among numbers, or the like.
        """
        parts = ordered(column)
        kind = self._kind
        for other, _, _ in parts:
            kind = same_kind(kind, other)
        length = sum(len(values) for _, values, _ in parts)
        given = None if weights is None else checked_weights(weights, length, np.int64, least=0)
        heavy = length if given is None else given.sum(dtype=np.float64)
        if self.weight + heavy >= 2.0**62:
            raise ValueError(f"weights must sum to less than 2**62, got {heavy:g} more")
        self._kind, start = kind, 0
        for _, values, valid in parts:
            mine = None if given is None else given[start : start + len(values)]
            start += len(values)
            self._add(values, valid, mine)
        return self

    def quantile(self, q: float, confidence: float = 0.95) -> Interval:
        """The smallest value that at least a share q of the weight does not exceed.

        Args:
            q: 0..1; 0 is the smallest value and 1 the largest, exactly.
            confidence: that the true quantile is inside the interval, 0.5..0.999999.

        Returns:
            The quantile and the ends of its interval, numbers or times as added; NaN if empty.
        """
        (found,) = self.quantiles([in_range("q", q, 0, 1)], confidence)
        return found

    def quantiles(self, qs: Iterable[float], confidence: float = 0.95) -> list[Interval]:
        """The quantiles of several shares, each as `quantile` gives it."""
        items, ranks = self._levels.ranked()
        slack = self.error_bound(confidence)
        slack *= self.weight
        items = np.concatenate([[self._ends[0]], items, [self._ends[1]]])
        found = []
        for q in qs:
            share = in_range("q", q, 0, 1) * self.weight
            least = np.ceil([share, share - slack, share + slack] if 0 < q < 1 else [share] * 3)
            at = np.searchsorted(ranks, least) + 1
            at = np.where(least <= 0, 0, at) if q < 1 else np.full(3, -1)
            values = items[at] if self.weight else np.full(3, np.nan)
            found.append(Interval(*(back(self._kind, value) for value in values)))
        return found

    def rank(self, value: Any, confidence: float = 0.95) -> Interval:
        """The share of the weight that does not exceed a value; NaN if empty.

        Args:
            value: a number, or a time where times were added.
            confidence: that the true share is inside the interval, 0.5..0.999999.
        """
        share, slack = float(self.cdf([value])[0]), self.error_bound(confidence)
        (_, points, _), *_ = ordered([value])
        if not self._ends[0] <= points[0] < self._ends[1]:
            slack = 0.0
        return Interval(share, max(share - slack, 0.0), min(share + slack, 1.0))

    def cdf(self, values: Any) -> Reals:
        """The share of the weight that does not exceed each value, (n,); NaN if empty.

        Args:
            values: a column of numbers, or of times where times were added.

        Raises:
            IncompatibleError: times where numbers were added, or the like.
        """
        shares = [np.zeros(0)]
        items, ranks = self._levels.ranked()
        for kind, points, _ in ordered(values):
            same_kind(self._kind, kind)
            below = np.append(0, ranks)[np.searchsorted(items, points, side="right")]
            share = below / self.weight if self.weight else np.full(len(points), np.nan)
            share = np.where(points < self._ends[0], 0.0 * share, share)
            shares.append(np.where(points >= self._ends[1], 0.0 * share + 1.0, share))
        return np.concatenate(shares)

    def histogram(self, bins: int | ArrayLike = 20) -> tuple[Reals, list[Any]]:
        """Estimated weight in each bin, (bins,), and the edges, numbers or times, one more.

        Args:
            bins: how many of equal width, 1..10**6, or the edges of bins of numbers, rising.
        """
        if isinstance(bins, int):
            edges = np.linspace(*self._span(), in_range("bins", bins, 1, 10**6) + 1)
        else:
            edges = np.asarray(bins, np.float64)
        items, ranks = self._levels.ranked()
        weights = np.diff(ranks, prepend=0)
        inside = items[(items >= edges[0]) & (items <= edges[-1])]
        held = weights[(items >= edges[0]) & (items <= edges[-1])]
        at = np.searchsorted(edges, inside, side="right").clip(1, len(edges) - 1) - 1
        counts = np.bincount(at, held, len(edges) - 1).astype(np.float64)
        return counts, [back(self._kind, edge) for edge in edges]

    def error_bound(self, confidence: float = 0.95) -> float:
        """How far a rank is off at most, as a share of the weight, with that confidence.

        A rank is odd in every other compaction, and only those move it; their sum is near normal.
        """
        return _deviations(confidence) * math.sqrt(self._levels.noise / 2) / max(self.weight, 1)

    @property
    def weight(self) -> int:
        """Weight of all values that were added."""
        return int(self._tally[WEIGHT])

    @property
    def nulls(self) -> int:
        """How many nulls were skipped."""
        return int(self._tally[NULLS])

    @property
    def nans(self) -> int:
        """How many NaN were skipped."""
        return int(self._tally[NANS])

    @property
    def nbytes(self) -> int:
        """Bytes of the levels and of what is beside them."""
        return sum(array.nbytes for array in self.arrays().values())

    def spec(self) -> dict[str, Any]:
        """K and seed."""
        return {"k": self.k, "seed": self.seed}

    def arrays(self) -> dict[str, np.ndarray]:
        """Levels one after another, their sizes, the extremes, and counts."""
        kept = self._levels
        return {
            "items": np.concatenate(kept.arrays), "sizes": np.array([*map(len, kept.arrays)]),
            "ends": self._ends, "noise": np.array([kept.noise]),
            "tally": np.array([*self._tally, kept.rounds, self._kind]),
        }  # fmt: skip

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """From levels, which are checked."""
        made = cls(**spec)
        items = taken(arrays, "items", np.float64, (None,))
        sizes, ends = taken(arrays, "sizes", np.int64, (None,)), taken(arrays, "ends", "f8", (2,))
        tally, noise = taken(arrays, "tally", np.int64, (5,)), taken(arrays, "noise", "f8", (1,))
        made._levels.fill(items, sizes, float(noise[0]), int(tally[3]))
        inside = not len(items) or (ends[0] <= items.min() and items.max() <= ends[1])
        known = tally[4] < len(KINDS) and ((tally >= 0) & (tally < 2**62)).all()
        if made._levels.weight != tally[0] or not inside or not known or np.isnan(ends).any():
            raise FormatError("quantiles are damaged")
        made._tally, made._ends, made._kind = tally[:3].copy(), ends.copy(), int(tally[4])
        return made

    def _absorb(self, other: Self) -> None:
        if self.weight + other.weight >= 2**62:
            raise ValueError("weights must sum to less than 2**62, got more by merging")
        self._kind = same_kind(self._kind, other._kind)
        self._levels.absorb(other._levels)
        self._tally = self._tally + other._tally
        self._reach(*other._ends)

    def _add(self, values: Reals, valid: Any, weights: Any) -> None:
        """Add values of a kind that fits; count those that are none."""
        nans = np.isnan(values)
        sound = ~nans if valid is None else valid & ~nans
        skipped = len(values) - int(sound.sum())
        self._tally[NULLS] += 0 if valid is None else len(values) - int(valid.sum())
        self._tally[NANS] += skipped - (0 if valid is None else len(values) - int(valid.sum()))
        if skipped:
            values, weights = values[sound], None if weights is None else weights[sound]
        if weights is None:
            self._tally[WEIGHT] += len(values)
            self._levels.add(values)
        else:
            values, weights = values[weights > 0], weights[weights > 0]
            self._tally[WEIGHT] += int(weights.sum())
            self._levels.add_weighted(values, weights)
        self._reach(values.min(initial=np.inf), values.max(initial=-np.inf))

    def _reach(self, low: float, high: float) -> None:
        """Let the extremes go as far as these."""
        self._ends = np.array([min(self._ends[0], low), max(self._ends[1], high)])

    def _span(self) -> tuple[float, float]:
        """The smallest and the largest finite value, as far as they are held."""
        items, _ = self._levels.ranked()
        finite = np.append(items, self._ends)
        finite = finite[np.isfinite(finite)]
        return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)


def _deviations(confidence: float) -> float:
    """How many standard deviations to each side hold so much of a normal distribution."""
    in_range("confidence", confidence, 0.5, 0.999999)
    return NormalDist().inv_cdf((1 + confidence) / 2)
