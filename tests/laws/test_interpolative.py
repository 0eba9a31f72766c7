"""Laws of interpolation: pivoted QR keeps them, and each turns red for a fault of its own."""

import numpy as np
import pytest

from thrifty.laws.interpolative import (
    LAWS,
    error_is_as_told,
    kept_columns_are_themselves,
    rank_is_enough,
)
from thrifty.learn.interpolative import Interpolation, interpolation


def rough():
    """Mixes that are a tenth off."""

    def found(z, k):
        right = interpolation(z, k)
        return right._replace(mix=right.mix * 1.1)

    return found


def smooth():
    """Told errors that are of another matrix."""

    def found(z, k):
        return interpolation(z, k)._replace(errors=np.zeros(z.shape[1] + 1))

    return found


def first():
    """The first columns, whatever they are."""

    def found(z, k):
        few, m = z[:, :k], z.shape[1]
        mix = np.linalg.pinv(few) @ z
        mix[:, :k] = np.eye(k)
        errors = [np.linalg.norm(z - z[:, :j] @ np.linalg.pinv(z[:, :j]) @ z) for j in range(m)]
        scale = np.linalg.norm(z) or 1.0
        return Interpolation(np.arange(k), mix, np.array([*errors, 0.0]) / scale)

    return found


@pytest.mark.parametrize("law", LAWS["interpolative"], ids=lambda law: law.__name__)
def test_pivoted_qr_keeps_every_law(law):
    """As it is."""
    law(lambda: interpolation)


@pytest.mark.parametrize(
    ("law", "make"),
    [(kept_columns_are_themselves, rough), (error_is_as_told, smooth), (rank_is_enough, rough)],
)
def test_each_law_can_fail(law, make):
    """A fault that the law is about turns it red."""
    with pytest.raises(AssertionError):
        law(make)


def test_any_choice_of_columns_may_keep_the_told_error():
    """The first columns keep that law: it is about the mix, not about the choice."""
    error_is_as_told(first)
