"""Laws of error floors: each goes red for what breaks it."""

import pytest

from thrifty.laws.error_floor import LAWS


@pytest.mark.parametrize("law", LAWS["error floor"], ids=lambda law: law.__name__)
def test_another_formula_is_found_out(law):
    """One that forgets the grid and does not square."""
    with pytest.raises(AssertionError):
        law(lambda: lambda l1_noise, rate=0.0, **others: l1_noise + rate)
