"""Laws of summaries: sound ones keep them, and each fault is seen by one."""

import numpy as np
import pytest

from tests.core.test_summary import Counts
from thrifty.core import budget_for
from thrifty.laws import LAWS

NAMES = ("summary", "merge", "linear", "budget")


class Seen(Counts):
    """Which remainders there were."""

    KIND = "test-seen"

    def add(self, keys):
        """Mark integers."""
        super().add(keys)
        np.minimum(self.counts, 1, out=self.counts)
        return self

    def _absorb(self, other):
        np.maximum(self.counts, other.counts, out=self.counts)


class ForgetsToCopy(Counts):
    """Broken: a copy shares its counts."""

    def copy(self):
        """Itself again."""
        twin = Counts.__new__(type(self))
        twin.counts = self.counts
        return twin


class TakesTheLarger(Counts):
    """Broken: merges counts as if they were marks."""

    def _absorb(self, other):
        np.maximum(self.counts, other.counts, out=self.counts)


class PrefersTheFirst(Counts):
    """Broken: a merge depends on the order."""

    def _absorb(self, other):
        if not self.counts.any():
            self.counts = other.counts.copy()


class Overdraws(Counts):
    """Broken: a budget is a wish."""

    @classmethod
    def within(cls, budget):
        """Twice what fits."""
        return cls(2 * budget_for("counts", budget, 8) // 8)


class DrawsLots(Counts):
    """Broken: no two are alike."""

    def __init__(self, width=8):
        super().__init__(width)
        self.counts += np.random.default_rng().integers(0, 2**40, width)


@pytest.mark.parametrize("law", [law for n in NAMES for law in LAWS[n]], ids=lambda x: x.__name__)
def test_law(law):
    """A sound summary keeps the laws of sums."""
    law(Counts)


@pytest.mark.parametrize("law", [*LAWS["summary"], *LAWS["duplicates"], *LAWS["merge"]])
def test_law_of_marks(law):
    """A sound summary keeps the laws of sets."""
    law(Seen)


@pytest.mark.parametrize(
    ("broken", "group"),
    [
        (ForgetsToCopy, "summary"), (DrawsLots, "summary"), (TakesTheLarger, "merge"),
        (PrefersTheFirst, "merge"), (TakesTheLarger, "linear"), (Overdraws, "budget"),
        (Counts, "duplicates"),
    ],
)  # fmt: skip
def test_the_laws_notice(broken, group):
    """Each group of laws has one that sees the fault."""

    def kept(law):
        try:
            law(broken)
        except AssertionError:
            return False
        return True

    assert not all(kept(law) for law in LAWS[group])
