"""Snippets: the best part, marked and escaped."""

import pytest

from thrifty.index import Analyzer
from thrifty.index.snippets import snippet

TEXT = "Nothing here. " * 30 + "A <b>laser</b> heats the red wall. " + "Nothing at all. " * 30


def test_the_best_part_is_shown():
    """The part holds all words of the query, is of the length asked, and is the text's own."""
    found = snippet(TEXT, "red lasers", Analyzer(), length=80)
    assert found.text in TEXT
    assert len(found.text) <= 80
    assert [found.text[a:b] for a, b in found.spans] == ["laser", "red"]
    assert found.before
    assert found.after
    assert "&lt;b&gt;<mark>laser</mark>&lt;/b&gt;" in found.html()
    assert "**laser**" in str(found)


def test_without_a_match_the_text_begins():
    """No match shows the beginning; no text shows nothing; beginnings match as well."""
    assert snippet(TEXT, "zebra", Analyzer(), length=30).text.startswith("Nothing here.")
    assert snippet("", "zebra", Analyzer()).text == ""
    assert snippet("computation", "", Analyzer(), beginnings=["comp"]).spans == ((0, 11),)


def test_refusal():
    """A length below 20 is refused."""
    with pytest.raises(ValueError, match=r"^length must be in 20\.\.\d+, got 5$"):
        snippet("x", "y", Analyzer(), length=5)
