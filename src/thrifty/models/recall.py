"""Recall: how many of the pairs that were taken are right, and how many were missed, estimated."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom
from threadpoolctl import threadpool_limits

from thrifty.core import Interval, in_range
from thrifty.index import Bands

__all__ = ["Quality", "precision_and_recall"]

STEPS = 60
TINY = 1e-100
DRAWS = 100
GRID = np.append(np.arange(0.0025, 1, 0.005), 1.0)


class Quality(NamedTuple):
    """Estimated quality of pairs, each with its 95 % interval; NaN where there are none.

    Args:
        precision: share of the pairs taken whose similarity reaches the threshold.
        recall: share of all pairs that reach it that were taken.
    """

    precision: Interval
    recall: Interval


def precision_and_recall(
    matches: ArrayLike, needed: int, threshold: float, bands: Bands, *, seed: int = 0
) -> Quality:
    """Tell from the pairs that met how good the choice among them was, and what never met.

    The similarities behind the counts are recovered by expectation maximisation (each pair agrees
    on a binomial number of codes), and those of pairs that met are divided by the probability to
    meet. Intervals are of counts drawn anew 100 times as Poisson numbers: the noise of few pairs,
    not that of the shape of the buckets.

    Args:
        matches: (tables + 1,) how many pairs that met agree on 0, 1, ... tables codes.
        needed: codes that must agree for a pair to be taken.
        threshold: the similarity that a right pair has at least, 0.01..1.
        bands: that the pairs met in.
        seed: of the draws.

    Raises:
        ValueError: threshold is out of range.

    Example:
        >>> bands = Bands.for_threshold(0.8, 128)
        >>> pairs = 1000 * binom.pmf(np.arange(129), 128, 0.9)
        >>> quality = precision_and_recall(pairs, 103, 0.8, bands)
        >>> quality.precision.estimate > 0.99, quality.recall.estimate > 0.98
        (True, True)
    """
    in_range("threshold", threshold, 0.01, 1)
    counts = np.asarray(matches, np.float64)
    rng = np.random.default_rng([seed, 0x4EC1])
    drawn = rng.poisson(counts, (DRAWS, counts.size)).astype(np.float64)
    with threadpool_limits(1):  # small products, which many threads only slow down
        precision, recall = _both(np.vstack([counts, drawn]), needed, threshold, bands)
    return Quality(_interval(precision), _interval(recall))


def _both(
    counts: NDArray[np.float64], needed: int, threshold: float, bands: Bands
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall of each row of counts."""
    tables = counts.shape[1] - 1
    chance = binom.pmf(np.arange(tables + 1)[:, None], tables, GRID[None, :])
    chance[chance < TINY] = 0
    weights = np.full((len(counts), GRID.size), 1 / GRID.size)
    for _ in range(STEPS):
        behind = counts / np.maximum(weights @ chance.T, TINY)
        weights *= behind @ chance
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), TINY)
        weights[weights < TINY] = 0  # else sums of denormals, which are slow
    right = threshold - 1e-9 <= GRID
    taken = chance[needed:].sum(axis=0)
    good = (weights * taken)[:, right].sum(axis=1)
    met = np.maximum(bands.found(GRID), TINY)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = good / (weights * taken).sum(axis=1)
        recall = good / (weights / met)[:, right].sum(axis=1)
    return precision, recall


def _interval(values: NDArray[np.float64]) -> Interval:
    estimate, drawn = float(values[0]), values[1:][np.isfinite(values[1:])]
    if not np.isfinite(estimate) or drawn.size == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(estimate, min(estimate, float(low)), max(estimate, float(high)))
