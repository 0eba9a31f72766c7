"""Linear: streams are added and taken out again; what does not fit is refused."""

import numpy as np
import pytest

from thrifty.core import FormatError, IncompatibleError, LinearSummary, taken
from thrifty.laws import LAWS


class Sums(LinearSummary):
    """How many integers have each remainder, and the sum of all."""

    KIND = "test-sums"

    def __init__(self, width=4):
        self.counts, self.total = np.zeros(width, np.int64), np.zeros(1, np.int64)

    def spec(self):
        """Its width."""
        return {"width": self.counts.size}

    def arrays(self):
        """Counts and sum."""
        return {"counts": self.counts, "total": self.total}

    @classmethod
    def restore(cls, spec, arrays):
        """From a width and as many counts."""
        made = cls(spec["width"])
        made.counts = taken(arrays, "counts", np.int64, (spec["width"],))
        made.total = taken(arrays, "total", np.int64, (1,))
        return made

    def add(self, keys):
        """Count integers, whose sum is kept modulo 2**64."""
        np.add.at(self.counts, np.array([key % self.counts.size for key in keys], np.int64), 1)
        self.total += np.array(keys, np.int64).sum()
        return self


@pytest.mark.parametrize("law", [*LAWS["summary"], *LAWS["merge"], *LAWS["linear"]])
def test_law(law):
    """A kind that gives its arrays keeps the laws of what is a sum."""
    law(Sums)


def test_neither_changes():
    """What is left is apart from both."""
    both, one = Sums().add([1, 2, 6]), Sums().add([2])
    left = both.subtract(one)
    assert (left.counts.tolist(), left.total.tolist()) == ([0, 1, 1, 0], [7])
    assert (both.counts.tolist(), one.counts.tolist()) == ([0, 1, 2, 0], [0, 0, 1, 0])


def test_what_was_made_otherwise_is_refused():
    """Other arguments and another kind; both sides are shown."""
    with pytest.raises(
        IncompatibleError, match=r"^cannot subtract Sums\(width=5\) from Sums\(width=4\)$"
    ):
        Sums().subtract(Sums(5))
    with pytest.raises(IncompatibleError, match=r"^cannot subtract 'stranger' from Sums\(width=4"):
        Sums().subtract("stranger")


def test_a_lie_is_refused():
    """As of every summary."""
    with pytest.raises(FormatError, match=r"^array 'total' must be there, got counts$"):
        Sums.restore({"width": 4}, {"counts": np.zeros(4, np.int64)})
