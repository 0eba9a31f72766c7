"""Laws of numbers of several components: a factory gives their sum, their product, k and the dtype.

The exact results are those of fractions. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

__all__ = ["LAWS"]

Make = Callable[[], Any]
checked = settings(deadline=None, max_examples=60, derandomize=True)
NUMBERS = st.lists(st.floats(-1e6, 1e6, width=32).filter(lambda v: v == 0 or abs(v) > 1e-3),
                   min_size=6, max_size=6)  # fmt: skip


def _number(drawn: list[float], k: int, dtype: Any, add: Callable[..., Any]) -> np.ndarray:
    """Components that add up to drawn parts, each far below the one before."""
    number = np.zeros((k, 1), dtype)
    for i in range(k):
        scale = 2.0 ** (-np.finfo(dtype).nmant * i)
        number = add(number, np.array([[drawn[i] * scale]], dtype))
    return number


def _exact(components: np.ndarray) -> Fraction:
    return sum((Fraction(float(part)) for part in components.ravel()), Fraction(0))


def _room(k: int, dtype: Any) -> Fraction:
    return Fraction(2) ** (4 - k * (np.finfo(dtype).nmant + 1))


def sums_are_near(make: Make) -> None:
    """The sum is off by 2**(4 - k * p) of the larger at most, p being the bits of a component."""
    add, _, k, dtype = make()

    @checked
    @given(NUMBERS, NUMBERS)
    def check(left: list[float], right: list[float]) -> None:
        x, y = (_number(drawn, k, dtype, add) for drawn in (left, right))
        error = abs(_exact(add(x, y)) - _exact(x) - _exact(y))
        assert error <= _room(k, dtype) * max(abs(_exact(x)), abs(_exact(y)))

    check()


def products_are_near(make: Make) -> None:
    """The product is off by 2**(4 - k * p) of itself at most."""
    add, multiply, k, dtype = make()

    @checked
    @given(NUMBERS, NUMBERS)
    def check(left: list[float], right: list[float]) -> None:
        x, y = (_number(drawn, k, dtype, add) for drawn in (left, right))
        exact = _exact(x) * _exact(y)
        assert abs(_exact(multiply(x, y)) - exact) <= _room(k, dtype) * abs(exact)

    check()


def components_do_not_overlap(make: Make) -> None:
    """Each component is at most half a unit in the last place of the one before."""
    add, multiply, k, dtype = make()

    @checked
    @given(NUMBERS, NUMBERS)
    def check(left: list[float], right: list[float]) -> None:
        x, y = (_number(drawn, k, dtype, add) for drawn in (left, right))
        for number in (add(x, y), multiply(x, y)):
            for i in range(k - 1):
                assert abs(number[i + 1, 0]) <= abs(np.spacing(number[i, 0])) / 2

    check()


LAWS = {"compensated": (sums_are_near, products_are_near, components_do_not_overlap)}
