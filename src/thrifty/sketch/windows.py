"""Windows: one summary a period, and of any sliding window of periods by a merge or two."""

import datetime as dt
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from thrifty.core import FormatError, Summary, method, parse_duration, taken, whole
from thrifty.sketch._dated import Rows, periods_of
from thrifty.sketch._stacks import kind_named, stacked, unstacked

__all__ = ["SlidingUnion", "Window", "Windows"]

FAR = 2**62


class Window(NamedTuple):
    """A window of periods and the summary of all that fell into it.

    Args:
        start: its first instant, UTC.
        end: the instant after its last, UTC.
        summary: of everything in between.
    """

    start: np.datetime64
    end: np.datetime64
    summary: Any


class SlidingUnion:
    """A queue of summaries and their union at any time, for at most two merges a step on average.

    Summaries that cannot be subtracted, such as maxima, leave a union only if it is made anew. Here
    those that came before some moment are kept as unions of each with all after it up to that
    moment, so the oldest goes by dropping one; those that came since are one union.

    Args:
        blank: the summary of nothing.

    Example:
        >>> from thrifty.sketch import HyperLogLog
        >>> union = SlidingUnion(HyperLogLog(8))
        >>> for day in (["ann"], ["bob"], ["ann", "cid"]):
        ...     union.push(HyperLogLog(8).add(day))
        >>> union.merged().count(), len(union)
        (3.0, 3)
        >>> union.pop()
        >>> union.pop()
        >>> union.merged().count()
        2.0
    """

    def __init__(self, blank: Summary) -> None:
        self._blank = blank
        self._old: list[Summary] = []
        self._new: list[Summary] = []
        self._since: Summary | None = None

    def __len__(self) -> int:
        return len(self._old) + len(self._new)

    def push(self, summary: Summary) -> None:
        """Let a summary in; it must not change while it is here."""
        self._new.append(summary)
        self._since = summary if self._since is None else self._since.merge(summary)

    def pop(self) -> None:
        """Let the oldest summary out.

        Raises:
            IndexError: there is none.
        """
        if not self._old:
            while self._new:
                oldest = self._new.pop()
                self._old.append(oldest.merge(self._old[-1]) if self._old else oldest)
            self._since = None
        self._old.pop()

    def merged(self) -> Summary:
        """The union of all that are here; a copy."""
        if not self._old:
            return (self._since or self._blank).copy()
        return self._old[-1].copy() if self._since is None else self._old[-1].merge(self._since)


@method(
    source="two-stack queue aggregation: Tangwongsan, Hirzel and Schneider 2017, "
    "doi:10.1145/3093742.3093925; rolling distinct counts after dsrs",
    memory="that of one summary a period, and as many again as a window has periods when asked",
    time="one summary's add a row; at most three merges a window on average",
    error="that of the summary",
    exact="a summary of the rows of each window",
    laws=("summary", "merge"),
    evidence=("windows",),
)
class Windows(Summary):
    """Keep a summary a period of time, and answer for any sliding window of periods.

    Rows may come in any order. With `keep`, only that many of the latest periods are held: older
    ones are dropped as time goes on, and a row whose period was dropped before is counted in
    `late`. Rows without a time are counted in `undated`. Periods are of UTC, counted from 1970.

    Args:
        of: an empty summary of any kind, such as `HyperLogLog(12)`.
        period: a span such as "1d" or a timedelta.
        keep: how many of the latest periods are held; None for all.

    Raises:
        TypeError: `of` is not a summary, or itself of windows; period is not a span.
        ValueError: period or keep is out of range.

    Example:
        >>> from thrifty.sketch import HyperLogLog
        >>> days = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
        >>> seen = Windows(HyperLogLog(12), "1d").add(keys=np.arange(60) % 30, times=days)
        >>> counts = [window.summary.count() for window in seen.windows("28d")]
        >>> counts[0], counts[27], counts[-1]
        (1.0, 28.0, 28.0)
    """

    KIND = "windows"

    def __init__(
        self, of: Summary, period: str | dt.timedelta = "1d", *, keep: int | None = None
    ) -> None:
        if not isinstance(of, Summary) or isinstance(of, Windows):
            raise TypeError(f"of must be a summary, and not of windows, got {of!r}")
        self._blank = of.copy()
        self.period = parse_duration(period)
        self.keep = None if keep is None else whole("keep", keep, 1, 2**31)
        self.late = self.undated = 0
        self._held: dict[int, Summary] = {}

    def add(self, keys: Any, times: Any = (), weights: Any = None) -> Self:
        """Add rows to the summaries of their periods.

        Args:
            keys: a column, or (n, d) array, as the summary's own `add` takes it.
            times: (n,) timestamps or dates, or one for all rows; nulls are counted as undated.
            weights: (n,) or one for all, as the summary's own `add` takes them; None for none.

        Raises:
            TypeError: the times are not timestamps or dates.
            ValueError: times or weights are not one a row.
        """
        rows, floor = Rows(keys, weights), self._floor()
        for start, number, there in periods_of(times, rows.length, self.period):
            self.undated += int(len(there) - there.sum())
            order, number = np.flatnonzero(there) + start, number[there]
            if (number[1:] < number[:-1]).any():
                near = number - number.min()
                near = near.astype(np.uint16) if near.max() < 2**16 else near  # a radix sort
                sort = np.argsort(near, kind="stable")
                order, number = order[sort], number[sort]
            first = int(np.searchsorted(number, floor))
            self.late += first
            for begin, end in _runs(number, first):
                rows.give(self._at(int(number[begin])), order[begin:end])
        return self

    def windows(self, length: str | dt.timedelta | int) -> Iterator[Window]:
        """Every window of that length with a row in it, by its end, period by period.

        The first windows begin before the first period, the last ends with the last period.

        Args:
            length: a span, or a number of periods.

        Returns:
            An iterator; the summaries are the caller's.

        Raises:
            TypeError: length is neither a span nor an int.
            ValueError: length is no whole number of periods, 1..2**31.
        """
        if isinstance(length, int):
            return self._slide(whole("length", length, 1, 2**31))
        count, rest = divmod(parse_duration(length, "length"), self.period)
        if rest:
            raise ValueError(f"length must be whole periods of {self.period} s, got {length!r}")
        return self._slide(whole("length", count, 1, 2**31))

    def merged(self) -> Any:
        """The summary of all periods that are held."""
        whole_time = self._blank.copy()
        for number in sorted(self._held):
            whole_time.absorb(self._held[number])
        return whole_time

    def __len__(self) -> int:
        """Number of periods that are held."""
        return len(self._held)

    @property
    def nbytes(self) -> int:
        """Bytes of all summaries."""
        return 8 * len(self._held) + sum(each.nbytes for each in self._held.values())

    def spec(self) -> dict[str, Any]:
        """Kind and spec of its summaries, its period in seconds, how many it keeps."""
        of = {"kind": self._blank.KIND, "spec": self._blank.spec()}
        return {"of": of, "period": self.period, "keep": self.keep}

    def arrays(self) -> dict[str, np.ndarray]:
        """Numbers of the periods, in order; what was not added; and the summaries' arrays."""
        numbers = sorted(self._held)
        members = stacked([self._blank, *(self._held[number] for number in numbers)])
        return {
            "periods": np.array(numbers, np.int64),
            "left": np.array([self.undated, self.late], np.int64),
            **{f"of/{name}": array for name, array in members.items()},
        }

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """The windows of a spec and arrays, checked."""
        kind = kind_named(spec["of"]["kind"])
        if issubclass(kind, Windows):
            raise FormatError("windows must not be of windows")
        period = whole("period", spec["period"], 1, FAR)
        numbers = taken(arrays, "periods", np.int64, (None,))
        left = taken(arrays, "left", np.int64, (2,))
        own = {name[3:]: array for name, array in arrays.items() if name.startswith("of/")}
        if not own or (left < 0).any() or (numbers[1:] <= numbers[:-1]).any():
            raise FormatError("periods must be in order, and counts not negative")
        if (np.abs(numbers.astype(np.float64)) * period > FAR).any():
            raise FormatError("periods must be of a calendar")
        blank, *held = unstacked(kind, spec["of"]["spec"], own, numbers.size + 1)
        made = cls(blank, dt.timedelta(seconds=period))
        made.keep = None if spec["keep"] is None else whole("keep", spec["keep"], 1, 2**31)
        made._held = dict(zip(numbers.tolist(), held, strict=True))
        made.undated, made.late = left.tolist()
        if numbers.size and numbers[0] < made._floor():
            raise FormatError(f"periods must be the latest {made.keep}")
        return made

    def _absorb(self, other: Self) -> None:
        self.undated += other.undated
        self.late += other.late
        for number, summary in sorted(other._held.items()):
            if number >= self._floor():
                self._at(number).absorb(summary)

    def _floor(self) -> int:
        """The oldest period that may be held."""
        return max(self._held) - self.keep + 1 if self.keep and self._held else -FAR

    def _at(self, number: int) -> Any:
        """The summary of a period; what is too old beside it goes."""
        if number not in self._held:
            self._held[number] = self._blank.copy()
            floor = self._floor()
            for old in [each for each in self._held if self.keep and each < floor]:
                del self._held[old]
        return self._held[number]

    def _slide(self, count: int) -> Iterator[Window]:
        union, inside = SlidingUnion(self._blank), deque[int]()
        for end in _ends(sorted(self._held), count):
            if end in self._held:
                union.push(self._held[end])
                inside.append(end)
            while inside[0] <= end - count:
                union.pop()
                inside.popleft()
            start, after = (end - count + 1) * self.period, (end + 1) * self.period
            yield Window(np.datetime64(start, "s"), np.datetime64(after, "s"), union.merged())


def _runs(number: np.ndarray, first: int) -> Iterator[tuple[int, int]]:
    """Where each run of equal numbers begins and ends, from one place on; numbers ascend."""
    if first < len(number):
        turns = np.flatnonzero(number[first + 1 :] != number[first:-1]) + first + 1
        starts = [first, *turns.tolist()]
        yield from zip(starts, [*starts[1:], len(number)], strict=True)


def _ends(numbers: Iterable[int], count: int) -> Iterator[int]:
    """Last periods of the windows that hold one of these, up to the last of these."""
    numbers = list(numbers)
    for number, following in zip(numbers, [*numbers, None][1:], strict=True):
        last = number if following is None else min(number + count - 1, following - 1)
        yield from range(number, last + 1)
