"""Rounding: thresholds by chance are even, and of the seed and place alone."""

import numpy as np
import pytest

from thrifty.codec.rounding import ROUNDINGS, Rounding


@pytest.mark.parametrize("mode", ROUNDINGS)
def test_thresholds_depend_on_the_place_alone(mode):
    """Whatever piece is asked for, at odd and even places, of any length."""
    rounding = Rounding(mode, 5)
    whole = rounding.thresholds(0, 200)
    for start in (0, 1, 2, 7, 100):
        for n in (0, 1, 2, 3, 8, 99):
            np.testing.assert_array_equal(rounding.thresholds(start, n), whole[start : start + n])


def test_chance_is_even():
    """Mean, variance, neighbours and seeds of 2**20 draws, within five standard errors."""
    n = 2**20
    draws = Rounding("stochastic", 3).thresholds(0, n).astype(np.float64) - 0.5
    other = Rounding("stochastic", 4).thresholds(0, n).astype(np.float64) - 0.5
    assert abs(draws.mean()) < 5 * np.sqrt(1 / 12 / n)
    assert abs((draws**2).mean() - 1 / 12) < 5 * np.sqrt(1 / 180 / n)
    for shift in (1, 2, 3):
        assert abs((draws[shift:] * draws[:-shift]).mean()) < 5 / 12 / np.sqrt(n)
    assert abs((draws * other).mean()) < 5 / 12 / np.sqrt(n)


def test_draws_are_odd_multiples():
    """Of 2**-24, so that no share of 23 bits or fewer is ever met, and 0 and 1 are not drawn."""
    draws = Rounding("stochastic", 1).thresholds(0, 10_000).astype(np.float64) * 2**24
    assert (draws % 2 == 1).all()
    assert 0 < draws.min() < draws.max() < 2**24


def test_golden_draws():
    """The same on every machine."""
    draws = Rounding("stochastic", 9).thresholds(3, 3) * np.float32(2**24)
    assert draws.tolist() == [15044087, 2414443, 1500875]


def test_refusals():
    """Another mode, and seeds that are none."""
    with pytest.raises(
        ValueError, match=r"^rounding must be one of nearest, zero, stochastic, got 'up'$"
    ):
        Rounding("up")
    with pytest.raises(TypeError, match=r"^seed must be a whole number in .*, got 1\.5$"):
        Rounding("stochastic", 1.5)
