"""Laws of projections: broken by each estimator that cheats."""

import numpy as np
import pytest

from thrifty.laws.projections import (
    a_stream_is_the_whole,
    bytes_round_trip,
    components_are_orthonormal,
    coordinates_are_a_projection,
    moving_all_rows_moves_the_mean_only,
)
from thrifty.learn import PCA


class Stretches(PCA):
    """Components of length 2."""

    def _components(self):
        super()._components()
        self.components_ = 2 * self.components_


class Uncentred(PCA):
    """Forgets the mean where it projects."""

    def transform(self, X):
        """Along the components, from the origin."""
        return np.asarray(X) @ self.components_.T


class LastBatch(PCA):
    """Remembers the last batch only."""

    def partial_fit(self, X, y=None):
        """Begin anew each time."""
        if hasattr(self, "directions_"):
            del self.directions_
        return super().partial_fit(X)


class Forgets(PCA):
    """Comes back without its mean."""

    def _adopt(self, summary):
        super()._adopt(summary)
        self.mean_ = self.mean_ + 1


CHEATS = [
    (components_are_orthonormal, Stretches),
    (coordinates_are_a_projection, Uncentred),
    (moving_all_rows_moves_the_mean_only, Uncentred),
    (a_stream_is_the_whole, LastBatch),
    (bytes_round_trip, Forgets),
]


@pytest.mark.parametrize(("law", "cheat"), CHEATS, ids=[law.__name__ for law, _ in CHEATS])
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it."""
    with pytest.raises(AssertionError):
        law(lambda: cheat(3))
