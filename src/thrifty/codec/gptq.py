"""GPTQ: a layer's weights to few bits, each column's error made up for by the columns after it."""

from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from thrifty.codec._buffers import array_of, values_of
from thrifty.codec._grids import GRIDS, fit_grid
from thrifty.codec._layers import Layer, Square, better, damped, inverse_factor, of_mean_one
from thrifty.codec._refined import refined
from thrifty.codec._units import in_units
from thrifty.codec.codec import Encoded
from thrifty.codec.leanquant import LeanCodec, matrix_shape
from thrifty.core import IncompatibleError, in_range, one_of, whole

__all__ = ["gptq", "input_moments", "output_error"]

POWERS = (1.5, 3.0)
MOST_ROUNDS, MOST_FITTED = 100, 5  # of sweeps; bits of grids that are fitted again
ALIKE = 1.0  # what outputs cost alike, beside their moments


def gptq(
    weight: Any,
    moments: ArrayLike | None = None,
    *,
    inputs: ArrayLike | None = None,
    outputs: ArrayLike | None = None,
    bits: int = 4,
    grid: str = "lean",
    group: int | None = None,
    damping: float = 0.01,
    by_size: bool = True,
    power: float | None = None,
    unbiased: bool = True,
    rounds: int = 2,
) -> Encoded:
    """Quantise the weights of a linear map for the inputs it has, after Frantar et al. 2022.

    Columns are rounded one after the other to the nearest value of their row's grid; what a column
    errs, those after it make up for as well as the moments of the inputs let them. With U the
    upper triangle for which U'U = inv(moments + damping), the squared errors (w - q) / U_jj sum to
    the trace of (W - Q)(moments + damping)(W - Q)'.

    The grid is fitted to the weights as they were. "affine": even steps from the least to the
    largest. "kmeans": the best 2**bits means. "lean": the means that are best where each weight
    counts as U_jj**-power, so that those that cannot be made up for lie near a value.
    "lean-affine": the even steps that are best so, of a mesh of shorter ranges (Zhang and
    Shrivastava 2024, arXiv:2407.10032).

    Grids that err least shrink what a layer puts out by some percent, which costs a model more
    than errors of that size that go either way; so each row's grid is stretched afterwards until
    its outputs are on average as large as they were.

    Where grids cut off what is large, all rows err alike in a column, and that adds up in whatever
    reads the outputs: attention loses several times as much by it as by errors of that size that
    go either way. With the second moments of the gradients at the outputs, rows make up for each
    other as columns do: what errors D cost is then the trace of (outputs + their mean diagonal) D
    moments D' (both sides as in Tseng et al. 2025, arXiv:2505.22988), and each row takes the grid
    with which all rows together cost least.

    Afterwards each weight, one after the other, goes to the value that costs least beside all the
    others as they are by then, which a loop that looks at each weight once cannot know; and lean
    grids of up to 5 bits take the values that cost least with the codes they have (least squares
    in the moments, a row at a time). Neither step raises what errors cost.

    Args:
        weight: (out, in) array or tensor of floats; (out, ...) is taken as (out, all the rest).
        moments: (in, in) second moments of the inputs, of any scale: `input_moments`.
        inputs: (n, in) to take the moments of, where none are given.
        outputs: (out, out) second moments of the gradients of a loss at the outputs, of any scale;
            if None, outputs cost alike and apart.
        bits: of a code, 1..8.
        grid: one of affine, lean-affine, kmeans, lean.
        group: columns that share a grid; None for whole rows.
        damping: added to the diagonal of the moments, times its mean; above 0 where an input is
            always 0 or a sum of others.
        by_size: columns of large moments first.
        power: of 1 / U_jj in what an error costs while a lean grid is fitted (3 or 4 in the paper);
            if None each row takes the grid that errs least after all: of powers 1.5 and 3, and of
            those that look at the weights alone.
        unbiased: stretch grids as said.
        rounds: how often lean grids are fitted again to their codes, with a sweep over all weights
            before each time and one after all; other grids stay and have one sweep more than
            rounds. 0 for neither: the loop as published.

    Returns:
        What `LeanCodec(bits, form, group)` encodes; its size is foretold by `LeanCodec.size`.

    Raises:
        IncompatibleError: moments or inputs do not fit the weights.
        ValueError: an argument is out of its range, an array is not finite, or the moments are not
            positive with this damping.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> weight = rng.normal(size=(64, 96))
        >>> inputs = rng.normal(size=(500, 96)) @ rng.normal(size=(96, 96))
        >>> moments = input_moments(inputs)
        >>> nearest = LeanCodec(3).encode(weight)
        >>> better = gptq(weight, moments, bits=3)
        >>> better.nbytes == nearest.nbytes == LeanCodec(3).size(weight)
        True
        >>> errors = [output_error(weight, made.decode(), moments) for made in (better, nearest)]
        >>> errors[0] < 0.7 * errors[1]
        True
    """
    codec = LeanCodec(bits, GRIDS[one_of("grid", grid, tuple(GRIDS))], group)
    found = array_of(weight)
    values, unit = in_units(found)
    matrix = values.reshape(matrix_shape(found.shape))
    square = _moments(moments, inputs, matrix.shape[1])
    in_range("damping", damping, 0, np.inf)
    whole("rounds", rounds, 0, MOST_ROUNDS)
    order = np.arange(len(square))
    if by_size:
        order = np.argsort(-square.diagonal(), kind="stable")
    factor = inverse_factor(square[np.ix_(order, order)], damping)
    ease = np.empty(len(order))
    ease[order] = factor.diagonal()
    layer = Layer(matrix, factor.astype(np.float32), order, codec)
    ways = [
        layer.quantised(fit_grid(matrix, kind, codec.bits, layer.step, weights))
        for kind, weights in _fits(grid, ease, power)
    ]
    best = reduce(better, ways)
    if matrix.size:
        costs, readers = of_mean_one(damped(square, damping, 1.0)), None
        if outputs is not None:
            readers = _readers(outputs, len(matrix))
            best = layer.together(ways, costs, readers)
        fitted = grid.startswith("lean") and codec.bits <= MOST_FITTED
        best = refined(layer, best, costs, readers, rounds, fitted)
    stretched = layer.stretched(best, square) if unbiased else best.grid
    arrays = codec.encoded_arrays(best.codes, unit, stretched)
    return Encoded(codec, found.shape, found.dtype.name, arrays)


def _fits(grid: str, ease: Square, power: float | None) -> Iterator[tuple[str, Square | None]]:
    """Ways to fit a grid: how, and what a squared error costs in each column."""
    if not grid.startswith("lean"):
        yield grid, None
    elif power is not None:
        yield grid, _costs(ease, in_range("power", power, 0, 16))
    else:
        yield "affine", None
        if grid == "lean":
            yield "kmeans", None
        for each in POWERS:
            yield grid, _costs(ease, each)


def _costs(ease: Square, power: float) -> Square:
    """U_jj**-power, as shares of the largest."""
    return (ease.min(initial=np.inf) / ease) ** power


def _readers(outputs: ArrayLike, rows: int) -> Square:
    """What outputs cost: their moments and their mean diagonal, of mean one."""
    found = _moments(outputs, None, rows, "outputs", "rows")
    return of_mean_one(damped(found, ALIKE, 1.0))


def _moments(
    moments: ArrayLike | None,
    inputs: ArrayLike | None,
    columns: int,
    name: str = "moments",
    of: str = "columns",
) -> Square:
    """The second moments, checked."""
    if (moments is None) == (inputs is None):
        raise ValueError("one of moments and inputs must be given")
    square = np.asarray(input_moments(inputs) if moments is None else moments, np.float64)
    if square.shape != (columns, columns):
        raise IncompatibleError(
            f"{name} of shape {square.shape} do not fit weights of {columns} {of}"
        )
    if not np.isfinite(square).all() or (square.diagonal() < 0).any():
        raise ValueError(f"{name} must be finite, with a diagonal of at least 0")
    return square


def input_moments(inputs: Any) -> Square:
    """Second moments X'X / n of inputs (n, in) of a linear map; 0 where n is 0.

    Raises:
        IncompatibleError: they are not rows.

    Example:
        >>> input_moments([[1.0, 2], [3, 4]]).tolist()
        [[5.0, 7.0], [7.0, 10.0]]
    """
    rows = values_of(inputs)
    if rows.ndim != 2:
        raise IncompatibleError(f"inputs must be (n, in), got shape {rows.shape}")
    return (rows.T @ rows).astype(np.float64) / max(1, len(rows))


def output_error(weight: Any, decoded: Any, moments: ArrayLike) -> float:
    """The mean squared distance of what two maps put out: the trace of (W - Q) moments (W - Q)'.

    Args:
        weight: (out, in), or (out, ...) as (out, all the rest).
        decoded: of the same shape.
        moments: (in, in) of the inputs.
    """
    one, other = (values_of(x).astype(np.float64) for x in (weight, decoded))
    gap = (one - other).reshape(matrix_shape(one.shape))
    return float(((gap @ np.asarray(moments, np.float64)) * gap).sum())
