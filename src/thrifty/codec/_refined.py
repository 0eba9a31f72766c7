"""Refined: codes and grids of a quantised layer, moved until no move of one alone costs less.

What errors D cost is the trace of outputs D moments D', as in `gptq`.
"""

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._grids import look_up, nearest_code
from thrifty.codec._layers import NONE, Layer, Made, Square
from thrifty.core.kernels import njit

__all__ = ["refined"]

STIFF = 1e-4  # of a value's own curvature, added to it while grids are fitted again
LEAST = 1e-9  # of the mean curvature


@njit(error_model="numpy")
def _pull(seen, outputs, r, pull):
    """Half the slope of what the weights of row r cost; the curvature is what is returned."""
    if not outputs.size:
        pull[:] = seen[r]
        return np.float32(1)
    pull[:] = np.float32(0)
    shares = outputs[r]
    for s in range(shares.size):
        row, share = seen[s], shares[s]
        for j in range(row.size):
            pull[j] += share * row[j]
    return shares[r]


@njit(error_model="numpy", forceinline=True)
def _subtract(row, share, line):
    for j in range(row.size):
        row[j] -= share * line[j]


@njit(nogil=True, cache=True, error_model="numpy")
def _sweep(seen, moments, outputs, tables, step, codes):
    """Each weight, one after the other, to the value that costs least beside all the others.

    Args:
        seen: (rows, columns) D moments; changes.
        moments, outputs: both sides; outputs may be (0, 0).
        tables: (rows, groups, 2**bits) ascending. step: columns of a group.
        codes: (rows, columns); changes.
    """
    pull = np.empty(seen.shape[1], np.float32)
    for r in range(seen.shape[0]):
        own = _pull(seen, outputs, r, pull)
        mine, into = codes[r], seen[r]
        for j in range(pull.size):
            table, line = tables[r, j // step], moments[j]
            now = table[mine[j]]
            best = nearest_code(table, now + pull[j] / (own * line[j]))
            if best != mine[j]:
                mine[j] = best
                _subtract(pull, own * (table[best] - now), line)
                if outputs.size:
                    _subtract(into, table[best] - now, line)
        if not outputs.size:
            into[:] = pull


@njit(error_model="numpy")
def _summed(moments, mine, part, sums, square):
    """Moments summed over the columns of a group that have a code, and over pairs of them.

    Args:
        moments: (columns, columns). mine: (columns,) codes. part: columns of the group.
        sums: (2**bits, columns), written. square: (2**bits, 2**bits), written.
    """
    sums[:] = np.float32(0)
    square[:] = 0
    for j in part:
        _subtract(sums[mine[j]], np.float32(-1), moments[j])
    for code in range(square.shape[0]):
        row = sums[code]
        for j in part:
            square[code, mine[j]] += row[j]


@njit(nogil=True, cache=True, error_model="numpy")
def _refit(seen, moments, outputs, tables, step, codes, basis):
    """The values of each grid that cost least with the codes as they are, a little held back.

    Args:
        seen, moments, outputs, step, codes: as of `_sweep`.
        tables: (rows, groups, 2**bits), changes.
        basis: (2**bits, d) what the moves of the values of a grid are sums of.
    """
    columns, count = seen.shape[1], tables.shape[2]
    pull, sums = np.empty(columns, np.float32), np.empty((count, columns), np.float32)
    square = np.empty((count, count))
    for r in range(seen.shape[0]):
        own, mine = _pull(seen, outputs, r, pull), codes[r]
        for g in range(tables.shape[1]):
            part = np.arange(g * step, min((g + 1) * step, columns))
            _summed(moments, mine, part, sums, square)
            slope = np.zeros(count)
            for j in part:
                slope[mine[j]] += pull[j] / own
            curve = basis.T @ square @ basis
            floor = LEAST * max(np.trace(curve) / curve.shape[0], 1e-30)
            for d in range(curve.shape[0]):
                curve[d, d] += STIFF * curve[d, d] + floor
            moves = (basis @ np.linalg.solve(curve, basis.T @ slope)).astype(np.float32)
            for code in range(count):
                tables[r, g, code] += moves[code]
                _subtract(seen[r], moves[code], sums[code])
                _subtract(pull, own * moves[code], sums[code])


def refined(
    layer: Layer, made: Made, moments: Square, outputs: Square | None, rounds: int, fitted: bool
) -> Made:
    """Sweep over all weights, fit grids again to the codes they have now, sweep again, and so on.

    Args:
        layer: that was quantised. made: what it was quantised to.
        moments: (columns, columns), positive. outputs: (rows, rows), positive, or None.
        rounds: how often grids are fitted again, with a sweep before and one after all; 0 for none.
        fitted: whether they are, or there are sweeps alone.
    """
    inputs = moments.astype(np.float32)
    readers = NONE if outputs is None else outputs.astype(np.float32)
    step, codes = max(1, layer.step), made.codes.copy()
    for left in range(rounds if rounds and codes.size else -1, -1, -1):
        tables = layer.tables(made.grid)
        seen = layer.gaps(made) @ inputs
        _sweep(seen, inputs, readers, tables, step, codes)
        if fitted and left:
            _refit(seen, inputs, readers, tables, step, codes, _basis(layer))
            made = _on(layer, tables, codes, made)
        made = made._replace(codes=codes)
    return made


def _basis(layer: Layer) -> Square:
    """What the moves of the values of a grid are sums of: each alone, or a step and a shift."""
    count = 2**layer.codec.bits
    if layer.codec.form == "codebook":
        return np.eye(count)
    return np.stack([np.ones(count), np.arange(count)], axis=1)


def _on(layer: Layer, tables: NDArray[np.float32], codes: NDArray[np.uint8], made: Made) -> Made:
    """The same on moved grids, as they are kept; codes change where values passed each other."""
    if layer.codec.form == "affine":
        scale, low = tables[:, :, 1] - tables[:, :, 0], tables[:, :, 0]
        known = scale > 0
        grid = {
            "scale": np.where(known, scale, made.grid["scale"]).astype(np.float16),
            "low": np.where(known, low, made.grid["low"]).astype(np.float16),
        }
        return made._replace(grid=grid)
    order = np.argsort(tables, axis=2, kind="stable")
    ranks = np.argsort(order, axis=2, kind="stable").astype(np.uint8)
    look_up(codes.copy(), ranks, layer.step, codes)
    return made._replace(grid={"codebook": np.take_along_axis(tables, order, 2).astype(np.float16)})
