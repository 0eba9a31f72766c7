"""Low rank: a matrix with holes as the product of two thin ones, which fills the holes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import in_range, method, whole

__all__ = ["LowRank", "low_rank"]

Reals = NDArray[np.float64]


class LowRank(NamedTuple):
    """A matrix as left @ right.

    Args:
        left: (n, rank). right: (rank, m).
        noise: mean squared error of what was observed, for each number of it that was free.
    """

    left: Reals
    right: Reals
    noise: float

    @property
    def filled(self) -> Reals:
        """(n, m) float64: every entry."""
        return self.left @ self.right


@method(
    source="Mazumder, Hastie and Tibshirani 2010 (JMLR 11); alternating least squares: Hastie, "
    "Mazumder, Lee and Zadeh 2015 (JMLR 16)",
    memory="8 * (n + m) * rank bytes beside the matrix",
    time="a sweep: rank**2 an observed entry and rank**3 a row and column",
    error="none is promised of the holes; `noise` of what was observed",
    exact="the truncated SVD of the matrix without holes",
    laws=("low rank",),
    evidence=("peppp",),
)
def low_rank(
    matrix: ArrayLike,
    rank: int,
    *,
    ridge: float = 1e-3,
    max_sweeps: int = 500,
    tol: float = 1e-6,
    seed: int = 0,
) -> LowRank:
    """Fill the holes of a matrix by the product of thin ones that fits what is there.

    Rows and columns are solved for in turn, each by least squares with a ridge that is in
    proportion to what was observed of it.

    Args:
        matrix: (n, m) reals, NaN where nothing is known.
        rank: 1..min(n, m).
        ridge: times the mean square of what was observed, and the number of it in a row or
            column, 0..1e6.
        max_sweeps: at most, at least 1.
        tol: stop where a sweep lowers the squared error by a smaller share of it than this, 0..1.
        seed: of the start.

    Returns:
        `LowRank`: left, right, noise.

    Raises:
        TypeError: a number is none.
        ValueError: one is out of range, the matrix is not (n, m), infinite somewhere, or all holes.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 20))
        >>> seen = np.where(rng.random(z.shape) < 0.6, z, np.nan)
        >>> float(np.abs(low_rank(seen, 2, ridge=1e-9).filled - z).max()) < 0.01
        True
    """
    found = np.asarray(matrix, np.float64)
    if found.ndim != 2:
        raise ValueError(f"matrix must be (n, m), got shape {found.shape}")
    known = ~np.isnan(found)
    if not known.any() or np.isinf(found).any():
        raise ValueError("matrix must hold some finite numbers, and else NaN, got others")
    whole("rank", rank, 1, min(found.shape))
    in_range("ridge", ridge, 0, 1e6)
    whole("max_sweeps", max_sweeps, 1, 10**9)
    in_range("tol", tol, 0, 1)
    scale = float(np.sqrt(np.mean(found[known] ** 2))) or 1.0
    values = np.where(known, found / scale, 0.0)
    left, right, error = _alternate(values, known, rank, ridge, max_sweeps, tol, seed)
    free = max(int(known.sum()) - rank * sum(found.shape) + rank * rank, 1)
    return LowRank(left * scale, right, error * scale * scale / free)


def _alternate(
    values: Reals, known: NDArray, rank: int, ridge: float, most: int, tol: float, seed: int
) -> tuple[Reals, Reals, float]:
    rng = np.random.default_rng(seed)
    guess = values + 1e-6 * rng.standard_normal(values.shape)
    right = np.linalg.svd(guess, full_matrices=False)[2][:rank]
    before = np.inf
    for _ in range(most):
        left = _solved(values, known, right, ridge)
        right = _solved(values.T, known.T, left.T, ridge).T
        error = float((((values - left @ right) * known) ** 2).sum())
        if before - error <= tol * error:
            break
        before = error
    u, s, vt = np.linalg.svd(left @ right, full_matrices=False)
    return u[:, :rank] * s[:rank], vt[:rank], error


def _solved(values: Reals, known: NDArray, right: Reals, ridge: float) -> Reals:
    """For each row the least-squares mix of the rows of `right`."""
    weights = known.astype(np.float64)
    grams = np.einsum("nm,am,bm->nab", weights, right, right)
    mean = np.einsum("naa->n", grams) / len(right)
    room = ridge * np.maximum(mean, 1e-12) + 1e-12
    grams += room[:, None, None] * np.eye(len(right))
    return np.linalg.solve(grams, (values @ right.T)[..., None])[..., 0]
