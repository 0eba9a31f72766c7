"""Feeds: what each summary is fed, and refusals."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.core.test_summary import Counts
from thrifty.core import DataError
from thrifty.laws.fold import Journal
from thrifty.run import Each
from thrifty.run.feeds import Feeds

PART = "a summary, or a pair of a column and a summary"
BATCH = pa.RecordBatch.from_pydict({"a": [1, 2], "b": [30, 40]})


class Listed(Journal):
    """A journal of what `add` was given, weights and all."""

    KIND = "test-listed"

    def add(self, values, weights=None):
        """Write down values, then weights."""
        columns = values.columns if isinstance(values, pa.RecordBatch) else [values]
        for column in [*columns, *([] if weights is None else [weights])]:
            super().add(column)
        return self


def fed(into, *batches, columns=None, prepare=None):
    """What was seen by each, after some batches."""
    feeds = Feeds(into, columns, prepare)
    summaries = feeds.fresh()
    for batch in batches:
        feeds.feed(summaries, batch)
    answer = feeds.answer(summaries)
    many = answer if isinstance(answer, dict) else {"": answer}
    seen = {name: one.arrays()["seen"].tolist() for name, one in many.items()}
    return seen if isinstance(answer, dict) else seen[""]


def test_one_summary():
    """A column by its name, a batch by several, the only column or all of them by None."""
    assert fed(Listed(), BATCH, columns="b") == [30, 40]
    assert fed(Listed(), BATCH, columns=["b", "a"]) == [30, 40, 1, 2]
    assert fed(Listed(), BATCH, columns=["b"]) == [30, 40]
    assert fed(Listed(), BATCH) == [1, 2, 30, 40]
    assert fed(Listed(), BATCH.select(["b"])) == [30, 40]
    assert fed(Listed(), [5, 6], BATCH.select(["a"])) == [5, 6, 1, 2]


def test_many_summaries():
    """By column, by pair, with weights, with a function; each its own."""
    into = {
        "a": Listed(),
        "other": ("b", Listed()),
        "weighed": Each("a", Listed(), weights="b"),
        "made": Each(lambda batch: pc.add(batch["a"], batch["b"]), Listed()),
        "both": (["b", "a"], Listed()),
    }
    assert fed(into, BATCH) == {
        "a": [1, 2], "other": [30, 40], "weighed": [1, 2, 30, 40], "made": [31, 42],
        "both": [30, 40, 1, 2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("into", "columns", "prepare", "needed"),
    [
        (Counts(), "a", None, ["a"]),
        (Counts(), None, None, None),
        ({"a": Counts(), "x": Each(["b", "a"], Counts(), weights="c")}, None, None, list("abc")),
        ({"a": Counts(), "x": (len, Counts())}, None, None, None),
        ({"a": Counts(), "x": (len, Counts())}, ["d"], None, ["d"]),
        ({"a": Counts()}, None, len, None),
    ],
)
def test_only_what_is_needed_is_read(into, columns, prepare, needed):
    """The columns that are fed, unless a function may look at others."""
    assert Feeds(into, columns, prepare).columns == needed


def test_prepared():
    """A function maps, filters and flattens; one summary gets what it returns."""
    both = {"a": Listed(), "b": Listed()}
    assert fed(both, BATCH, prepare=lambda b: b.slice(1)) == {"a": [2], "b": [40]}
    assert fed(both, BATCH, prepare=lambda b: iter([b, b])) == {"a": [1, 2] * 2, "b": [30, 40] * 2}
    assert fed(both, BATCH, prepare=lambda b: None) == {"a": [], "b": []}
    assert fed(Listed(), BATCH, columns="a", prepare=lambda b: b["b"]) == [30, 40]


@pytest.mark.parametrize(
    ("into", "error", "message"),
    [
        (3, TypeError, "into must be a summary, or summaries by name, got 3"),
        ({}, ValueError, "into must name at least one summary, got {}"),
        ({"a": 3}, TypeError, f"into['a'] must be {PART}, got 3"),
        ({"a": ("b",)}, TypeError, f"into['a'] must be {PART}, got ('b',)"),
    ],
)  # fmt: skip
def test_refused(into, error, message):
    """What is no summary."""
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        Feeds(into, None, None)


def test_columns_that_are_not_there():
    """A name that was prepared away, and a name where there are no columns."""
    with pytest.raises(DataError, match=r"^column 'c' not found; columns: a, b$"):
        fed({"c": Counts()}, BATCH)
    with pytest.raises(DataError, match=r"^column 'a' not found; columns: none$"):
        fed({"a": Counts()}, [1, 2])
