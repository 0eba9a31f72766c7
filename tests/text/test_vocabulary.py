"""Vocabulary: words as numbers against Python's own cutting; one number a spelling; refusals."""

import re
import unicodedata
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError
from thrifty.text.vocabulary import STOP, Vocabulary, normal, words_of

WORDS = ["laser", "Lasers", "na\u00efve", "NA\u00cfVE", "\ufb01ne", "x_1", "12", "\u0394x", "the"]


def counting():
    """A dict that fills with spellings, and the function that numbers them; "the" is left out."""
    known = {}

    def number(word):
        assert word not in known
        return STOP if word == "the" else known.setdefault(word, len(known))

    return known, number


def cut(text):
    """Words by Python: runs of letters, digits and underscores in normal form, lower case."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower())


def test_words_are_those_of_python():
    """Offsets and numbers spell the words of each text; null is empty; STOP keeps its place."""
    rng = np.random.default_rng(0)
    texts = [", ".join(rng.choice(WORDS, rng.integers(9))) for _ in range(200)]
    texts += [f"w{i} w{i // 2}" for i in range(5000)]
    known, number = counting()
    vocabulary = Vocabulary(number)
    small = vocabulary.nbytes
    offsets, ids = vocabulary.read(pa.array([*texts, None]))
    names = [*known, "the"]  # STOP is -1, the last
    found = [[names[i] for i in ids[a:b]] for a, b in pairwise(offsets)]
    assert found == [*map(cut, texts), []]
    assert len(vocabulary) == len(known) + 1
    assert vocabulary.nbytes > small


def test_few_texts_are_read_as_many():
    """Short queries take another way to the same numbers; halves of surrogates are no words."""
    _, number = counting()
    vocabulary = Vocabulary(number)
    for texts in (["two red lasers", "", "the LASERS, 12"], ["na\u00efve \ufb01ne", "x_1"]):
        few, many = vocabulary.read_few(texts), vocabulary.read(pa.array(texts))
        np.testing.assert_array_equal(few[0], many[0])
        np.testing.assert_array_equal(few[1], many[1])
    assert vocabulary.read_few(["red \udc80 red"])[1].size == 2


def test_runs_without_spaces_are_pairs():
    """With pairs a run of Chinese is cut into overlapping pairs; without, it is one word."""
    for pairs, expected in (
        (True, ["\u65e5\u672c", "\u672c\u8a9e"]),
        (False, ["\u65e5\u672c\u8a9e"]),
    ):
        known, number = counting()
        Vocabulary(number, pairs).read(["\u65e5\u672c\u8a9e"])
        assert list(known) == expected


def test_words_of_a_text_lie_where_they_are_said_to():
    """First and last character of each word cut out its spelling."""
    text = "The na\u00efve \u0394x, a laser_1!"
    found = words_of(text)
    assert [word for _, _, word in found] == cut(text)
    assert [text[a:b].lower() for a, b, _ in found] == cut(text)


def test_normal_is_unicodes_form():
    """ASCII stays the array it is; the rest is in normal form KC."""
    plain = pa.array(["one", None])
    assert normal(plain) is plain
    assert normal(["\ufb01ne", "e\u0301"]).to_pylist() == ["fine", "\u00e9"]


def test_refusals():
    """Bytes that are no text are named."""
    bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"]).buffers())
    with pytest.raises(DataError, match=r"^texts must be UTF-8, got "):
        Vocabulary(len).read(bad)
