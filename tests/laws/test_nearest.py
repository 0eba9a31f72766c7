"""Laws of nearest bit codes: a plain index keeps them, and each fault is seen by one."""

import numpy as np
import pytest

from thrifty.laws import LAWS
from thrifty.laws.nearest import a_row_finds_itself, batches_do_not_matter, nearest_are_exact


class Plain:
    """Sorts all rows."""

    bits = 20

    def __init__(self):
        self.codes = np.zeros((0, 3), np.uint8)

    def add(self, codes):
        """Keep them."""
        self.codes = np.vstack([self.codes, codes])
        return self

    def merge(self, other):
        """Both."""
        return type(self)().add(self.codes).add(other.codes)

    def search(self, queries, k):
        """Look at all."""
        far = np.bitwise_count(self.codes[None] ^ queries[:, None]).sum(axis=2, dtype=np.int64)
        ids = np.argsort(far, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(far, ids, axis=1), ids


class TakesTheLast(Plain):
    """Broken: of equally near rows the last wins."""

    def search(self, queries, k):
        """From behind."""
        far, ids = type("", (Plain,), {"codes": self.codes[::-1]})().search(queries, k)
        return far, len(self.codes) - 1 - ids


class ForgetsTheFirst(Plain):
    """Broken: only the latest batch is kept."""

    def add(self, codes):
        """Keep these only."""
        self.codes = np.asarray(codes)
        return self


class SkipsABit(Plain):
    """Broken: a bit is always taken to differ."""

    def search(self, queries, k):
        """One more than it is."""
        far, ids = super().search(queries, k)
        return far + 1, ids


@pytest.mark.parametrize("law", LAWS["nearest"], ids=lambda law: law.__name__)
def test_law(law):
    """A plain index keeps them."""
    law(Plain)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (nearest_are_exact, TakesTheLast),
        (batches_do_not_matter, ForgetsTheFirst),
        (a_row_finds_itself, SkipsABit),
    ],
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(broken)
