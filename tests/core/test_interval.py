"""Interval: a tuple of an answer and its two ends."""

import numpy as np

from thrifty.core import Interval


def test_it_unpacks():
    """Estimate, low and high, in this order, by place and by name."""
    estimate, low, high = Interval(2.0, 1.0, 4.0)
    assert (estimate, low, high) == (2.0, 1.0, 4.0) == Interval(high=4.0, low=1.0, estimate=2.0)
    assert Interval(2.0, 1.0, 4.0)._asdict() == {"estimate": 2.0, "low": 1.0, "high": 4.0}


def test_the_ends_belong_to_it():
    """Both ends lie in it, what is beyond them or no number does not."""
    interval = Interval(2.0, 1.0, 4.0)
    assert all(value in interval for value in (1, 4.0, 2.5, np.float32(3), np.int64(2)))
    assert not any(value in interval for value in (0.999, 5, float("nan"), "2", None))


def test_its_width_is_from_end_to_end():
    """Not from the estimate."""
    assert Interval(2.0, 1.0, 4.0).width == 3.0
