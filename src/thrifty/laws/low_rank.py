"""Laws of low-rank completion: a factory makes what fills a matrix with holes by a given rank.

It takes a matrix (n, m) with NaN for holes, and a rank, and answers the filled matrix. Each law
raises AssertionError if broken.
"""

from collections.abc import Callable

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

__all__ = ["LAWS"]

Make = Callable[[], Callable[[np.ndarray, int], np.ndarray]]
checked = settings(
    deadline=None, max_examples=25, derandomize=True, phases=(Phase.explicit, Phase.generate)
)
SEEDS = st.integers(0, 2**32 - 1)


def _matrix(seed: int, rank: int) -> tuple[np.random.Generator, np.ndarray]:
    """A matrix of 20 x 15 of this rank."""
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal((20, rank)) @ rng.standard_normal((rank, 15))


def rank_is_kept(make: Make) -> None:
    """What is filled is finite, and of the rank asked for at most."""

    @checked
    @given(SEEDS, st.integers(1, 4))
    def check(seed: int, rank: int) -> None:
        rng, z = _matrix(seed, 6)
        filled = make()(np.where(rng.random(z.shape) < 0.7, z, np.nan), rank)
        assert filled.shape == z.shape
        assert np.isfinite(filled).all()
        assert np.linalg.matrix_rank(filled, tol=1e-6 * np.linalg.norm(filled)) <= rank

    check()


def no_holes_is_the_svd(make: Make) -> None:
    """A matrix without holes is left with what its truncated SVD leaves, within a hundredth."""

    @checked
    @given(SEEDS, st.integers(1, 4))
    def check(seed: int, rank: int) -> None:
        _, z = _matrix(seed, 6)
        left = np.linalg.norm(z - make()(z, rank))
        assert left <= 1.01 * np.linalg.norm(np.linalg.svd(z, compute_uv=False)[rank:])

    check()


def holes_are_filled(make: Make) -> None:
    """A few holes in a matrix of rank 2 are what was there, within a twentieth of its size."""

    @checked
    @given(SEEDS)
    def check(seed: int) -> None:
        rng, z = _matrix(seed, 2)
        holes = rng.random(z.shape) < 0.15
        filled = make()(np.where(holes, np.nan, z), 2)
        assert np.linalg.norm((filled - z)[holes]) <= 0.05 * np.linalg.norm(z)

    check()


LAWS = {"low rank": (rank_is_kept, no_holes_is_the_svd, holes_are_filled)}
