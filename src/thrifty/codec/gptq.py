"""GPTQ: a layer's weights to few bits, each column's error made up for by the columns after it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cholesky
from scipy.linalg.lapack import dtrtri

from thrifty.codec._buffers import array_of, values_of
from thrifty.codec._grids import GRIDS, fit_grid, grid_tables, look_up, nearest_code, slices
from thrifty.codec._units import in_units
from thrifty.codec.codec import Encoded
from thrifty.codec.leanquant import LeanCodec, matrix_shape
from thrifty.core import IncompatibleError, in_range, one_of
from thrifty.core.kernels import njit

__all__ = ["gptq", "input_moments", "output_error"]

Square = NDArray[np.float64]
BLOCK = 128
POWERS = (1.5, 3.0)
MOST_STRETCH = 1.25


@njit(nogil=True, cache=True, error_model="numpy")
def _quantise_block(weights, factor, tables, groups, codes, errors):
    """Codes of a block of columns, one after the other, as the ones before have moved them.

    Args:
        weights: (rows, b) float32, moved. factor: (b, b) upper triangle.
        tables: (rows, groups, 2**bits). groups: (b,) of each column.
        codes: (rows, b), written. errors: (rows, b), written: (w - q) / U_ii.
    """
    for r in range(weights.shape[0]):
        row = weights[r]
        for i in range(row.size):
            table, line = tables[r, groups[i]], factor[i]
            code = nearest_code(table, row[i])
            error = (row[i] - table[code]) / line[i]
            codes[r, i], errors[r, i] = code, error
            for j in range(i + 1, row.size):
                row[j] -= error * line[j]


def gptq(
    weight: Any,
    moments: ArrayLike | None = None,
    *,
    inputs: ArrayLike | None = None,
    bits: int = 4,
    grid: str = "lean",
    group: int | None = None,
    damping: float = 0.01,
    by_size: bool = True,
    power: float | None = None,
    unbiased: bool = True,
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

    Args:
        weight: (out, in) array or tensor of floats; (out, ...) is taken as (out, all the rest).
        moments: (in, in) second moments of the inputs, of any scale: `input_moments`.
        inputs: (n, in) to take the moments of, where none are given.
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
    order = np.arange(len(square))
    if by_size:
        order = np.argsort(-square.diagonal(), kind="stable")
    factor = inverse_factor(square[np.ix_(order, order)], damping)
    ease = np.empty(len(order))
    ease[order] = factor.diagonal()
    layer = _Layer(matrix, factor.astype(np.float32), order, codec)
    best = None
    for kind, costs in _fits(grid, ease, power):
        made = layer.quantised(fit_grid(matrix, kind, codec.bits, layer.step, costs))
        best = made if best is None else _better(best, made)
    assert best is not None
    stretched = layer.stretched(best, square) if unbiased else best.grid
    arrays = codec.encoded_arrays(best.codes, unit, stretched)
    return Encoded(codec, found.shape, found.dtype.name, arrays)


class _Made(NamedTuple):
    """Codes (rows, columns), the grid they are of, and each row's sum of squared errors."""

    codes: NDArray[np.uint8]
    grid: dict[str, np.ndarray]
    losses: NDArray[np.float64]


def _better(one: _Made, other: _Made) -> _Made:
    """Of each row the one that errs less, the first of equals."""
    rows = other.losses < one.losses
    grid = {name: _rows(rows, other.grid[name], mine) for name, mine in one.grid.items()}
    losses = np.where(rows, other.losses, one.losses)
    return _Made(_rows(rows, other.codes, one.codes), grid, losses)


def _rows(chosen: NDArray[np.bool_], one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(chosen.reshape(-1, *[1] * (one.ndim - 1)), one, other)


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


class _Layer:
    """A matrix that is quantised on one grid or another.

    Args:
        matrix: (rows, columns), in units.
        factor: of the columns in their order.
        order: of columns.
        codec: of what is made.
    """

    def __init__(
        self,
        matrix: NDArray[np.float32],
        factor: NDArray[np.float32],
        order: NDArray[np.int64],
        codec: LeanCodec,
    ) -> None:
        self.matrix, self.factor, self.order, self.codec = matrix, factor, order, codec
        self.step = codec.step(len(order))

    def quantised(self, grid: dict[str, np.ndarray]) -> _Made:
        """Codes on a grid: by blocks of columns, the errors of each move all after it."""
        rows, columns = self.matrix.shape
        counts = (rows, len(slices(columns, self.step)))
        if self.codec.form == "codebook" and "scale" in grid:
            even = grid_tables(grid, "affine", counts, self.codec.bits)
            grid = {"codebook": even.astype(np.float16)}
        tables = grid_tables(grid, self.codec.form, counts, self.codec.bits)
        weights, losses = np.ascontiguousarray(self.matrix[:, self.order]), np.zeros(rows)
        codes = np.empty(weights.shape, np.uint8)
        for part in slices(columns, BLOCK):
            block, square = weights[:, part].copy(), np.ascontiguousarray(self.factor[part, part])
            errors, some = np.empty_like(block), np.empty(block.shape, np.uint8)
            groups = self.order[part] // self.step
            _quantise_block(block, square, tables, groups, some, errors)
            codes[:, self.order[part]] = some
            losses += np.einsum("rj,rj->r", errors, errors)
            weights[:, part.stop :] -= errors @ self.factor[part, part.stop :]
        return _Made(codes, grid, losses)

    def stretched(self, made: _Made, moments: Square) -> dict[str, np.ndarray]:
        """The grid times w'Mw / w'Mq in each row, which gives outputs their size back."""
        rows, columns = self.matrix.shape
        counts = (rows, len(slices(columns, self.step)))
        tables = grid_tables(made.grid, self.codec.form, counts, self.codec.bits)
        rounded = np.empty_like(self.matrix)
        look_up(made.codes, tables, self.step, rounded)
        seen = self.matrix @ moments
        whole, shared = (np.einsum("rj,rj->r", seen, x) for x in (self.matrix, rounded))
        known = (shared > whole / MOST_STRETCH) & (shared < whole * MOST_STRETCH)
        stretch = np.where(known, whole / np.where(known, shared, 1), 1)
        return {
            name: (array * stretch.reshape(-1, *[1] * (array.ndim - 1))).astype(np.float16)
            for name, array in made.grid.items()
        }


def inverse_factor(moments: Square, damping: float) -> Square:
    """The upper triangle U with U'U = inv(moments + damping * their mean diagonal).

    The moments are R R' with R an upper triangle, that of Cholesky backwards; U is its inverse.

    Raises:
        ValueError: they are not positive.
    """
    if not len(moments):
        return moments
    mean = float(moments.diagonal().mean())
    damped = moments[::-1, ::-1].copy()
    damped[np.diag_indices_from(damped)] += damping * mean if mean > 0 else 1.0
    try:
        lower = cholesky(damped, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError as error:
        raise ValueError(
            f"moments must be positive definite with damping={damping:g}: raise it"
        ) from error
    return dtrtri(np.ascontiguousarray(lower[::-1, ::-1]), lower=0)[0]


def _moments(moments: ArrayLike | None, inputs: ArrayLike | None, columns: int) -> Square:
    """The second moments, checked."""
    if (moments is None) == (inputs is None):
        raise ValueError("one of moments and inputs must be given")
    square = np.asarray(input_moments(inputs) if moments is None else moments, np.float64)
    if square.shape != (columns, columns):
        raise IncompatibleError(
            f"moments of shape {square.shape} do not fit weights of {columns} columns"
        )
    if not np.isfinite(square).all() or (square.diagonal() < 0).any():
        raise ValueError("moments must be finite, with a diagonal of at least 0")
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
