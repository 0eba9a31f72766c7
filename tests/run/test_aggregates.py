"""Aggregates: of any cut of the rows, the answers of the whole."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.core import DataError
from thrifty.laws.fold import Journal
from thrifty.run.aggregates import Aggregates

INTO = {
    "n": "count", "c": ("v", "count"), "s": ("v", "sum"), "lo": ("v", "min"), "hi": ("v", "max"),
    "all": ("v", "list"), "some": ("v", "distinct"), "any": ("b", "any"), "every": ("b", "all"),
    "again": ("v", "sum"),
}  # fmt: skip
VALUES = st.one_of(st.none(), st.integers(-3, 3))
ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), VALUES, st.booleans()), max_size=30)


def table(rows):
    """Rows as a table."""
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    types = (pa.string(), pa.int64(), pa.bool_())
    arrays = [pa.array(c, t) for c, t in zip(columns, types, strict=True)]
    return pa.table(arrays, names=["k", "v", "b"])


def expected(rows):
    """The answers, by hand."""
    kept = {}
    for k, v, b in rows:
        kept.setdefault(k, []).append((v, b))
    found = []
    for k in sorted(kept, key=lambda k: (k is None, k or "")):
        every = [v for v, _ in kept[k]]
        v = [value for value in every if value is not None]
        b = [flag for _, flag in kept[k]]
        row = {
            "k": k, "n": len(every), "c": len(v), "s": sum(v) if v else None,
            "lo": min(v, default=None), "hi": max(v, default=None), "all": sorted(map(str, every)),
            "some": sorted(map(str, set(v))), "any": any(b), "every": all(b),
            "again": sum(v) if v else None,
        }  # fmt: skip
        found.append(row)
    return found


@given(ROWS, ROWS, ROWS)
def test_parts_are_the_whole(one, two, three):
    """Combined once or twice, empty parts too."""
    kept = Aggregates(["k"], INTO)
    parts = [pa.concat_tables(kept.of(table(rows))) for rows in (one, two, three)]
    both = kept.combined(pa.concat_tables(parts[:2]))
    found = kept.sorted(pa.concat_tables([both, parts[2]])).to_pylist()
    for row in found:
        row["all"], row["some"] = sorted(map(str, row["all"])), sorted(map(str, row["some"]))
    assert found == expected(one + two + three)


def test_several_keys_and_dictionaries():
    """A key of two columns; columns with dictionaries that differ between batches."""
    kept = Aggregates(["a", "b"], {"n": "count"})
    batches = [
        pa.table({"a": pa.array(a).dictionary_encode(), "b": [1, 1, 2]})
        for a in (["x", "y", "x"], ["z", "x", "y"])
    ]
    found = kept.sorted(
        pa.concat_tables(part for batch in batches for part in kept.of(batch))
    ).to_pylist()
    want = [("x", 1, 2), ("x", 2, 1), ("y", 1, 1), ("y", 2, 1), ("z", 1, 1)]
    assert [tuple(row.values()) for row in found] == want


def test_summaries_and_what_they_read():
    """Tables end once their summaries are as large as was said; a function reads all columns."""
    rows = table([(key, at, True) for at, key in enumerate("abca" * 5)])
    kept = Aggregates(["k"], {"n": "count", "v": ("v", Journal())})
    parts = list(kept.of(rows, most=1))
    assert [part["n"].to_pylist() for part in parts] == [[10], [5], [5]]
    assert kept.columns == ["k", "v"]
    assert kept.kinds == {"v": Journal}
    assert Aggregates(["k"], {"v": (len, Journal())}).columns is None
    assert list(kept.of(rows.slice(0, 0))) == []
    again = kept.sorted(pa.concat_tables([*parts, *kept.of(rows)]))
    seen = Journal.from_bytes(again["v"][1].as_py()).arrays()["seen"].tolist()
    assert seen == [1, 5, 9, 13, 17] * 2
    with pytest.raises(TypeError, match=r"^into\['v'\] must make a summary, got \[\]$"):
        Aggregates(["k"], {"v": ("v", list)})


@pytest.mark.parametrize(
    ("into", "message"),
    [
        ({}, "into must name at least one answer, got {}"),
        ({"n": "sum"}, "into['n'] must be one of count, got 'sum'"),
        (
            {"n": ("v", "mean")}, "into['n'] must be one of count, sum, min, max, any, all, list, "
            "distinct, got 'mean'",
        ),
        ({"k": "count"}, "names of into must not be those of keys, got 'k'"),
    ],
)  # fmt: skip
def test_refused(into, message):
    """What is not known."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Aggregates(["k"], into)


def test_a_column_that_is_not_there():
    """The names that are there are shown."""
    with pytest.raises(DataError, match=r"^column 'w' not found; columns: k, v, b$"):
        next(Aggregates(["k"], {"s": ("w", "sum")}).of(table([])))
