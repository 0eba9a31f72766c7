"""Laws of selectors: each one goes red on a selector that breaks it."""

import numpy as np
import pytest

from thrifty.laws.negatives import CLASSES, LAWS
from thrifty.learn.negatives import Uniform


class Forgetful(Uniform):
    """Leaves the positives in."""

    def select(self, rng, hidden, positives, num):
        """Ignore the positives."""
        return super().select(rng, hidden, np.empty(0, np.int32), min(num, CLASSES))


class Moody(Uniform):
    """Draws from its own generator, new each time."""

    def select(self, rng, hidden, positives, num):
        """Ignore the generator."""
        return super().select(np.random.default_rng(), hidden, positives, num)


class Late(Uniform):
    """Gives too few classes until it has seen rows."""

    num = 0

    def refresh(self, weights, bias, ids=None):
        """Wake up."""
        self.num = CLASSES

    def select(self, rng, hidden, positives, num):
        """Few before the first refresh."""
        return super().select(rng, hidden, positives, min(num, self.num))


class Counting(Uniform):
    """Chooses by how often it was refreshed, which its state does not tell."""

    times = 0

    def refresh(self, weights, bias, ids=None):
        """Count."""
        self.times += 1

    def select(self, rng, hidden, positives, num):
        """Skip so many numbers."""
        rng.random(self.times)
        return super().select(rng, hidden, positives, num)


@pytest.mark.parametrize("law", LAWS["negatives"], ids=lambda law: law.__name__)
def test_a_sound_selector_keeps_the_law(law):
    """The uniform selector keeps every law."""
    law(lambda: Uniform(CLASSES))


@pytest.mark.parametrize(
    ("law", "broken"),
    list(zip(LAWS["negatives"], (Forgetful, Moody, Late, Counting), strict=True)),
    ids=lambda thing: thing.__name__,
)
def test_a_broken_selector_breaks_the_law(law, broken):
    """Each law fails on the selector that breaks it."""
    with pytest.raises(AssertionError):
        law(lambda: broken(CLASSES))
