"""Tuner: the fastest index of some vectors that fits a budget and finds what it shall find."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import (
    BudgetError,
    Interval,
    format_bytes,
    in_range,
    method,
    one_of,
    parse_bytes,
    whole,
)
from thrifty.index._checked import checked_vectors
from thrifty.index._scoring import METRICS
from thrifty.index.binary import BinaryIndex
from thrifty.index.flat import FlatIndex
from thrifty.index.graph import GraphIndex
from thrifty.index.ivf import IVFIndex
from thrifty.index.vectors import VectorIndex

__all__ = ["Point", "Tried", "Tuned", "tuned"]

Ids = NDArray[np.int64]
LEAST, HELD_OUT = 0.0005, 1000
STEPS = 3  # by which the smallest effort is closed in on
ROUNDS = 3  # of timing
DEEPEST, PRIOR = 3, 20
Z = 1.959963984540054  # both sides of 95 %
DTYPES = ("float32", "float16")


class Point(NamedTuple):
    """What an index does at an effort.

    Args:
        effort: as of its `search`.
        recall: share of the k nearest that are found, with its interval of 95 %.
        queries_per_second: asked together, by the clock.
    """

    effort: float
    recall: Interval
    queries_per_second: float


class Tried(NamedTuple):
    """An index that was looked at.

    Args:
        kind: of index. settings: of it. nbytes: held. seconds: to build. curve: efforts, rising.
    """

    kind: str
    settings: dict[str, Any]
    nbytes: int
    seconds: float
    curve: tuple[Point, ...]


class Tuned(NamedTuple):
    """What the tuner chose.

    Args:
        index: holds all vectors, by their row numbers. effort: to search it with.
        recall: measured by queries that had no part in the choice, with its interval of 95 %.
        curve: of the index. tried: all that fitted, with their curves.
    """

    index: VectorIndex
    effort: float
    recall: Interval
    curve: tuple[Point, ...]
    tried: tuple[Tried, ...]


class _Test(NamedTuple):
    """Queries and what is nearest to them."""

    queries: NDArray[np.float32]
    own: Ids  # row numbers of queries that are rows, which must not find themselves, else -1
    nearest: Ids  # (m, k) row numbers

    def half(self, which: int) -> "_Test":
        """Every other query."""
        return _Test(self.queries[which::2], self.own[which::2], self.nearest[which::2])

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
        return _interval(shares, wanted)

    def point(self, index: VectorIndex, effort: float) -> Point:
        """Recall and speed."""
        told, seconds = self.recall(index, effort), []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            index.search(self.queries, self.nearest.shape[1], effort=effort)
            seconds.append(time.perf_counter() - start)
        return Point(effort, told, len(self.queries) / max(min(seconds), 1e-9))


@method(
    source="one search over kinds and efforts, chosen by half of the queries and judged by the "
    "other; score intervals: Wilson 1927, doi:10.1080/01621459.1927.10502953",
    memory="the budget once or twice, and the vectors",
    time="that of building every kind, and of some twenty searches of each",
    error="an interval of 95 % beside the recall",
    exact="recall on endless queries like these",
    laws=("tuned",),
    evidence=("tuner",),
)
def tuned(
    vectors: ArrayLike,
    queries: ArrayLike | None = None,
    *,
    budget: int | str,
    recall: float = 0.95,
    k: int = 10,
    metric: str = "cosine",
    seed: int = 0,
) -> Tuned:
    """Choose and build the fastest index that fits a budget and finds enough.

    Every kind that fits is built: a scan, cells with byte codes or product codes, bit codes, a
    graph; of each the smallest effort is looked for whose recall on half of the queries is, with
    confidence, what was asked for. The fastest is judged by the other half; where these find less
    the effort is raised until they agree.

    Args:
        vectors: (n, d) finite numbers; row i gets id i.
        queries: (m, d) like those that will be asked, 200 or more; None for up to 1,000 of the
            rows, each asked for its neighbours but itself.
        budget: bytes that the index may hold, such as "1 GB".
        recall: share of the k nearest that shall be found, above 0 and at most 1.
        k: answers of a query, at least 1.
        metric: cosine, inner or l2.
        seed: of the choice of rows and of what is built.

    Raises:
        BudgetError: nothing that fits holds the vectors, or none finds enough; the message names
            the best there is.
        IncompatibleError: queries of another width.
        ValueError: vectors, queries or an argument cannot be used.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((2000, 16))
        >>> found = tuned(rows, budget="1 MB", recall=0.9)
        >>> found.index.nbytes <= 1_000_000, found.recall.low >= 0.9
        (True, True)
    """
    rows = np.asarray(vectors)
    one_of("metric", metric, METRICS)
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"vectors must be (n, d) and some, got shape {rows.shape}")
    rows = checked_vectors("vectors", rows, rows.shape[1], metric, "an index of them")
    wanted, nbytes = in_range("recall", recall, 1e-9, 1.0), parse_bytes(budget, "budget")
    test = _test_of(rows, queries, whole("k", k, 1, 2**31 - 1), metric, seed)
    tried: list[Tried] = []
    best: tuple[float, VectorIndex | None, Point | None] = (0.0, None, None)
    for variants in _kinds(rows.shape[1], metric, seed):
        index, seconds = _built(variants, rows, nbytes)
        if index is None:
            continue
        curve = _curve(index, test.half(0), wanted)
        tried.append(Tried(type(index).__name__, index.spec(), index.nbytes, seconds, curve))
        enough = [point for point in curve if point.recall.low >= wanted]
        fastest = max(enough, key=lambda p: p.queries_per_second, default=None)
        if fastest and fastest.queries_per_second > best[0]:
            best = (fastest.queries_per_second, index, fastest)
    return _judged(best[1], best[2], test, tried, wanted, rows.shape, budget)


def _judged(
    index: VectorIndex | None,
    point: Point | None,
    test: _Test,
    tried: list[Tried],
    wanted: float,
    shape: tuple[int, ...],
    budget: int | str,
) -> Tuned:
    """The choice with the recall of the other half of the queries."""
    exactly = shape[0] * (4 * shape[1] + 8)
    if index is None or point is None:
        top = max((p.recall.low for one in tried for p in one.curve), default=None)
        told = f"a recall of {wanted} of {shape[0]} vectors of {shape[1]} numbers"
        rest = "nothing fits" if top is None else f"the surest recall that fits is {top:.4f}"
        least = format_bytes(exactly, up=True)
        raise BudgetError(
            f"budget must be at least {least} for {told}, got {budget!r}: {rest}", exactly
        )
    effort, other = point.effort, test.half(1)
    told = other.recall(index, effort)
    while told.low < wanted and effort < 1:
        effort = min(1.0, effort * 1.25)
        told = other.recall(index, effort)
    made = type(index).__name__, index.spec()
    curve = next(one.curve for one in tried if one[:2] == made)
    return Tuned(index, effort, told, curve, tuple(tried))


def _kinds(dim: int, metric: str, seed: int) -> Iterator[list[VectorIndex]]:
    """Empty indexes of each kind, the better before the smaller."""
    makers: tuple[tuple[Any, list[dict[str, Any]]], ...] = (
        (FlatIndex, [{}]),
        (IVFIndex, [{"codes": "int8", "seed": seed}]),
        (IVFIndex, [{"codes": "product", "seed": seed}]),
        (BinaryIndex, [{"seed": seed}, {"seed": seed, "bits": 64}]),
        (GraphIndex, [{"seed": seed}, {"seed": seed, "degree": 16}]),
    )
    for kind, ways in makers:
        yield [kind(dim, metric=metric, dtype=d, **settings) for settings in ways for d in DTYPES]


def _built(
    variants: list[VectorIndex], rows: NDArray[np.float32], nbytes: int
) -> tuple[VectorIndex | None, float]:
    """The first that fits, with all rows, and the seconds to build it."""
    for index in variants:
        a_row = 8 + rows.shape[1] * np.dtype(index.spec()["dtype"]).itemsize
        if len(rows) * a_row > nbytes:
            continue
        start = time.perf_counter()
        index.add(rows)
        if index.nbytes <= nbytes:
            return index, time.perf_counter() - start
    return None, 0.0


def _test_of(
    rows: NDArray[np.float32], queries: ArrayLike | None, k: int, metric: str, seed: int
) -> _Test:
    """Queries given, or rows drawn, with their nearest by a full scan."""
    if queries is None:
        count = min(HELD_OUT, len(rows))
        own = np.sort(np.random.default_rng(seed).choice(len(rows), count, replace=False))
        asked = rows[own]
    else:
        given = np.asarray(queries)
        asked = checked_vectors("queries", given, rows.shape[1], metric, "the vectors")
        own = np.full(len(asked), -1)
    if len(asked) < 2:
        raise ValueError(f"queries must be two or more, got {len(asked)}")
    wanted = min(k, len(rows) - (queries is None))
    if not wanted:
        raise ValueError(f"vectors must be two or more, got {len(rows)}")
    test = _Test(asked, own, np.zeros((len(asked), wanted), np.int64))
    scan = FlatIndex(rows.shape[1], metric=metric).add(rows)
    return test._replace(nearest=test.asked(scan, wanted, 1.0))


def _curve(index: VectorIndex, test: _Test, wanted: float) -> tuple[Point, ...]:
    """Efforts doubled until one finds enough, then halved in between; all of them, rising."""
    if isinstance(index, FlatIndex):
        return (test.point(index, 1.0),)
    effort = min(1.0, max(LEAST, test.nearest.shape[1] / len(index)))
    points = [test.point(index, effort)]
    while points[-1].recall.low < wanted and effort < 1:
        effort = min(1.0, 2 * effort)
        points.append(test.point(index, effort))
    low, high = effort / 2, effort
    for _ in range(STEPS if len(points) > 1 else 0):
        effort = (low * high) ** 0.5
        points.append(test.point(index, effort))
        low, high = (low, effort) if points[-1].recall.low >= wanted else (effort, high)
    return tuple(sorted(points, key=lambda point: point.effort))


def _interval(shares: NDArray[np.float64], k: int) -> Interval:
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
