"""Profile terminal: empty tables, long names, and many windows."""

import io

from rich.console import Console

from thrifty.models.profile_terminal import tables

NONE = {"estimate": 0, "low": 0, "high": 0}
EMPTY = {
    "title": "t", "rows": 0, "columns": {}, "state_bytes": 10, "duplicates": NONE,
    "near_duplicates": NONE,
}  # fmt: skip


def shown(facts):
    """What a terminal of 120 characters shows."""
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(tables(facts))
    return console.file.getvalue()


def test_nothing_is_shown_as_nothing():
    """A table without columns has a heading and an empty table."""
    assert shown(EMPTY).startswith("t: 0 rows, 0 columns  (state 10 B)")


def test_many_windows_are_thinned():
    """Three hundred windows take at most 30 lines."""
    windows = [{"end": f"day {i}", "distinct": NONE} for i in range(300)]
    assert shown(EMPTY | {"windows": windows}).count("day ") == 30


def test_long_names_are_cut():
    """A name is shown with at most 36 characters."""
    column = {
        "type": "text", "rows": 2, "missing": 1, "unreadable": 0, "distinct": NONE, "frequent": [],
    }  # fmt: skip
    text = shown(EMPTY | {"columns": {"x" * 50: column}})
    assert "x" * 33 + "..." in text
    assert "50.0%" in text
