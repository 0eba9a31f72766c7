"""Layers: a matrix that is quantised on one grid or another, columns and rows making up for errors.

What is done here is said in `gptq`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky
from scipy.linalg.lapack import dtrtri

from thrifty.codec._grids import grid_tables, look_up, nearest_code, slices
from thrifty.codec.leanquant import LeanCodec
from thrifty.core.kernels import njit

__all__ = ["NONE", "Layer", "Made", "Square", "better", "damped", "inverse_factor", "of_mean_one"]

Square = NDArray[np.float64]
BLOCK = 128
MOST_STRETCH = 1.25
SWEEPS = 4
NONE = np.empty((0, 0), np.float32)


@njit(nogil=True, cache=True, error_model="numpy")
def _quantise_block(weights, factor, across, tables, groups, codes, errors):
    """Codes of a block of columns, one after the other, as the ones before have moved them.

    Args:
        weights: (rows, b) float32, moved. factor: (b, b) upper triangle.
        across: (rows, rows) upper triangle, by which rows move those after them; or (0, 0).
        tables: (rows, groups, 2**bits). groups: (b,) of each column.
        codes: (rows, b), written. errors: (rows, b), written: (w - q) / U_ii / V_rr.
    """
    gap = np.empty(weights.shape[1], np.float32)
    for r in range(weights.shape[0]):
        row = weights[r]
        gap[:] = row
        for i in range(row.size):
            table, line = tables[r, groups[i]], factor[i]
            code = nearest_code(table, row[i])
            error = (row[i] - table[code]) / line[i]
            codes[r, i], errors[r, i] = code, error
            gap[i] -= table[code]
            for j in range(i + 1, row.size):
                row[j] -= error * line[j]
        if across.size:
            _move_rows(weights, gap, across[r], r)
            errors[r] /= across[r, r]


@njit(error_model="numpy")
def _move_rows(weights, gap, across, r):
    """Move the rows after r, which make up for what it errs."""
    for s in range(r + 1, weights.shape[0]):
        row, share = weights[s], across[s] / across[r]
        for j in range(row.size):
            row[j] -= share * gap[j]


class Made(NamedTuple):
    """Codes (rows, columns), the grid they are of, and each row's sum of squared errors."""

    codes: NDArray[np.uint8]
    grid: dict[str, np.ndarray]
    losses: NDArray[np.float64]


def better(one: Made, other: Made) -> Made:
    """Of each row the one that errs less, the first of equals."""
    rows = other.losses < one.losses
    grid = {name: _rows(rows, other.grid[name], mine) for name, mine in one.grid.items()}
    losses = np.where(rows, other.losses, one.losses)
    return Made(_rows(rows, other.codes, one.codes), grid, losses)


def _rows(chosen: NDArray[np.bool_], one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(chosen.reshape(-1, *[1] * (one.ndim - 1)), one, other)


class Layer:
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

    def quantised(self, grid: dict[str, np.ndarray], across: NDArray[np.float32] = NONE) -> Made:
        """Codes on a grid: by blocks of columns, the errors of each move all after it.

        Args:
            grid: its arrays, or those of even steps where the codec is of codebooks.
            across: (rows, rows) upper triangle, by which rows move those after them; or none.
        """
        rows, columns = self.matrix.shape
        counts = (rows, len(slices(columns, self.step)))
        if self.codec.form == "codebook" and "scale" in grid:
            even = grid_tables(grid, "affine", counts, self.codec.bits)
            grid = {"codebook": even.astype(np.float16)}
        tables = self.tables(grid)
        weights, losses = np.ascontiguousarray(self.matrix[:, self.order]), np.zeros(rows)
        codes = np.empty(weights.shape, np.uint8)
        for part in slices(columns, BLOCK):
            block, square = weights[:, part].copy(), np.ascontiguousarray(self.factor[part, part])
            errors, some = np.empty_like(block), np.empty(block.shape, np.uint8)
            groups = self.order[part] // self.step
            _quantise_block(block, square, across, tables, groups, some, errors)
            codes[:, self.order[part]] = some
            losses += np.einsum("rj,rj->r", errors, errors)
            moved = errors @ self.factor[part, part.stop :]
            weights[:, part.stop :] -= across.T @ moved if across.size else moved
        return Made(codes, grid, losses)

    def together(self, ways: Sequence[Made], moments: Square, outputs: Square) -> Made:
        """Of each row one of some ways, such that all rows together cost least; then made up for.

        What errors D cost is the trace of outputs D moments D'. Row after row takes the way that
        costs least beside what the others have, which begin with the first; then rows make up for
        those before them, if that costs less.
        """
        gaps = np.stack([self.gaps(made) for made in ways])
        seen = gaps @ moments.astype(np.float32)
        own = np.einsum("wrj,wrj->rw", gaps, seen)
        taken, rows = np.zeros(len(own), np.int64), np.arange(len(own))
        chosen, shares = seen[0].copy(), outputs.astype(np.float32)
        for _ in range(SWEEPS if rows.size else 0):
            before = taken.copy()
            for r in rows:
                pull = shares[r] @ chosen - shares[r, r] * chosen[r]
                taken[r] = (shares[r, r] * own[r] + 2 * (gaps[:, r] @ pull)).argmin()
                chosen[r] = seen[taken[r], r]
            if (taken == before).all():
                break
        grid = {
            name: np.stack([made.grid[name] for made in ways])[taken, rows] for name in ways[0].grid
        }  # fmt: skip
        codes = np.stack([made.codes for made in ways])[taken, rows]
        plain = Made(codes, grid, np.stack([made.losses for made in ways])[taken, rows])
        moved = self.quantised(grid, inverse_factor(outputs, 0).astype(np.float32))
        costs = [((outputs @ gap @ moments) * gap).sum() for gap in map(self.gaps, (plain, moved))]
        return plain if costs[0] < costs[1] else moved

    def gaps(self, made: Made) -> NDArray[np.float32]:
        """What each weight is above what it is quantised to."""
        return self.matrix - self.rounded(made)

    def rounded(self, made: Made) -> NDArray[np.float32]:
        """What each weight is quantised to, (rows, columns)."""
        rounded = np.empty_like(self.matrix)
        look_up(made.codes, self.tables(made.grid), self.step, rounded)
        return rounded

    def tables(self, grid: dict[str, np.ndarray]) -> NDArray[np.float32]:
        """The values of all codes of a grid, (rows, groups, 2**bits)."""
        rows, columns = self.matrix.shape
        counts = (rows, len(slices(columns, self.step)))
        return grid_tables(grid, self.codec.form, counts, self.codec.bits)

    def stretched(self, made: Made, moments: Square) -> dict[str, np.ndarray]:
        """The grid times w'Mw / w'Mq in each row, which gives outputs their size back."""
        rounded = self.rounded(made)
        seen = self.matrix @ moments
        whole, shared = (np.einsum("rj,rj->r", seen, x) for x in (self.matrix, rounded))
        known = (shared > whole / MOST_STRETCH) & (shared < whole * MOST_STRETCH)
        stretch = np.where(known, whole / np.where(known, shared, 1), 1)
        return {
            name: (array * stretch.reshape(-1, *[1] * (array.ndim - 1))).astype(np.float16)
            for name, array in made.grid.items()
        }


def of_mean_one(moments: Square) -> Square:
    """Moments in such a unit that their mean diagonal is 1, unless all are 0."""
    mean = float(moments.diagonal().mean())
    return moments / mean if mean > 0 else moments


def damped(moments: Square, damping: float, least: float = 0.0) -> Square:
    """Moments, with `damping` times their mean diagonal, or `least` if all are 0, added to it."""
    mean, made = float(moments.diagonal().mean()), moments.copy()
    made[np.diag_indices_from(made)] += damping * mean if mean > 0 else least
    return made


def inverse_factor(moments: Square, damping: float) -> Square:
    """The upper triangle U with U'U = inv(moments + damping * their mean diagonal).

    The moments are R R' with R an upper triangle, that of Cholesky backwards; U is its inverse.

    Raises:
        ValueError: they are not positive.
    """
    if not len(moments):
        return moments
    found = damped(moments, damping, 1.0)[::-1, ::-1].copy()
    try:
        lower = cholesky(found, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError as error:
        raise ValueError(
            f"moments must be positive definite with damping={damping:g}: raise it"
        ) from error
    return dtrtri(np.ascontiguousarray(lower[::-1, ::-1]), lower=0)[0]
