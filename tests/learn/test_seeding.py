"""Seeding: its laws, the cost it begins with, few rows, refusals."""

import numpy as np
import pytest

from thrifty.core import record_of
from thrifty.laws import LAWS
from thrifty.learn import parallel_seeds
from thrifty.learn.seeding import plus_plus

CASES = [law for name in record_of(parallel_seeds).laws for law in LAWS[name]]


def with_weights(x, k, rng):
    """Weighted k-means++ as a seeding."""
    return plus_plus(x, k, rng, np.ones(len(x)))


@pytest.mark.parametrize("seeds", [parallel_seeds, with_weights])
@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law, seeds):
    """The laws the record names hold."""
    law(lambda: seeds)


def cost(x, centres):
    """Sum of squared distances to the nearest."""
    return ((x[:, None] - centres) ** 2).sum(axis=2).min(axis=1).sum()


def test_the_first_cost_is_near_the_last():
    """On 40 clear clusters the mean cost over 10 seeds is within 1.5 of the true centres'."""
    rng = np.random.default_rng(3)
    centres = rng.normal(scale=30, size=(40, 4))
    x = centres[rng.integers(0, 40, 2000)] + rng.normal(size=(2000, 4))
    best = cost(x, centres)
    costs = [cost(x, parallel_seeds(x, 40, np.random.default_rng(s))) for s in range(10)]
    assert np.mean(costs) < 1.5 * best
    at_random = cost(x, x[:40])
    assert at_random > 10 * best


def test_rows_without_weight_are_never_seeds():
    """Weights of 0 are as good as absence."""
    x = np.arange(100.0)[:, None]
    weights = (x[:, 0] < 50).astype(float)
    for seed in range(10):
        found = parallel_seeds(x, 5, np.random.default_rng(seed), weights)
        assert (found < 50).all()


def test_equal_rows_fill_up():
    """Where there are fewer points than centres, rows repeat."""
    x = np.ones((10, 2))
    assert parallel_seeds(x, 4, np.random.default_rng(0)).tolist() == [[1.0, 1.0]] * 4
    assert plus_plus(x, 3, np.random.default_rng(0), np.ones(10)).tolist() == [[1.0, 1.0]] * 3


def test_refusals():
    """More centres than rows, no passes."""
    x = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"^k must be in 1\.\.3, got 4$"):
        parallel_seeds(x, 4, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^rounds must be in 1\.\.100, got 0$"):
        parallel_seeds(x, 1, np.random.default_rng(0), rounds=0)
