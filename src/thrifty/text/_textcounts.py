"""Codes: a byte for how often a term stands in a document, and for the most a list can score.

Counts are in units that the weights of all fields are whole multiples of. Up to 191 units a count
is exact; above, it is rounded to one of 64 steps of at most 7 percent either way, where a score
hardly depends on it any more. The code depends on the count alone, so that segments agree.
"""

from collections.abc import Mapping
from math import gcd

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXACT", "MOST", "code_values", "unit_of"]

EXACT, MOST = 191, 1 << 20
FINENESS = 1000  # weights are told apart to a thousandth


def unit_of(fields: Mapping[str, float]) -> float:
    """The largest number of thousandths that all weights are whole multiples of."""
    return gcd(*(round(weight * FINENESS) for weight in fields.values())) / FINENESS


def code_values() -> NDArray[np.float32]:
    """The count in units that each code stands for, (256,) float32, rising.

    Example:
        >>> values = code_values()
        >>> values[[0, 1, 191]].tolist(), bool((np.diff(values) > 0).all())
        ([0.0, 1.0, 191.0], True)
    """
    steps = EXACT * (MOST / EXACT) ** (np.arange(1, 65) / 64)
    return np.concatenate([np.arange(EXACT + 1), steps]).astype(np.float32)
