"""Profile state: a table's profile in parts is that of the whole; its bytes; its edges."""

import datetime as dt
import io

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from thrifty.core import DataError, FormatError, IncompatibleError, dump
from thrifty.data import Column, Schema
from thrifty.models import profile_plan, profile_state
from thrifty.models.profile import profile
from thrifty.models.profile_ask import Ask
from thrifty.models.profile_facts import facts_of
from thrifty.models.profile_page import profile_page
from thrifty.models.profile_plan import sizes_for
from thrifty.models.profile_state import TableProfile
from thrifty.models.profile_terminal import tables

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


@pytest.fixture
def few(monkeypatch):
    """Correlations of more than four columns are estimates."""
    monkeypatch.setattr(profile_plan, "MOST_NUMBERS", 4)
    monkeypatch.setattr(profile_state, "MOST_NUMBERS", 4)


def wide(n, seed=0):
    """Six columns, of which the first and the last move together; every tenth value is missing."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n, 6)) * 10.0 ** np.arange(6) + 100
    columns[:, 5] = -3 * columns[:, 0]
    return pa.table(
        {f"c{i}": pa.array(c, mask=rng.random(n) < 0.1) for i, c in enumerate(columns.T)}
    )


def test_very_many_columns_are_estimated(few):
    """All columns are covered, parts merge within the bounds, bytes come back."""
    rows, schema = wide(900), Schema(tuple(Column(f"c{i}", "number") for i in range(6)))
    sizes = sizes_for("64 MB", ["number"] * 6)
    assert sizes.directions == 6
    empty = TableProfile(schema, sizes).look(rows.slice(0, 50))
    parts = [empty.copy().add(rows.slice(at, 300)) for at in (0, 300, 600)]
    whole = empty.merge(parts[0]).merge(parts[1]).merge(parts[2])
    best = whole.moments.correlated(1)[0]
    assert (best.first, best.second) == (0, 5)
    assert best.correlation.estimate < -0.8
    assert whole.moments.counts().tolist() == [len(rows) - c.null_count for c in rows.columns]
    assert TableProfile.from_bytes(whole.to_bytes()) == whole
    assert TableProfile(schema, sizes).merge(parts[0]) == parts[0]


def test_facts_say_what_correlations_are(few):
    """Estimates with a bound on each, or why there are none; the page and terminal say so too."""
    console = Console(file=io.StringIO(), width=400, color_system=None)
    least = profile_plan.least_for(["number"] * 6)
    assert sizes_for(least, ["number"] * 6).directions >= 6
    for memory, are in (("64 MB", "estimates"), (least - 1000, "not kept")):
        facts = facts_of(profile(wide(600), memory=memory, threads=1)) | {"title": "t"}
        assert facts["correlations_are"] == are
        assert facts["correlations_note"].startswith("Correlations of 6 numeric columns are ")
        assert facts["correlations_note"] in profile_page(facts)
        console.print(tables(facts))
        assert facts["correlations_note"] in console.file.getvalue()
        for pair in facts["correlations"]:
            assert pair["low"] <= pair["estimate"] <= pair["high"]
    assert "off by at most" in console.file.getvalue()


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
