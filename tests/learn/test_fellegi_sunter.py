"""FellegiSunter: its laws, its weights against the formula, missing values, edges."""

from itertools import pairwise

import numpy as np
import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import FellegiSunter

LAW_CASES = [law for name in record_of(FellegiSunter).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(FellegiSunter)


def fitted():
    """A model of two binary fields with known shares."""
    model = FellegiSunter([2, 2])
    model.share_ = 0.25
    model.m_ = [np.array([0.1, 0.9]), np.array([0.2, 0.8])]
    model.u_ = [np.array([0.7, 0.3]), np.array([0.9, 0.1])]
    return model


def test_weights_are_the_formula():
    """The weight is the sum of log2(m / u) of the levels; the probability is Bayes' rule."""
    model = fitted()
    levels = [[1, 1], [0, 1], [0, 0], [-1, 1], [-1, -1]]
    weights = np.log2([0.9 / 0.3 * 8, 0.1 / 0.7 * 8, 0.1 / 0.7 * 0.2 / 0.9, 8, 1])
    np.testing.assert_allclose(model.decision_function(levels), weights)
    odds = 2**weights / 3
    np.testing.assert_allclose(model.predict_proba(levels)[:, 1], odds / (1 + odds))
    assert model.predict(levels).tolist() == [True, False, False, True, False]


def test_likelihood_never_falls():
    """Each step of EM raises the likelihood of the pairs."""
    rng = np.random.default_rng(1)
    match = rng.random(3_000) < 0.4
    levels = (rng.random((3_000, 4)) < np.where(match[:, None], 0.7, 0.2)).astype(int)

    def likelihood(steps):
        model = FellegiSunter([2] * 4, steps=steps, tolerance=0).fit(levels)
        parts = [np.ones(3_000) * model.share_, np.ones(3_000) * (1 - model.share_)]
        for field in range(4):
            parts[0] = parts[0] * model.m_[field][levels[:, field]]
            parts[1] = parts[1] * model.u_[field][levels[:, field]]
        return float(np.log(parts[0] + parts[1]).sum())

    found = [likelihood(steps) for steps in (1, 2, 5, 20, 100)]
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(found))


def test_a_field_that_is_never_known_says_nothing():
    """Its shares are even, and do not move a probability."""
    levels = np.column_stack([np.arange(100) % 2, np.full(100, -1)])
    model = FellegiSunter([2, 3]).fit(levels)
    np.testing.assert_allclose(model.m_[1], 1 / 3)
    assert model.decision_function([[1, -1]]) == model.decision_function([[1, 2]])


def test_no_pairs_have_no_scores():
    """An empty list of pairs gives empty answers."""
    assert fitted().predict_proba([]).shape == (0, 2)


def test_refusals():
    """Each bad argument is named, and levels that do not fit are shown."""
    with pytest.raises(ValueError, match=r"^levels must be in 2\.\.100, got 1$"):
        FellegiSunter([1])
    with pytest.raises(ValueError, match=r"^levels must be one number a field, got none$"):
        FellegiSunter([])
    with pytest.raises(ValueError, match=r"^steps must be in 1\.\.100000, got 0$"):
        FellegiSunter([2], steps=0)
    with pytest.raises(ValueError, match=r"^levels must be at least one pair, got none$"):
        FellegiSunter([2]).fit([])
    for bad in ([[0]], [[0, 2]], [[-2, 0]]):
        with pytest.raises(IncompatibleError, match=r"^levels of shape .* do not fit Fell"):
            fitted().predict(bad)
