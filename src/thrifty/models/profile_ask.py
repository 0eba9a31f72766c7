"""Profile ask: what a profile is asked beside its columns: groups, and windows of time."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from thrifty.core import DataError, Interval, parse_duration
from thrifty.data.report import missing_column
from thrifty.data.schema import Schema
from thrifty.sketch import GroupBy, HyperLogLog, Windows

__all__ = ["Ask", "groups_for", "rolling", "windows_for"]

UNITS = (86_400, 3_600, 60, 1)
PERIODS = 1_100
COARSEST, FINEST, IN_GROUP, LONGEST = 6, 14, 10, 64


@dataclass(frozen=True)
class Ask:
    """What is asked.

    Args:
        by: the column of groups.
        distinct: the column whose distinct values are counted in each group and window.
        time: the column of dates that windows slide over.
        window: the length of a window, as "28d".
    """

    by: str | None = None
    distinct: str | None = None
    time: str | None = None
    window: str | None = None

    def checked(self, schema: Schema) -> "Ask":
        """Itself, if the columns are there and of the right kinds.

        Raises:
            DataError: a column is not there or holds lists, or time is no column of dates.
            ValueError: a window without time and distinct, or the other way round.
        """
        for name in (self.by, self.distinct, self.time):
            if name is not None and name not in schema.names:
                raise missing_column(name, schema.names)
            if name is not None and schema[name].kind in ("list", "sparse"):
                raise DataError(f"column {name!r} must hold one value a row, got lists")
        if (self.window is None) != (self.time is None):
            raise ValueError(
                f"window and time must be given together, got {self.window!r} and {self.time!r}"
            )
        if self.window is not None and self.distinct is None:
            raise ValueError(f"distinct must name a column where window is {self.window!r}")
        if self.distinct is not None and self.window is None and self.by is None:
            raise ValueError(f"distinct must go with by or window, got {self.distinct!r} alone")
        if self.time is not None and schema[self.time].kind != "date":
            kind = schema[self.time].kind
            raise DataError(f"column {self.time!r} must hold dates, got kind {kind!r}")
        return self

    def to_dict(self) -> dict[str, str | None]:
        """As plain texts."""
        return asdict(self)


def groups_for(ask: Ask, nbytes: int, seed: int) -> GroupBy | None:
    """Empty groups that never take more than a number of bytes; None if they are not asked.

    Args:
        ask: what is asked.
        nbytes: at most.
        seed: of the sketches.

    Raises:
        BudgetError: not even 64 groups fit.
    """
    if ask.by is None:
        return None
    return GroupBy(HyperLogLog(IN_GROUP, seed=seed), nbytes, longest=LONGEST, seed=seed)


def windows_for(ask: Ask, nbytes: int, seed: int) -> Windows | None:
    """Empty windows that never take more than a number of bytes; None if they are not asked.

    A period is a day if the window is whole days, else an hour, a minute or a second. Of
    periods, 1,100 fit (three years of days); when there are more, the oldest go.

    Args:
        ask: what is asked.
        nbytes: at most.
        seed: of the sketches.

    Raises:
        ValueError: the window is not a span of whole seconds.
    """
    if ask.window is None:
        return None
    length = parse_duration(ask.window, "window")
    period = next(unit for unit in UNITS if length % unit == 0)
    p = max(COARSEST, min(FINEST, (nbytes // PERIODS).bit_length() - 1))
    return Windows(HyperLogLog(p, seed=seed), f"{period}s", keep=max(1, nbytes // ((1 << p) + 8)))


def rolling(windows: Windows, ask: Ask, confidence: float) -> Iterator[tuple[float, Interval]]:
    """The last period of each window, and how many distinct values fell into the window.

    Args:
        windows: of `windows_for`.
        ask: what was asked.
        confidence: of the intervals.

    Returns:
        Pairs of the period's first second since 1970 (its day, if periods are days) and interval.
    """
    for window in windows.windows(ask.window or 1):
        after = int(window.end.astype("datetime64[s]").astype(np.int64))
        yield float(after - windows.period), window.summary.interval(confidence)
