"""Profile outliers: values of a column where there is hardly any mass around them."""

from typing import Any

import numpy as np

from thrifty.models.profile_column import ColumnProfile

__all__ = ["outliers"]

SPARSE = 0.01
NORMAL = 1.349


def outliers(column: ColumnProfile) -> list[dict[str, Any]]:
    """The ends of a column of numbers that lie in nearly empty places, the farthest first.

    The density around a value is the share of all values within one bandwidth (Silverman's rule,
    from the deviation or the quartiles, whichever is smaller), over that of a normal distribution's
    centre. An end is an outlier if it is below 1 % of it and beyond Tukey's far fences
    (three times the distance of the quartiles).

    Args:
        column: a profile of numbers.

    Returns:
        value and density of up to 16 values, none if the middle half does not vary.
    """
    low, high = (found.estimate for found in column.values.quantiles((0.25, 0.75)))
    count = column.counts["rows"] - column.counts["missing"]
    spread = min(column.deviation, (high - low) / NORMAL)
    if count < 8 or not spread > 0:
        return []
    width = 0.9 * spread * count**-0.2
    ends = np.unique(np.concatenate(column.ends))
    far = ends[(ends < low - 3 * (high - low)) | (ends > high + 3 * (high - low))]
    centre = 2 * width / (spread * np.sqrt(2 * np.pi))
    found = [{"value": x, "density": _around(column, x, width) / centre} for x in far.tolist()]
    lonely = [item for item in found if item["density"] < SPARSE]
    return sorted(lonely, key=lambda item: -abs(item["value"] - (low + high) / 2))


def _around(column: ColumnProfile, value: float, width: float) -> float:
    """The share of values within a width of this one, itself not counted."""
    below, above = column.values.cdf([value - width, value + width])
    return max(0.0, float(above - below))
