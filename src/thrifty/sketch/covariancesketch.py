"""CovarianceSketch: correlations of very many columns, from a few rows, with a bound on each."""

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import (
    FormatError,
    Interval,
    Summary,
    budget_for,
    in_range,
    method,
    packed,
    taken,
    unpacked,
)
from thrifty.sketch._fixed import product
from thrifty.sketch.comoments import FEWEST, Correlated
from thrifty.sketch.frequentdirections import TALLEST, WIDEST, FrequentDirections

__all__ = ["CovarianceSketch"]

PARTS = ("count", "mean", "scatter", "scale")
CELLS, SHORTEST, LARGEST, FINEST = 2**19, 64, 1e100, 1e-30
AT_ONCE, ROUNDING, BESIDE = 256, 1e-13, 128
Reals = NDArray[np.float64]


@method(
    source="Ghashami, Liberty, Phillips and Woodruff 2016, arXiv:1501.01711, of rows about their "
    "mean, which are joined as in Chan, Golub and LeVeque 1979",
    memory="at most 16 * ell * dim + 40 * dim + 128 bytes",
    time="O(ell * dim) a row",
    error="a correlation is within sqrt(e_i * e_j) of its estimate for certain, e the share of a "
    "column's variance that is not held (known exactly), and within error_bound(); both up to "
    "1e-13 of all variances for rounding",
    exact="numpy.corrcoef of the rows, what is missing at the mean of the rows around it",
    laws=("summary", "budget"),
    evidence=("covariancesketch",),
)
class CovarianceSketch(Summary):
    """Keep what is needed to estimate the correlation of any two of very many columns.

    Rows go into `FrequentDirections` about the mean of their block, in units of the column's
    deviation. When parts are joined, the difference of their means goes in as one more row, so
    that all is about the mean of all rows, whatever the order. Means and variances are exact beside
    it, and so is how much of each column's variance the rows that are kept lack: that bounds
    every correlation. A value that is missing stands at the mean of its column in its block of
    rows, which draws correlations towards 0. Columns that move together are told from few rows;
    a pair among very many columns that are independent is not.

    Args:
        dim: how many columns, 1..2**24.
        ell: rows kept by a refactoring, 1..2**20; with ell >= dim nothing is lost.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> rows = rng.normal(size=(2000, 3)) @ rng.normal(size=(3, 400))
        >>> half = CovarianceSketch(400, ell=5).add(rows[:1000])
        >>> whole = half.merge(CovarianceSketch(400, ell=5).add(rows[1000:]))
        >>> best = whole.correlated(1)[0]
        >>> exact = np.corrcoef(rows[:, best.first], rows[:, best.second])[0, 1]
        >>> bool(exact in best.correlation), bool(best.correlation.width < 1e-6)
        (True, True)
    """

    KIND = "covariance-sketch"

    def __init__(self, dim: int, ell: int = 64) -> None:
        self.dim = int(in_range("dim", dim, 1, WIDEST))
        self.directions = FrequentDirections(self.dim, ell)
        self.rows = 0
        self._held = {name: np.zeros(self.dim) for name in PARTS}

    @classmethod
    def within(cls, budget: int | str, dim: int) -> Self:
        """The most rows that fit.

        Raises:
            BudgetError: the budget is below ell = 1.
        """
        in_range("dim", dim, 1, WIDEST)
        nbytes = budget_for(f"correlations of {dim} columns", budget, 56 * dim + BESIDE)
        return cls(dim, min((nbytes - 40 * dim - BESIDE) // (16 * dim), TALLEST))

    @property
    def ell(self) -> int:
        """Rows kept by a refactoring."""
        return self.directions.ell

    def scale_by(self, rows: ArrayLike) -> Self:
        """Take the units of the columns from a sample instead of the first block of rows.

        Raises:
            ValueError: there are rows already, or the sample has another number of columns.
        """
        x = self._checked(rows)
        if self.rows:
            raise ValueError(f"a sketch must be empty to be scaled, got {self.rows} rows in it")
        if len(x):
            self._held["scale"] = _Block(x).scale
        return self

    def add(self, rows: ArrayLike) -> Self:
        """Add rows, (n, dim) numbers; what is not finite, or reaches 1e100, is missing."""
        x = self._checked(rows)
        step = max(SHORTEST, CELLS // self.dim)
        for start in range(0, len(x), step):
            block = _Block(x[start : start + step])
            if not self._held["scale"].any():
                self._held["scale"] = block.scale
            self.directions.add(block.apart / self._held["scale"])
            self._join(block.rows, block.count, block.mean, block.scatter)
        return self

    def _absorb(self, other: Self) -> None:
        if not self.rows and (other.rows or not self._held["scale"].any()):
            self._held = {name: array.copy() for name, array in other._held.items()}
            self.rows, self.directions = other.rows, other.directions.copy()
        elif other.rows:
            factors = other._held["scale"] / self._held["scale"]
            self.directions.absorb(other.directions.times(factors))
            self._join(other.rows, *(other._held[name] for name in PARTS[:3]))

    def _join(self, rows: int, count: Reals, mean: Reals, scatter: Reals) -> None:
        """Take in the moments of more rows, whose directions are in already."""
        held, total = self._held, self.rows + rows
        both = (held["count"] > 0) & (count > 0)
        apart = np.where(both, mean - held["mean"], 0.0)
        weight = self.rows * (rows / total)
        if apart.any() and weight:
            self.directions.add((apart * math.sqrt(weight) / held["scale"])[None])
        held["scatter"] = held["scatter"] + scatter + apart * apart * weight
        first = np.where(held["count"] > 0, held["mean"], mean)
        held["mean"] = first + apart * (rows / total)
        held["count"] = held["count"] + count
        self.rows = total

    def counts(self) -> NDArray[np.int64]:
        """(dim,) values of each column."""
        return self._held["count"].astype(np.int64)

    def unheld(self) -> Reals:
        """(dim,) share of each column's variance that the directions lack, 0..1."""
        squares, lacking = self._squares()
        return np.minimum(lacking / np.where(squares > 0, squares, 1.0), 1.0)

    def interval(self, first: int, second: int) -> Interval:
        """The correlation of two columns; it lies in the interval for certain.

        Args:
            first, second: columns, 0..dim - 1; NaN is told of one that does not vary.
        """
        pair = [int(in_range("column", column, 0, self.dim - 1)) for column in (first, second)]
        squares, lacking = (part[pair] for part in self._squares())
        if not (squares > 0).all():
            return Interval(math.nan, math.nan, math.nan)
        one, other = self.directions.rows[:, pair].T / np.sqrt(squares)[:, None]
        r, slack = float((one * other).sum()), ROUNDING * self.directions.energy
        beyond = np.maximum(self.directions.error_bound() - lacking, 0.0) + 2 * slack
        off = math.sqrt(min(lacking.prod(), beyond.prod()) / squares.prod())
        return Interval(r, max(r - off, -1.0), min(r + off, 1.0))

    def correlated(self, k: int = 10) -> list[Correlated]:
        """The k pairs with the strongest estimates, each with an interval that is certain.

        Args:
            k: how many pairs, at least 1.
        """
        in_range("k", k, 1, 2**31)
        squares, _ = self._squares()
        vary = np.flatnonzero((squares > 0) & (self._held["count"] >= FEWEST))
        rows = self.directions.rows[:, vary] / np.sqrt(squares[vary])
        best = np.zeros((0, 3))
        for start in range(0, len(vary), AT_ONCE):
            best = _strongest(np.vstack([best, _pairs(rows, start, k)]), k)
        chosen = ((int(vary[int(i)]), int(vary[int(j)])) for _, i, j in best)
        return [Correlated(i, j, self.interval(i, j)) for i, j in chosen]

    def error_bound(self, confidence: float = 0.95) -> float:
        """The most that any correlation may be off, for certain."""
        return float(self.unheld().max())

    def _squares(self) -> tuple[Reals, Reals]:
        """Sums of squares about the mean, and what the directions lack of them, scaled."""
        scale = np.where(self._held["scale"] > 0, self._held["scale"], 1.0)
        squares = self._held["scatter"] / (scale * scale)
        lacking = np.maximum(squares - (self.directions.rows**2).sum(axis=0), 0.0)
        return squares, lacking + ROUNDING * self.directions.energy

    @property
    def nbytes(self) -> int:
        """Bytes of the directions and of the moments beside."""
        return self.directions.nbytes + 32 * self.dim + 8

    def spec(self) -> dict[str, Any]:
        """Dim and ell."""
        return {"dim": self.dim, "ell": self.ell}

    def arrays(self) -> dict[str, NDArray]:
        """Those of the directions; of each column values, mean, scatter and unit; and the rows."""
        inside = packed({"directions": self.directions})[1]
        return inside | self._held | {"rows": np.array([self.rows], np.int64)}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> Self:
        """From arrays, which are checked."""
        held = {name: taken(arrays, name, np.float64, (spec["dim"],)).copy() for name in PARTS}
        rows = int(taken(arrays, "rows", np.int64, (1,))[0])
        inside = {"kind": FrequentDirections.KIND, "spec": {"d": spec["dim"], "ell": spec["ell"]}}
        kinds = {FrequentDirections.KIND: FrequentDirections}
        found = unpacked({"directions": inside}, arrays, kinds)["directions"]
        made = cls(**spec)
        signed = [held[name] for name in ("count", "scatter", "scale")]
        sound = all(np.isfinite(array).all() for array in held.values())
        if not sound or rows < 0 or any((array < 0).any() for array in signed):
            raise FormatError("covariance sketch is damaged")
        if rows and not held["scale"].all():
            raise FormatError("covariance sketch is damaged")
        made.directions, made.rows, made._held = found, rows, held
        return made

    def _checked(self, rows: ArrayLike) -> Reals:
        x = np.asarray(rows, dtype=np.float64)
        x = x.reshape(0, self.dim) if x.size == 0 else x
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise ValueError(f"rows must be of shape (n, {self.dim}), got {x.shape}")
        return x


class _Block:
    """A block of rows about its mean, what is missing at the mean."""

    def __init__(self, x: Reals) -> None:
        with np.errstate(invalid="ignore"):
            there = np.abs(x) < LARGEST
        self.rows, self.count = len(x), there.sum(axis=0).astype(np.float64)
        total = np.where(there, x, 0.0).sum(axis=0)
        self.mean = total / np.maximum(self.count, 1.0)
        self.apart = np.where(there, x, self.mean) - self.mean
        self.scatter = (self.apart * self.apart).sum(axis=0)

    @property
    def scale(self) -> Reals:
        """Deviations of the columns; the size of the mean where they do not vary, or 1."""
        deviation = np.sqrt(self.scatter / np.maximum(self.count, 1.0))
        size = np.abs(self.mean)
        found = np.where(deviation > 1e-12 * size, deviation, size)
        return np.where(found > FINEST, found, 1.0)


def _pairs(rows: Reals, start: int, k: int) -> Reals:
    """The k strongest pairs of AT_ONCE columns with those after them: strength and columns."""
    some = product(rows[:, start : start + AT_ONCE].T, rows[:, start:])
    i, j = np.triu_indices(len(some), 1, some.shape[1])
    strength = np.abs(some[i, j])
    keep = np.arange(len(strength))
    if len(strength) > k:
        least = np.partition(strength, -k)[-k]
        keep = np.flatnonzero(strength >= least)
    found = [strength[keep], (start + i[keep]).astype(float), (start + j[keep]).astype(float)]
    return _strongest(np.stack(found, axis=1), k)


def _strongest(pairs: Reals, k: int) -> Reals:
    return pairs[np.lexsort((pairs[:, 2], pairs[:, 1], -pairs[:, 0]))[:k]]
