"""Laws of clusterings: broken by each clustering that cheats."""

import numpy as np
import pytest

from thrifty.laws.centres import (
    bytes_round_trip,
    groups_far_apart_are_found,
    inertia_is_the_cost,
    labels_are_the_nearest,
    rows_are_answered_alone,
    same_seed_same_clusters,
    seeds_follow_the_generator,
)
from thrifty.learn import KMeans


class Shifts(KMeans):
    """Answers with the next cluster."""

    def predict(self, X):
        """One more."""
        return (super().predict(X) + 1) % len(self.cluster_centers_)


class Flatters(KMeans):
    """Reports half the cost."""

    def fit(self, X):
        """Fit, and lie."""
        super().fit(X)
        self.inertia_ /= 2
        return self


class Wanders(KMeans):
    """Takes another seed each time."""

    tries = 0

    def fit(self, X):
        """Fit from elsewhere."""
        Wanders.tries += 1
        self.random_state = Wanders.tries
        return super().fit(X)


class Forgets(KMeans):
    """Comes back with its centres in another order."""

    def _adopt(self, summary):
        summary.centres = summary.centres[::-1].copy()
        super()._adopt(summary)


class Ranks(KMeans):
    """Answers by the place of a row in its batch."""

    def predict(self, X):
        """Its place."""
        return np.arange(len(X))


def first_rows(x, k, rng):
    """The first rows."""
    return x[:k]


CHEATS = [
    (labels_are_the_nearest, Shifts),
    (inertia_is_the_cost, Flatters),
    (same_seed_same_clusters, Wanders),
    (bytes_round_trip, Forgets),
    (rows_are_answered_alone, Ranks),
    (groups_far_apart_are_found, lambda: first_rows),
    (seeds_follow_the_generator, lambda: first_rows),
]


@pytest.mark.parametrize(("law", "cheat"), CHEATS, ids=[law.__name__ for law, _ in CHEATS])
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it."""
    with pytest.raises(AssertionError):
        law(cheat)
