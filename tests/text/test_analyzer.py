"""Analyzer: words, stems and stop words, one text or many, ASCII or not; spans; refusals."""

from itertools import pairwise

import pyarrow as pa
import pytest

from thrifty.core import DataError
from thrifty.text import Analyzer
from thrifty.text.analyzer import stop_words

TEXTS = [
    "The Lasers' pulsed light",
    "caf\u00e9 \ufb01les na\u00efve",
    "",
    "don't_x 3.5 \u4e2d\u6587",
    "A",
    "the \u65e5\u672c\u8a9eText\u3067 \u3000\uff76\uff9e\u30fc, \u5b57\u2026 \U00020000\U00020001x",
]


def test_many_texts_are_cut_as_one():
    """The fast path gives the terms of the plain one, null is empty."""
    for analyzer in (Analyzer(), Analyzer(stem=False, stop=False), Analyzer("german")):
        made = analyzer.terms(pa.array([*TEXTS, None]))
        ends = made.offsets.tolist()
        cut = [[made.words[i] for i in made.ids[a:b]] for a, b in pairwise(ends)]
        assert cut == [*[analyzer.tokens(text) for text in TEXTS], []]


def test_words_are_normal_lower_and_stemmed():
    """Ligatures are letters, endings go, stop words go."""
    assert Analyzer().tokens(TEXTS[0]) == ["laser", "puls", "light"]
    assert Analyzer(stem=False).tokens(TEXTS[1]) == ["caf\u00e9", "files", "na\u00efve"]
    assert Analyzer("german").tokens("die H\u00e4user") == ["haus"]
    assert Analyzer(stop=["red"]).tokens("the red laser") == ["the", "laser"]
    assert Analyzer(stop=False).tokens("x" * 300) == []


def test_places_and_spans():
    """Places count what is left out; spans are of the text as it is written."""
    assert Analyzer().placed("state of the art") == [(0, "state"), (3, "art")]
    text = "\ufb01les of caf\u00e9s"
    spans = Analyzer().spans(text)
    assert [(text[a:b], term) for a, b, term in spans] == [
        ("\ufb01les", "file"), ("caf\u00e9s", "caf\u00e9")
    ]  # fmt: skip
    assert Analyzer().spans("two lasers")[-1] == (4, 10, "laser")


def test_chinese_and_japanese_are_pairs():
    """A run of n characters is n - 1 pairs, one alone is a word; letters beside it are words."""
    plain = Analyzer(stem=False, stop=False)
    assert plain.tokens(TEXTS[-1]) == [
        "the", "\u65e5\u672c", "\u672c\u8a9e", "text", "\u3067", "\u30ac\u30fc", "\u5b57",
        "\U00020000\U00020001", "x",
    ]  # fmt: skip
    assert Analyzer(pairs=False).tokens("\u65e5\u672c\u8a9e") == ["\u65e5\u672c\u8a9e"]
    assert plain.tokens("\ud55c\uad6d\uc5b4 caf\u00e9") == ["\ud55c\uad6d\uc5b4", "caf\u00e9"]


def test_spans_of_pairs_are_where_they_stand():
    """Pairs overlap; where the normal form has other characters, pieces between marks are found."""
    plain = Analyzer(stem=False, stop=False)
    text = "a\u65e5\u672c\u8a9eb"
    spans = [(0, 1, "a"), (1, 3, "\u65e5\u672c"), (2, 4, "\u672c\u8a9e"), (4, 5, "b")]
    assert plain.spans(text) == spans
    assert plain.spans(text + "\u2026\u65e5") == [*spans, (6, 7, "\u65e5")]
    assert [term for _, _, term in plain.spans(TEXTS[-1])] == plain.tokens(TEXTS[-1])


def test_what_was_made_before_pairs_has_none():
    """A spec without the word gives runs whole, as they were indexed."""
    spec = Analyzer().spec()
    assert Analyzer.restore(spec).pairs
    del spec["pairs"]
    assert Analyzer.restore(spec).tokens("\u65e5\u672c\u8a9e") == ["\u65e5\u672c\u8a9e"]


def test_an_analyzer_comes_back_with_its_words():
    """The stop words stand in the spec, so that another list later changes nothing."""
    spec = Analyzer().spec()
    assert "the" in spec["stop"]
    assert Analyzer.restore(spec).tokens("the lasers") == ["laser"]
    assert stop_words("french") > {"le", "la"}


def test_a_reader_knows_its_terms_alone():
    """Numbers are those of the terms given; stop words and other terms are left out in place."""
    reader = Analyzer().reader({"laser": 7, "the": 1})
    offsets, ids = reader.read(["The lasers, pulsed LASER", None])
    assert (offsets.tolist(), ids.tolist()) == ([0, 4, 4], [-1, 7, -1, 7])


def test_refusals():
    """Unknown languages and bytes that are no text are named."""
    with pytest.raises(ValueError, match=r"^language must be one of .*, got 'klingon'$"):
        Analyzer("klingon")
    with pytest.raises(ValueError, match=r"^language must be one of .*, got 'yiddish'$"):
        stop_words("yiddish")
    bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"]).buffers())
    with pytest.raises(DataError, match=r"^texts must be UTF-8, got "):
        Analyzer().terms(bad)
