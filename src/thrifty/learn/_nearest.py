"""Nearest: of each row the nearest centre, in blocks that stay in cache, one product a block."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit

__all__ = ["nearest", "squared_distances", "squared_gap"]

Sums = tuple[NDArray[np.float64], NDArray[np.float64]]

BLOCK = 1 << 18  # numbers of a block of rows: they are read twice, the second time from cache


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def squared_gap(row, centre):
    """Squared distance of a row and a centre, summed in float64."""
    total = 0.0
    for t in range(row.size):
        gap = row[t] - centre[t]
        total += gap * gap
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _choose(rows, centres, half, products, labels, gaps):
    """The centre of least half |c|**2 - <x, c>, and its squared distance without cancellation."""
    for i in range(labels.size):
        mine, best, place = products[i], np.inf, 0
        for j in range(half.size):
            score = half[j] - mine[j]
            if score < best:
                best, place = score, j
        labels[i], gaps[i] = place, squared_gap(rows[i], centres[place])


@njit(nogil=True, cache=True, error_model="numpy")
def _gather(rows, labels, sums, counts):
    """Add rows to the sums and counts of their centres."""
    for i in range(labels.size):
        row, into = rows[i], sums[labels[i]]
        counts[labels[i]] += 1.0
        for t in range(row.size):
            into[t] += row[t]


def nearest(
    x: NDArray[Any], centres: NDArray[Any], into: Sums | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nearest centre of each row, the first of equals, and its squared distance.

    Args:
        x: (n, d) float32 or float64, in memory or a memory map.
        centres: (k, d).
        into: sums (k, d) and counts (k,), float64, to which rows are added.

    Returns:
        labels (n,) int64 and squared distances (n,), not finite where a row is not.
    """
    centres = np.ascontiguousarray(centres, x.dtype)
    half = 0.5 * np.einsum("kd,kd->k", centres, centres)
    labels, gaps = np.empty(len(x), np.int64), np.empty(len(x))
    step = max(16, BLOCK // max(len(centres), x.shape[1]))
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        rows = _plain(x[part])
        _choose(rows, centres, half, rows @ centres.T, labels[part], gaps[part])
        if into is not None:
            _gather(rows, labels[part], *into)
    return labels, gaps


def _plain(rows: NDArray[Any]) -> NDArray[Any]:
    """Contiguous and read-only, so that one kernel serves all."""
    view = np.ascontiguousarray(rows).view()
    view.flags.writeable = False
    return view


def squared_distances(x: NDArray[Any], centres: NDArray[Any]) -> NDArray[Any]:
    """All squared distances, (n, k), of the dtype of x; rounding never makes one negative."""
    centres = np.ascontiguousarray(centres, x.dtype)
    out = -2 * (x @ centres.T)
    out += np.einsum("nd,nd->n", x, x)[:, None]
    out += np.einsum("kd,kd->k", centres, centres)
    return np.maximum(out, 0, out=out)
