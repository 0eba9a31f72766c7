"""Laws of pooled tests: broken by each decoder that cheats."""

import numpy as np
import pytest

from thrifty.laws.pools import (
    a_test_of_one_is_bayes,
    names_do_not_matter,
    trees_are_decoded_exactly,
    without_tests_the_prior_stands,
)
from thrifty.learn import decode_pools


def doubting(pools, results, prior, **rates):
    """Half of what is true."""
    return decode_pools(pools, results, prior, **rates) / 2


def deaf(pools, results, prior, **rates):
    """The prior, whatever the results."""
    return np.broadcast_to(prior, np.shape(pools)[1])


def hasty(pools, results, prior, **rates):
    """One sweep."""
    return decode_pools(pools, results, prior, sweeps=1, damping=0, **rates)


def by_place(pools, results, prior, **rates):
    """The first person is suspected."""
    found = decode_pools(pools, results, prior, **rates)
    found[0] = 1
    return found


CHEATS = [
    (without_tests_the_prior_stands, doubting),
    (a_test_of_one_is_bayes, deaf),
    (trees_are_decoded_exactly, hasty),
    (names_do_not_matter, by_place),
]


@pytest.mark.parametrize(("law", "cheat"), CHEATS, ids=[law.__name__ for law, _ in CHEATS])
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it."""
    with pytest.raises(AssertionError):
        law(lambda: cheat)
