"""Cluster sums: one pass of k-means as a summary: sums and counts of the rows near each centre."""

import hashlib
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import FormatError, Summary, in_range, method, taken
from thrifty.core.segments import Segments
from thrifty.learn._nearest import nearest

__all__ = ["ClusterSums"]

ROWS = 1 << 14


@method(
    source="Lloyd 1982, doi:10.1109/TIT.1982.1056489; as map and reduce: Chu et al. 2006, NIPS 19",
    memory="8 * (2 * k * d + k) bytes, and 8 * spares * (d + 1) of far rows",
    time="O(k * d) a row",
    error="exact; sums to one rounding of float64 an addition",
    exact="a loop over rows: the nearest centre, its sum and its count",
    laws=("summary", "merge"),
    evidence=("kmeans",),
)
class ClusterSums(Summary):
    """Sum the rows nearest to each of some fixed centres; parts merge, and a step moves centres.

    This is the map of k-means and its reduce is `merge`: fold a stream into it, call `step`, begin
    anew with the centres it gives. The rows farthest from their centre are kept aside, to
    take the place of centres that no row is near to.

    Args:
        centres: (k, d) finite floats.
        spares: rows kept aside, 0..10,000.

    Raises:
        ValueError: centres are not a finite table, or spares is out of range.

    Example:
        >>> sums = ClusterSums([[0.0], [10.0]]).add([[1.0], [3.0], [9.0]])
        >>> sums.step().tolist(), sums.counts.tolist(), sums.inertia
        ([[2.0], [9.0]], [2.0, 1.0], 11.0)
        >>> sums.merge(sums).counts.tolist()
        [4.0, 2.0]
    """

    KIND = "cluster-sums"

    def __init__(self, centres: ArrayLike, *, spares: int = 16) -> None:
        self.centres = np.array(centres, np.float64, order="C")
        if self.centres.ndim != 2 or not self.centres.size or not np.isfinite(self.centres).all():
            raise ValueError(f"centres must be a finite table, got shape {self.centres.shape}")
        self.spares = int(in_range("spares", spares, 0, 10_000))
        self._digest = hashlib.sha256(self.centres.astype("<f8").tobytes()).hexdigest()[:32]
        self.sums, self.counts = np.zeros_like(self.centres), np.zeros(len(self.centres))
        self._cost = np.zeros(1)
        self._far, self._gaps = np.zeros((0, self.centres.shape[1])), np.zeros(0)

    def spec(self) -> dict[str, Any]:
        """Number of far rows, and which centres these are, by their digest."""
        return {"centres": self._digest, "spares": self.spares}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Centres, sums and counts, and the far rows, farthest first."""
        return {
            "centres": self.centres, "sums": self.sums, "counts": self.counts,
            "cost": self._cost, "far": self._far, "gaps": self._gaps,
        }  # fmt: skip

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Any]) -> Self:
        """A pass from its spec and arrays."""
        made = cls(taken(arrays, "centres", np.float64, (None, None)), spares=spec["spares"])
        if made._digest != spec["centres"]:
            raise FormatError("array 'centres' must be those that the header names")
        k, d = made.centres.shape
        made.sums = taken(arrays, "sums", np.float64, (k, d))
        made.counts = taken(arrays, "counts", np.float64, (k,))
        made._cost = taken(arrays, "cost", np.float64, (1,))
        made._far = taken(arrays, "far", np.float64, (None, d))
        made._gaps = taken(arrays, "gaps", np.float64, (len(made._far),))
        if len(made._far) > made.spares:
            raise FormatError(f"array 'far' must have at most {made.spares} rows")
        return made

    @property
    def inertia(self) -> float:
        """Sum of squared distances to the nearest centre, with weights."""
        return float(self._cost[0])

    def add(self, batch: ArrayLike, weights: ArrayLike | None = None) -> Self:
        """Take in rows.

        Args:
            batch: (n, d) finite floats, in memory or a memory map; also [].
            weights: (n,) of at least 0; 1 each if None.

        Raises:
            ValueError: rows or weights are not such.
        """
        x = self._rows(batch)
        heavy = None if weights is None else np.asarray(weights, np.float64)
        if heavy is not None and (heavy.shape != (len(x),) or not (heavy >= 0).all()):
            raise ValueError(f"weights must be {len(x)} numbers of at least 0")
        for start in range(0, len(x), ROWS):
            part = slice(start, start + ROWS)
            self.take(x[part], None if heavy is None else heavy[part])
        return self

    def take(self, rows: NDArray[Any], heavy: NDArray[np.float64] | None) -> NDArray[np.int64]:
        """Take in one block of checked rows; returns their centres."""
        into = (np.zeros_like(self.sums), np.zeros_like(self.counts))
        labels, gaps = nearest(rows, self.centres, into if heavy is None else None)
        if not np.isfinite(gaps.sum()):
            raise ValueError("rows must be finite numbers whose squares are finite")
        if heavy is None:
            sums, counts = into
            cost = gaps.sum()
        else:
            groups = Segments(labels, len(self.centres))
            sums, counts = groups.sum(rows * heavy[:, None]), groups.sum(heavy)
            cost = gaps @ heavy
            rows, gaps = rows[heavy > 0], gaps[heavy > 0]
        self.sums += sums
        self.counts += counts
        self._cost += cost
        self._set_aside(rows, gaps)
        return labels

    def step(self) -> NDArray[np.float64]:
        """The centres moved to the means of their rows, (k, d).

        One that no row is near to takes the place of the farthest row that is left.
        """
        some = self.counts > 0
        moved = self.centres.copy()
        moved[some] = self.sums[some] / self.counts[some, None]
        empty = np.flatnonzero(~some)[: len(self._far)]
        moved[empty] = self._far[: empty.size]
        return moved

    def _rows(self, batch: ArrayLike) -> NDArray[Any]:
        x = np.asarray(batch)
        if x.size == 0:
            return np.zeros((0, self.centres.shape[1]))
        if x.ndim != 2 or x.shape[1] != self.centres.shape[1]:
            raise ValueError(f"rows must be (n, {self.centres.shape[1]}), got shape {x.shape}")
        return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)

    def _set_aside(self, rows: NDArray[Any], gaps: NDArray[np.float64]) -> None:
        """Keep the farthest rows, in an order that does not depend on how they came."""
        if self.spares == 0:
            return
        bar = self._gaps[-1] if len(self._gaps) == self.spares else 0.0
        fit = np.flatnonzero((gaps >= bar) & (gaps > 0))
        if fit.size > self.spares:
            least = np.partition(gaps[fit], fit.size - self.spares)[fit.size - self.spares]
            fit = fit[gaps[fit] >= least]
        if fit.size == 0:
            return
        far = np.concatenate([self._far, rows[fit].astype(np.float64)])
        gaps = np.concatenate([self._gaps, gaps[fit]])
        order = np.lexsort((*far.T[::-1], -gaps))[: self.spares]
        self._far, self._gaps = far[order], gaps[order]

    def _absorb(self, other: Self) -> None:
        self.sums += other.sums
        self.counts += other.counts
        self._cost += other._cost
        self._set_aside(other._far, other._gaps)
