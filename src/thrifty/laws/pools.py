"""Laws of decoders of pooled tests: `make()` gives decode(pools, results, prior, tpr=, tnr=).

It answers with the probability of each person. Each law raises AssertionError if broken.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAWS"]

Make = Callable[[], Callable[..., Any]]


def without_tests_the_prior_stands(make: Make) -> None:
    """No test, no knowledge; nor does a missing result tell anything."""
    prior = np.array([0.01, 0.5, 0.9])
    found = make()(np.zeros((0, 3)), [], prior, tpr=0.9, tnr=0.8)
    np.testing.assert_allclose(found, prior, atol=1e-6)
    found = make()(np.ones((1, 3)), [np.nan], prior, tpr=0.9, tnr=0.8)
    np.testing.assert_allclose(found, prior, atol=1e-6)


def a_test_of_one_is_bayes(make: Make) -> None:
    """A person tested alone has the probability of Bayes' rule."""
    for prior, tpr, tnr in itertools.product((0.01, 0.3), (0.8, 0.99), (0.7, 0.95)):
        for result, there, absent in ((1, tpr, 1 - tnr), (0, 1 - tpr, tnr)):
            found = make()([[1]], [result], prior, tpr=tpr, tnr=tnr)[0]
            exact = prior * there / (prior * there + (1 - prior) * absent)
            np.testing.assert_allclose(found, exact, rtol=1e-6)


def trees_are_decoded_exactly(make: Make) -> None:
    """Where pools meet in at most one person and close no circle, it is the sum over all states."""
    pools = np.zeros((3, 7))
    for row, members in zip(pools, ((0, 1, 2), (2, 3, 4), (4, 5, 6)), strict=True):
        row[list(members)] = 1
    prior = np.array([0.1, 0.2, 0.05, 0.3, 0.15, 0.02, 0.4])
    for results in itertools.product((0, 1), repeat=3):
        found = make()(pools, results, prior, tpr=0.9, tnr=0.95)
        np.testing.assert_allclose(found, _exact(pools, results, prior, 0.9, 0.95), atol=1e-6)


def names_do_not_matter(make: Make) -> None:
    """People and tests in another order have the same probabilities."""
    rng = np.random.default_rng(1)
    pools, results = rng.random((12, 30)) < 0.2, rng.integers(0, 2, 12)
    prior = rng.random(30) / 5
    tests, people = rng.permutation(12), rng.permutation(30)
    found = make()(pools, results, prior, tpr=0.9, tnr=0.9)
    other = make()(pools[tests][:, people], results[tests], prior[people], tpr=0.9, tnr=0.9)
    np.testing.assert_allclose(other, found[people], atol=1e-8)


def _exact(pools: Any, results: Any, prior: Any, tpr: float, tnr: float) -> NDArray[np.float64]:
    """Marginals by the sum over all states."""
    found, total = np.zeros(len(prior)), 0.0
    for state in itertools.product((0, 1), repeat=len(prior)):
        mine = np.array(state)
        weight = np.where(mine, prior, 1 - prior).prod()
        for row, result in zip(pools, results, strict=True):
            positive = tpr if (row * mine).any() else 1 - tnr
            weight *= positive if result else 1 - positive
        total += weight
        found += weight * mine
    return found / total


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "pools": (
        without_tests_the_prior_stands,
        a_test_of_one_is_bayes,
        trees_are_decoded_exactly,
        names_do_not_matter,
    ),
}
