"""Seeding: where k-means begins: k-means|| over all rows, weighted k-means++ over few."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core import in_range, method
from thrifty.core.segments import segment_sum
from thrifty.learn._nearest import nearest, squared_distances

__all__ = ["parallel_seeds", "plus_plus"]

TRIALS = 4
LLOYD = 30


@method(
    source="Bahmani, Moseley, Vattani, Kumar and Vassilvitskii 2012, arXiv:1203.6402",
    memory="8 * n bytes for distances, and 2 * k * (rounds + 1) candidates",
    time="O(n * k * d * 2 * rounds)",
    error="expected cost within a constant of the best, as k-means++ (which is within 8 ln k + 16)",
    exact="k-means++ with a pass over the rows for each centre",
    laws=("seeding",),
    evidence=("kmeans",),
)
def parallel_seeds(
    x: NDArray[Any],
    k: int,
    rng: np.random.Generator,
    weights: NDArray[np.float64] | None = None,
    *,
    rounds: int = 5,
) -> NDArray[np.float64]:
    """Choose k centres by k-means||: few passes, many candidates, reduced by their weights.

    Each pass keeps every row with probability 2 * k * its share of the squared distance to the
    candidates so far. Candidates weigh as many rows as are nearest to them; weighted k-means++ and
    some rounds of Lloyd's algorithm on the candidates leave k.

    Args:
        x: (n, d) float32 or float64, finite.
        k: centres, 1..n.
        rng: where chance comes from.
        weights: (n,) of at least 0; 1 each if None.
        rounds: passes after the first, 1..100.

    Returns:
        (k, d) float64.

    Raises:
        ValueError: k or rounds is out of range.

    Example:
        >>> x = np.repeat([[0.0], [10.0], [20.0]], 50, axis=0)
        >>> sorted(parallel_seeds(x, 3, np.random.default_rng(0)).ravel().tolist())
        [0.0, 10.0, 20.0]
    """
    in_range("k", k, 1, len(x))
    in_range("rounds", rounds, 1, 100)
    heavy = np.ones(len(x)) if weights is None else weights
    total = heavy.sum()
    first = int(rng.choice(len(x), p=heavy / total)) if total > 0 else 0
    found = x[first : first + 1]
    labels, distances = nearest(x, found)
    for _ in range(rounds):
        cost = heavy * distances
        if not cost.sum() > 0:
            break
        fresh = x[np.flatnonzero(rng.random(len(x)) * cost.sum() < 2 * k * cost)]
        if len(fresh) == 0:
            continue
        theirs, closer = nearest(x, fresh)
        better = closer < distances
        labels[better], distances[better] = theirs[better] + len(found), closer[better]
        found = np.concatenate([found, fresh])
    mass = segment_sum(heavy, labels, len(found))
    return _reduced(found.astype(np.float64), mass, x, k, rng)


def plus_plus(
    x: NDArray[Any], k: int, rng: np.random.Generator, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted k-means++: the best of four draws for each centre; rows repeat once all are taken.

    Args:
        x: (n, d) floats.
        k: centres.
        rng: where chance comes from.
        weights: (n,) of at least 0.

    Returns:
        (k, d) float64.
    """
    rows = x.astype(np.float64)
    places = [_draw(weights, rng, 1)[0]]
    distances = squared_distances(rows, rows[places])[:, 0]
    for _ in range(k - 1):
        trials = _draw(weights * distances, rng, TRIALS)
        closer = np.minimum(squared_distances(rows, rows[trials]), distances[:, None])
        best = int((weights @ closer).argmin())
        places.append(trials[best])
        distances = closer[:, best]
    return rows[places]


def _draw(mass: NDArray[np.float64], rng: np.random.Generator, number: int) -> NDArray[np.int64]:
    ends = np.cumsum(mass)
    if not ends[-1] > 0:
        return rng.integers(mass.size, size=number)
    return np.searchsorted(ends, rng.random(number) * ends[-1], side="right").clip(0, mass.size - 1)


def _reduced(
    found: NDArray[np.float64],
    mass: NDArray[np.float64],
    x: NDArray[Any],
    k: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The candidates as k centres; rows at random fill up where there are fewer."""
    if len(found) <= k:
        others = rng.choice(len(x), k - len(found), replace=False)
        return np.concatenate([found, x[others].astype(np.float64)])
    centres = plus_plus(found, k, rng, mass)
    for _ in range(LLOYD):
        labels = nearest(found, centres)[0]
        weight = segment_sum(mass, labels, k)
        sums = segment_sum(found * mass[:, None], labels, k)
        moved = np.where(weight[:, None] > 0, sums / np.maximum(weight, 1e-300)[:, None], centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres
