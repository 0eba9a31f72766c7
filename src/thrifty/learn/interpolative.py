"""Interpolative: a few columns of a tall matrix, and every column as a mix of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import qr, solve_triangular

from thrifty.core import IncompatibleError, in_range, method, whole

__all__ = ["Interpolation", "Triangle", "interpolation"]

Reals = NDArray[np.float64]
SMALLEST = 1e-13  # of the diagonal, below which a column is a mix of those before it


class Triangle:
    """All that the columns of a tall matrix are to each other: the R of its QR, row by row.

    R'R is the matrix's own Gram matrix, but for rounding of float64, without squaring what small
    numbers it holds; two triangles merge by the R of their stack.

    Args:
        width: columns, at least 1.

    Raises:
        TypeError: it is not a whole number.
        ValueError: it is below 1.

    Example:
        >>> z = np.random.default_rng(0).standard_normal((1000, 5))
        >>> one, two = Triangle(5).add(z[:300]), Triangle(5).add(z[300:])
        >>> r = one.merge(two).rows
        >>> r.shape, bool(np.allclose(r.T @ r, z.T @ z))
        ((5, 5), True)
    """

    def __init__(self, width: int) -> None:
        self.width = whole("width", width, 1, 2**24)
        self._rows: Reals = np.zeros((0, width))
        self._new: list[Reals] = []
        self._waiting = 0

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._rows.nbytes + sum(rows.nbytes for rows in self._new)

    @property
    def rows(self) -> Reals:
        """(at most width, width) float64, upper triangular."""
        if self._new:
            stack = np.concatenate([self._rows, *self._new])
            self._rows = qr(stack, mode="r", check_finite=False)[0][: self.width]
            self._new, self._waiting = [], 0
        return self._rows

    def add(self, rows: ArrayLike) -> "Triangle":
        """Add rows (n, width); returns self.

        Raises:
            IncompatibleError: they are of another width.
            ValueError: a number is not finite.
        """
        found = np.array(rows, np.float64)
        if found.ndim != 2 or found.shape[1] != self.width:
            raise IncompatibleError(f"rows must be (n, {self.width}), got shape {found.shape}")
        if not np.isfinite(found).all():
            raise ValueError("rows must be finite, got NaN or infinity")
        self._new.append(found)
        self._waiting += len(found)
        if self._waiting >= 4 * self.width:
            self.rows  # noqa: B018
        return self

    def merge(self, other: "Triangle") -> "Triangle":
        """The triangle of both stacks of rows; neither changes.

        Raises:
            IncompatibleError: the other is of another width.
        """
        return Triangle(self.width).add(self.rows).add(other.rows)


class Interpolation(NamedTuple):
    """Columns that stay, and how they make up all columns: Z ~ Z[:, columns] @ mix.

    Args:
        columns: (k,) int64, rising.
        mix: (k, m) float64; the columns that stay are themselves.
        errors: (m + 1,) float64: the length of Z - Z[:, columns] @ mix over that of Z if 0, 1,
            ... m columns stayed, falling.
    """

    columns: NDArray[np.int64]
    mix: Reals
    errors: Reals


@method(
    source="Cheng, Gimbutas, Martinsson and Rokhlin 2005, doi:10.1137/030602678",
    memory="8 * width**2 bytes",
    time="2 * width**2 a row; 4/3 * width**3 for the choice",
    error="`errors[k]`, exactly, on the rows that were seen",
    exact="the columns themselves",
    laws=("interpolative",),
    evidence=("interpolative",),
)
def interpolation(
    rows: "Triangle | ArrayLike",
    k: int | None = None,
    *,
    eps: float = 0.0,
) -> Interpolation:
    """Choose columns by pivoted QR, and write all columns as mixes of them.

    Each step takes the column that is farthest from the span of those taken, so what is left
    falls from step to step; the mix is the least-squares one.

    Args:
        rows: a `Triangle`, or the matrix Z (n, m) itself.
        k: columns to keep, 1..m; None for as many as `eps` asks for.
        eps: without k, a column stays while its distance from the span of those before it is
            above eps times the length of the first, 0..1. At 0 all that are not mixes of others.

    Returns:
        `Interpolation`: columns, mix, errors.

    Raises:
        TypeError: k is not a whole number.
        ValueError: an argument is out of range, or a number is not finite.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = rng.standard_normal((100, 3)) @ rng.standard_normal((3, 8))    # of rank 3
        >>> found = interpolation(z)
        >>> found.columns.size, bool(np.allclose(z[:, found.columns] @ found.mix, z))
        (3, True)
    """
    triangle = rows if isinstance(rows, Triangle) else Triangle(np.shape(rows)[-1]).add(rows)
    m = triangle.width
    in_range("eps", eps, 0, 1)
    if k is not None:
        whole("k", k, 1, m)
    return _chosen(triangle.rows, k, eps)


def _chosen(rows: Reals, k: int | None, eps: float) -> Interpolation:
    m = rows.shape[1]
    r, pivots = qr(rows, mode="r", pivoting=True, check_finite=False)
    r = np.concatenate([r, np.zeros((max(m - len(r), 0), m))])
    sizes = np.abs(np.diag(r))
    least = sizes[0] * max(eps if k is None else 0.0, SMALLEST)
    rank = max(int(np.count_nonzero(sizes > least)), 1)
    kept = rank if k is None else k
    columns = pivots[:kept]
    mix = np.zeros((kept, m))
    mix[np.arange(kept), columns] = 1
    sound = min(rank, kept)
    if sizes[0]:
        mixed = solve_triangular(r[:sound, :sound], r[:sound, kept:], check_finite=False)
        mix[:sound, pivots[kept:]] = mixed
    order = np.argsort(columns)
    left = np.append(np.cumsum((r * r).sum(axis=1)[::-1])[::-1], 0.0)
    errors = np.sqrt(left / left[0]) if left[0] else np.zeros(m + 1)
    return Interpolation(columns[order].astype(np.int64), mix[order], errors)
