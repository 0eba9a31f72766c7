"""Cells: counters of a table a hash, from weights at points, or fitted to what they should say."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

__all__ = ["refitted", "sketched"]

RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
STEPS = 40
Floats = NDArray[np.float32]


def sketched(cells: NDArray[np.int64], weights: Floats, width: int) -> NDArray[np.float64]:
    """Sums of weights in cells, less what other codes add on average by their hashes."""
    tables = cells.shape[1]
    places = (cells + np.arange(tables) * width).reshape(-1)
    sums = np.zeros((tables * width, weights.shape[1]))
    np.add.at(sums, places, np.repeat(weights.astype(np.float64), tables, axis=0))
    total = weights.sum(axis=0, dtype=np.float64)
    return ((sums - total / width) / (1 - 1 / width)).reshape(tables, width, -1)


def refitted(
    counters: NDArray[np.float64],
    cells: NDArray[np.int64],
    y: Floats,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Counters nearer to the answers: least squares from where they are, held to it by a ridge.

    The ridge is the one that answers best on a tenth of the rows; then all rows are fitted.
    """
    tables, width, outputs = counters.shape
    places = cells + np.arange(tables) * width
    edges = np.arange(0, places.size + 1, tables)
    ones = np.full(places.size, 1 / tables)
    z = csr_array((ones, places.reshape(-1), edges), shape=(len(cells), tables * width))
    start, order = counters.reshape(-1, outputs), rng.permutation(len(cells))
    held, kept = order[: len(order) // 10 + 1], order[len(order) // 10 + 1 :]

    def missed(ridge: float) -> float:
        found = _least_squares(z[kept], y[kept], start, ridge)
        return float(((z[held] @ found - y[held]) ** 2).sum())

    best = min(RIDGES, key=missed) if len(kept) else 1.0
    return _least_squares(z, y, start, best).reshape(counters.shape)


def _least_squares(
    z: Any, y: Floats, start: NDArray[np.float64], ridge: float
) -> NDArray[np.float64]:
    """Conjugate gradients on each output; the ridge is in units of what a cell's rows weigh."""
    hold = ridge * z.shape[0] / z.shape[1] * float(z.data[0]) ** 2
    found = start.copy()
    rest = z.T @ (y - z @ found)
    path, power = rest.copy(), (rest**2).sum(axis=0)
    for _ in range(STEPS):
        pushed = z.T @ (z @ path) + hold * path
        pace = power / np.maximum((path * pushed).sum(axis=0), 1e-30)
        found += pace * path
        rest -= pace * pushed
        power, before = (rest**2).sum(axis=0), power
        path = rest + power / np.maximum(before, 1e-30) * path
    return found
