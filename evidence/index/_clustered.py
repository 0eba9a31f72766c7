"""Clustered vectors, hard ones, and curves of speed over recall."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.timing import best
from thrifty.index import FlatIndex

__all__ = ["Curve", "clustered", "curve", "nearest", "recall", "speed_at"]

Curve = list[tuple[float, float, float]]  # setting, recall, queries a CPU second
PLACES, SPREAD = 20_000, 0.5


def clustered(rows: int, seed: int, dim: int = 96) -> NDArray[np.float32]:
    """Vectors of length 1 around 20,000 places of very different weight and width, which overlap.

    Later numbers of a vector vary less than earlier ones, as those of learned vectors do.
    """
    fixed, rng = np.random.default_rng(12345), np.random.default_rng(seed)
    scale = (1 / np.sqrt(1 + np.arange(dim) / 8)).astype(np.float32)
    places = (fixed.standard_normal((PLACES, dim)) * scale).astype(np.float32)
    weights, widths = fixed.pareto(1.5, PLACES) + 1, 0.5 + fixed.random(PLACES)
    which = rng.choice(PLACES, rows, p=weights / weights.sum())
    x = np.empty((rows, dim), np.float32)
    for start in range(0, rows, 100_000):
        mine = which[start : start + 100_000]
        noise = rng.standard_normal((mine.size, dim), dtype=np.float32) * scale
        wide = (SPREAD * widths[mine, None]).astype(np.float32)
        x[start : start + 100_000] = places[mine] + wide * noise
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def nearest(x: NDArray[np.float32], queries: NDArray[np.float32], k: int = 10) -> NDArray[np.int64]:
    """Ids of the rows of largest inner product, by looking at all."""
    return FlatIndex(x.shape[1], metric="inner").add(x).search(queries, k).ids


def recall(ids: NDArray[Any], exact: NDArray[np.int64]) -> float:
    """Share of the exact ids that were found."""
    pairs = zip(ids, exact, strict=True)
    return float(np.mean([np.isin(wanted, found).mean() for found, wanted in pairs]))


def curve(
    search: Callable[[Any], NDArray[Any]],
    settings: Sequence[Any],
    exact: NDArray[np.int64],
    rounds: int = 3,
) -> Curve:
    """Recall and queries a CPU second at each setting, the best of some rounds."""
    found = []
    for setting in settings:
        ids = search(setting)
        seconds = best(lambda setting=setting: search(setting), rounds)
        found.append((float(setting), recall(ids, exact), len(exact) / seconds))
    return found


def speed_at(points: Curve, target: float) -> float:
    """Queries a second at a recall, read off between two points; 0 where the curve ends below."""
    ordered = sorted((share, speed) for _, share, speed in points)
    if ordered[0][0] >= target:
        return max(speed for _, speed in ordered)
    for (low, fast), (high, slow) in pairwise(ordered):
        if low < target <= high:
            part = (target - low) / (high - low)
            return float(np.exp((1 - part) * np.log(fast) + part * np.log(slow)))
    return 0.0
