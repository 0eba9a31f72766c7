"""Laws of privacy: a plain mechanism keeps them, and each fault is seen by one."""

import numpy as np
import pytest

from thrifty.laws import LAWS
from thrifty.laws.privacy import (
    counts_are_right_on_average,
    neighbours_look_alike,
    noise_comes_from_the_system,
    noise_is_no_larger_than_needed,
)


class Plain:
    """Rows counted by the parity of each of three values: three counts change with a person."""

    sensitivity = 3

    def exact(self, rows):
        """Counts of even and odd values of each column."""
        odd = np.abs(np.asarray(rows)) % 2
        return np.stack([(odd == 0).sum(axis=0), odd.sum(axis=0)])

    def release(self, rows, epsilon, seed):
        """With geometric noise."""
        stay = 1 - np.exp(-epsilon / self.sensitivity)
        up, down = np.random.default_rng(seed).geometric(stay, (2, 2, 3))
        return self.exact(rows) + up - down


class ForgetsRows(Plain):
    """Broken: noise for one count, though three change."""

    sensitivity = 1


class IsTooShy(Plain):
    """Broken: five times the noise."""

    sensitivity = 15


class RoundsDown(Plain):
    """Broken: all counts are one too low."""

    def release(self, rows, epsilon, seed):
        """One less."""
        return super().release(rows, epsilon, seed) - 1


class HasASeed(Plain):
    """Broken: the noise is always the same."""

    def release(self, rows, epsilon, seed):
        """Of the same seed where none is given."""
        return super().release(rows, epsilon, 0 if seed is None else seed)


@pytest.mark.parametrize("law", LAWS["privacy"], ids=lambda law: law.__name__)
def test_law(law):
    """A plain mechanism keeps them."""
    law(Plain)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (neighbours_look_alike, ForgetsRows),
        (noise_is_no_larger_than_needed, IsTooShy),
        (counts_are_right_on_average, RoundsDown),
        (noise_comes_from_the_system, HasASeed),
    ],
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(broken)
