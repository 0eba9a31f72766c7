"""Frequent directions: where the rows of a matrix have their mass, from a few rows."""

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import FormatError, Interval, Summary, budget_for, in_range, method, taken
from thrifty.hashing.blocks import checked_weights
from thrifty.sketch._fixed import sums_of
from thrifty.sketch.refactor import refactored

__all__ = ["FrequentDirections"]

WEIGHT, ENERGY, LOST, SKIPPED = range(4)
WIDEST, TALLEST = 2**24, 2**20
BESIDE, LARGEST = 64, 1e140
Reals = NDArray[np.float64]


@method(
    source="Liberty 2013, arXiv:1206.0594; Ghashami, Liberty, Phillips and Woodruff 2016, "
    "arXiv:1501.01711",
    memory="at most 16 * ell * d + 8 * d bytes",
    time="O(ell * d) a row",
    error="x'A'Ax - |Bx|**2 is in 0..error_bound() for every x of length 1, for certain; that is "
    "at most |A - A_k|_F**2 / (ell + 1 - k) for every k <= ell, A_k the best of rank k; up to "
    "1e-14 of `energy` for rounding",
    exact="A.T @ A",
    laws=("summary", "budget"),
    evidence=("frequentdirections",),
)
class FrequentDirections(Summary):
    """Keep the directions in which the rows of a stream have most of their squared length.

    Rows are stacked until there are 2 * ell; then they are refactored to ell orthogonal ones, whose
    squares are lowered by that of the (ell + 1)-th singular value. What was lowered in all is the
    error bound. Sums of the columns are kept too, so that directions can be about the mean. Every
    sum has one order, so the same rows in the same batches give the same bytes on every machine.

    Args:
        d: columns, 1..2**24.
        ell: rows kept by a refactoring, 1..2**20; with ell >= d nothing is lost.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> a = np.random.default_rng(0).normal(size=(5000, 40)) * 0.8 ** np.arange(40)
        >>> half = FrequentDirections(40, ell=10).add(a[:2500])
        >>> whole = half.merge(FrequentDirections(40, ell=10).add(a[2500:]))
        >>> off = np.linalg.norm(a.T @ a - whole.rows.T @ whole.rows, 2)
        >>> bool(off <= whole.error_bound() <= (a**2).sum() / 11)
        True
    """

    KIND = "frequent-directions"

    def __init__(self, d: int, ell: int = 32) -> None:
        self.d, self.ell = int(in_range("d", d, 1, WIDEST)), int(in_range("ell", ell, 1, TALLEST))
        self._rows, self._sums = np.zeros((0, self.d)), np.zeros(self.d)
        self._tally = np.zeros(4)

    @classmethod
    def within(cls, budget: int | str, d: int) -> Self:
        """The most rows that fit.

        Raises:
            BudgetError: the budget is below ell = 1.
        """
        in_range("d", d, 1, WIDEST)
        nbytes = budget_for(f"directions of {d} columns", budget, 24 * d + BESIDE)
        return cls(d, min((nbytes - 8 * d - BESIDE) // (16 * d), TALLEST))

    @classmethod
    def for_error(cls, share: float, d: int) -> Self:
        """The fewest rows that lose at most this share of the squared length of all rows.

        Args:
            share: 1e-6..0.5.
            d: columns.
        """
        return cls(d, math.ceil(1 / in_range("share", share, 1e-6, 0.5)) - 1)

    def add(self, rows: ArrayLike, weights: Any = None) -> Self:
        """Add rows; those that are not finite, or reach 1e140, are skipped and counted.

        Args:
            rows: (n, d) reals.
            weights: of the rows, finite and from 0 on, one a row or one for all; 1 if None.

        Raises:
            TypeError: rows or weights are not numbers.
            ValueError: rows are not (n, d), or weights are negative or not finite.
        """
        rows = self._checked(rows)
        each = np.ones(len(rows))
        if weights is not None:
            each = checked_weights(weights, len(rows), np.float64, least=0)
        with np.errstate(over="ignore", invalid="ignore"):
            heaviest = np.maximum(each, 1.0)
            sound = (np.abs(rows).max(axis=1, initial=1.0) * heaviest < LARGEST) & (each < LARGEST)
        self._tally[SKIPPED] += len(rows) - sound.sum()
        sound &= each > 0
        rows, each = np.ascontiguousarray(rows[sound]), each[sound]
        self._tally[ENERGY] += sums_of(rows, each, self._sums)
        self._tally[WEIGHT] += each.sum()
        if weights is not None:
            rows = rows * np.sqrt(each)[:, None]
        self._stack(rows)
        return self

    def times(self, factors: ArrayLike) -> Self:
        """The sketch of the same rows with each column times a factor.

        Its bound grows by the square of the largest factor, and so does `energy`.

        Args:
            factors: (d,) reals above 0.

        Raises:
            ValueError: there are others, or so large that rows reach 1e140.
        """
        by = np.asarray(factors, np.float64)
        if by.shape != (self.d,) or not ((by > 0) & (by < np.inf)).all():
            raise ValueError(f"factors must be {self.d} above 0, got {factors!r}")
        made, most = self.copy(), float(by.max())
        if (by != 1.0).any():
            made._rows, made._sums = self._rows * by, self._sums * by
            made._tally[[ENERGY, LOST]] *= most * most
        if not made._tally[ENERGY] < LARGEST**2:
            raise ValueError(f"factors must keep rows below {LARGEST:g}, got {most!r}")
        return made

    @property
    def rows(self) -> Reals:
        """B, (at most 2 * ell, d): B'B stands for A'A."""
        return self._rows.copy()

    def directions(self, k: int, *, centered: bool = False) -> tuple[Reals, Reals]:
        """The k directions of most squared length.

        Args:
            k: 1..2 * ell; there are fewer where the rank is lower.
            centered: about the mean of the rows, as in principal components.

        Returns:
            squares: (k,) estimated sums of squares along them, falling; they are too low by at
                most `error_bound()`.
            directions: (k, d) orthogonal rows of length 1.
        """
        in_range("k", k, 1, 2 * self.ell)
        signs, stack = np.ones(len(self._rows)), self._rows
        if centered and self.weight:
            stack = np.vstack([stack, self._sums / math.sqrt(self.weight)])
            signs = np.append(signs, -1.0)
        basis, small = np.linalg.qr(stack.T)
        squares, vectors = np.linalg.eigh((small * signs) @ small.T)
        squares, vectors = squares[::-1][:k], (basis @ vectors[:, ::-1][:, :k]).T
        stay = squares > 1e-14 * max(float(self._tally[ENERGY]), 1e-300)
        vectors = vectors[stay]
        most = np.abs(vectors).argmax(axis=1)
        return squares[stay], vectors * np.sign(vectors[np.arange(len(vectors)), most])[:, None]

    def along(self, direction: ArrayLike) -> Interval:
        """The sum of squares of the rows along a direction; the interval is certain.

        Args:
            direction: (d,) finite reals; its length is taken as 1, unless it is 0.
        """
        x = self._checked(np.asarray(direction)[None])[0]
        x = x / (np.linalg.norm(x) or 1.0)
        low = float(((self._rows @ x) ** 2).sum())
        return Interval(low + self.error_bound() / 2, low, low + self.error_bound())

    def error_bound(self, confidence: float = 0.95) -> float:
        """The most that any direction lacks, for certain: at most `energy` / (ell + 1)."""
        return float(self._tally[LOST])

    @property
    def energy(self) -> float:
        """The squared length of all rows together."""
        return float(self._tally[ENERGY])

    @property
    def weight(self) -> float:
        """The weight of all rows: how many, where none was given."""
        return float(self._tally[WEIGHT])

    @property
    def mean(self) -> Reals:
        """Mean of the rows, (d,); NaN if there is none."""
        with np.errstate(invalid="ignore"):
            return self._sums / np.float64(self.weight)

    @property
    def skipped(self) -> int:
        """How many rows were not finite."""
        return int(self._tally[SKIPPED])

    @property
    def nbytes(self) -> int:
        """Bytes of rows and sums."""
        return self._rows.nbytes + self._sums.nbytes + BESIDE

    def spec(self) -> dict[str, Any]:
        """D and ell."""
        return {"d": self.d, "ell": self.ell}

    def arrays(self) -> dict[str, np.ndarray]:
        """Rows, sums of the columns, and weight, energy, loss and rows skipped."""
        return {"rows": self._rows, "sums": self._sums, "tally": self._tally}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """From rows, which are checked."""
        sums = taken(arrays, "sums", np.float64, (spec["d"],))
        rows = taken(arrays, "rows", np.float64, (None, spec["d"]))
        tally = taken(arrays, "tally", np.float64, (4,))
        made = cls(**spec)
        small = all((np.abs(array) < LARGEST**1.05).all() for array in (rows, sums))
        sound = small and ((tally >= 0) & (tally < np.inf)).all() and len(rows) <= 2 * made.ell
        energy = 1.001 * float(tally[ENERGY]) + 1e-300
        if not sound or not np.vdot(rows, rows) <= energy:
            raise FormatError("directions are damaged")
        if not np.vdot(sums, sums) <= energy * float(tally[WEIGHT]) + 1e-300:
            raise FormatError("directions are damaged")
        made._rows, made._sums, made._tally = rows, sums.copy(), tally.copy()
        return made

    def _absorb(self, other: Self) -> None:
        self._sums = self._sums + other._sums
        self._tally = self._tally + other._tally
        self._rows = np.vstack([self._rows, other._rows])
        if len(self._rows) > 2 * self.ell:
            self._refactor()

    def _stack(self, rows: Reals) -> None:
        """Let rows in, refactoring whenever there are 2 * ell and more to come."""
        start = 0
        while start < len(rows):
            if len(self._rows) == 2 * self.ell:
                self._refactor()
            piece = rows[start : start + 2 * self.ell - len(self._rows)]
            self._rows = np.vstack([self._rows, piece])
            start += len(piece)

    def _refactor(self) -> None:
        self._rows, lost = refactored(self._rows, self.ell)
        self._tally[LOST] += lost

    def _checked(self, rows: ArrayLike) -> Reals:
        found = np.asarray(rows)
        if found.size == 0:
            return np.zeros((0, self.d))
        if found.dtype.kind not in "biuf":
            raise TypeError(f"rows must be numbers, got {found.dtype}")
        if found.ndim != 2 or found.shape[1] != self.d:
            raise ValueError(f"rows must be (n, {self.d}), got shape {found.shape}")
        return found.astype(np.float64, copy=False)
