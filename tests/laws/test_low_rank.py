"""Laws of low-rank completion: they hold, and each turns red for a fault of its own."""

import numpy as np
import pytest

from thrifty.laws.low_rank import LAWS, holes_are_filled, no_holes_is_the_svd, rank_is_kept
from thrifty.learn import low_rank


def right():
    """The completion itself."""
    return lambda z, rank: low_rank(z, rank, ridge=1e-6).filled


def full():
    """Holes get the mean, and the rank is what it is."""
    return lambda z, rank: np.where(np.isnan(z), np.nanmean(z), z)


def shrunk():
    """Everything a tenth too small."""
    return lambda z, rank: 0.9 * low_rank(z, rank, ridge=1e-6).filled


@pytest.mark.parametrize("law", LAWS["low rank"], ids=lambda law: law.__name__)
def test_completion_keeps_every_law(law):
    """As it is."""
    law(right)


@pytest.mark.parametrize(
    ("law", "make"),
    [(rank_is_kept, full), (no_holes_is_the_svd, shrunk), (holes_are_filled, shrunk)],
)
def test_each_law_can_fail(law, make):
    """A fault that the law is about turns it red."""
    with pytest.raises(AssertionError):
        law(make)
