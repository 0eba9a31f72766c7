"""Limits: each number is checked by name."""

import pytest

from thrifty.serve.limits import SECONDS, WHOLE, Limits


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_number_out_of_range_is_refused(name):
    """Both ends are allowed and what is beyond them is not."""
    low, high = WHOLE[name]
    assert getattr(Limits(**{name: low}), name) == low
    assert getattr(Limits(**{name: high}), name) == high
    with pytest.raises(ValueError, match=rf"^{name} must be in {low}\.\.{high}, got {high + 1}$"):
        Limits(**{name: high + 1})


@pytest.mark.parametrize("name", SECONDS)
def test_no_wait_is_endless(name):
    """Seconds have both ends too; infinity is none of them."""
    with pytest.raises(ValueError, match=rf"^{name} must be in 0\.01\.\.3600, got inf$"):
        Limits(**{name: float("inf")})


def test_half_a_result_is_refused():
    """A count is whole."""
    with pytest.raises(TypeError, match=r"^k must be a whole number in 1\.\.10000, got 2\.5$"):
        Limits(k=2.5)
