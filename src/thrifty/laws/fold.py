"""Laws of folds: a factory without arguments gives a function, fold or fold_by.

fold(source, into, partition=) folds a list of batches (lists of integers) into an empty summary;
fold_by(source, key, into) folds rows (dicts) to a result with `to_table`. Each law raises
AssertionError if broken.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from thrifty.core import Summary, taken

__all__ = ["LAWS", "Journal", "Tally"]

Make = Callable[[], Callable[..., Any]]
BATCHES = st.lists(st.lists(st.integers(0, 2**40), max_size=30), max_size=50)
SIZES = st.sampled_from((1, 1000, 5000, 10**9))
checked = settings(deadline=None, max_examples=20, derandomize=True)


class Tally(Summary):
    """How many integers have each remainder: it does not matter how the stream is cut.

    Example:
        >>> Tally().add([1, 9, 2]).arrays()["counts"].tolist()
        [0, 2, 1, 0, 0, 0, 0, 0]
    """

    KIND = "law-tally"

    def __init__(self) -> None:
        self._counts = np.zeros(8, np.int64)

    def spec(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """The counts."""
        return {"counts": self._counts}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """From the counts."""
        made = cls()
        made._counts = taken(arrays, "counts", np.int64, (8,))
        return made

    def add(self, keys: Any) -> Self:
        """Count integers."""
        np.add.at(self._counts, np.asarray(keys, np.int64) % 8, 1)
        return self

    def _absorb(self, other: Self) -> None:
        self._counts += other._counts


class Journal(Summary):
    """All integers in the order they came: it matters which part is merged after which.

    Example:
        >>> Journal().add([3]).merge(Journal().add([1, 2])).arrays()["seen"].tolist()
        [3, 1, 2]
    """

    KIND = "law-journal"

    def __init__(self) -> None:
        self._seen = np.zeros(0, np.int64)

    def spec(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """What was seen."""
        return {"seen": self._seen}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """From what was seen."""
        made = cls()
        made._seen = taken(arrays, "seen", np.int64, (None,))
        return made

    def add(self, keys: Any) -> Self:
        """Write integers down."""
        self._seen = np.append(self._seen, np.asarray(keys, np.int64))
        return self

    def _absorb(self, other: Self) -> None:
        self._seen = np.append(self._seen, other._seen)


def _whole(into: Any, batches: list[list[int]]) -> bytes:
    for batch in batches:
        into.add(batch)
    return into.to_bytes()


def partitions_do_not_matter(make: Make) -> None:
    """A fold in partitions of any size is the summary that was fed everything, byte for byte."""

    @checked
    @given(BATCHES, SIZES)
    def check(batches: list[list[int]], size: int) -> None:
        assert make()(batches, Tally(), partition=size).to_bytes() == _whole(Tally(), batches)

    check()


def order_is_kept(make: Make) -> None:
    """Partitions are merged in the order of the source, whichever was done first."""

    @checked
    @given(BATCHES, SIZES)
    def check(batches: list[list[int]], size: int) -> None:
        assert make()(batches, Journal(), partition=size).to_bytes() == _whole(Journal(), batches)

    check()


def into_stays_empty(make: Make) -> None:
    """What is given to be filled does not change; the answer is another."""

    @checked
    @given(BATCHES)
    def check(batches: list[list[int]]) -> None:
        blank = Tally()
        make()(batches, blank)
        assert blank.to_bytes() == Tally().to_bytes()

    check()


def many_are_fed_as_one(make: Make) -> None:
    """Summaries fed in one pass are those fed alone."""

    @checked
    @given(BATCHES, SIZES)
    def check(batches: list[list[int]], size: int) -> None:
        both = make()(batches, {"a": (None, Tally()), "b": (None, Journal())}, partition=size)
        assert both["a"].to_bytes() == make()(batches, Tally()).to_bytes()
        assert both["b"].to_bytes() == make()(batches, Journal()).to_bytes()

    check()


ROWS = st.lists(
    st.fixed_dictionaries({"k": st.text("ab\u00e9", max_size=2), "v": st.integers(-9, 9)}),
    max_size=60,
)
ANSWERS = {"n": "count", "s": ("v", "sum"), "m": ("v", "max"), "d": ("v", "distinct")}


def _answers(make: Make, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = make()(rows, "k", ANSWERS).to_table().to_pylist()
    return [{**row, "d": sorted(row["d"])} for row in found]


def each_key_has_its_answer(make: Make) -> None:
    """The answers are those of a dictionary, sorted by key."""

    @checked
    @given(ROWS)
    def check(rows: list[dict[str, Any]]) -> None:
        kept: dict[str, list[int]] = {}
        for row in rows:
            kept.setdefault(row["k"], []).append(row["v"])
        assert _answers(make, rows) == [
            {"k": k, "n": len(v), "s": sum(v), "m": max(v), "d": sorted(set(v))}
            for k, v in sorted(kept.items())
        ]

    check()


def order_of_rows_does_not_matter(make: Make) -> None:
    """Rows from last to first give the same answers."""

    @checked
    @given(ROWS)
    def check(rows: list[dict[str, Any]]) -> None:
        assert _answers(make, rows) == _answers(make, rows[::-1])

    check()


LAWS: dict[str, tuple[Callable[..., None], ...]] = {
    "fold": (partitions_do_not_matter, order_is_kept, into_stays_empty, many_are_fed_as_one),
    "keyed": (each_key_has_its_answer, order_of_rows_does_not_matter),
}
