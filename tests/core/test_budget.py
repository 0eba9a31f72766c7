"""Budget: sizes parse exactly, come back as written, and are refused with the rule."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.core import BudgetError, budget_for, format_bytes, parse_bytes


@given(st.integers(1, 10**15))
def test_rounding_up_is_always_enough(nbytes):
    """What format_bytes names with up=True holds nbytes, and is at most 1 % more."""
    named = parse_bytes(format_bytes(nbytes, up=True))
    assert nbytes <= named <= 1.01 * nbytes + 1


@given(st.integers(1, 10**15))
def test_nearest_is_within_half_of_the_third_digit(nbytes):
    """Without up, what is written is within 0.5 % of the bytes."""
    assert abs(parse_bytes(format_bytes(nbytes)) - nbytes) <= 0.005 * nbytes


@given(st.integers(1, 2**62))
def test_whole_bytes_lose_nothing(nbytes):
    """A number of bytes without a unit is read to the last digit."""
    assert parse_bytes(str(nbytes)) == nbytes == parse_bytes(nbytes)


@pytest.mark.parametrize(
    ("text", "nbytes"),
    [
        ("512MB", 512_000_000),
        ("512 mb", 512_000_000),
        (" 1.5 GiB ", 3 * 2**29),
        ("2k", 2_000),
        ("2KiB", 2_048),
        ("1 T", 10**12),
        ("1 TiB", 2**40),
        ("7b", 7),
        ("0.1 kB", 100),
        ("4194304 TiB", 2**62),
    ],
)
def test_agrees_with_arithmetic(text, nbytes):
    """Units without i are powers of 1000, with i powers of 1024; case and spaces are free."""
    assert parse_bytes(text) == nbytes


@pytest.mark.parametrize(
    "text", ["", "MB", "-1 MB", "1e9", "1,5 GB", "1 XB", "1 MiBB", "1.", "\u0663"]
)
def test_text_that_is_no_size_is_refused(text):
    """The message shows what a size looks like and what was given."""
    message = f'^memory must be a size such as "512 MB" or "1 GiB", got {re.escape(repr(text))}$'
    with pytest.raises(ValueError, match=message):
        parse_bytes(text)


@pytest.mark.parametrize("size", [0, -5, 2**62 + 1, "0", "0.4 B", "4611686018427387905", "9" * 999])
def test_sizes_beyond_reason_are_refused(size):
    """Below one byte or above 4 EiB is an error that names the argument."""
    message = f"^table must be at least 1 byte and at most 4 EiB, got {re.escape(repr(size))}$"
    with pytest.raises(ValueError, match=message):
        parse_bytes(size, "table")


@pytest.mark.parametrize("size", [None, 1.5, True, b"1 MB", ["1 MB"]])
def test_other_types_are_refused(size):
    """Neither an int nor a str: a TypeError that shows both forms."""
    message = f'^memory must be an int of bytes or a text such as "512 MB", got {size!r}$'
    with pytest.raises(TypeError, match=message.replace("[", r"\[").replace("]", r"\]")):
        parse_bytes(size)


def test_zero_and_thousands_of_terabytes_can_be_written():
    """The ends of the range are plain."""
    assert [format_bytes(0), format_bytes(999), format_bytes(999_999)] == ["0 B", "999 B", "1 MB"]
    assert format_bytes(2**62) == "4610000 TB"


def test_a_budget_below_the_smallest_is_refused():
    """The message says what it is for and the smallest that would do, which does."""
    with pytest.raises(
        BudgetError, match=r"^budget must be at least 1\.24 kB for a filter, got '1 kB'$"
    ) as caught:
        budget_for("a filter", "1 kB", 1_234)
    assert caught.value.smallest == 1_234
    assert budget_for("a filter", 1_234, 1_234) == 1_234
