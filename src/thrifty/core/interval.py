"""Interval: an answer with the two ends between which the truth lies."""

from numbers import Real
from typing import NamedTuple

__all__ = ["Interval"]


class Interval(NamedTuple):
    """An estimate and the ends of its interval; what the confidence was, the method says.

    Args:
        estimate: the answer.
        low: the truth is not below this, with the confidence asked for.
        high: the truth is not above this.

    Example:
        >>> distinct = Interval(1000.0, 980.0, 1020.0)
        >>> distinct.low <= distinct.estimate <= distinct.high, 990 in distinct, distinct.width
        (True, True, 40.0)
        >>> estimate, low, high = distinct
    """

    estimate: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """From end to end."""
        return self.high - self.low

    def __contains__(self, value: object) -> bool:
        """Whether a number lies between the ends, which are part of it."""
        return isinstance(value, Real) and bool(self.low <= float(value) <= self.high)
