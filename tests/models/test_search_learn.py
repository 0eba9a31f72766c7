"""Learn: the weight that is best on judged queries is found and kept."""

import json

import pytest

from thrifty.core import DataError, FormatError, SaveError
from thrifty.models.fusion import Fusion
from thrifty.models.search import SearchIndex
from thrifty.models.search_build import index_documents, writing
from thrifty.models.search_learn import best_fusion, learn_fusion

TEXTS = {
    "a": "laser beam light", "b": "beam light wave", "c": "laser cutting metal plate",
    "d": "metal plate steel", "e": "cat dog", "f": "wave light optics",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """An index with vectors, and one without."""
    rows = [{"_id": name, "text": text} for name, text in TEXTS.items()]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    index_documents(str(tmp_path / "x.jsonl"), tmp_path / "i", encoder="builtin")
    index_documents(str(tmp_path / "x.jsonl"), tmp_path / "words")
    return tmp_path


def test_the_weight_is_best_and_kept(folder):
    """No other weight has a higher nDCG on one query, and the index uses it from now on."""
    queries, qrels = {"1": "laser"}, {"1": {"b": 1, "c": 0}}
    found = learn_fusion(folder / "i", queries, qrels)
    index = SearchIndex.open(folder / "i")
    assert index.fusion == found
    best = index.evaluate(queries, qrels)["ndcg@10"]
    for weight in (0.0, 0.1, 0.5, 1.0, 2.0, 3.0):
        other = index.evaluate(queries, qrels, fusion=Fusion("scores", weight))["ndcg@10"]
        assert other <= best + 1e-9
    assert best > index.evaluate(queries, qrels, words_only=True)["ndcg@10"]


def test_ranks_can_be_weighted_too(folder):
    """The other kind of fusion; nothing is changed in the index."""
    index = SearchIndex.open(folder / "i")
    found = best_fusion(index, {"1": "laser"}, {"1": {"b": 1}}, "ranks")
    assert found.kind == "ranks"
    assert SearchIndex.open(folder / "i").fusion == Fusion()


def test_refusals(folder):
    """No vectors, nothing relevant, no index, another writer."""
    asked = {"1": "laser"}, {"1": {"b": 1}}
    with pytest.raises(DataError, match=r"^weights can be learned for an index with vectors, got"):
        learn_fusion(folder / "words", *asked)
    with pytest.raises(DataError, match=r"^qrels must name documents that the queries find, got"):
        learn_fusion(folder / "i", {"1": "laser"}, {"1": {"zz": 1}})
    with pytest.raises(FormatError):
        learn_fusion(folder / "gone", *asked)
    with writing(folder / "i"), pytest.raises(SaveError):
        learn_fusion(folder / "i", *asked)
