"""Profile state: a table's profile in parts is that of the whole; its bytes; its edges."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError, FormatError, IncompatibleError, dump
from thrifty.data import Column, Schema
from thrifty.models.profile_ask import Ask
from thrifty.models.profile_plan import sizes_for
from thrifty.models.profile_state import TableProfile

SCHEMA = Schema(
    (
        Column("user", "category"),
        Column("age", "number"),
        Column("seen", "date", format="iso"),
        Column("tags", "list", separator="|"),
        Column("note", "text"),
    )
)
SIZES = sizes_for("8 MB", ["text"] * 5, windows=True)
ASK = Ask(None, "user", "seen", "7d")


def rows(n, seed=0):
    """Raw rows as a CSV gives them: all texts, some that cannot be read."""
    rng = np.random.default_rng(seed)
    day = dt.date(2020, 1, 1)
    return pa.RecordBatch.from_pydict(
        {
            "user": [f"u{i}" for i in rng.integers(0, 50, n)],
            "age": [str(i) if i else "old" for i in rng.integers(0, 90, n)],
            "seen": [str(day + dt.timedelta(int(i))) for i in rng.integers(0, 40, n)],
            "tags": rng.choice(["a|b", "b", "c|a|b"], n).tolist(),
            "note": [f"some words about thing {i}" for i in rng.integers(0, 20, n)],
        }
    )


def made(batch=None):
    """A profile of these rows."""
    profile = TableProfile(SCHEMA, SIZES, ask=ASK, seed=3)
    return profile if batch is None else profile.add(batch)


def test_parts_are_the_whole():
    """Counts, distinct and frequent values, twins and windows do not depend on the cut."""
    batch = rows(2_000)
    whole = made(batch)
    parts = made(batch.slice(0, 700)).merge(made(batch.slice(700)))
    assert parts.rows == whole.rows == 2_000
    assert parts.same == whole.same
    assert parts.near == whole.near
    assert parts.windows == whole.windows
    for name in whole.columns:
        assert parts.columns[name].counts == whole.columns[name].counts
        assert parts.columns[name].distinct == whole.columns[name].distinct
        assert parts.columns[name].frequent(3) == whole.columns[name].frequent(3)
    np.testing.assert_allclose(parts.moments.correlations(), whole.moments.correlations())


def test_what_is_told_is_exact_where_it_is_small():
    """Against plain Python on the same rows."""
    batch = rows(500)
    profile = made(batch)
    ages = batch["age"].to_pylist()
    assert profile.columns["age"].counts["unreadable"] == ages.count("old")
    assert profile.columns["age"].counts["missing"] == ages.count("old")
    assert profile.columns["user"].distinct.count() == len(set(batch["user"].to_pylist()))
    assert profile.numbers == ["age", "seen"]
    assert profile.columns["tags"].frequent(1)[0].value == "b"


def test_bytes_come_back():
    """A profile returns from its bytes, goes on, and a copy is apart."""
    profile = made(rows(300))
    before = profile.to_bytes()
    twin = TableProfile.from_bytes(before)
    assert twin == profile
    profile.copy().add(rows(10, 1))
    assert profile.to_bytes() == before
    assert twin.add(rows(50, 2)) == profile.add(rows(50, 2))


def test_nothing_is_neutral():
    """No rows, from a list or a table, change nothing."""
    profile = made(rows(100))
    before = profile.to_bytes()
    assert profile.add([]).add(rows(0)).merge(made()).to_bytes() == before
    assert made().merge(profile).to_bytes() == before


def test_rows_may_be_dicts():
    """A list of dicts is a batch; what a row lacks is missing."""
    profile = made([{"user": "a", "age": "7"}, {"user": "b"}])
    assert profile.rows == 2
    assert profile.columns["age"].counts["missing"] == 1


def test_refusals():
    """Another schema does not merge; a column that is not there; bytes that lie or are cut."""
    other = TableProfile(SCHEMA.select(["user", "age"]), SIZES)
    with pytest.raises(IncompatibleError, match=r"^cannot merge TableProfile\(schema="):
        made().merge(other)
    with pytest.raises(DataError, match=r"^column 'note' not found"):
        made(rows(3).drop_columns(["note"]))
    with pytest.raises(ValueError, match=r"^window and time must be given together"):
        TableProfile(SCHEMA, SIZES, ask=Ask(window="7d"))
    profile = made(rows(5))
    arrays = profile.arrays() | {"rows": np.array([6], np.int64)}
    lies = dump(kind="table-profile", version=1, header=profile.spec(), arrays=arrays)
    with pytest.raises(FormatError, match=r"^columns of a profile must have its 6 rows each$"):
        TableProfile.from_bytes(lies)
    with pytest.raises(FormatError):
        TableProfile.from_bytes(profile.to_bytes()[:-1])
