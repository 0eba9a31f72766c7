"""Checks: what is in range passes through unchanged; what is not is named."""

import numpy as np
import pytest

from thrifty.core import in_range, one_of, whole


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


@pytest.mark.parametrize("value", [1, 16, np.int64(7), np.uint8(7)])
def test_whole_numbers_become_ints(value):
    """Both ends belong to the range; NumPy's integers become Python's."""
    found = whole("rows", value, 1, 16)
    assert found == value
    assert type(found) is int


@pytest.mark.parametrize("value", [True, 4.0, "4", None, np.float64(4)])
def test_what_is_not_whole_is_named(value):
    """A bool, a float and a text are no whole numbers."""
    with pytest.raises(TypeError, match=r"^rows must be a whole number in 1\.\.16, got .+$"):
        whole("rows", value, 1, 16)


@pytest.mark.parametrize("value", [0, 17, 2**80])
def test_whole_numbers_out_of_range_are_named(value):
    """In the words of in_range."""
    with pytest.raises(ValueError, match=rf"^rows must be in 1\.\.16, got {value}$"):
        whole("rows", value, 1, 16)
