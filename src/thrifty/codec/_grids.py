"""Grids: the values that codes stand for, fitted to rows of weights, and the nearest of them.

Weights are in units, so that none is above 1. A grid is arrays of float16: "codebook" (rows,
groups, 2**bits), ascending, or "scale" and "low" (rows, groups).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thrifty.codec.kmeans import kmeans_1d
from thrifty.core import taken
from thrifty.core.kernels import njit

__all__ = ["GRIDS", "fit_grid", "grid_tables", "look_up", "nearest_code", "nearest_codes", "slices"]

Matrix = NDArray[np.float32]
Grid = dict[str, np.ndarray]
GRIDS = {"affine": "affine", "lean-affine": "affine", "kmeans": "codebook", "lean": "codebook"}
MESH, FINE = 32, 8


def slices(columns: int, step: int) -> list[slice]:
    """Columns by groups of `step`, the last one shorter."""
    return [slice(low, min(low + step, columns)) for low in range(0, columns, max(1, step))]


def fit_grid(
    weights: Matrix, kind: str, bits: int, step: int, costs: NDArray[np.float64] | None
) -> Grid:
    """The grid of each row and group of columns.

    Args:
        weights: (rows, columns), in units.
        kind: one of GRIDS.
        bits: of a code.
        step: columns of a group.
        costs: (columns,) what a squared error costs in each; 1 each if None.
    """
    parts = slices(weights.shape[1], step)
    rows, count = len(weights), 2**bits
    if GRIDS[kind] == "codebook":
        books = np.empty((rows, len(parts), count), np.float16)
        for g, part in enumerate(parts):
            books[:, g] = kmeans_1d(weights[:, part], count, None if costs is None else costs[part])
        return {"codebook": books}
    lows, scales = (np.empty((rows, len(parts)), np.float16) for _ in range(2))
    for g, part in enumerate(parts):
        block = np.ascontiguousarray(weights[:, part])
        ends = np.stack([block.min(axis=1), block.max(axis=1)], axis=1)
        if kind == "lean-affine":
            share = np.ones(block.shape[1]) if costs is None else costs[part] / costs[part].max()
            ends = narrowed(block, ends, share.astype(np.float32), count)
        lows[:, g], scales[:, g] = ends[:, 0], (ends[:, 1] - ends[:, 0]) / np.float32(count - 1)
    return {"scale": scales, "low": lows}


def grid_tables(
    grid: Mapping[str, np.ndarray], form: str, shape: tuple[int, int], bits: int
) -> Matrix:
    """The values of all codes, (rows, groups, 2**bits), in units.

    Args:
        grid: its arrays. form: "codebook" or "affine".
        shape: rows and groups.
        bits: of a code.

    Raises:
        FormatError: the arrays are none of such a grid.
    """
    if form == "codebook":
        return taken(grid, "codebook", np.float16, (*shape, 2**bits)).astype(np.float32)
    scale = taken(grid, "scale", np.float16, shape).astype(np.float32)
    low = taken(grid, "low", np.float16, shape).astype(np.float32)
    return low[:, :, None] + scale[:, :, None] * np.arange(2**bits, dtype=np.float32)


def narrowed(weights: Matrix, ends: Matrix, costs: Matrix, count: int) -> Matrix:
    """Ends of even grids that cost least: of a mesh of shrunken ranges, then of a finer one.

    Args:
        weights: (rows, n). ends: (rows, 2), the least and the largest.
        costs: (n,) of a squared error.
        count: values of the grid.
    """
    width = ends[:, 1] - ends[:, 0]
    reach = np.float32(0.5) / MESH
    coarse = np.arange(MESH, dtype=np.float32) * reach
    fine = np.arange(1 - FINE, FINE, dtype=np.float32) * (reach / FINE)
    shrink = np.zeros_like(ends)
    for steps in (coarse, fine):
        first, last = (mesh.ravel() for mesh in np.meshgrid(steps, steps, indexing="ij"))
        _shrink(weights, ends[:, 0], width, costs, count, first, last, shrink)
    shrink[:, 1] *= -1
    return (ends + shrink * width[:, None]).astype(np.float32)


@njit(nogil=True, cache=True, error_model="numpy")
def _shrink(weights, low, width, costs, count, first, last, shrink):
    """Add to `shrink` the shares of the width, off both ends, that cost least."""
    size = first.size
    lows, scales, inverses, losses = np.empty((4, size), np.float32)
    top = np.float32(count - 1)
    for r in range(weights.shape[0]):
        if not width[r] > 0:
            continue
        for c in range(size):
            left, right = shrink[r, 0] + first[c], shrink[r, 1] + last[c]
            lows[c] = low[r] + left * width[r]
            scales[c] = (np.float32(1) - left - right) * width[r] / top
            inverses[c], losses[c] = np.float32(1) / scales[c], np.float32(0)
        for j in range(weights.shape[1]):
            weight, cost = weights[r, j], costs[j]
            for c in range(size):
                code = np.floor((weight - lows[c]) * inverses[c] + np.float32(0.5))
                code = min(max(code, np.float32(0)), top)
                gap = weight - lows[c] - code * scales[c]
                losses[c] += cost * gap * gap
        best = losses.argmin()
        shrink[r, 0] += first[best]
        shrink[r, 1] += last[best]


@njit(error_model="numpy", forceinline=True)
def nearest_code(table, value):
    """The code of the nearest of ascending values, the lower of two."""
    low, high = 0, table.size - 1
    while low < high:
        middle = (low + high) >> 1
        if value - table[middle] > table[middle + 1] - value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True, cache=True, error_model="numpy")
def _nearest_codes(weights, tables, step, codes):
    for r in range(weights.shape[0]):
        for j in range(weights.shape[1]):
            codes[r, j] = nearest_code(tables[r, j // step], weights[r, j])


def nearest_codes(weights: Matrix, tables: Matrix, step: int) -> NDArray[np.uint8]:
    """The code of the nearest value to each weight, (rows, columns)."""
    codes = np.empty(weights.shape, np.uint8)
    _nearest_codes(weights, tables, max(1, step), codes)
    return codes


@njit(nogil=True, cache=True, error_model="numpy")
def look_up(codes, tables, step, out):
    """What codes stand for.

    Args:
        codes: (rows, columns) below 2**bits.
        tables: (rows, groups, 2**bits) unsigned, the bit patterns of values.
        step: columns of a group.
        out: (rows, columns) of the tables' dtype, written.
    """
    for r in range(codes.shape[0]):
        mine, into = codes[r], out[r]
        for g in range(tables.shape[1]):
            table = tables[r, g]
            for j in range(g * step, min((g + 1) * step, mine.size)):
                into[j] = table[mine[j]]
