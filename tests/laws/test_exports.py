"""Laws of exports: the nearest of kept rows keeps them, and each fault is seen by one."""

import numpy as np
import pytest

from thrifty.core import Summary, taken
from thrifty.laws import LAWS
from thrifty.laws.exports import (
    a_row_is_answered_alone,
    damage_is_refused,
    merging_is_refused,
    new_rows_are_answered_alike,
    same_seed_same_bytes,
)


class Nearest(Summary):
    """The answers of the eight nearest of the rows that were asked about."""

    KIND = "nearest-of-the-laws"

    def __init__(self, rows, answers):
        self.rows, self.answers = rows, answers

    @classmethod
    def made(cls, predict, x):
        """Ask about all rows."""
        return cls(x, predict(x).astype(np.float64))

    def predict(self, x):
        """Means of eight."""
        far = ((x[:, None] - self.rows) ** 2).sum(axis=2)
        near = np.argsort(far, axis=1, kind="stable")[:, :8]
        return self.answers[near].mean(axis=1)

    def spec(self):
        """Nothing."""
        return {}

    def arrays(self):
        """Both."""
        return {"rows": self.rows, "answers": self.answers}

    @classmethod
    def restore(cls, spec, arrays):
        """Checked."""
        rows = taken(arrays, "rows", np.float32, (None, 4))
        return cls(rows, taken(arrays, "answers", np.float64, (len(rows), 2)))


class OneOutput(Nearest):
    """Broken: the second output is a constant."""

    def predict(self, x):
        """Flat."""
        found = super().predict(x)
        found[:, 1] = 1000
        return found


class LooksAside(Nearest):
    """Broken: rows are centred by those asked beside them."""

    def predict(self, x):
        """Shifted."""
        return super().predict(x - x.mean(axis=0)) if len(x) else np.zeros((0, 2))


class Draws(Nearest):
    """Broken: made anew it differs."""

    count = 0

    @classmethod
    def made(cls, predict, x):
        """Another each time."""
        Draws.count += 1
        return cls(x, predict(x).astype(np.float64) + Draws.count)


class TrustsBytes(Nearest):
    """Broken: whatever is wrong with bytes, there is an answer."""

    @classmethod
    def from_bytes(cls, data):
        """Never refuses."""
        return cls(np.zeros((1, 4), np.float32), np.zeros((1, 2)))


class Merges(Nearest):
    """Broken: it merges."""

    def _absorb(self, other):
        """In silence."""


@pytest.mark.parametrize("law", LAWS["export"], ids=lambda law: law.__name__)
def test_law(law):
    """The nearest rows keep them."""
    law(lambda predict, x: Nearest.made(predict, x))


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (new_rows_are_answered_alike, OneOutput),
        (a_row_is_answered_alone, LooksAside),
        (same_seed_same_bytes, Draws),
        (damage_is_refused, TrustsBytes),
        (merging_is_refused, Merges),
    ],
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(broken.made)
