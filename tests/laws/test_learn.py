"""Laws of learners: a sound one keeps each, and each is broken by the fault it is there for."""

import io

import numpy as np
import pytest

from thrifty.core import BudgetError, dump, read_container
from thrifty.laws import LAWS

NAMES = [law.__name__ for law in LAWS["learner"]]


class Means:
    """Predicts by the nearer of two class sums: the slow and obvious learner."""

    memory = None

    def set_params(self, memory):
        """Take the budget."""
        self.memory = memory
        return self

    def fit(self, x, y):
        """Start from nothing, then add."""
        self.sums = np.zeros((2, x.shape[1]))
        if self.memory is not None and self.memory < self.nbytes:
            raise BudgetError("too small", self.nbytes)
        return self._add(x, y)

    def partial_fit(self, x, y, classes=None):
        """Add rows to the sums of their classes."""
        if not hasattr(self, "sums"):
            self.sums = np.zeros((2, x.shape[1]))
        return self._add(x, y)

    def _add(self, x, y):
        for row, label in zip(x.toarray(), y, strict=True):
            self.sums[int(label > 0)] += row
        return self

    def predict(self, x):
        """The class whose sum is more alike."""
        return np.where(x @ (self.sums[1] - self.sums[0]) > 0, 1, -1)

    @property
    def nbytes(self):
        """Bytes of the sums."""
        return self.sums.nbytes

    def to_bytes(self):
        """The sums in a container."""
        return dump(kind="means", version=1, header={}, arrays={"sums": self.sums})

    @classmethod
    def from_bytes(cls, data):
        """The sums again."""
        made = cls()
        made.sums = read_container(io.BytesIO(data), kind="means", version=1)[1]["sums"]
        return made


class ForgetsBetweenBatches(Means):
    """Halves what it knew at each call."""

    def partial_fit(self, x, y, classes=None):
        """Old rows count less."""
        super().partial_fit(x, y)
        self.sums /= 2
        return self


class LosesASum(Means):
    """Loses a class when it is saved."""

    @classmethod
    def from_bytes(cls, data):
        """The first sum only."""
        made = super().from_bytes(data)
        made.sums[1] = 0
        return made


class StopsLearning(Means):
    """What is read back no longer learns."""

    @classmethod
    def from_bytes(cls, data):
        """Frozen."""
        made = super().from_bytes(data)
        made.partial_fit = lambda x, y, classes=None: made
        return made


class Drifting(Means):
    """Starts from chance without a seed."""

    def fit(self, x, y):
        """Add noise."""
        super().fit(x, y)
        self.sums += np.random.default_rng().random(self.sums.shape)
        return self


class GoesOn(Means):
    """A second fit goes on from the first."""

    def fit(self, x, y):
        """Not anew."""
        return self._add(x, y) if hasattr(self, "sums") else super().fit(x, y)


class Centres(Means):
    """Compares a row with the rows beside it."""

    def predict(self, x):
        """More alike than the median row."""
        score = x @ (self.sums[1] - self.sums[0])
        return np.where(score > np.median(score), 1, -1)


class Boundless(Means):
    """Takes no notice of a budget."""

    def set_params(self, memory):
        """Nothing."""
        return self


class Greedy(Means):
    """Holds more than it says it needs."""

    def _add(self, x, y):
        super()._add(x, y)
        self.sums = np.concatenate([self.sums, self.sums])[: 2 if self.memory is None else 3]
        return self


@pytest.mark.parametrize("law", LAWS["learner"], ids=NAMES)
def test_a_sound_learner_keeps_the_law(law):
    """The learner of class sums passes."""
    law(Means)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("batches_agree", ForgetsBetweenBatches),
        ("bytes_round_trip", LosesASum),
        ("bytes_round_trip", StopsLearning),
        ("same_seed_same_model", Drifting),
        ("same_seed_same_model", GoesOn),
        ("rows_are_answered_alone", Centres),
        ("budget_is_kept", Boundless),
        ("budget_is_kept", Greedy),
    ],
)
def test_a_fault_breaks_its_law(name, broken):
    """The law that is there for the fault is the one that notices."""
    with pytest.raises(AssertionError):
        LAWS["learner"][NAMES.index(name)](broken)
