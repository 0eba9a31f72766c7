"""Search: answers by words and by meaning, explained, filtered, judged; damage and bad input."""

import json

import numpy as np
import pytest

from thrifty.core import DataError, FormatError
from thrifty.models.expansion import Expand
from thrifty.models.fusion import Fusion
from thrifty.models.search import SearchIndex
from thrifty.models.search_build import add_documents, index_documents
from thrifty.text.textindex import TextIndex

ROWS = [
    {"_id": "a", "title": "Lasers", "text": "A pulsed red laser heats a plate.", "year": 2019},
    {"_id": "b", "title": "Cats", "text": "Cats purr and chase a red dot.", "year": 2021},
    {"_id": "c", "title": "Heat", "text": "Heat flows in a plate; a beam warms it.", "year": 2022},
    {"_id": "d", "title": "Beams", "text": "A beam of a laser is bright light.", "year": 2020},
    {"_id": "e", "title": "Dogs", "text": "Dogs bark at cats.", "year": None},
]


def write(path, rows):
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Indexes of the rows, by words, with an encoder, and with vectors."""
    folder = tmp_path_factory.mktemp("search")
    file = write(folder / "rows.jsonl", ROWS)
    index_documents(file, folder / "words")
    index_documents(file, folder / "hybrid", encoder="builtin")
    given = [row | {"v": [float(i == j % 3) for i in range(3)]} for j, row in enumerate(ROWS)]
    index_documents(write(folder / "given.jsonl", given), folder / "given", vectors="v")
    return folder


def ids(found):
    """Of the results."""
    return [row["id"] for row in found]


# answers


def test_words(folder):
    """Stems match; a result has its fields, and the words that matched are marked."""
    index = SearchIndex.open(folder / "words")
    found = index.search("lasers heating", 3)
    assert ids(found)[0] == "a"
    assert found[0]["fields"]["year"] == 2019
    snippet = found[0]["snippets"]["text"]
    marked = {snippet["text"][a:b] for a, b in snippet["spans"]}
    assert marked == {"laser", "heats"}
    assert "explain" not in found[0]
    assert [row["score"] for row in found] == sorted((row["score"] for row in found), reverse=True)


@pytest.mark.parametrize("name", ["words", "hybrid", "given"])
@pytest.mark.parametrize("fusion", [None, Fusion("ranks", 1.0), Fusion("scores", 0.3)])
def test_parts_add_up_to_the_score(name, fusion, folder):
    """What is explained is the whole score."""
    index = SearchIndex.open(folder / name)
    expand = Expand(lambda query, index: [("bright", 1.0)], share=1.0)
    found = index.search("laser beam", 5, explain=True, fusion=fusion, expand=expand)
    assert len(found) >= 3
    for row in found:
        assert sum(part["score"] for part in row["explain"]) == pytest.approx(row["score"])
    parts = {part["part"] for row in found for part in row["explain"]}
    assert parts >= {"words", "expansion"}
    assert ("vectors" in parts) is (name != "words")


def test_filters_phrases_and_fields(folder):
    """A condition, a phrase, a field; in all rankings."""
    for name in ("words", "hybrid", "given"):
        index = SearchIndex.open(folder / name)
        assert set(ids(index.search("laser", filter="year > 2019"))) <= {"b", "c", "d"}
        assert ids(index.search('"red laser"')) == ["a"]
        assert ids(index.search("title:cats")) == ["b"]


def test_meaning_finds_what_words_do_not(folder):
    """A document without any word of the query is found by its vector."""
    found = SearchIndex.open(folder / "hybrid").search("laser")
    assert {"a", "d"} == set(ids(found)[:2])
    assert len(found) == len(ROWS)
    assert ids(SearchIndex.open(folder / "hybrid").search("laser", words_only=True)) == ids(
        SearchIndex.open(folder / "words").search("laser")
    )


def test_given_vectors_follow_the_words(folder):
    """Without an encoder the vectors of what words find stand for the query."""
    found = SearchIndex.open(folder / "given").search("dogs", 2)
    assert ids(found) == ["e", "b"]
    assert "v" not in found[0]["fields"]


@pytest.mark.parametrize("name", ["words", "hybrid"])
@pytest.mark.parametrize("query", ["", "   ", "the", "\u03b1\u03b2", "zzzz"])
def test_queries_that_say_nothing(name, query, folder):
    """Nothing is found."""
    assert SearchIndex.open(folder / name).search(query) == []


def test_large_queries(folder):
    """A megabyte of words is a query like any other."""
    query = "laser " * 170_000 + "cats"
    found = SearchIndex.open(folder / "hybrid").search(query, 2, explain=True)
    assert len(found) == 2


def test_more_than_there_are(folder):
    """K above n gives all that match."""
    assert len(SearchIndex.open(folder / "words").search("red", 1000)) == 2


# many


def test_run_is_search(folder):
    """The same documents and scores, query by query."""
    for name in ("words", "hybrid", "given"):
        index = SearchIndex.open(folder / name)
        queries = {"1": "laser beam", "2": "cats", "3": "", "4": "heat plate"}
        found = index.run(queries, 3)
        for key, query in queries.items():
            alone = [(row["id"], row["score"]) for row in index.search(query, 3)]
            assert [i for i, _ in found[key]] == [i for i, _ in alone]
            scores = [s for _, s in found[key]]
            np.testing.assert_allclose(scores, [s for _, s in alone], rtol=1e-5)


def test_evaluate(folder):
    """The four keys, by hand."""
    index = SearchIndex.open(folder / "words")
    facts = index.evaluate({"q": "laser", "x": "cats"}, {"q": {"d": 1, "a": 1, "c": 1}})
    assert facts["queries"] == 1
    assert facts["mrr@10"] == 1
    assert facts["recall@100"] == pytest.approx(2 / 3)
    best = 1 + 1 / np.log2(3) + 0.5
    assert facts["ndcg@10"] == pytest.approx((best - 0.5) / best)
    assert facts["queries_per_second"] > 0


def test_passages_count_as_documents(tmp_path):
    """A run names each document once, by its best passage."""
    text = " ".join(["filler"] * 40 + ["laser"] + ["filler"] * 40)
    rows = [{"_id": "long", "text": text}, {"_id": "short", "text": "a laser"}]
    index_documents(write(tmp_path / "x.jsonl", rows), tmp_path / "i", chunk=20, overlap=10)
    index = SearchIndex.open(tmp_path / "i")
    found = index.search("laser")
    assert {"long#4", "long#5"} >= {row for row in ids(found) if row != "short#1"} != set()
    assert found[0]["fields"]["_document"] in {"long", "short"}
    assert sorted(name for name, _ in index.run({"q": "laser"})["q"]) == ["long", "short"]


# state


def test_describe_and_refresh(tmp_path):
    """What is in it; a reader goes to the newest commit when it is told."""
    file = write(tmp_path / "x.jsonl", ROWS)
    index_documents(file, tmp_path / "i", encoder="builtin")
    index = SearchIndex.open(tmp_path / "i")
    about = index.describe()
    assert about["documents"] == len(index) == 5
    assert about["has_vectors"]
    assert about["encoder"] == {"kind": "builtin"}
    assert about["fields"] == {"title": 1.0, "text": 1.0}
    assert about["columns"]["year"] == "double"
    assert not index.refresh()
    add_documents(tmp_path / "i", write(tmp_path / "y.jsonl", [ROWS[0] | {"_id": "f"}]))
    assert "f" not in ids(index.search("laser"))
    assert index.run({"q": "laser"})["q"]
    assert index.refresh()
    assert "f" in ids(index.search("laser"))
    assert "f" in dict(index.run({"q": "laser"})["q"])


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"query": 7}, TypeError, r"query must be text, got \[7\]"),
        ({"k": 0}, ValueError, "k must be in 1..2147483648, got 0"),
        ({"k": 2.5}, TypeError, "k must be a whole number in 1..2147483648, got 2.5"),
    ],
)
def test_bad_questions(how, error, message, folder):
    """Each by name."""
    with pytest.raises(error, match=rf"^{message}$"):
        SearchIndex.open(folder / "hybrid").search(**{"query": "laser", **how})


@pytest.mark.parametrize("condition", ["year >", "yaer > 2", "year > 'x'"])
def test_bad_filters(condition, folder):
    """What cannot be read, a column that is not there, another kind."""
    for name in ("words", "hybrid"):
        with pytest.raises(DataError):
            SearchIndex.open(folder / name).search("laser", filter=condition)


def test_judging_nothing(folder):
    """No query has a relevant document."""
    with pytest.raises(DataError, match=r"^qrels must have a relevant document, got none$"):
        SearchIndex.open(folder / "words").evaluate({"q": "laser"}, {"q": {"a": 0}})


def test_what_is_no_index(tmp_path, folder):
    """An empty folder, an index of texts alone, a swapped file of vectors, a cut encoder."""
    with pytest.raises(FormatError):
        SearchIndex.open(tmp_path)
    TextIndex.create(tmp_path / "texts", fields={"text": 1.0}).close()
    with pytest.raises(FormatError, match=r"must be made by thrifty index, got an index of texts"):
        SearchIndex.open(tmp_path / "texts")
    index_documents(write(tmp_path / "x.jsonl", ROWS), tmp_path / "i", encoder="builtin")
    path = next((tmp_path / "i").glob("segment-*/vectors.thrifty"))
    other = next((folder / "given").glob("segment-*/vectors.thrifty"))
    kept = path.read_bytes()
    path.write_bytes(other.read_bytes())
    with pytest.raises(FormatError, match=r"cut, altered, or another file than was written$"):
        SearchIndex.open(tmp_path / "i")
    path.write_bytes(kept)
    encoder = tmp_path / "i" / "encoder.safetensors"
    encoder.write_bytes(encoder.read_bytes()[:-3])
    with pytest.raises(FormatError):
        SearchIndex.open(tmp_path / "i")
