"""Wide retriever: laws, documents learned from their own words and from queries, refusals."""

import functools

import numpy as np
import pytest

from thrifty.core import DataError
from thrifty.laws import LAWS
from thrifty.models.wide_retriever import WideRetriever

WORDS = [
    "red", "blue", "bus", "cat", "wheel", "dog", "purr", "bark", "road", "laser", "beam", "heat",
    "light", "wave", "stone", "river",
]  # fmt: skip


def corpus(number=60):
    """Texts, each with a word of its own."""
    draw = np.random.default_rng(0)
    return [f"{' '.join(draw.choice(WORDS, 6))} own{i}" for i in range(number)]


def learned():
    """A small retriever, quickly."""
    return WideRetriever(pieces=4, words=4, hidden=16, epochs=2).fit(corpus())


@pytest.mark.parametrize("law", LAWS["retrieval"], ids=lambda law: law.__name__)
def test_laws(law):
    """The laws of retrievers."""
    law(learned)


def test_documents_are_found_by_their_words():
    """A word of one document alone finds it, though no query was seen."""
    texts = corpus()
    found = WideRetriever(pieces=20, epochs=8).fit(texts).search([f"own{i}" for i in range(60)], 3)
    assert (found.rows[:, 0] == np.arange(60)).mean() > 0.9


def test_pieces_are_of_their_document():
    """Runs of words and drawn words, no longer than said, none of an empty text."""
    retriever = WideRetriever(pieces=30, words=3)
    texts = ["red bus wheel", "", "cat"]
    seen = {}
    retriever.network.fit = lambda x, y: seen.update(x=x, y=y)
    retriever.fit(texts)
    names = list(retriever._terms)
    for row, owner in enumerate(seen["y"].tolist()):
        places = seen["x"].indices[seen["x"].indptr[row] : seen["x"].indptr[row + 1]]
        assert {names[i] for i in places} <= set(texts[owner].split())
        assert len(places) <= 3
    assert np.bincount(seen["y"]).tolist() == [31, 0, 31]


def test_queries_teach_other_words():
    """A word is led to another document than its own by queries that say so."""
    texts = corpus(30)
    queries = [("own3 own3", 7)] * 60
    plain = WideRetriever(pieces=4, epochs=6).fit(texts)
    taught = WideRetriever(pieces=4, epochs=6).fit(texts, queries)
    assert plain.search(["own3"], 1).rows[0, 0] == 3
    assert taught.search(["own3"], 1).rows[0, 0] == 7


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: WideRetriever(0), ValueError, "pieces must be in 1..1000, got 0"),
        (lambda: WideRetriever(words=0), ValueError, "words must be in 1..100, got 0"),
        (lambda: learned().search(["x"], 0), ValueError, "k must be in 1..2147483648, got 0"),
        (lambda: WideRetriever().fit(["", "the"]), DataError,
         "texts must have words to learn from, got none"),
        (functools.partial(WideRetriever().fit, ["red"], [("x", 1)]), DataError,
         "queries must name documents below 1, got 1"),
    ],
)  # fmt: skip
def test_refusals(make, error, message):
    """Each by name."""
    with pytest.raises(error, match=rf"^{message}$"):
        make()
