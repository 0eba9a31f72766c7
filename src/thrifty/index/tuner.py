"""Tuner: the fastest index of some vectors that fits a budget and finds what it shall find."""

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
from thrifty.index._tuner_forecast import TOO_LARGE, Sample, built, reason, samples
from thrifty.index._tuner_trial import Point, Trial, curve_of, fastest
from thrifty.index.binary import BinaryIndex
from thrifty.index.flat import FlatIndex
from thrifty.index.graph import GraphIndex
from thrifty.index.ivf import IVFIndex
from thrifty.index.vectors import VectorIndex

__all__ = ["LeftOut", "Point", "Tried", "Tuned", "tuned"]

HELD_OUT = 1000
ALWAYS = 2  # kinds built of all rows, whatever a sample says: a scan and cells cost little
DTYPES = ("float32", "float16")


class Tried(NamedTuple):
    """An index that was looked at.

    Args:
        kind: of index. settings: of it. nbytes: held. seconds: of CPU, to build it. curve: efforts,
            rising.
    """

    kind: str
    settings: dict[str, Any]
    nbytes: int
    seconds: float
    curve: tuple[Point, ...]


class LeftOut(NamedTuple):
    """An index that was not built of all rows.

    Args:
        kind: of index. settings: of it. why: in words.
    """

    kind: str
    settings: dict[str, Any]
    why: str


class Tuned(NamedTuple):
    """What the tuner chose.

    Args:
        index: holds all vectors, by their row numbers. effort: to search it with.
        recall: measured by queries that had no part in the choice, with its interval of 95 %.
        curve: of the index. tried: what was built of all rows, with curves. left_out: what was not.
    """

    index: VectorIndex
    effort: float
    recall: Interval
    curve: tuple[Point, ...]
    tried: tuple[Tried, ...]
    left_out: tuple[LeftOut, ...] = ()


class _Race(NamedTuple):
    """What was built of (n, d) vectors, what was not, and the fastest that finds enough."""

    shape: tuple[int, int]
    wanted: float
    tried: list[Tried]
    left: list[LeftOut]
    index: VectorIndex | None = None
    best: Point | None = None

    @property
    def speed(self) -> float:
        """Of the fastest, 0 where there is none."""
        return self.best.queries_per_second if self.best else 0.0


@method(
    source="one search over kinds and efforts, chosen by half of the queries and judged by the "
    "other; score intervals: Wilson 1927, doi:10.1080/01621459.1927.10502953",
    memory="the budget once or twice, and the vectors",
    time="that of a scan and of building every kind of up to 2**16 rows, of all rows those that "
    "may win, and of some fifty searches of the queries in each",
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
    thorough: bool = False,
) -> Tuned:
    """Choose and build the fastest index that fits a budget and finds enough.

    A scan, cells with byte codes or product codes, bit codes and a graph are candidates, the
    cheaper to build first; of each the smallest effort is looked for whose recall on half of the
    queries is, with confidence, what was asked for. Of 16,384 rows or more each is first built of
    some, twice, and of all only if its speed there, and how it falls with rows, say that it beats
    those before. The fastest is judged by the other half of the queries; where these find less the
    effort is raised until they agree.

    Args:
        vectors: (n, d) finite numbers; row i gets id i.
        queries: (m, d) like those that will be asked, 200 or more; None for up to 1,000 of the
            rows, each asked for its neighbours but itself.
        budget: bytes that the index may hold, such as "1 GB".
        recall: share of the k nearest that shall be found, above 0 and at most 1.
        k: answers of a query, at least 1.
        metric: cosine, inner or l2.
        seed: of the choice of rows and of what is built.
        thorough: build every kind that fits of all rows.

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
    first = [] if thorough else samples(rows, test.half(0), metric, seed)
    return _judged(_raced(rows, nbytes, test.half(0), wanted, metric, seed, first), test, budget)


def _raced(
    rows: NDArray[np.float32],
    nbytes: int,
    trial: Trial,
    wanted: float,
    metric: str,
    seed: int,
    first: list[Sample],
) -> _Race:
    """Kinds in the order of what they cost to build, all or those that samples leave."""
    race = _Race(rows.shape, wanted, [], [])
    of_all, *of_some = (list(_kinds(rows.shape[1], metric, seed)) for _ in (rows, *first))
    for variants, *fewer in zip(of_all, *of_some, strict=True):
        kind, why = type(variants[0]).__name__, None
        if first and len(race.tried) >= ALWAYS:
            why = reason(fewer, first, len(rows), nbytes, wanted, race.speed)
        index, seconds = (None, 0.0) if why else built(variants, rows, nbytes)
        if index is None:
            race.left.append(LeftOut(kind, variants[0].spec(), why or TOO_LARGE))
            continue
        curve = curve_of(index, trial, wanted)
        race.tried.append(Tried(kind, index.spec(), index.nbytes, seconds, curve))
        point = fastest(curve, wanted)
        if point and point.queries_per_second > race.speed:
            race = race._replace(index=index, best=point)
    return race


def _judged(race: _Race, test: Trial, budget: int | str) -> Tuned:
    """The choice with the recall of the other half of the queries."""
    (rows, dim), wanted, tried, left, index, point = race
    exactly = rows * (4 * dim + 8)
    if index is None or point is None:
        top = max((p.recall.low for one in tried for p in one.curve), default=None)
        told = f"a recall of {wanted} of {rows} vectors of {dim} numbers"
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
    return Tuned(index, effort, told, curve, tuple(tried), tuple(left))


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


def _test_of(
    rows: NDArray[np.float32], queries: ArrayLike | None, k: int, metric: str, seed: int
) -> Trial:
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
    test = Trial(asked, own, np.zeros((len(asked), wanted), np.int64))
    return test.among(rows, np.arange(len(rows)), metric, wanted)
