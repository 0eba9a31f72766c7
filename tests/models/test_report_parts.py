"""Report parts: a page stands alone; what is empty is left out; numbers are readable."""

import pytest

from thrifty.models.report_markup import element
from thrifty.models.report_parts import document, folded, section, shown, skipped, table


def test_a_document_has_what_it_is_given():
    """Title, subtitle, tiles, notices and sections are there; what is None is not."""
    tile = {"name": "rows", "value": "7", "note": "of 8"}
    page = document("T", [None, element("p", "x")], subtitle="S", tiles=[tile], notices=["N"])
    for text in ("<h1>T</h1>", "S</p>", "<dt>rows</dt>", "of 8", 'class="notice">N', "<p>x</p>"):
        assert text in page
    assert 'class="lead"' not in document("T", [])


def test_an_empty_section_is_nothing():
    """A heading without anything under it is not shown."""
    assert section("T", []) is None
    assert section("T", [None]) is None
    assert section("T", [element("p", "x")]) == "<section><h2>T</h2><p>x</p></section>"
    assert folded("T", element("p", "x")).startswith("<details><summary>T</summary>")


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567, "1,234,567"), (0.123456, "0.1235"), (float("nan"), "-"), (True, True), ("a", "a")],
)
def test_numbers_are_readable(value, text):
    """Whole numbers have separators, others four digits, what is not finite a dash."""
    assert shown(value) == text


def test_a_table_has_heads_for_rows_and_columns():
    """The first column heads its rows; numbers stand to the right."""
    made = table("C", ["a", "b"], [("x", 1), ("y", "z")])
    assert made.count('scope="col"') == made.count('scope="row"') == 2
    assert made.count('class="number"') == 1


def test_what_was_skipped_is_shown():
    """Unknown says nothing, nothing says so, and something says how often."""
    assert skipped(None) == []
    assert "Nothing was skipped" in skipped({})[0]
    assert "<b>1,000</b>" in skipped({"bad": {"count": 1000, "examples": ["line 1"]}})[0]
