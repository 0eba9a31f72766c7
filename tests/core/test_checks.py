"""Checks: what is in range passes through unchanged; what is not is named."""

import numpy as np
import pytest

from thrifty.core import in_range, one_of


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.25), np.int64(1)])
def test_in_range_returns_the_very_value(value):
    """Both ends belong to the range and nothing is converted."""
    assert in_range("rate", value, 0, 1) is value


@pytest.mark.parametrize("value", [-1, 2, float("inf"), 1.0000001])
def test_out_of_range_is_named(value):
    """The message says which argument, which rule, which value."""
    with pytest.raises(ValueError, match=rf"^rate must be in 0\.\.1, got {value!r}$"):
        in_range("rate", value, 0, 1)


def test_nan_is_out_of_every_range():
    """NaN compares with nothing, so it is refused."""
    with pytest.raises(ValueError, match=r"^rate must be in 0\.\.1, got nan$"):
        in_range("rate", float("nan"), 0, 1)


@pytest.mark.parametrize("value", ["1", None, [1], 1j])
def test_what_is_no_number_is_named(value):
    """A text or None is a TypeError in the same words, not a comparison error."""
    with pytest.raises(TypeError, match=r"^rate must be a number in 0\.\.1, got .+$"):
        in_range("rate", value, 0, 1)


def test_one_of_returns_the_choice_or_lists_them():
    """A choice comes back; anything else is answered by the list."""
    assert one_of("order", "up", ("up", "down")) == "up"
    with pytest.raises(ValueError, match=r"^order must be one of up, down, got 'Up'$"):
        one_of("order", "Up", ("up", "down"))
