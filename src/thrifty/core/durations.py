"""Durations: spans of time as people write them, to whole seconds."""

import datetime as dt
import re

__all__ = ["parse_duration"]

UNITS = {
    "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600,
    "d": 86_400, "day": 86_400, "w": 604_800, "week": 604_800,
}  # fmt: skip
FORM = re.compile(r"\s*(\d{1,12})\s*([a-z]+)\s*", re.IGNORECASE | re.ASCII)
LONGEST = 10_000 * 366 * 86_400


def parse_duration(span: str | dt.timedelta, name: str = "period") -> int:
    """Turn a span such as "28d", "1 week" or "15min" into seconds.

    Args:
        span: a whole number and a unit: s, min (or m), h, d, w, or their names; or a timedelta.
        name: what the argument is called, for the error.

    Returns:
        Whole seconds, at least 1.

    Raises:
        TypeError: span is neither a text nor a timedelta.
        ValueError: the text is not a span, or it is not whole seconds, none, or over 10,000 years.

    Example:
        >>> parse_duration("28d") == parse_duration("4 weeks") == 28 * 86_400
        True
        >>> parse_duration("fortnight")
        Traceback (most recent call last):
        ValueError: period must be a span such as "28d" or "15min", got 'fortnight'
    """
    if isinstance(span, dt.timedelta):
        seconds, rest = divmod(span, dt.timedelta(seconds=1))
        if rest or not 1 <= seconds <= LONGEST:
            raise ValueError(f"{name} must be whole seconds, at least one, got {span!r}")
        return seconds
    if not isinstance(span, str):
        raise TypeError(f'{name} must be a span such as "28d" or a timedelta, got {span!r}')
    match = FORM.fullmatch(span)
    unit = match[2].lower() if match else ""
    unit = unit if unit in UNITS else unit.removesuffix("s")
    if match is None or unit not in UNITS:
        raise ValueError(f'{name} must be a span such as "28d" or "15min", got {span!r}')
    seconds = int(match[1]) * UNITS[unit]
    if not 1 <= seconds <= LONGEST:
        raise ValueError(f"{name} must be from a second to 10,000 years, got {span!r}")
    return seconds
