"""Laws of compensated arithmetic: each goes red for what breaks it."""

import numpy as np
import pytest

from thrifty.laws.compensated import LAWS


def plain(x, y):
    """A sum component by component, which overlaps and loses what does not fit."""
    return x + y


def product(x, y):
    """A product of the first components alone."""
    return np.stack([x[0] * y[0], *(0 * x[1:])])


@pytest.mark.parametrize("law", LAWS["compensated"], ids=lambda law: law.__name__)
def test_careless_arithmetic_is_found_out(law):
    """A sum that does not carry, and a product that drops all but one component."""
    with pytest.raises(AssertionError):
        law(lambda: (plain, product, 2, np.float64))
