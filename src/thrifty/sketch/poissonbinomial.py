"""Poisson binomial: how many of many unlike events happen, from a stream of their chances."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import FormatError, Summary, budget_for, in_range, method, taken
from thrifty.sketch._ordered import NUMBER, ordered
from thrifty.sketch._product import multiplied, product_of

__all__ = ["PoissonBinomial", "poisson_binomial"]

COUNT, SKIPPED = range(2)
MEAN, VARIANCE, NONE = range(3)
MOST = 511
BESIDE = 40
Reals = NDArray[np.float64]


@method(
    source="Fernandez and Williams 2010, doi:10.1109/TAES.2010.5461658, for the generating "
    "function; its coefficients by products of positive numbers alone",
    memory="8 * k + 48 bytes",
    time="O(k) an event",
    error="each of P(X = 0), ..., P(X = k) has a relative error of at most n * (k + 3) * 2**-53, "
    "n the number of events, unless it is below 1e-290",
    exact="numpy.convolve of [1 - p, p] for all p",
    laws=("summary", "budget"),
    evidence=("poissonbinomial",),
)
class PoissonBinomial(Summary):
    """The chances that 0, 1, ..., k of a stream of independent events happen.

    The generating function of the number of events is the product of 1 - p + p * t over all of
    them; its first k + 1 coefficients need only those of its factors, so the parts of a stream
    merge by multiplying theirs. Mean and variance are of all events, whatever k.

    Args:
        k: the largest number whose chance is kept, 0..511.

    Raises:
        ValueError: k is out of range.

    Example:
        >>> dice = PoissonBinomial(k=2).add([1 / 6] * 10).merge(PoissonBinomial(k=2).add([1 / 2]))
        >>> exact = (5 / 6) ** 10 / 2
        >>> bool(abs(dice.pmf()[0] / exact - 1) <= dice.error_bound() < 1e-13)
        True
        >>> round(dice.mean, 6)
        2.166667
    """

    KIND = "poisson-binomial"

    def __init__(self, k: int = 15) -> None:
        self.k = int(in_range("k", k, 0, MOST))
        self._pmf = np.zeros(self.k + 1)
        self._pmf[0] = 1.0
        self._tally, self._moments = np.zeros(2, np.int64), np.zeros(3)

    @classmethod
    def within(cls, budget: int | str) -> Self:
        """The largest k that fits.

        Raises:
            BudgetError: the budget is below that of k = 0.
        """
        nbytes = budget_for("a PoissonBinomial", budget, 8 + BESIDE)
        return cls(min((nbytes - BESIDE) // 8 - 1, MOST))

    def add(self, p: Any) -> Self:
        """Add events by their chances; nulls and NaN are skipped and counted.

        Args:
            p: a column of numbers in 0..1.

        Raises:
            TypeError: the chances are not numbers.
            ValueError: a chance is outside 0..1.
        """
        parts = [_chances(*part) for part in ordered(p)]
        for chances, skipped in parts:
            self._tally[SKIPPED] += skipped
            if not len(chances):
                continue
            with np.errstate(divide="ignore"):
                none = np.log1p(-chances).sum()
            moments = np.array([chances.sum(), (chances * (1 - chances)).sum(), none])
            self._multiply(product_of(chances, self.k), np.array([len(chances), 0]), moments)
        return self

    def pmf(self) -> Reals:
        """The chances that exactly 0, 1, ..., k events happen, (k + 1,)."""
        return self._pmf.copy()

    def cdf(self) -> Reals:
        """The chances that at most 0, 1, ..., k events happen, (k + 1,)."""
        return np.cumsum(self._pmf).clip(max=1.0)

    def log_none(self) -> float:
        """The natural logarithm of the chance that no event happens, however small."""
        return float(self._moments[NONE])

    @property
    def mean(self) -> float:
        """The mean number of events that happen."""
        return float(self._moments[MEAN])

    @property
    def variance(self) -> float:
        """The variance of that number."""
        return float(self._moments[VARIANCE])

    @property
    def skipped(self) -> int:
        """How many nulls and NaN there were."""
        return int(self._tally[SKIPPED])

    def __len__(self) -> int:
        return int(self._tally[COUNT])

    def error_bound(self, confidence: float = 0.95) -> float:
        """The relative error that rounding may have brought into a chance, at most, for certain.

        But for chances below 1e-290, which may be 0.
        """
        return len(self) * (self.k + 3) * 2.0**-53

    def spec(self) -> dict[str, Any]:
        """K."""
        return {"k": self.k}

    def arrays(self) -> dict[str, np.ndarray]:
        """Chances, counts and moments."""
        return {"pmf": self._pmf, "tally": self._tally, "moments": self._moments}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """From chances, which are checked."""
        made = cls(**spec)
        pmf = taken(arrays, "pmf", np.float64, (made.k + 1,))
        tally, moments = taken(arrays, "tally", "i8", (2,)), taken(arrays, "moments", "f8", (3,))
        sound = (
            (pmf >= 0).all() and pmf.sum() <= 1 + 1e-3 and ((tally >= 0) & (tally < 2**61)).all()
        )
        if not sound or not (moments[:2] >= 0).all() or not moments[NONE] <= 0:
            raise FormatError("chances are damaged")
        made._pmf, made._tally, made._moments = pmf, tally.copy(), moments.copy()
        return made

    def _absorb(self, other: Self) -> None:
        if len(other):
            self._multiply(other._pmf, other._tally, other._moments)
        else:
            self._tally = self._tally + other._tally

    def _multiply(self, pmf: Reals, tally: Any, moments: Reals) -> None:
        """Take in events whose chances are known as these."""
        self._pmf = multiplied(self._pmf, pmf, self.k)
        self._tally = self._tally + tally
        self._moments = self._moments + moments


def poisson_binomial(p: ArrayLike) -> Reals:
    """The chances that exactly 0, 1, ..., n of n independent events happen, (n + 1,).

    By products of neighbours and Fourier transforms, O(n * log(n)**2): each chance is right to some
    1e-15; those of few events keep all their digits in `PoissonBinomial`.

    Args:
        p: (n,) chances in 0..1.

    Raises:
        TypeError: the chances are not numbers.
        ValueError: a chance is outside 0..1, or none.

    Example:
        >>> poisson_binomial([0.5, 0.5, 1.0]).tolist()
        [0.0, 0.25, 0.5, 0.25]
    """
    parts = [_chances(*part) for part in ordered(p)]
    if any(skipped for _, skipped in parts):
        raise ValueError("p must be numbers throughout, got nulls or NaN")
    chances = np.concatenate([np.zeros(0), *(part for part, _ in parts)])
    return product_of(chances, len(chances))


def _chances(kind: int, values: Reals, valid: Any) -> tuple[Reals, int]:
    """The chances of a part of a column, and how many values are none."""
    sound = ~np.isnan(values) if valid is None else valid & ~np.isnan(values)
    chances = values[sound]
    if kind > NUMBER:
        raise TypeError("p must be numbers, got times")
    if len(chances) and not 0 <= chances.min() <= chances.max() <= 1:
        bad = chances[(chances < 0) | (chances > 1)][0]
        raise ValueError(f"p must be in 0..1, got {bad}")
    return chances, len(values) - len(chances)
