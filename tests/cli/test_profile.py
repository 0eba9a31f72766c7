"""Profile on the command line: JSON, a table, a page, merging, and what is refused."""

import json

import numpy as np
import pytest

from thrifty.cli import main


@pytest.fixture
def table(tmp_path):
    """A CSV file of events over 40 days, one row broken."""
    rng = np.random.default_rng(0)
    days = np.datetime64("2024-01-01") + np.sort(rng.integers(0, 40, 600))
    rows = [f"u{rng.integers(0, 90)},{day},{rng.normal():.3f}" for day in days]
    path = tmp_path / "events.csv"
    path.write_text("\n".join(["user,day,amount", *rows, "broken"]))
    return path


def test_json_is_one_object(table, capsys):
    """Rows, columns with their parts, and windows when asked; progress is on stderr."""
    asked = ["--window", "7d", "--time", "day", "--distinct", "user", "--threads", "1"]
    assert main(["profile", str(table), *asked, "--json"]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert found["rows"] == 600
    assert set(found["columns"]) == {"user", "day", "amount"}
    user = found["columns"]["user"]
    assert {"type", "missing", "distinct", "frequent", "quantiles"} <= set(user)
    assert set(user["distinct"]) == {"estimate", "low", "high"}
    assert set(user["frequent"][0]) == {"value", "count", "low", "high"}
    assert [set(window) >= {"end", "distinct"} for window in found["windows"]] == [True] * 40
    assert found["windows"][-1]["end"] == "2024-02-09"
    assert "rows with a wrong number of fields: 1 (such as" in shown.err


def test_a_table_and_a_page(table, tmp_path, capsys):
    """For people: a table on stdout, a page where it was asked for."""
    page = tmp_path / "p.html"
    assert main(["profile", str(table), "--out", str(page), "--threads", "1"]) == 0
    shown = capsys.readouterr()
    assert "events.csv: 600 rows, 3 columns" in shown.out
    assert f"page    {page}" in shown.err
    assert page.read_text().startswith("<!doctype html>")


def test_saved_profiles_merge(table, tmp_path, capsys):
    """Two saved profiles are one of twice the rows."""
    kept = str(tmp_path / "a.profile")
    assert main(["profile", str(table), "--save", kept, "--threads", "1", "--json"]) == 0
    capsys.readouterr()
    assert main(["profile", "--merge", kept, kept, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 1_200
    assert found["duplicates"]["estimate"] == 1_200


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "files must name at least one file, got none"),
        (["gone.csv"], "gone.csv"),
        (["FILE", "--memory", "1kB"], "memory must be at least"),
        (["FILE", "--memory", "much"], 'memory must be a size such as "512 MB"'),
        (["FILE", "--window", "7d"], "window and time must be given together"),
        (["FILE", "--time", "amount", "--window", "7d", "--distinct", "user"],
         "column 'amount' must hold dates, got kind 'number'"),
        (["FILE", "--by", "usr"], "column 'usr' not found; near: user"),
        (["--merge", "FILE"], "not a thrifty file"),
        (["FILE", "--strict"], "rows with a wrong number of fields"),
    ],
)  # fmt: skip
def test_refusals(table, capsys, words, message):
    """One line on stderr, status 2, nothing on stdout."""
    given = [str(table) if word == "FILE" else word for word in words]
    assert main(["profile", *given, "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.err.splitlines()[-1].startswith("thrifty: ")
    assert message in shown.err
    assert shown.out == ""
