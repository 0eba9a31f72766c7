"""Profile facts: what a profile knows, as plain numbers and texts for JSON, terminal and page."""

import itertools
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from thrifty.core import Interval, format_bytes
from thrifty.models.profile_ask import rolling
from thrifty.models.profile_column import ColumnProfile
from thrifty.models.profile_outliers import outliers
from thrifty.models.profile_plan import least_for
from thrifty.models.profile_state import TableProfile
from thrifty.sketch import CoMoments, Correlated, CovarianceSketch, Group

__all__ = ["facts_of", "interval_facts", "moment_text"]

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
BINS, FREQUENT, PAIRS, GROUPS, WHOLE = 30, 10, 10, 1_000, 2**53
SAYS = {"number": "values", "date": "values", "list": "lengths in items"}


def facts_of(profile: TableProfile, confidence: float = 0.95) -> dict[str, Any]:
    """All that a profile says.

    Args:
        profile: of a table.
        confidence: of every interval.

    Returns:
        rows, columns by name (type, missing, distinct, frequent, quantiles, histogram, ...),
        duplicates and near_duplicates among the rows, correlations (with correlations_are "exact",
        "estimates" or "not kept", a note where they are not exact, and then a bound on each),
        state_bytes; where they are asked, windows (end, distinct), their mean, rows that came too
        late for any; and by (the 1,000 largest groups, each with rows and distinct).
    """
    facts: dict[str, Any] = {
        "rows": profile.rows,
        "columns": {n: _column(c, confidence) for n, c in profile.columns.items()},
        "duplicates": interval_facts(profile.same.repeated(confidence)),
        "near_duplicates": interval_facts(profile.near.repeated(confidence)),
        **_correlations(profile, confidence),
        "confidence": confidence,
        "state_bytes": profile.nbytes,
    }
    return facts | _windows(profile, confidence) | _groups(profile, confidence)


def interval_facts(interval: Interval) -> dict[str, float]:
    """An interval as a mapping; whole numbers where they count something.

    Example:
        >>> interval_facts(Interval(10.2, 9.7, 11.0))
        {'estimate': 10, 'low': 9, 'high': 11}
    """
    estimate, low, high = interval
    return {"estimate": round(estimate), "low": math.floor(low), "high": math.ceil(high)}


def moment_text(seconds: float) -> str:
    """Seconds since 1970 as an ISO date, with the time unless it is midnight.

    Example:
        >>> moment_text(0.0), moment_text(3600.5)
        ('1970-01-01', '1970-01-01 01:00:00.500000')
    """
    try:
        moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g} s"
    return str(moment).removesuffix(" 00:00:00")


def _windows(profile: TableProfile, confidence: float) -> dict[str, Any]:
    if profile.windows is None:
        return {}
    found = list(rolling(profile.windows, profile.ask, confidence))
    windows = [
        {"end": moment_text(seconds), "end_seconds": seconds, "distinct": interval_facts(interval)}
        for seconds, interval in found
    ]
    what = f"distinct {profile.ask.distinct} in each {profile.ask.window}, by its end"
    mean = sum(interval.estimate for _, interval in found) / len(found) if found else None
    return {
        "windows": windows, "windows_mean": mean, "windows_late": profile.windows.late,
        "windows_title": what,
    }  # fmt: skip


def _groups(profile: TableProfile, confidence: float) -> dict[str, Any]:
    """The largest groups; rows of those without a place of their own are told together."""
    if profile.groups is None:
        return {}
    groups = [
        {"value": _value(group.key), "rows": int(group.rows.low), "at_most": int(group.rows.high),
         "distinct": _distinct_in(group, profile.ask.distinct, confidence)}
        for group in itertools.islice(profile.groups.groups(), GROUPS)
    ]  # fmt: skip
    told = sum(group["rows"] for group in groups) + profile.groups.keyless
    others = {"rows": profile.rows - told, "missing": profile.groups.keyless}
    return {"by": {"column": profile.ask.by, "groups": groups, "others": others}}


def _distinct_in(group: Group, name: str | None, confidence: float) -> dict[str, Any]:
    """Distinct values in a group: never more than it has rows."""
    if name is None:
        return {}
    found = group.summary.interval(confidence)
    return {name: interval_facts(Interval(*(min(x, group.rows.high) for x in found)))}


def _column(column: ColumnProfile, confidence: float) -> dict[str, Any]:
    counts = column.counts
    facts: dict[str, Any] = {
        "type": column.kind,
        "rows": counts["rows"],
        "missing": counts["missing"],
        "unreadable": counts["unreadable"],
        "distinct": interval_facts(column.distinct.interval(confidence)),
        "frequent": _frequent(column),
    }
    if counts["rows"] == counts["missing"]:
        return facts
    facts |= _spread(column, confidence)
    if column.kind == "number":
        low, high = column.ends
        facts |= {"zeros": counts["zeros"], "negative": counts["negative"]}
        facts |= {"lowest": low, "highest": high, "outliers": outliers(column)}
    return facts


def _frequent(column: ColumnProfile) -> list[dict[str, Any]]:
    """Values that were there more than once for certain; all, while each has a slot."""
    found = column.frequent(FREQUENT)
    sure = [item for item in found if item.count.low > 1 or item.count.width == 0]
    return [
        {"value": _value(item.value), "count": round(item.count.estimate),
         "low": round(item.count.low), "high": round(item.count.high)}
        for item in sure
    ]  # fmt: skip


def _value(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return int(value)
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    if isinstance(value, datetime):
        return str(value).removesuffix(" 00:00:00")
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _spread(column: ColumnProfile, confidence: float) -> dict[str, Any]:
    """Quantiles, histogram and moments of the values, or of their lengths."""
    show = moment_text if column.kind == "date" else float
    found = column.values.quantiles(QUANTILES, confidence)
    heights, edges = column.values.histogram(_bins(column))
    return {
        "quantiles_of": SAYS.get(column.kind, "lengths in characters"),
        "quantiles": {f"{q:g}": show(x.estimate) for q, x in zip(QUANTILES, found, strict=True)},
        "rank_error": column.values.error_bound(confidence),
        "mean": show(column.mean),
        "deviation": column.deviation,
        "histogram": {"edges": np.asarray(edges).tolist(), "counts": np.asarray(heights).tolist()},
    }


def _bins(column: ColumnProfile) -> Any:
    """How many bins, or for lengths their edges, between whole numbers."""
    if column.kind in ("number", "date"):
        return BINS
    low, high = (column.values.quantile(q).estimate for q in (0, 1))
    step = max(1, math.ceil((high - low + 1) / BINS))
    return np.arange(low, high + step + 1, step) - 0.5


def _correlations(profile: TableProfile, confidence: float) -> dict[str, Any]:
    """The strongest pairs: exact, or estimates with their bounds, or why there are none."""
    if isinstance(profile.moments, CoMoments):
        pairs = profile.moments.correlated(PAIRS, confidence=confidence)
        return {"correlations": _pairs(profile, pairs), "correlations_are": "exact"}
    if profile.moments is None:
        note = _not_kept(profile)
        return {"correlations": [], "correlations_are": "not kept", "correlations_note": note}
    pairs = profile.moments.correlated(PAIRS)
    found = [
        pair | {"bound": max(pair["high"] - pair["estimate"], pair["estimate"] - pair["low"])}
        for pair in _pairs(profile, pairs)
    ]
    note = _estimated(profile.moments)
    return {"correlations": found, "correlations_are": "estimates", "correlations_note": note}


def _pairs(profile: TableProfile, pairs: Iterable[Correlated]) -> list[dict[str, Any]]:
    names = profile.numbers
    return [
        {"columns": [names[pair.first], names[pair.second]], **_three(pair.correlation)}
        for pair in pairs
    ]


def _estimated(moments: CovarianceSketch) -> str:
    held = 1 - float(np.mean(moments.unheld()))
    return (
        f"Correlations of {moments.dim:,} numeric columns are estimates from {moments.ell:,} "
        f"frequent directions, which hold {held:.0%} of their variance; each lies between "
        "its ends for certain. A missing value counts as the mean of the rows around it. More "
        "memory makes the ends narrower."
    )


def _not_kept(profile: TableProfile) -> str:
    kinds = [column.kind for column in profile.columns.values()]
    asked = {"groups": profile.groups is not None, "windows": profile.windows is not None}
    least = format_bytes(least_for(kinds, **asked), up=True)
    return (
        f"Correlations of {len(profile.numbers):,} numeric columns are not kept, for want of "
        f"memory: it takes {least} at least (with up to 4 threads)."
    )


def _three(interval: Interval) -> Mapping[str, float]:
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
