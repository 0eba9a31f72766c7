"""Durations: what people write, and what is not a span."""

import datetime as dt

import pytest

from thrifty.core import parse_duration


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ("28d", 28 * 86_400), ("1 day", 86_400), ("2 Days", 172_800), ("15min", 900), ("5m", 300),
        ("1h", 3600), ("3 weeks", 3 * 604_800), (" 90 s ", 90), ("7 seconds", 7),
        (dt.timedelta(days=28), 28 * 86_400), (dt.timedelta(seconds=1), 1),
    ],
)  # fmt: skip
def test_spans_are_read(span, seconds):
    """Units by letter and by name, one or many, with spaces or without."""
    assert parse_duration(span) == seconds


@pytest.mark.parametrize("span", ["", "d", "28", "1.5d", "-1d", "28 d d", "1 month", "ss", "1 sss"])
def test_other_texts_are_refused(span):
    """The message shows how it is written."""
    message = rf'^window must be a span such as "28d" or "15min", got {span!r}$'
    with pytest.raises(ValueError, match=message):
        parse_duration(span, "window")


@pytest.mark.parametrize("span", ["0d", "999999999999 w"])
def test_spans_out_of_range_are_refused(span):
    """None at all, and beyond any calendar."""
    message = rf"^period must be from a second to 10,000 years, got {span!r}$"
    with pytest.raises(ValueError, match=message):
        parse_duration(span)


@pytest.mark.parametrize("span", [dt.timedelta(0), dt.timedelta(milliseconds=1500)])
def test_odd_timedeltas_are_refused(span):
    """Parts of a second and nothing at all."""
    with pytest.raises(ValueError, match=r"^period must be whole seconds, at least one, got dat"):
        parse_duration(span)


def test_numbers_are_refused():
    """A bare number has no unit."""
    with pytest.raises(TypeError, match=r'^period must be a span such as "28d" or a timedelta,'):
        parse_duration(7)
