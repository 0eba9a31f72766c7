"""TextIndex: the exact scores, operators, updates, explanations, refusals, and damaged files."""

import hashlib
import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError, IncompatibleError, SaveError
from thrifty.text import Analyzer, TextIndex

PLAIN = Analyzer(stem=False, stop=False)
ROWS = [
    {"id": i, "title": title, "text": text, "year": year, "lang": lang}
    for i, title, text, year, lang in (
        ("a", "Lasers", "a red laser heats the wall", 2000, "en"),
        ("b", None, "blue lasers, red; heat flow", 2010, "de"),
        ("c", "red lasers", "computation of heat flow", 2020, None),
    )
]


@pytest.fixture
def index(tmp_path):
    """An index of three documents."""
    made = TextIndex.create(tmp_path / "index")
    made.add(pa.Table.from_pylist(ROWS))
    made.commit()
    yield made
    made.close()


def found(index, query, **how):
    """Ids of the answers to one query, best first."""
    return index.ids(index.search([query], 10, **how).rows[0])


def formula(texts, query, k1=1.2, b=0.65, delta=0.0):
    """BM25 of every text by its definition."""
    bags = [Counter(text.split()) for text in texts]
    lengths = [sum(bag.values()) for bag in bags]
    mean, scores = sum(lengths) / len(texts), np.zeros(len(texts))
    for word in query.split():
        df = sum(word in bag for bag in bags)
        for row, bag in enumerate(bags):
            if word in bag:
                tf, near = bag[word], k1 * (1 - b + b * lengths[row] / mean)
                scores[row] += math.log((len(texts) + 1) / df) * (
                    tf * (k1 + 1) / (tf + near) + delta * 1.0
                )
    return scores


@pytest.mark.parametrize(("method", "delta"), [("bm25", 0.0), ("bm25+", 0.7)])
@pytest.mark.parametrize("words", [30, 3000])
def test_scores_are_the_formula(tmp_path, method, delta, words):
    """Every score is that of the definition, in few long lists and in many short ones."""
    rng = np.random.default_rng(words)
    n = 70_000 if words == 30 else 2000
    drawn = np.minimum(rng.zipf(1.2, (n, 6)), words)
    texts = [" ".join(f"w{word}" for word in row) for row in drawn.tolist()]
    index = TextIndex.create(tmp_path / "index", {"text": 1.0}, PLAIN, method=method, delta=delta)
    index.add(pa.table({"id": [str(i) for i in range(n)], "text": texts}))
    index.commit()
    queries = ["w1", "w29 w2 w1", "w25 w7 w7", "w3 w5 w9 w12"]
    rows, scores = index.search(queries, 10)
    for q, query in enumerate(queries):
        exact = formula(texts, query, delta=delta)
        np.testing.assert_allclose(scores[q], np.sort(exact)[::-1][:10], rtol=2e-5)
        np.testing.assert_allclose(scores[q], exact[rows[q]], rtol=2e-5)


def test_fields_count_as_they_weigh(tmp_path):
    """A word in a field of weight 2 counts like the word twice, in counts and in length."""
    weighted = TextIndex.create(tmp_path / "w", {"title": 2.0, "text": 0.5}, PLAIN)
    weighted.add(pa.table({"id": ["a", "b"], "title": ["x y", "z"], "text": ["x u v", "y x z u"]}))
    weighted.commit()
    once = TextIndex.create(tmp_path / "o", {"text": 0.5}, PLAIN)
    texts = ["x y " * 4 + "x u v", "z " * 4 + "y x z u"]
    once.add(pa.table({"id": ["a", "b"], "text": texts}))
    once.commit()
    for query in ("x", "y z", "u"):
        np.testing.assert_allclose(weighted.search([query]).scores, once.search([query]).scores)


def test_phrases_fields_and_beginnings(index):
    """A phrase and a field are demands; a beginning stands for its words."""
    assert found(index, '"heat flow"') == ["b", "c"]
    assert found(index, '"flow heat"') == []
    assert found(index, '"red laser" heat') == ["a", "c"]
    assert found(index, "title:red laser") == ["c"]
    assert found(index, 'title:"red lasers"') == ["c"]
    assert found(index, "comput* blue") == ["b", "c"]
    assert found(index, "title:las*") == ["a", "c"]
    assert found(index, "nofield:red") == found(index, "nofield red")
    assert found(index, '"the of"') == []


def test_filters_are_conditions_masks_or_rows(index):
    """All three forms keep the same documents."""
    assert found(index, "red", filter="year > 2005 and lang is not null") == ["b"]
    assert found(index, "red", filter=np.array([False, True, False])) == ["b"]
    assert found(index, "red", filter=np.array([1])) == ["b"]
    assert found(index, "red", filter="year > 9999") == []


def test_documents_are_replaced_and_removed(index):
    """A document of a known id takes the old one's place; statistics are of what is there."""
    assert index.add(pa.Table.from_pylist([{**ROWS[1], "text": "green"}])) == (1, 1)
    assert found(index, "blue") == ["b"]  # until the commit
    index.commit()
    assert found(index, "blue") == []
    assert found(index, "green") == ["b"]
    assert index.df(["blue", "green", "red"]).tolist() == [0, 1, 2]
    assert index.remove(["a", "b"]) == 2
    index.commit()
    assert (len(index), index.df(["laser"]).tolist()) == (1, [1])
    index.merge()
    assert len(index.segments) == 1
    assert index.documents([0]).to_pylist() == [ROWS[2]]
    index.remove(["c"])
    index.merge()
    assert (len(index), index.segments) == (0, [])
    assert found(index, "red") == []


def test_an_explanation_adds_up(index):
    """The scores of an explanation add up to the score; a snippet marks what was found."""
    for query in ("red laser", "heat* red", '"heat flow" lasers'):
        rows, scores = index.search([query], 3)
        for row, score in zip(rows[0], scores[0], strict=True):
            if row >= 0:
                parts = index.explain(query, row)
                assert sum(part["score"] for part in parts) == pytest.approx(score, rel=1e-5)
                assert {"term", "field", "tf", "df", "idf", "weight", "score"} == set(parts[0])
    assert str(index.snippet("laser", 1, "text")) == "blue **lasers**, red; heat flow"


def test_an_expansion_is_scored_beside(index):
    """Weighted terms add their share; a weight of 1 is the word itself."""
    both = index.search(["laser blue"], 3).scores
    np.testing.assert_allclose(index.search(["laser"], 3, expansion=[[("blue", 1.0)]]).scores, both)
    half = index.search(["laser"], 3, expansion=[[("blue", 0.5)]])
    assert 0 < half.scores[0, 0] < both[0, 0]
    parts = index.explain("laser", half.rows[0, 0], [("blue", 0.5)])
    assert sum(part["score"] for part in parts) == pytest.approx(half.scores[0, 0], rel=1e-5)


def test_readers_follow_the_writer(index, tmp_path):
    """An open reader stays on its commit until it is refreshed; also over a merge."""
    reader = TextIndex.open(tmp_path / "index")
    assert not reader.refresh()
    index.remove(["a"])
    index.merge()
    assert len(reader) == 3
    assert found(reader, "wall") == ["a"]
    assert reader.refresh()
    assert len(reader) == 2
    with pytest.raises(ValueError, match=r"^index must be opened with write=True, got a reader$"):
        reader.commit()


def test_what_is_not_committed_is_forgotten(index, tmp_path):
    """A writer that goes without a commit leaves nothing."""
    index.add(pa.Table.from_pylist([{**ROWS[0], "id": "new"}]))
    index.close()
    with TextIndex.open(tmp_path / "index", write=True) as again:
        assert len(again) == 3
        names = sorted(path.name for path in (tmp_path / "index").iterdir())
        assert names == ["lock", "manifest.json", "segment-000001"]


def test_many_small_commits_are_merged(tmp_path):
    """Segments do not pile up, and memory bounds them while adding."""
    index = TextIndex.create(tmp_path / "index", {"text": 1.0}, memory="1 MB")
    for row in range(25):
        index.add(pa.table({"id": [str(row)], "text": [f"word number{row}"]}))
        index.commit()
    assert len(index.segments) <= 11
    assert len(found(index, "word")) == 10
    big = pa.table({"id": [f"x{i}" for i in range(20_000)], "text": ["many words here"] * 20_000})
    index.add(big)
    index.commit()
    assert len(index) == 20_025


def test_queries_may_be_empty_huge_or_odd(index):
    """No words, a megabyte of them, and any characters get an answer."""
    huge = "laser red " + " ".join(f"word{i}" for i in range(120_000))
    assert len(huge) > 1_000_000
    assert found(index, huge) == found(index, "laser red")
    for query in ("", " ", '"', '""', "*", ":", "title:", "\x00", "\ud83d\ude00", "x" * 2_000_000):
        assert found(index, query) == []


BAD = [
    ({"title": ["x"], "text": ["y"]}, "column 'id' must be one of title, text"),
    ({"id": ["x"], "text": ["y"]}, "column 'title' must be one of id, text"),
    ({"id": ["x", None], "title": ["", ""], "text": ["", ""]},
     "column 'id' must hold an id in every row, got none in row 1"),
    ({"id": ["x", "x"], "title": ["", ""], "text": ["", ""]},
     "column 'id' must hold each id once, got 'x' twice"),
    ({"id": ["x"], "title": [1], "text": ["y"]}, "column 'title' must be text, got int64"),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "says"), BAD, ids=[says[:30] for _, says in BAD])
def test_bad_tables_are_refused(index, columns, says):
    """The message names the column and what is wrong; the index is as it was."""
    with pytest.raises(DataError) as refusal:
        index.add(pa.table(columns))
    assert str(refusal.value) == says
    index.commit()
    assert len(index) == 3


def test_refusals(index, tmp_path):
    """Each bad argument is named with its rule and value."""
    there = "id, title, text, year, lang"
    with pytest.raises(ValueError, match=r"^k must be in 1\.\."):
        index.search(["x"], 0)
    with pytest.raises(TypeError, match=r"^queries must be a list of texts, got 'x'$"):
        index.search("x")
    with pytest.raises(
        DataError, match=r"^column 'yaer' must be one of id, title, text, year, lang$"
    ):
        index.search(["x"], filter="yaer > 3")
    with pytest.raises(ValueError, match=r"^filter must be of 3 rows, got \(2,\)$"):
        index.search(["x"], filter=np.ones(2, bool))
    with pytest.raises(ValueError, match=r"^weights of expansion must be above 0, got -1$"):
        index.search(["x"], expansion=[[("y", -1)]])
    with pytest.raises(DataError, match=r"^ids must be in the index, got 1 that are not: 'zz'$"):
        index.remove(["a", "zz"])
    with pytest.raises(ValueError, match=r"^rows must be in 0\.\.2, got 3$"):
        index.documents([3])
    with pytest.raises(DataError, match=rf"^column 'x' must be one of {there}$"):
        index.documents([0], ["x"])
    with pytest.raises(IncompatibleError, match=r"must be a new or empty folder: open it to add$"):
        TextIndex.create(tmp_path / "index")
    with pytest.raises(SaveError, match=r"another writer holds the lock .*lock$"):
        TextIndex.open(tmp_path / "index", write=True)
    with pytest.raises(ValueError, match=r"^fields must name a column, got none$"):
        TextIndex.create(tmp_path / "x", {})
    with pytest.raises(ValueError, match=r"^method must be one of bm25, bm25\+, got 'tf'$"):
        TextIndex.create(tmp_path / "x", method="tf")
    assert len(index) == 3


def test_bytes_are_stable(tmp_path):
    """Golden: lists, places and removals of fixed documents are the same bytes in every version."""
    index = TextIndex.create(tmp_path / "index", {"title": 2.0, "text": 1.0}, PLAIN)
    texts = ["heat flow " * (i % 5) + f"n {i * i % 11}" for i in range(300)]
    titles = [f"word{i % 7} x" for i in range(300)]
    ids = [f"d{i}" for i in range(300)]
    index.add(pa.table({"id": ids, "title": titles, "text": texts}))
    index.commit()
    index.remove(["d7", "d100"])
    index.commit()
    folder, _, _ = index.segments[0]
    files = [folder / "postings.thrifty", *(tmp_path / "index").glob("removed-*.thrifty")]
    sums = [hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files]
    assert sums == ["44501581a4e3fd59", "60e4578e7199f2b8"]
    index.close()


def test_a_phrase_of_chinese_or_japanese_is_a_part_of_the_text(tmp_path):
    """Pairs behind each other are a phrase: who holds the characters in a row is found."""
    index = TextIndex.create(tmp_path / "index", {"text": 1.0})
    texts = ["\u65e5\u672c\u8a9e\u306e\u672c", "\u672c\u65e5", "\u65e5\u672c, \u8a9e"]
    index.add(pa.table({"id": ["a", "b", "c"], "text": texts}))
    index.commit()
    assert found(index, '"\u65e5\u672c\u8a9e"') == ["a"]
    assert sorted(found(index, "\u65e5\u672c")) == ["a", "c"]
    index.close()
