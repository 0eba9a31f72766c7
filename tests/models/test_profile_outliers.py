"""Profile outliers: what lies alone is found, what is merely far or frequent is not."""

import numpy as np
import pytest

from thrifty.models.profile_column import ColumnProfile
from thrifty.models.profile_outliers import outliers


def values(*extra, n=20_000):
    """A normal sample and some more values."""
    return np.append(np.random.default_rng(1).standard_normal(n), extra)


def test_lonely_values_are_found_the_farthest_first():
    """Three planted values are named, and nothing else."""
    found = outliers(ColumnProfile("number").add(values(40.0, -30.0, 25.0)))
    assert [item["value"] for item in found] == [40.0, -30.0, 25.0]
    assert all(item["density"] < 0.01 for item in found)


def test_a_far_crowd_is_no_outlier():
    """Values that come often are not lonely, however far."""
    assert outliers(ColumnProfile("number").add(values(*[40.0] * 2_000))) == []


@pytest.mark.parametrize("x", [values(), np.ones(100), np.arange(5.0), np.append(np.zeros(50), 9)])
def test_nothing_to_find(x):
    """A clean sample, a constant, a handful, and a middle half that does not vary."""
    assert outliers(ColumnProfile("number").add(x)) == []
