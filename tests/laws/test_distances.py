"""Laws of families for distances: a sound one keeps them, and each fault is seen by one."""

import numpy as np
import pytest

from thrifty.hashing import PStable
from thrifty.laws import LAWS
from thrifty.laws.distances import codes_are_in_range, codes_repeat, collisions_match_distance


class CountsItsRows(PStable):
    """Broken: the codes of a row depend on the batch."""

    def __call__(self, batch):
        """And its size."""
        return (super().__call__(batch) + len(batch)) % self.num_codes


class LeavesTheRange(PStable):
    """Broken: negative codes."""

    def __call__(self, batch):
        """One less."""
        return -super().__call__(batch)


class HasNoShift(PStable):
    """Broken: the number of slices is not what it says."""

    def collision(self, distance):
        """Of twice the distance."""
        return super().collision(2 * distance)


@pytest.mark.parametrize("law", LAWS["distances"], ids=lambda law: law.__name__)
def test_law(law):
    """A sound family keeps them."""
    law(lambda: PStable(16, 2, 100, width=3.0, seed=1))


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (codes_repeat, CountsItsRows),
        (codes_are_in_range, LeavesTheRange),
        (collisions_match_distance, HasNoShift),
    ],
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(lambda: broken(16, 2, 100, width=3.0, seed=1))


def test_codes_do_not_hide_in_the_modulus():
    """The faults above are faults: a plain family gives other codes."""
    x = np.ones((3, 16), np.float32)
    assert (PStable(16, 2, 9)(x) != CountsItsRows(16, 2, 9)(x)).all()
