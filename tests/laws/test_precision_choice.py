"""Laws of choosing configurations: PEPPP keeps them, and each turns red for a fault of its own."""

import numpy as np
import pytest

from thrifty.laws.precision_choice import LAWS, a_few_runs_tell, design_is_allowed, tried_is_kept
from thrifty.learn import PEPPP


class Careless(PEPPP):
    """Looks at no cap."""

    def design(self, costs, runs, *, cap=None, total=None):
        """The dearest, whatever is allowed."""
        return np.argsort(-costs)[: min(runs, int((costs <= cap).sum()))]


class Smooth(PEPPP):
    """Predicts what was measured, too."""

    def predict(self, tried):
        """A little off."""
        return super().predict(tried) + 1e-3


class Deaf(PEPPP):
    """Does not listen to what was measured."""

    def predict(self, tried):
        """The mean, but for what was tried."""
        guess = self.mean + 0.1
        guess[list(tried)] = list(tried.values())
        return guess


@pytest.mark.parametrize("law", LAWS["precision choice"], ids=lambda law: law.__name__)
def test_peppp_keeps_every_law(law):
    """As it is."""
    law(lambda: PEPPP(2))


@pytest.mark.parametrize(
    ("law", "make"),
    [(design_is_allowed, Careless), (tried_is_kept, Smooth), (a_few_runs_tell, Deaf)],
)
def test_each_law_can_fail(law, make):
    """A fault that the law is about turns it red."""
    with pytest.raises(AssertionError):
        law(lambda: make(2))
