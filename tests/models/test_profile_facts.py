"""Profile facts: what is told of each kind, ready for JSON, and odd values."""

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import Interval
from thrifty.models.profile import profile
from thrifty.models.profile_facts import facts_of, interval_facts, moment_text

DAY = dt.datetime(2020, 1, 1)


@pytest.fixture(scope="module")
def facts():
    """Facts of a table with a column of each kind."""
    rng = np.random.default_rng(0)
    n = 4_000
    table = pa.table(
        {
            "n": pa.array(np.append(rng.standard_normal(n - 1), 99.0), mask=rng.random(n) < 0.1),
            "twice": np.repeat(rng.standard_normal(n // 2), 2),
            "city": rng.choice(["Rome", "Oslo"], n),
            "day": [DAY + dt.timedelta(int(i)) for i in np.sort(rng.integers(0, 60, n))],
            "tags": [["a"] if i % 2 else ["a", "b"] for i in range(n)],
            "note": [f"these are the words of note {i} and no other one" for i in range(n)],
            "none": pa.nulls(n, pa.string()),
        }
    )
    asked = {"time": "day", "window": "7d", "distinct": "city", "by": "day"}
    return facts_of(profile(table, memory="64 MB", threads=1, **asked))


def test_facts_are_json(facts):
    """All is plain numbers and texts."""
    assert json.loads(json.dumps(facts)) == facts


def test_each_kind_tells_its_own(facts):
    """Types, quantiles, frequent values and what is measured."""
    columns = facts["columns"]
    kinds = {name: column["type"] for name, column in columns.items()}
    assert kinds == {
        "n": "number", "twice": "number", "city": "category", "day": "date", "tags": "list",
        "note": "text", "none": "category",
    }  # fmt: skip
    assert columns["n"]["quantiles"]["1"] == 99.0
    assert [item["value"] for item in columns["n"]["outliers"]] == [99.0]
    assert columns["day"]["quantiles"]["0"] == "2020-01-01"
    assert columns["tags"]["frequent"][0] == {
        "value": "a",
        "count": 4000,
        "low": 4000,
        "high": 4000,
    }
    assert columns["city"]["distinct"] == {"estimate": 2, "low": 2, "high": 2}
    assert columns["none"]["missing"] == 4_000
    assert "quantiles" not in columns["none"]
    assert sum(columns["tags"]["histogram"]["counts"]) == pytest.approx(4_000)
    assert columns["tags"]["histogram"]["edges"][:3] == [0.5, 1.5, 2.5]


def test_rows_and_windows_are_told(facts):
    """Rows, twins, correlations and windows."""
    assert facts["rows"] == 4_000
    assert facts["duplicates"]["estimate"] == 0
    assert {tuple(pair["columns"]) for pair in facts["correlations"]} >= {("n", "twice")}
    assert facts["windows"][0] == {
        "end": "2020-01-01", "end_seconds": 1577836800.0,
        "distinct": {"estimate": 2, "low": 2, "high": 2},
    }  # fmt: skip
    assert facts["windows_mean"] == 2.0
    assert facts["windows_late"] == 0


def test_groups_are_told(facts):
    """Sixty days of about as many rows, two cities each; nobody is left out."""
    by = facts["by"]
    assert by["column"] == "day"
    assert len(by["groups"]) == 60
    assert sum(group["rows"] for group in by["groups"]) == 4_000
    assert by["groups"][0]["distinct"] == {"city": {"estimate": 2, "low": 2, "high": 2}}
    assert by["others"] == {"rows": 0, "missing": 0}


def test_ends_are_rounded_outwards():
    """An interval never gets narrower by rounding."""
    assert interval_facts(Interval(1.5, 1.4, 1.6)) == {"estimate": 2, "low": 1, "high": 2}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "1970-01-01"), (90.0, "1970-01-01 00:01:30"), (1e18, "1e+18 s"), (-1e18, "-1e+18 s")],
)
def test_moments_are_texts(seconds, text):
    """What no calendar holds is told in seconds."""
    assert moment_text(seconds) == text
