"""Trial: what an index finds of the nearest, and how fast, at the efforts that matter."""

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thrifty.core import Interval
from thrifty.index.flat import FlatIndex
from thrifty.index.vectors import VectorIndex

__all__ = ["Point", "Trial", "curve_of", "fastest", "interval"]

Ids = NDArray[np.int64]
LEAST = 0.0005
STEPS = 3  # by which the smallest effort is closed in on
ROUNDS = 3  # of timing
DEEPEST, PRIOR = 3, 20
Z = 1.959963984540054  # both sides of 95 %


class Point(NamedTuple):
    """What an index does at an effort.

    Args:
        effort: as of its `search`.
        recall: share of the k nearest that are found, with its interval of 95 %.
        queries_per_second: of CPU time, asked together; what else the machine does matters little.
    """

    effort: float
    recall: Interval
    queries_per_second: float


class Trial(NamedTuple):
    """Queries and what is nearest to them."""

    queries: NDArray[np.float32]
    own: Ids  # ids of queries that are rows, which must not find themselves, else -1
    nearest: Ids  # (m, k) ids

    def half(self, which: int) -> "Trial":
        """Every other query."""
        return Trial(self.queries[which::2], self.own[which::2], self.nearest[which::2])

    def among(self, rows: NDArray[np.float32], ids: Ids, metric: str, k: int) -> "Trial":
        """The same queries with what is nearest among some rows."""
        scan = FlatIndex(rows.shape[1], metric=metric).add(rows, ids)
        return self._replace(nearest=self.asked(scan, k, 1.0))

    def asked(self, index: VectorIndex, k: int, effort: float) -> Ids:
        """What an index answers, (m, k)."""
        ids = index.search(self.queries, k + bool((self.own >= 0).any()), effort=effort).ids
        apart = np.argsort(ids == self.own[:, None], axis=1, kind="stable")[:, :k]
        return np.take_along_axis(np.where(ids == self.own[:, None], -1, ids), apart, axis=1)

    def recall(self, index: VectorIndex, effort: float) -> Interval:
        """Share of the nearest that an index finds."""
        wanted = self.nearest.shape[1]
        pairs = zip(self.asked(index, wanted, effort), self.nearest, strict=True)
        shares = np.array([np.isin(best, mine).mean() for mine, best in pairs])
        if effort == 1 and index.spec()["dtype"] == "float32":
            return Interval(float(shares.mean()), float(shares.mean()), 1.0)
        return interval(shares, wanted)

    def point(self, index: VectorIndex, effort: float) -> Point:
        """Recall and speed."""
        told, seconds = self.recall(index, effort), []
        for _ in range(ROUNDS):
            start = time.process_time()
            index.search(self.queries, self.nearest.shape[1], effort=effort)
            seconds.append(time.process_time() - start)
        return Point(effort, told, len(self.queries) / max(min(seconds), 1e-9))


def curve_of(
    index: VectorIndex, trial: Trial, wanted: float, slowest: float = 0.0
) -> tuple[Point, ...]:
    """Efforts doubled until one finds enough, then halved in between; all of them, rising.

    Where one is no faster than `slowest` before it finds enough, more effort is of no use.
    """
    if isinstance(index, FlatIndex):
        return (trial.point(index, 1.0),)
    effort = min(1.0, max(LEAST, trial.nearest.shape[1] / len(index)))
    points = [trial.point(index, effort)]
    while points[-1].recall.low < wanted and effort < 1:
        if points[-1].queries_per_second <= slowest:
            return tuple(points)
        effort = min(1.0, 2 * effort)
        points.append(trial.point(index, effort))
    low, high = effort / 2, effort
    for _ in range(STEPS if len(points) > 1 else 0):
        effort = (low * high) ** 0.5
        points.append(trial.point(index, effort))
        low, high = (low, effort) if points[-1].recall.low >= wanted else (effort, high)
    return tuple(sorted(points, key=lambda point: point.effort))


def fastest(curve: tuple[Point, ...], wanted: float) -> Point | None:
    """The fastest point that finds enough."""
    enough = [point for point in curve if point.recall.low >= wanted]
    return max(enough, key=lambda point: point.queries_per_second, default=None)


def interval(shares: NDArray[np.float64], k: int) -> Interval:
    """Wilson's interval of 95 % of a mean of shares of k, by how many answers each is worth.

    That is 1 to `DEEPEST`, by how shares vary and as if `PRIOR` more were all or nothing.
    """
    mean, count = float(shares.mean()), shares.size
    full = mean * (1 - mean)
    spread = (float(shares.var()) * count + PRIOR * full) / (count + PRIOR)
    worth = count * min(max(full / spread, 1.0), k, DEEPEST) if spread else count
    middle = (mean + Z * Z / (2 * worth)) / (1 + Z * Z / worth)
    aside = Z * np.sqrt(full / worth + (Z / (2 * worth)) ** 2) / (1 + Z * Z / worth)
    return Interval(mean, max(0.0, float(middle - aside)), min(1.0, float(middle + aside)))
