"""Laws of choosing an index: what always scans keeps them, and each fault is seen by one."""

import numpy as np
import pytest

from thrifty.core import Interval
from thrifty.index import FlatIndex
from thrifty.index.tuner import Point, Tried, Tuned
from thrifty.laws import LAWS
from thrifty.laws.tuned import fresh_queries_find_enough, the_budget_is_kept


def scans(vectors, queries=None, *, budget, recall, k, metric="cosine", seed=0):
    """A scan, whatever is asked."""
    dim = vectors.shape[1]
    nbytes = 10**9 if isinstance(budget, str) else budget
    index = FlatIndex.within(nbytes, dim, len(vectors), metric=metric).add(vectors)
    curve = (Point(1.0, Interval(1.0, 1.0, 1.0), 1.0),)
    tried = Tried("FlatIndex", index.spec(), index.nbytes, 0.0, curve)
    return Tuned(index, 1.0, curve[0].recall, curve, (tried,))


def spends(vectors, queries=None, **how):
    """Broken: more than the budget."""
    return scans(vectors, queries, **{**how, "budget": 10 * how["budget"]})


def forgets(vectors, queries=None, **how):
    """Broken: every other row is not found."""
    chosen = scans(vectors, queries, **how)
    chosen.index.remove(np.arange(0, len(vectors), 2))
    return chosen


@pytest.mark.parametrize("law", LAWS["tuned"], ids=lambda law: law.__name__)
def test_law(law):
    """A scan keeps them."""
    law(lambda: scans)


@pytest.mark.parametrize(
    ("law", "broken"), [(the_budget_is_kept, spends), (fresh_queries_find_enough, forgets)]
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(lambda: broken)
