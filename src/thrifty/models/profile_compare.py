"""Profile compare: what differs between two profiles, how far, and whether it can be chance."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import chi2, kstwobign, norm

from thrifty.models.profile_column import LONGEST, ColumnProfile
from thrifty.models.profile_facts import moment_text
from thrifty.models.profile_state import TableProfile

__all__ = ["Change", "changes"]

GRID, TOP = 512, 200
FEWEST = 5.0


class Change(NamedTuple):
    """One way in which a column differs.

    Args:
        column: its name.
        what: "values", "missing", "new value", "column" or "type".
        before, after: in words.
        distance: 0 is equal, 1 is apart: of shares, or of distribution functions.
        p: chance of such a distance between samples of one distribution, all columns considered
            (Holm); NaN where nothing was tested.
    """

    column: str
    what: str
    before: str
    after: str
    distance: float
    p: float


def changes(before: TableProfile, after: TableProfile) -> list[Change]:
    """Compare two profiles column by column.

    Numbers and dates (and lengths of texts) are compared by the Kolmogorov-Smirnov distance of
    their quantiles, less what both sketches may be off; categories, texts and lists by the total
    variation of their frequent values, tested by a G test; shares of missing values by a z test.
    A new value is frequent after and was certainly rarer before.

    Args:
        before, after: profiles; columns meet by name.

    Returns:
        What differs by more than the sketches may be off, the largest distance first.
    """
    found = [*_schemas(before, after)]
    for name in before.columns:
        if name in after.columns and before.columns[name].kind == after.columns[name].kind:
            found += _column(name, before.columns[name], after.columns[name])
    return sorted(_corrected(found), key=lambda change: -change.distance)


def _schemas(before: TableProfile, after: TableProfile) -> Iterator[Change]:
    for name in dict.fromkeys([*before.columns, *after.columns]):
        kinds = [p.columns[name].kind if name in p.columns else "none" for p in (before, after)]
        if kinds[0] != kinds[1]:
            what = "column" if "none" in kinds else "type"
            yield Change(name, what, kinds[0], kinds[1], 1.0, float("nan"))


def _column(name: str, before: ColumnProfile, after: ColumnProfile) -> Iterator[Change]:
    yield from _missing(name, before, after)
    if before.counts["rows"] == before.counts["missing"]:
        return
    if after.counts["rows"] == after.counts["missing"]:
        return
    yield from _quantiles(name, before, after)
    if before.kind not in ("number", "date"):
        yield from _frequent(name, before, after)


def _missing(name: str, before: ColumnProfile, after: ColumnProfile) -> Iterator[Change]:
    (n, x), (m, y) = ((c.counts["rows"], c.counts["missing"]) for c in (before, after))
    if not n or not m or x / n == y / m:
        return
    pooled = (x + y) / (n + m)
    z = abs(x / n - y / m) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    told = f"{x / n:.2%}", f"{y / m:.2%}"
    yield Change(name, "missing", *told, abs(x / n - y / m), float(2 * norm.sf(z)))


def _quantiles(name: str, before: ColumnProfile, after: ColumnProfile) -> Iterator[Change]:
    """The distance of two distribution functions, at the quantiles of both."""
    shares = np.linspace(0, 1, GRID)
    sketches = before.values, after.values
    grid = np.unique([found.estimate for s in sketches for found in s.quantiles(shares)])
    ranks = [s.cdf(grid) for s in sketches]
    slack = sum(s.error_bound(0.99) for s in sketches)
    distance = float(np.abs(ranks[0] - ranks[1]).max()) - slack
    if distance <= 0:
        return
    n, m = (c.counts["rows"] - c.counts["missing"] for c in (before, after))
    p = float(kstwobign.sf(distance * np.sqrt(n / (n + m) * m)))
    what = "values" if before.kind in ("number", "date") else "lengths"
    yield Change(name, what, _middle(before), _middle(after), min(distance, 1.0), p)


def _middle(column: ColumnProfile) -> str:
    show = moment_text if column.kind == "date" else lambda x: f"{x:.6g}"
    low, median, high = (x.estimate for x in column.values.quantiles((0.05, 0.5, 0.95)))
    return f"median {show(median)} ({show(low)} to {show(high)})"


def _frequent(name: str, before: ColumnProfile, after: ColumnProfile) -> Iterator[Change]:
    """Total variation over the frequent values of both, and those that are new."""
    values = _fairly_chosen(before, after)
    if not values:
        return
    sizes = [max(1, column.total) for column in (before, after)]
    counts = [column.bounds(values) for column in (before, after)]
    shares = [bounds / size for bounds, size in zip(counts, sizes, strict=True)]
    apart = np.maximum(0, np.maximum(shares[1][0] - shares[0][1], shares[0][0] - shares[1][1]))
    distance = min(1.0, float(max(apart.sum() / 2, apart.max())))
    if distance <= 0:
        return
    p = _g_test(counts[0][0], counts[1][0], sizes)
    yield Change(name, "values", _words(before), _words(after), distance, p)
    for i in np.argsort(-(shares[1][0] - shares[0][1]), kind="stable")[:TOP]:
        low, high = float(shares[1][0][i]), float(shares[0][1][i])
        if low > 0.01 and low > 2 * high and counts[1][0][i] >= FEWEST:
            yield Change(
                name, "new value", f"at most {high:.2%}", f"{values[i]!r}: at least {low:.2%}",
                low - high, float("nan"),
            )  # fmt: skip


def _fairly_chosen(before: ColumnProfile, after: ColumnProfile) -> list[Any]:
    """Values that are frequent in both together.

    Chosen by either side alone, they would differ by the choice; given the sum, how it splits is
    free. No value whose sum is above those of what just fell out of both lists was overlooked.
    """
    sides = before, after
    lists = [column.frequent(TOP + 1) for column in sides]
    out = sum(
        found[TOP].count.high if len(found) > TOP else column.overlooked
        for found, column in zip(lists, sides, strict=True)
    )
    items = [item.value for found in lists for item in found[:TOP]]
    values = [value for value in dict.fromkeys(items) if not _was_cut(value)]
    if not values:
        return []
    least = before.bounds(values)[0] + after.bounds(values)[0]
    return [value for value, count in zip(values, least, strict=True) if count > out]


def _was_cut(value: Any) -> bool:
    """Whether a text is too long to be asked for again."""
    return isinstance(value, str) and len(value.encode()) >= LONGEST


def _words(column: ColumnProfile) -> str:
    return ", ".join(
        f"{item.value!r} {item.count.estimate / max(1, column.total):.1%}"
        for item in column.frequent(3)
    )


def _g_test(x: np.ndarray, y: np.ndarray, sizes: list[int]) -> float:
    """The likelihood ratio test of two lists of counts, what is in neither list as one more."""
    table = np.array([np.append(x, sizes[0] - x.sum()), np.append(y, sizes[1] - y.sum())], float)
    table = np.maximum(table[:, table.sum(axis=0) >= FEWEST], 0)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / max(1.0, table.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(table > 0, table * np.log(table / expected), 0.0)
    return float(chi2.sf(2 * terms.sum(), max(1, table.shape[1] - 1)))


def _corrected(found: list[Change]) -> list[Change]:
    """Holm's correction of all that was tested."""
    tested = sorted((change.p, i) for i, change in enumerate(found) if change.p == change.p)
    out, floor = list(found), 0.0
    for place, (p, i) in enumerate(tested):
        floor = max(floor, min(1.0, p * (len(tested) - place)))
        out[i] = found[i]._replace(p=floor)
    return out
