"""Laws of streamed classifiers: a plain one keeps them, and each fault is seen by one."""

import numpy as np
import pytest

from thrifty.laws import LAWS
from thrifty.laws.streamed import (
    clouds_are_told_apart,
    order_does_not_matter,
    parts_make_the_whole,
)


class Plain:
    """The nearest mean, from sums of whole numbers."""

    def partial_fit(self, x, y, classes=("a", "b", "c")):
        """Add to the sums."""
        if not hasattr(self, "sums"):
            self.sums, self.counts = np.zeros((3, 3), np.int64), np.ones((3, 1), np.int64)
        for i, name in enumerate(classes):
            self.sums[i] += np.rint(1000 * x[y == name]).astype(np.int64).sum(axis=0)
            self.counts[i] += (y == name).sum()
        return self

    fit = partial_fit

    def merge(self, other):
        """Both sums."""
        both = type(self)()
        both.sums, both.counts = self.sums + other.sums, self.counts + other.counts - 1
        return both

    def predict_proba(self, x):
        """By distance."""
        far = ((x[:, None] - self.sums / self.counts / 1000) ** 2).sum(axis=2)
        near = 1 / (1 + far)
        return near / near.sum(axis=1, keepdims=True)

    def predict(self, x):
        """The nearest."""
        return np.array(["a", "b", "c"])[self.predict_proba(x).argmax(axis=1)]


class MergesOneSide(Plain):
    """Broken: the other side is lost."""

    def merge(self, other):
        """Itself."""
        return self


class RemembersTheLast(Plain):
    """Broken: the last row counts twice."""

    def partial_fit(self, x, y, classes=("a", "b", "c")):
        """And again."""
        super().partial_fit(x, y)
        return super().partial_fit(x[-1:], y[-1:])

    fit = partial_fit


class AlwaysTheFirst(Plain):
    """Broken: one answer for all."""

    def predict(self, x):
        """The first."""
        return np.full(len(x), "a")


@pytest.mark.parametrize("law", LAWS["streamed"], ids=lambda law: law.__name__)
def test_law(law):
    """A plain classifier keeps them."""
    law(Plain)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (parts_make_the_whole, MergesOneSide),
        (order_does_not_matter, RemembersTheLast),
        (clouds_are_told_apart, AlwaysTheFirst),
    ],
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(broken)
