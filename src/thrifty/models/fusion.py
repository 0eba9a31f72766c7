"""Fusion: one ranking of two, by reciprocal ranks, or by scores with a weight to be learned."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thrifty.core import in_range, one_of
from thrifty.models.rankings import ndcg

__all__ = ["Fused", "Fusion", "learned_weight"]

KINDS = ("ranks", "scores")
STEP = 60  # what a rank is added to
Pair = tuple[NDArray[np.int64], NDArray[np.floating]]
Asked = tuple[Pair, Pair, dict[int, float]]


class Fused(NamedTuple):
    """One ranking of two.

    Args:
        rows: (n,) best first.
        scores: (n,) what they are ranked by, the sum of both parts.
        words: (n,) what the ranking by words gave.
        vectors: (n,) what the ranking by vectors gave.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    words: NDArray[np.float64]
    vectors: NDArray[np.float64]

    def first(self, k: int) -> "Fused":
        """The best k of it."""
        return Fused(self.rows[:k], self.scores[:k], self.words[:k], self.vectors[:k])


@dataclass(frozen=True)
class Fusion:
    """How two rankings become one.

    "ranks": 1 / (60 + rank) in each, the one by vectors times a weight (Cormack, Clarke and
    Buettcher 2009, doi:10.1145/1571941.1572114). "scores": the score by words over that of the
    best, plus weight times the cosine; who is not found by vectors counts as the last that is.

    Args:
        kind: ranks or scores.
        weight: of the ranking by vectors, 0..100.

    Raises:
        ValueError: another kind, or a weight out of range.

    Example:
        >>> words = np.array([7, 3]), np.array([12.0, 6.0])
        >>> vectors = np.array([3, 5]), np.array([0.9, 0.1])
        >>> Fusion("scores", 1.0)(words, vectors).rows.tolist()
        [3, 7, 5]
    """

    kind: str = "scores"
    weight: float = 0.8

    def __post_init__(self) -> None:
        one_of("kind", self.kind, KINDS)
        in_range("weight", self.weight, 0, 100)

    def __call__(self, words: Pair, vectors: Pair) -> Fused:
        """One ranking.

        Args:
            words: (a,) rows and (a,) scores, best first.
            vectors: (b,) rows and (b,) cosines, best first.
        """
        parts = _by_rank if self.kind == "ranks" else _by_score
        one, two = parts(words, vectors)
        rows = np.union1d(words[0], vectors[0])
        first, second = _placed(rows, words[0], one), _placed(rows, vectors[0], two)
        if self.kind == "scores" and two.size:
            second[~np.isin(rows, vectors[0])] = two.min()
        second = self.weight * second
        order = np.argsort(-(first + second), kind="stable")
        made = (first + second, first, second)
        return Fused(rows[order], *(part[order] for part in made))

    def spec(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def learned_weight(queries: Sequence[Asked], kind: str = "scores", k: int = 10) -> Fusion:
    """The weight for judged queries, of 31 from 0 to 3.

    Of all weights whose nDCG is not worse than the best one's by more than a standard error of
    their differences, the smallest: so that few queries do not lead far from search by words.

    Args:
        queries: ranking by words, ranking by vectors, and grades by row, each.
        kind: of fusion.
        k: how deep nDCG looks.

    Raises:
        ValueError: another kind, or no queries.

    Example:
        >>> words, vectors = (np.array([1, 2]), [2.0, 1.0]), (np.array([2, 1]), [1.0, 0.1])
        >>> asked = [(rows, np.array(scores)) for rows, scores in (words, vectors)]
        >>> learned_weight([(*asked, {2: 1.0})]).weight > 0
        True
    """
    if not queries:
        raise ValueError("queries must be at least one, got none")
    weights = np.linspace(0, 3, 31).round(1)
    quality = np.array([_quality(Fusion(kind, float(w)), queries, k) for w in weights])
    less = quality[quality.mean(axis=1).argmax()] - quality
    error = less.std(axis=1, ddof=min(1, less.shape[1] - 1)) / np.sqrt(less.shape[1])
    enough = less.mean(axis=1) <= error + 1e-12
    return Fusion(kind, float(weights[enough.argmax()]))


def _quality(fusion: Fusion, queries: Sequence[Asked], k: int) -> list[float]:
    made = []
    for words, vectors, grades in queries:
        rows = fusion(words, vectors).rows[:k].tolist()
        made.append(ndcg([grades.get(row, 0.0) for row in rows], list(grades.values()), k))
    return made


def _by_rank(words: Pair, vectors: Pair) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    one, two = (1 / (STEP + np.arange(1, 1 + pair[0].size)) for pair in (words, vectors))
    return one, two


def _by_score(words: Pair, vectors: Pair) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    best = float(words[1].max(initial=0)) or 1.0
    return words[1].astype(np.float64) / best, vectors[1].astype(np.float64)


def _placed(
    rows: NDArray[np.int64], own: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    made = np.zeros(rows.size)
    made[np.searchsorted(rows, own)] = values
    return made
