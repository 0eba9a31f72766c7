"""Refactor: a stack of rows as fewer rows with nearly the same Gram matrix, and what that lost."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import in_range
from thrifty.sketch._fixed import eigen, gram, product

__all__ = ["refactored"]

Reals = NDArray[np.float64]


def refactored(stack: ArrayLike, ell: int) -> tuple[Reals, float]:
    """At most ell orthogonal rows B of a stack A, and the most that A'A has beyond B'B.

    The squares of all singular values are lowered by that of the (ell + 1)-th, which is what is
    lost: 0 <= x'(A'A - B'B)x <= lost for every x of length 1, and (ell + 1) * lost is at most what
    the sum of squares is lowered by. Two stacks merge by stacking their rows. The bits of the
    answer depend on the stack alone: not on the machine, nor on the threads of a BLAS.

    Args:
        stack: (n, d) finite reals.
        ell: rows to keep, at least 1.

    Returns:
        rows: (at most ell, d), that of the largest singular value first; the largest number of
            each is positive.
        lost: a square, 0 where the rank is at most ell.

    Raises:
        ValueError: the stack is not (n, d), or ell is below 1.

    Example:
        >>> rows, lost = refactored([[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]], 1)
        >>> bool(np.allclose(rows, [[5**0.5, 0.0]])), round(lost, 9)
        (True, 4.0)
    """
    in_range("ell", ell, 1, 2**62)
    stack = np.asarray(stack, np.float64)
    if stack.ndim != 2:
        raise ValueError(f"stack must be (n, d), got shape {stack.shape}")
    size = float(np.abs(stack).max(initial=0.0))
    if not size:
        return np.zeros((0, stack.shape[1])), 0.0
    squares, rows = _orthogonal(stack / size, ell)
    lost = float(squares[ell]) if len(squares) > ell else 0.0
    squares = squares[:ell]
    stay = squares > max(lost, squares[0] * 1e-15)
    rows = rows[stay] * np.sqrt((squares[stay] - lost) / squares[stay])[:, None]
    most = np.abs(rows).argmax(axis=1)
    sign = np.sign(rows[np.arange(len(rows)), most])
    return rows * (sign * size)[:, None], lost * size**2


def _orthogonal(stack: Reals, ell: int) -> tuple[Reals, Reals]:
    """Squared singular values, falling, and orthogonal rows of the lengths of the first ell."""
    tall = len(stack) > stack.shape[1]
    squares, vectors = eigen(gram(stack.T if tall else stack))
    squares, vectors = squares.clip(min=0.0), vectors[:ell]
    return squares, vectors * np.sqrt(squares[:ell])[:, None] if tall else product(vectors, stack)
