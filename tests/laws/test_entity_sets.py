"""Laws of sets of entities: broken by each language that cheats."""

import numpy as np
import pytest

from thrifty.laws.entity_sets import (
    a_hop_reaches_what_triples_say,
    a_set_holds_its_members,
    sets_are_sets,
)
from thrifty.learn import NQL, Triples


class Lonely(NQL):
    """Sees three members at most."""

    def members(self, x):
        """The first three."""
        return [names[:3] for names in super().members(x)]


class Greedy(NQL):
    """Follows every relation."""

    def follow(self, x, relations):
        """All at once."""
        return super().follow(x, np.ones(len(self.triples.relations)))


class Additive(NQL):
    """Takes a sum for what is in both."""

    def intersection(self, x, y):
        """The union."""
        return self.union(x, y)


CHEATS = [
    (a_set_holds_its_members, Lonely),
    (a_hop_reaches_what_triples_say, Greedy),
    (sets_are_sets, Additive),
]


@pytest.mark.parametrize(("law", "cheat"), CHEATS, ids=[law.__name__ for law, _ in CHEATS])
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it."""
    with pytest.raises(AssertionError):
        law(lambda *columns: cheat(Triples(*columns)))
