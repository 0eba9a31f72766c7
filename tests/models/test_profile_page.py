"""Profile page and terminal: every part is there, nothing of the data is markup."""

import io
import re

import pyarrow as pa
import pytest
from rich.console import Console

from thrifty.models.profile import profile
from thrifty.models.profile_facts import facts_of
from thrifty.models.profile_page import profile_page
from thrifty.models.profile_terminal import tables

NASTY = "<img src=x onerror=alert(1)>[red]"
ABOUT = {"estimate": 3, "low": 2, "high": 4}
EXTRA = {
    "title": NASTY, "memory": 64_000_000, "seconds": 1.5,
    "skipped": {NASTY: {"count": 2, "examples": [NASTY]}},
    "windows": [
        {"end": "1970-01-02", "end_seconds": 86_400.0 * i, "distinct": ABOUT}
        for i in (1, 2)
    ],
    "by": {
        "column": NASTY, "others": {"rows": 3},
        "groups": [{"value": NASTY, "rows": 5, "distinct": {NASTY: ABOUT}}],
    },
    "changes": {
        "sentence": "2 columns differ.", "phrases": {"t": [{"phrase": NASTY, "count": 7}]},
        "found": [
            {"column": NASTY, "what": "values", "before": NASTY, "after": "b", "distance": 0.5,
             "p": float("nan")}
        ],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def facts():
    """Facts of a small table, with a name and values that are like markup."""
    columns = {NASTY: [NASTY, NASTY, "b", None] * 9, "n": [1.0, 2.0, 3.0, 400.0] * 9}
    return facts_of(profile(pa.table(columns), memory="8 MB", threads=1)) | EXTRA


def test_the_page_has_every_part(facts):
    """A section for each part, a chart for each column, nothing from elsewhere."""
    page = profile_page(facts)
    for title in ("What changed", "Columns", "Over time", "Groups", "Rows that are there again",
                  "Rows and values that were skipped"):  # fmt: skip
        assert f"<h2>{title}</h2>" in page
    assert page.count("<svg") == 5
    assert not re.search(r"https?:|url\((?!#)|@import|<script|<img", page)


def test_the_page_of_nothing():
    """No rows and no columns are a page too."""
    assert "<h1>empty</h1>" in profile_page({"title": "empty", "rows": 0, "columns": {}})


@pytest.mark.parametrize("width", [80, 140])
def test_the_terminal_shows_it_as_text(facts, width):
    """Square brackets are no commands; each part is there; a narrow one is shown less."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(tables(facts, width))
    text = console.file.getvalue()
    assert "[red]" in text
    for part in ("36 rows, 2 columns", "2 columns differ.", "window ends", "equal one"):
        assert part in text
    assert ("95 %" in text) == (width == 140)
