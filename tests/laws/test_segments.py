"""Laws of segment reductions: broken by each member that cheats."""

import pytest

from thrifty.core.segments import Segments
from thrifty.laws.segments import order_does_not_matter, parts_add_up, shares_sum_to_one


class FirstWins(Segments):
    """Takes the first value of a segment for its maximum."""

    def max(self, values, *, empty=None):
        """The value of the first row of each segment."""
        best = super().max(values)
        for label, value in reversed(list(zip(self.labels, values, strict=True))):
            best[label] = value
        return best


class Mean(Segments):
    """Takes the mean for the sum."""

    def sum(self, values):
        """The mean."""
        return self.mean(values, empty=0)


class Whole(Segments):
    """Takes the softmax over all rows, as if there were one segment."""

    def softmax(self, values):
        """The softmax of everything."""
        return Segments([0] * len(values)).softmax(values)


@pytest.mark.parametrize(
    ("law", "cheat"),
    [(order_does_not_matter, FirstWins), (parts_add_up, Mean), (shares_sum_to_one, Whole)],
)
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it."""
    with pytest.raises(AssertionError):
        law(cheat)
