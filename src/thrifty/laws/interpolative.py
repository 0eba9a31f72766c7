"""Laws of interpolation: a factory makes what writes the columns of a matrix as mixes of a few.

A law feeds it a float64 matrix (n, m) and how many columns to keep; it answers `columns`, `mix`
and `errors` of them. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

__all__ = ["LAWS"]

Make = Callable[[], Callable[[np.ndarray, int], Any]]
checked = settings(deadline=None, max_examples=40, derandomize=True)
CASES = st.tuples(st.integers(1, 12), st.integers(1, 8), st.integers(0, 8), st.integers(0, 2**32))


def _matrix(case: tuple[int, int, int, int]) -> np.ndarray:
    """A matrix of these rows and columns, of this rank at most."""
    n, m, rank, seed = case
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, rank)) @ rng.standard_normal((rank, m))


def kept_columns_are_themselves(make: Make) -> None:
    """As many columns as asked, rising, and the mix gives each of them back as it is."""

    @checked
    @given(CASES, st.integers(1, 8))
    def check(case: tuple[int, int, int, int], k: int) -> None:
        z = _matrix(case)
        k = min(k, z.shape[1])
        found = make()(z, k)
        assert found.mix.shape == (k, z.shape[1])
        assert (np.diff(found.columns) > 0).all()
        assert (found.mix[:, found.columns] == np.eye(k)).all()

    check()


def error_is_as_told(make: Make) -> None:
    """What the mix leaves is what `errors` says, and no mix of these columns leaves less."""

    @checked
    @given(CASES, st.integers(1, 8))
    def check(case: tuple[int, int, int, int], k: int) -> None:
        z = _matrix(case)
        k = min(k, z.shape[1])
        found = make()(z, k)
        size, few = np.linalg.norm(z), z[:, found.columns]
        left = np.linalg.norm(z - few @ found.mix)
        best = np.linalg.norm(z - few @ np.linalg.pinv(few) @ z)
        assert abs(left - found.errors[k] * size) <= 1e-6 * max(size, 1e-12)
        assert left <= best + 1e-6 * size

    check()


def rank_is_enough(make: Make) -> None:
    """With as many columns as the rank nothing is lost, and errors fall with columns."""

    @checked
    @given(CASES)
    def check(case: tuple[int, int, int, int]) -> None:
        z = _matrix(case)
        k = min(max(min(case[0], case[2]), 1), z.shape[1])
        found = make()(z, k)
        assert np.allclose(z[:, found.columns] @ found.mix, z, atol=1e-6 * (1 + np.abs(z).max()))
        assert (np.diff(found.errors) <= 0).all()

    check()


LAWS = {"interpolative": (kept_columns_are_themselves, error_is_as_told, rank_is_enough)}
