"""Answers: results as JSON can hold them, with the words that matched and shares of scores."""

import datetime
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thrifty.models.expansion import Expand
from thrifty.models.fusion import Fused
from thrifty.models.search import SearchIndex
from thrifty.models.search_answers import answers
from thrifty.models.search_build import index_documents


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Two documents with columns of many kinds."""
    folder = tmp_path_factory.mktemp("answers")
    long = "filler words " * 60 + "the red laser beam " + "more words " * 60
    table = pa.table({
        "id": ["a", "b"], "title": ["Lasers & <light>", None], "text": [long, "a laser"],
        "tags": [["x", "y"], None], "day": [datetime.date(2020, 5, 1), None], "n": [7, None],
    })  # fmt: skip
    pq.write_table(table, folder / "x.parquet")
    index_documents(str(folder / "x.parquet"), folder / "i", text="text", title="title")
    return SearchIndex.open(folder / "i")


def test_snippets_show_where(index):
    """The part around the words, with what was left out on both sides."""
    found = {row["id"]: row for row in index.search("laser beam")}
    shown = found["a"]["snippets"]["text"]
    assert shown["before"]
    assert shown["after"]
    assert [shown["text"][a:b] for a, b in shown["spans"]] == ["laser", "beam"]
    assert found["b"]["snippets"]["title"] == {
        "text": "", "spans": [], "before": False, "after": False,
    }  # fmt: skip
    assert "snippets" not in index.search("laser", highlight=False)[0]


def test_fields_are_all_columns(index):
    """Lists, numbers and nulls as they are."""
    found = {row["id"]: row["fields"] for row in index.search("laser")}
    assert found["a"]["tags"] == ["x", "y"]
    assert found["a"]["n"] == 7
    assert found["b"]["title"] is None
    assert json.dumps(found["a"], default=str)


def test_added_words_are_told_and_marked(index):
    """Which part of the score is theirs; they are marked in the snippet too."""
    expand = Expand(lambda query, index: [("beam", 1.0)], share=1.0)
    found = {row["id"]: row for row in index.search("laser", explain=True, expand=expand)}
    parts = {part["term"]: part["part"] for part in found["a"]["explain"]}
    assert parts == {"laser": "words", "beam": "expansion"}
    shown = found["a"]["snippets"]["text"]
    assert "beam" in [shown["text"][a:b] for a, b in shown["spans"]]


def test_nothing_found(index):
    """No rows, no answers."""
    snapshot = index.text.snapshot
    (ranked,), _ = index._ranked(snapshot, ["zzz"], 3)
    assert isinstance(ranked, Fused)
    assert answers(index, snapshot, "zzz", ranked, [], explain=True, highlight=True) == []
