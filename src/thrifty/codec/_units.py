"""Units: numbers divided by a power of 2, so that float16 holds what they are made of."""

import math

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from thrifty.codec._buffers import values_of
from thrifty.core import FormatError

__all__ = ["checked_unit", "in_units", "out_of_units"]


def in_units(x: np.ndarray) -> tuple[NDArray[np.float32], float]:
    """Numbers as float32, divided by a power of 2 so that none is above 1; and that unit.

    Raises:
        TypeError: they are no floats.
        ValueError: one is not finite.
    """
    try:
        ml_dtypes.finfo(x.dtype)
    except ValueError as error:
        raise TypeError(f"x must be of floats, got {x.dtype}") from error
    values = values_of(x)
    low, high = values.min(initial=0), values.max(initial=0)
    top = float(max(-low, high))
    if not math.isfinite(top):
        raise ValueError(f"x must be finite, got {top}")
    exponent = min(math.frexp(top)[1], 1023)
    return np.ldexp(values, -exponent).astype(np.float32), math.ldexp(1.0, exponent)


def out_of_units(values: NDArray[np.float32], unit: float, dtype: np.dtype) -> np.ndarray:
    """Numbers again, of a dtype; what is beyond its largest is its largest."""
    most = float(ml_dtypes.finfo(dtype).max)
    with np.errstate(all="ignore"):
        return np.clip(values.astype(np.float64) * unit, -most, most).astype(dtype)


def checked_unit(unit: float) -> float:
    """A unit that was read.

    Raises:
        FormatError: it is none.
    """
    if not 0 < unit < math.inf:
        raise FormatError(f"unit must be above 0 and finite, got {unit}")
    return unit
