"""CoMoments: exact correlations of many columns in one pass, whatever is missing."""

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import Interval, Summary, in_range, method, taken
from thrifty.core.kernels import njit

__all__ = ["CoMoments", "Correlated"]

PARTS = ("count", "mean", "scatter", "product")
FEWEST = 4


@njit(error_model="numpy")
def _dot(a, b):
    """Sum of products in eight lanes, so that every machine adds in the same order."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = a.size - a.size % 8
    for i in range(0, whole, 8):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
        s4 += a[i + 4] * b[i + 4]
        s5 += a[i + 5] * b[i + 5]
        s6 += a[i + 6] * b[i + 6]
        s7 += a[i + 7] * b[i + 7]
    for i in range(whole, a.size):
        s0 += a[i] * b[i]
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


@njit(nogil=True, cache=True, error_model="numpy")
def _sum_pairs(y, here, squares, whole, count, sums, spread, product):
    """Of each pair of rows of y: how often both are there, and their sums, squares and products.

    Where the second is whole, nothing of the first is left out.
    """
    for i in range(y.shape[0]):
        own, own_squares = y[i].sum(), squares[i].sum()
        for j in range(y.shape[0]):
            if whole[j]:
                count[i, j], sums[i, j], spread[i, j] = here[i].sum(), own, own_squares
            else:
                count[i, j] = here[j].sum() if whole[i] else _dot(here[i], here[j])
                sums[i, j], spread[i, j] = _dot(y[i], here[j]), _dot(squares[i], here[j])
        for j in range(i, y.shape[0]):
            product[i, j] = product[j, i] = _dot(y[i], y[j])


class Correlated(NamedTuple):
    """Two columns and how they move together."""

    first: int
    second: int
    correlation: Interval


@method(
    source="Chan, Golub and LeVeque 1979, Updating formulae and a pairwise algorithm for computing "
    "sample variances",
    memory="32 * dim**2 bytes",
    time="O(dim**2) a row",
    error="rounding only; the interval is Fisher's, for rows drawn from a normal distribution",
    exact="numpy.corrcoef over the rows in which both columns have a value",
    laws=("summary",),
    evidence=("comoments",),
)
class CoMoments(Summary):
    """Keep means, variances and covariances of each pair of columns.

    For each pair only the rows in which both have a value count. A batch is centred before it is
    multiplied, and parts are joined by differences of their means, so that large means and
    small variances do not cancel.

    Args:
        dim: how many columns, 1..4096.

    Raises:
        ValueError: dim is out of range, or a batch has another number of columns.

    Example:
        >>> rows = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, np.nan]])
        >>> both = CoMoments(2).add(rows[:2]).merge(CoMoments(2).add(rows[2:]))
        >>> np.allclose(both.correlations(), 1), both.counts()[0].tolist()
        (True, [4, 3])
    """

    KIND = "comoments"

    def __init__(self, dim: int) -> None:
        self.dim = int(in_range("dim", dim, 1, 4096))
        self._held = {name: np.zeros((self.dim, self.dim)) for name in PARTS}

    def spec(self) -> dict[str, Any]:
        """How many columns."""
        return {"dim": self.dim}

    def arrays(self) -> dict[str, NDArray]:
        """Of each pair: rows, mean and scatter of the first, and the sum of products."""
        return self._held

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, NDArray]) -> Self:
        """From dim and the four matrices."""
        shape = (int(spec["dim"]),) * 2
        held = {name: taken(arrays, name, np.float64, shape) for name in PARTS}
        made = cls(spec["dim"])
        made._held = held
        return made

    def add(self, rows: ArrayLike) -> Self:
        """Add rows, (n, dim) numbers; what is NaN or infinite is missing."""
        x = np.asarray(rows, dtype=np.float64)
        x = x.reshape(0, self.dim) if x.size == 0 else x
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise ValueError(f"rows must be of shape (n, {self.dim}), got {x.shape}")
        if len(x):
            self._join(_moments(x))
        return self

    def _absorb(self, other: Self) -> None:
        self._join(other._held)

    def _join(self, more: Mapping[str, NDArray]) -> None:
        held, total = self._held, self._held["count"] + more["count"]
        share = more["count"] / np.maximum(total, 1)
        apart = np.where(held["count"] * more["count"] > 0, more["mean"] - held["mean"], 0.0)
        weight = held["count"] * share
        held["scatter"] = held["scatter"] + more["scatter"] + apart**2 * weight
        held["product"] = held["product"] + more["product"] + apart * apart.T * weight
        first = np.where(held["count"] > 0, held["mean"], more["mean"])
        held["mean"] = first + apart * share
        held["count"] = total

    def counts(self) -> NDArray[np.int64]:
        """(dim, dim) rows in which both columns have a value."""
        return self._held["count"].astype(np.int64)

    def correlations(self) -> NDArray[np.float64]:
        """(dim, dim) Pearson correlations; NaN where a column does not vary."""
        spread = np.sqrt(self._held["scatter"] * self._held["scatter"].T)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.clip(np.where(spread > 0, self._held["product"] / spread, np.nan), -1, 1)

    def correlated(self, k: int = 10, *, confidence: float = 0.95) -> list[Correlated]:
        """The k pairs with the strongest correlation, each with Fisher's interval.

        Args:
            k: how many pairs, at least 1.
            confidence: of the interval, above 0 and below 1.
        """
        in_range("k", k, 1, 2**31)
        z = NormalDist().inv_cdf((1 + in_range("confidence", confidence, 1e-9, 1 - 1e-9)) / 2)
        r, n = self.correlations(), self.counts()
        first, second = np.triu_indices(self.dim, 1)
        strength = np.where(n[first, second] >= FEWEST, np.abs(r[first, second]), np.nan)
        order = np.argsort(-strength, kind="stable")[: np.count_nonzero(strength == strength)][:k]
        pairs = ((int(first[i]), int(second[i])) for i in order)
        return [Correlated(i, j, _fisher(float(r[i, j]), int(n[i, j]), z)) for i, j in pairs]


def _moments(x: NDArray[np.float64]) -> dict[str, NDArray]:
    """The four matrices of a batch."""
    columns = np.ascontiguousarray(x.T)
    there = np.isfinite(columns)
    filled = np.where(there, columns, 0.0)
    center = filled.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    y = np.where(there, columns - center[:, None], 0.0)
    count, sums, spread, product = (np.empty((len(y), len(y))) for _ in PARTS)
    _sum_pairs(y, there.astype(np.float64), y**2, there.all(axis=1), count, sums, spread, product)
    mean = sums / np.maximum(count, 1)
    return {
        "count": count,
        "mean": np.where(count > 0, mean + center[:, None], 0.0),
        "scatter": np.maximum(spread - mean * sums, 0.0),
        "product": product - mean * sums.T,
    }


def _fisher(r: float, n: int, z: float) -> Interval:
    if abs(r) >= 1:
        return Interval(r, r, r)
    middle, half = np.arctanh(r), z / np.sqrt(n - 3)
    return Interval(r, float(np.tanh(middle - half)), float(np.tanh(middle + half)))
