"""Analyzer: words, stems and stop words, one text or many, ASCII or not; spans; refusals."""

from itertools import pairwise

import pyarrow as pa
import pytest

from thrifty.core import DataError
from thrifty.index import Analyzer
from thrifty.index.analyzer import stop_words

TEXTS = [
    "The Lasers' pulsed light",
    "caf\u00e9 \ufb01les na\u00efve",
    "",
    "don't_x 3.5 \u4e2d\u6587",
    "A",
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


def test_an_analyzer_comes_back_with_its_words():
    """The stop words stand in the spec, so that another list later changes nothing."""
    spec = Analyzer().spec()
    assert "the" in spec["stop"]
    assert Analyzer.restore(spec).tokens("the lasers") == ["laser"]
    assert stop_words("french") > {"le", "la"}


def test_refusals():
    """Unknown languages and bytes that are no text are named."""
    with pytest.raises(ValueError, match=r"^language must be one of .*, got 'klingon'$"):
        Analyzer("klingon")
    with pytest.raises(ValueError, match=r"^language must be one of .*, got 'yiddish'$"):
        stop_words("yiddish")
    bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"]).buffers())
    with pytest.raises(DataError, match=r"^texts must be UTF-8, got "):
        Analyzer().terms(bad)
