"""Checks: one sentence for every argument that is out of its documented range."""

from numbers import Integral, Real
from typing import TypeVar

__all__ = ["in_range", "one_of", "whole"]

Number = TypeVar("Number", bound=float)


def in_range(name: str, value: Number, low: float, high: float) -> Number:
    """Return value if low <= value <= high, else say which argument broke which rule.

    Raises:
        TypeError: value is not one number.
        ValueError: value is outside the range, or NaN.

    Example:
        >>> in_range("p", 12, 4, 18)
        12
        >>> in_range("p", 3, 4, 18)
        Traceback (most recent call last):
        ValueError: p must be in 4..18, got 3
    """
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number in {low}..{high}, got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be in {low}..{high}, got {value!r}")
    return value


def whole(name: str, value: int, low: int, high: int) -> int:
    """Return value as an int if it is a whole number and low <= value <= high.

    Raises:
        TypeError: value is not an int; a bool or a float is none, even a whole one.
        ValueError: value is outside the range.

    Example:
        >>> whole("rows", 4, 1, 16)
        4
        >>> whole("rows", 4.0, 1, 16)
        Traceback (most recent call last):
        TypeError: rows must be a whole number in 1..16, got 4.0
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number in {low}..{high}, got {value!r}")
    return int(in_range(name, int(value), low, high))


def one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    """Return value if it is one of the choices, else list them.

    Raises:
        ValueError: value is not a choice.

    Example:
        >>> one_of("order", "up", ("up", "down"))
        'up'
        >>> one_of("order", "side", ("up", "down"))
        Traceback (most recent call last):
        ValueError: order must be one of up, down, got 'side'
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return value
