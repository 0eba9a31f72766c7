"""Bits needed: laws of the floor, training that stays below it, formats just fine enough."""

import numpy as np
import pytest

from thrifty.codec import FixedPoint, error_floor, quantize, required_bits, required_format
from thrifty.core import record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(error_floor).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: error_floor)


def descend(form, noise, *, rate=0.05, steps=3000):
    """Mean squared distance over the last half of descent on |w|**2 / 2, rounded by chance."""
    rng = np.random.default_rng(0)
    w, found = np.zeros(20, np.float32), []
    for step in range(steps):
        g = w + noise(rng)
        w = quantize((w - rate * g).astype(np.float32), form, seed=step)
        found.append(float(np.square(w).sum()))
    return np.mean(found[steps // 2 :])


def test_training_stays_below_the_floor():
    """With noise on one of twenty weights at a time, and well above the floor of no rounding."""

    def noise(rng):
        out = np.zeros(20)
        out[rng.integers(20)] = rng.choice([-1.0, 1.0])
        return out

    form = FixedPoint(16, 6, rounding="stochastic")
    measured = descend(form, noise)
    # |w + noise|_1 is at most 1 and the distance in L1, which is sqrt(20) times that in L2
    l1 = 1 + np.sqrt(20 * measured)
    assert measured < error_floor(l1_noise=l1, step=2**-6, l2_noise=1, rate=0.05)
    assert measured > 0.1 * error_floor(l1_noise=1, step=2**-6)


@pytest.mark.parametrize("target", [1e-1, 1e-3, 1e-6])
@pytest.mark.parametrize("format", ["fixed", "float"])
def test_formats_are_just_fine_enough(format, target):
    """Their floor is below the target, and twice their gaps would not do."""
    form = required_format(target, 2.0, 3.0, format, l2_noise=0.5, norm=3.0)
    if format == "fixed":
        gaps = {"step": 2.0**-form.fraction}
    else:
        gaps = {"step": 2.0 ** (form.lowest_exponent - form.mantissa), "ratio": 2.0**-form.mantissa}
    sizes = {"l1_noise": 2.0, "l2_noise": 0.5, "norm": 3.0}
    assert error_floor(**sizes, **gaps) <= target
    coarser = {"step": gaps["step"] * 2} if format == "fixed" else {"ratio": gaps["ratio"] * 4}
    assert error_floor(**sizes, **(gaps | coarser)) > target
    assert form.largest >= 3.0
    assert form.rounding.mode == "stochastic"


def test_bits_of_floats_hardly_grow_with_the_range():
    """Of fixed point a bit for every doubling, of floats a bit for every squaring."""
    ranges = [2.0**power for power in (2, 12, 22)]
    assert np.diff([required_bits(1e-2, 1.0, most) for most in ranges]).tolist() == [10, 10]
    floats = [required_bits(1e-2, 1.0, most, "float", norm=1.0) for most in ranges]
    assert floats[2] - floats[0] == 4


def test_refusals():
    """What is negative or not reached."""
    with pytest.raises(ValueError, match=r"^l1_noise must be in 0\.\.inf, got -1$"):
        error_floor(l1_noise=-1)
    with pytest.raises(TypeError, match=r"^step must be a number in 0\.\.inf, got '1'$"):
        error_floor(l1_noise=1, step="1")
    with pytest.raises(ValueError, match=r"^format must be one of fixed, float, got 'log'$"):
        required_bits(0.1, 1, 1, "log")
    with pytest.raises(ValueError, match=r"^target_error must be reached in 32 bits, got "):
        required_bits(1e-12, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"^target_error must be reached in 31 bits, got 1e-12 "):
        required_bits(1e-12, 1.0, 1.0, "float")
