"""Laws of masks: right choosers keep them, and each law turns red for a fault of its own."""

import numpy as np
import pytest

from thrifty.codec.masks import largest
from thrifty.laws.masks import LAWS, largest_stay, masks_nest, share_is_exact


def count_of(scores, share):
    """How many stay."""
    return round(share * scores.size)


def right():
    """The largest stay."""
    return lambda scores, share: largest(scores, count_of(scores, share))


def one_more():
    """One stays that should not."""
    return lambda scores, share: largest(scores, min(count_of(scores, share) + 1, scores.size))


def least():
    """The least stay."""
    return lambda scores, share: largest(-scores, count_of(scores, share))


def at_random():
    """Chosen anew by share, whatever the scores."""
    return lambda scores, share: largest(
        np.random.default_rng(count_of(scores, share)).random(scores.shape), count_of(scores, share)
    )


@pytest.mark.parametrize("law", LAWS["masks"], ids=lambda law: law.__name__)
def test_the_largest_keep_every_law(law):
    """A stable choice of the largest."""
    law(right)


@pytest.mark.parametrize(
    ("law", "make"), [(share_is_exact, one_more), (largest_stay, least), (masks_nest, at_random)]
)
def test_each_law_can_fail(law, make):
    """A fault that the law is about turns it red."""
    with pytest.raises(AssertionError):
        law(make)
