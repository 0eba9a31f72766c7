"""Laws of sets: broken by each encoder that cheats."""

import numpy as np
import pytest

from thrifty.laws.sets import (
    bytes_round_trip,
    codes_have_length_one,
    order_within_a_set_does_not_matter,
    sets_are_answered_alone,
)
from thrifty.learn import VLAD


class Firsts(VLAD):
    """Looks at the first descriptors only."""

    def transform(self, X):
        """Of the first three."""
        return super().transform([rows[:3] for rows in X])


class Whitens(VLAD):
    """Centres the codes of a batch."""

    def transform(self, X):
        """Less their mean."""
        codes = super().transform(X)
        return codes - codes.mean(axis=0)


class Forgets(VLAD):
    """Comes back with its centres in another order."""

    def _adopt(self, summary):
        summary.centres = summary.centres[::-1].copy()
        super()._adopt(summary)


CHEATS = [
    (order_within_a_set_does_not_matter, Firsts),
    (sets_are_answered_alone, Whitens),
    (codes_have_length_one, Whitens),
    (bytes_round_trip, Forgets),
]


@pytest.mark.parametrize(("law", "cheat"), CHEATS, ids=[law.__name__ for law, _ in CHEATS])
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it."""
    with pytest.raises(AssertionError):
        law(lambda: cheat(4))


def test_the_cheats_are_arrays():
    """What the cheats give back is what an encoder gives."""
    sets = [np.ones((4, 2)), np.zeros((5, 2))]
    assert Whitens(1).fit(sets).transform(sets).shape == (2, 2)
