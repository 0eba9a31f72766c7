"""Results: marks, bars and columns as a terminal shows them."""

import io

import pytest
from rich.console import Console

from thrifty.cli.results import shown

ABOUT = {
    "fields": {"title": 1.0, "text": 1.0}, "title": "title", "id": "id", "vectors": None,
    "documents": 1234, "has_vectors": False,
}  # fmt: skip


def snippet(text, spans=(), before=False, after=False):
    """As `SearchIndex.search` gives it."""
    return {"text": text, "spans": [list(span) for span in spans], "before": before, "after": after}


def row(**fields):
    """A result."""
    return {
        "id": "d7", "score": 1.25, "fields": {"id": "d7", "title": "x", "text": "y", **fields},
        "snippets": {
            "title": snippet("Red lasers", [(4, 10)]),
            "text": snippet("a laser [bold]", [(2, 7)], before=True, after=True),
        },
    }  # fmt: skip


def text_of(found, about=ABOUT, width=80, color=None):
    """What is printed."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=bool(color), color_system=color)
    for part in shown(found, about, 0.0125):
        console.print(part)
    return file.getvalue()


def test_a_result():
    """Number, title, id, score; the snippet; other columns; brackets in texts are no markup."""
    lines = text_of([row(year=2019.0, tags=["a", "b"], none=None)]).splitlines()
    assert lines[0].rstrip() == "  1  Red lasers  d7  1.250"
    assert lines[1].rstrip() == "     ... a laser [bold] ..."
    assert lines[2].rstrip() == "     year 2019   tags a, b"
    assert lines[-1] == "1 of 1,234 documents in 12.5 ms, by words"


def test_marks_are_in_colour_on_a_terminal():
    """The words that matched stand out."""
    plain = text_of([row()], color="standard")
    assert "\x1b[1;33mlaser\x1b[0m" in plain


def test_without_a_title_the_id_is_the_head():
    """An index without titles, a document without one."""
    found = row()
    found["snippets"]["title"] = snippet("")
    assert text_of([found]).splitlines()[0].rstrip() == "  1  d7  1.250"
    assert text_of([found], ABOUT | {"title": None}).splitlines()[0].rstrip() == "  1  d7  1.250"


def test_explained():
    """A bar for each part, the longest full; added words have a plus."""
    part = {"field": "text", "tf": 2, "df": 1022, "idf": 1.0, "weight": 1.0}
    parts = [
        {"part": "words", "term": "laser", "score": 1.0, **part},
        {"part": "expansion", "term": "beam", "score": 0.5, **part},
        {"part": "vectors", "score": 0.25},
    ]
    lines = [line.rstrip() for line in text_of([row() | {"explain": parts}]).splitlines()[2:5]]
    assert lines[0].split("  ")[-1] == "2 in text, 1,022 documents"
    assert [line.count("\u2588") for line in lines] == [16, 8, 4]
    assert "+beam" in lines[1]
    assert "meaning (vectors)" in lines[2]


@pytest.mark.parametrize("width", [30, 80, 200])
def test_long_values_are_cut(width):
    """Columns of long texts do not flood the screen."""
    found = text_of([row(note="long " * 200)], width=width)
    assert found.count("long") == 11 or found.count("long") == 12
    assert all(len(line) <= width for line in found.splitlines())


def test_nothing():
    """Said in one line."""
    assert text_of([]) == "nothing found in 12.5 ms, by words\n"
