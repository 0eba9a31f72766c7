"""Laws of mixtures: the model keeps them, and each fault is seen by one."""

import numpy as np
import pytest

from thrifty.laws import LAWS
from thrifty.laws.mixtures import (
    counts_stand_for_pairs,
    probabilities_are_calibrated,
    shares_are_recovered,
)
from thrifty.learn import FellegiSunter


class Swaps(FellegiSunter):
    """Broken: matches and others change places."""

    def fit(self, levels, weights=None):
        """And back."""
        super().fit(levels, weights)
        self.m_, self.u_ = self.u_, self.m_
        return self


class IsTooSure(FellegiSunter):
    """Broken: probabilities are pushed to the ends."""

    def predict_proba(self, levels):
        """Far too sure."""
        match = super().predict_proba(levels)[:, 1] ** 0.1
        return np.column_stack([1 - match, match])


class ForgetsWeights(FellegiSunter):
    """Broken: every row counts once."""

    def fit(self, levels, weights=None):
        """Without weights."""
        return super().fit(levels)


@pytest.mark.parametrize("law", LAWS["mixtures"], ids=lambda law: law.__name__)
def test_law(law):
    """The model keeps them."""
    law(FellegiSunter)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (shares_are_recovered, Swaps),
        (probabilities_are_calibrated, IsTooSure),
        (counts_stand_for_pairs, ForgetsWeights),
    ],
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(broken)
