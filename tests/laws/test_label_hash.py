"""Laws of hashed labels: each one goes red on a learner that breaks it."""

import numpy as np
import pytest

from thrifty.laws.label_hash import LAWS
from thrifty.learn import SOLAR


class Late(SOLAR):
    """Leaves the best label out."""

    def top_k(self, X, k, **how):
        """The next ones."""
        ids, scores = super().top_k(X, k + 1, **how)
        return ids[:, 1:], scores[:, 1:]


class Fickle(SOLAR):
    """Looks into other buckets the more it may look into."""

    def candidates(self, X, *, probes=None, least=1):
        """Drop a label where two buckets are looked into."""
        ends, ids = super().candidates(X, probes=probes, least=least)
        return (np.minimum(ends, 3), ids[:3]) if probes == 2 else (ends, ids)


class Lost(SOLAR):
    """Says that a bucket is empty which is not."""

    def fit(self, X, y):
        """Fit, then forget the labels of a bucket."""
        super().fit(X, y)
        self.hash_.buckets = self.hash_.buckets[:, 1:]
        return self


@pytest.mark.parametrize(
    ("law", "broken"), list(zip(LAWS["label-hash"], (Late, Fickle, Lost), strict=True))
)
def test_a_broken_learner_goes_red(law, broken):
    """What breaks a law is noticed by it."""
    with pytest.raises(AssertionError):
        law(lambda: broken(3, 8, tile=16, hidden=8, epochs=1))
