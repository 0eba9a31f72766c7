"""Profile column: its laws, its exact parts against NumPy, each kind, its edges."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.core import FormatError, IncompatibleError
from thrifty.laws import LAWS
from thrifty.models.profile_column import ColumnProfile

SMALL = {"p": 6, "slots": 8, "k": 16, "seed": 7}
TEXTS = st.none() | st.text(max_size=5)
KINDS = {
    "text": TEXTS,
    "category": TEXTS,
    "number": st.none() | st.integers(-50, 50).map(float),
    "date": st.none() | st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1)),
    "list": st.none() | st.lists(TEXTS, max_size=3),
}


@pytest.mark.parametrize("law", LAWS["summary"], ids=lambda law: law.__name__)
def test_law(law):
    """A profile keeps the laws of summaries; lists take the longest way through it."""
    law(lambda: ColumnProfile("list", **SMALL), KINDS["list"])


@given(st.data(), st.sampled_from(list(KINDS)))
def test_bytes_of_each_kind_come_back(data, kind):
    """What was added is there after a journey as bytes, whatever the kind."""
    column = ColumnProfile(kind, **SMALL).add(data.draw(st.lists(KINDS[kind], max_size=9)))
    assert ColumnProfile.from_bytes(column.to_bytes()) == column


@pytest.mark.parametrize("cuts", [[], [1], [300, 500]])
def test_counts_moments_and_ends_are_exact(cuts):
    """In any parts, what is counted is NumPy's."""
    rng = np.random.default_rng(2)
    values = rng.integers(-20, 20, 1000) * 0.5
    mask = rng.random(1000) < 0.1
    merged = ColumnProfile("number", **SMALL)
    for part in np.split(np.arange(1000), cuts):
        merged.absorb(
            ColumnProfile("number", **SMALL).add(pa.array(values[part], mask=mask[part]), 3)
        )
    kept = values[~mask]
    assert merged.counts == {
        "rows": 1000, "missing": mask.sum(), "unreadable": 3 * (len(cuts) + 1),
        "zeros": (kept == 0).sum(), "negative": (kept < 0).sum(),
    }  # fmt: skip
    assert merged.mean == pytest.approx(kept.mean())
    assert merged.deviation == pytest.approx(kept.std(ddof=1))
    distinct = np.unique(kept).tolist()
    assert merged.ends == (distinct[:8], distinct[-8:])


def test_texts_are_measured_in_characters():
    """Lengths, distinct and frequent values of texts."""
    texts = ColumnProfile("text").add(pa.array(["a", "bb", "bb", None, "\u00e9\u00e9\u00e9"]))
    assert texts.values.quantile(1).estimate == 3
    assert texts.distinct.count() == 3
    assert texts.frequent(1)[0].value == "bb"


def test_lists_are_measured_in_items():
    """Lengths are of lists, distinct and frequent values of their items."""
    lists = ColumnProfile("list").add(pa.array([["x", "y"], ["x"], [], None]))
    assert lists.counts["missing"] == 1
    assert [lists.values.quantile(q).estimate for q in (0, 1)] == [0, 2]
    assert lists.frequent(1)[0].value == "x"
    assert lists.total == 3


def test_dates_are_measured_in_seconds():
    """Quantiles are seconds since 1970; frequent values are moments."""
    dates = ColumnProfile("date").add([dt.datetime(1970, 1, 2), dt.datetime(1970, 1, 1)])
    assert [dates.values.quantile(q).estimate for q in (0, 1)] == [0, 86_400]
    assert {item.value for item in dates.frequent()} == {
        dt.datetime(1970, 1, 1), dt.datetime(1970, 1, 2),
    }  # fmt: skip


def test_bounds_hold_the_counts():
    """The least and the most that values were there."""
    column = ColumnProfile("category", slots=4).add(["a"] * 50 + ["b"] * 20 + list("cdefghijk"))
    low, high = column.bounds(["a", "b", "never"])
    assert low[0] <= 50 <= high[0]
    assert low[1] <= 20 <= high[1]
    assert low[2] == 0


def test_an_empty_column_says_so():
    """No values: no mean, no frequent value, no ends."""
    empty = ColumnProfile("number").add(pa.array([None, None], pa.float64()))
    assert np.isnan([empty.mean, empty.deviation]).all()
    assert empty.frequent() == []
    assert empty.ends == ([], [])


def test_refusals():
    """A kind that is none, sizes that differ, bytes that are cut."""
    with pytest.raises(ValueError, match=r"^kind must be one of text, category, .*, got 'sound'$"):
        ColumnProfile("sound")
    with pytest.raises(ValueError, match=r"^k must be in "):
        ColumnProfile("text").frequent(0)
    with pytest.raises(IncompatibleError, match=r"^cannot merge ColumnProfile\(kind='text'"):
        ColumnProfile("text").merge(ColumnProfile("category"))
    with pytest.raises(FormatError):
        ColumnProfile.from_bytes(b"")
