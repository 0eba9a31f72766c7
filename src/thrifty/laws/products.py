"""Laws of matrices that multiply without being decoded: a factory makes one, not empty.

It has `shape`, `times(x, threads)`, `decode()` and `bound(x)`. Each law raises AssertionError if
broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LAWS"]

Make = Callable[[], Any]


def _vectors(matrix: Any, count: int, seed: int = 0) -> np.ndarray:
    """Vectors of very different lengths."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, matrix.shape[1])) * 10.0 ** rng.integers(-3, 4, (count, 1))
    return x.astype(np.float32)


def within_the_bound(make: Make) -> None:
    """No product is farther from that of the decoded matrix than the matrix says."""
    matrix = make()
    for count in (1, 2, 3, 4, 5, 9):
        x = _vectors(matrix, count, count)
        exact = x.astype(np.float64) @ matrix.decode().astype(np.float64).T
        assert (np.abs(matrix.times(x) - exact) <= matrix.bound(x)).all()


def each_vector_alone(make: Make) -> None:
    """A vector's products do not depend on what it is asked with, nor on the threads."""
    matrix = make()
    x = _vectors(matrix, 7)
    together = matrix.times(x)
    alone = np.concatenate([matrix.times(row[None]) for row in x])
    assert (together == alone).all()
    assert (matrix.times(x, threads=3) == together).all()


def nothing_gives_nothing(make: Make) -> None:
    """Zeros give zeros, and no vectors give no products."""
    matrix = make()
    assert not matrix.times(np.zeros((2, matrix.shape[1]), np.float32)).any()
    assert matrix.times(_vectors(matrix, 0)).shape == (0, matrix.shape[0])


LAWS = {"products": (within_the_bound, each_vector_alone, nothing_gives_nothing)}
