"""Snippets: the best part, marked and escaped."""

import numpy as np
import pytest

from thrifty.text import Analyzer
from thrifty.text.snippets import Snippet, snippet, snippets

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


def test_many_texts_show_what_each_shows():
    """Marked words are those whose terms the query has, wherever characters are of many bytes."""
    rng, analyzer = np.random.default_rng(0), Analyzer()
    words = ["laser", "Lasers", "na\u00efve", "\u0394x", "the", "\U0001f600", "\ufb01ne", "x_1"]
    words += ["", "stra\u00dfe", "\udc80", "e\u0301t\u00e9", "12", "lasering-laser", "I\u0307x"]
    texts = [" ".join(rng.choice(words, rng.integers(9))) for _ in range(200)]
    query = "laser na\u00efve fine the x_1 \u00e9t\u00e9"
    terms = set(analyzer.tokens(query))
    made = snippets(texts, query, analyzer, length=1000, beginnings=["stra"])
    for text, found in zip(texts, made, strict=True):
        spans = [(a, b) for a, b, t in analyzer.spans(text) if t in terms or t.startswith("stra")]
        assert found == Snippet(text, tuple(spans))
    assert sum(len(found.spans) for found in made) > 200
    assert snippets([], query, analyzer) == []
    assert [str(found) for found in snippets(["", "a laser"], "", analyzer)] == ["", "a laser"]


def test_the_densest_stretch_wins():
    """Most different words come first, then most words, then the first stretch."""
    text = "aa bb " + "z " * 40 + "aa aa bb " + "z " * 40 + "aa bb cc " + "z " * 40 + "bb cc aa"
    plain = Analyzer(stem=False, stop=False)
    assert snippet(text, "aa bb cc", plain, length=20).text.strip() == "z z aa bb cc z z"
    found = snippet(text, "aa bb", plain, length=20)
    assert [found.text[a:b] for a, b in found.spans] == ["aa", "aa", "bb"]


def test_pairs_are_marked_as_one():
    """Overlapping pairs are one mark, the text is not repeated."""
    found = snippet("x \u65e5\u672c\u8a9e\u3002\u6587", "\u65e5\u672c\u8a9e", Analyzer())
    assert found.marked("[", "]") == "x [\u65e5\u672c\u8a9e]\u3002\u6587"


def test_refusal():
    """A length below 20 is refused."""
    with pytest.raises(ValueError, match=r"^length must be in 20\.\.\d+, got 5$"):
        snippet("x", "y", Analyzer(), length=5)
