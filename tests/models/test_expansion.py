"""Expansion: the filter of document frequency, bounded weights, laws."""

import json

import pytest

from thrifty.laws import LAWS
from thrifty.models.expansion import Expand, expanded, screened
from thrifty.models.search import SearchIndex
from thrifty.models.search_build import index_documents


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A hundred documents: "common" is in all, "half" in 50, "rare" in 2, "laser" in 10."""
    folder = tmp_path_factory.mktemp("expansion")
    rows = []
    for i in range(100):
        words = ["common"] + ["half"] * (i % 2) + ["rare"] * (i in (3, 60)) + ["laser"] * (i < 10)
        rows.append({"_id": str(i), "text": " ".join([*words, f"unique{i}"])})
    (folder / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    index_documents(str(folder / "x.jsonl"), folder / "i")
    return SearchIndex.open(folder / "i")


GIVEN = [("rare", 2.0), ("half", 9.0), ("unknown", 1.0), ("lasers", 3.0), ("unique7 rare", 1.0)]


@pytest.mark.parametrize("law", LAWS["expansion"], ids=lambda law: law.__name__)
@pytest.mark.parametrize("how", [{}, {"share": 0.6}, {"weight": 3.0, "terms": 1}])
def test_laws(law, how, index):
    """The laws, for rules of several kinds."""
    law(lambda: (index, Expand(lambda query, index: GIVEN, **how), "red laser"))


def test_what_is_left_out_says_why(index):
    """Each reason, and weights as the expander gave them."""
    found = {term.term: term for term in screened("laser", GIVEN, index)}
    assert {term.reason for term in found.values() if not term.kept} == {
        "in more than 10 documents", "in no document", "in the query",
    }  # fmt: skip
    kept = {name: term.weight for name, term in found.items() if term.kept}
    assert set(kept) == {"rare", "unique7"}
    assert kept["rare"] == pytest.approx(0.4 * 2.5 / 13)
    assert sum(kept.values()) == pytest.approx(0.4 * 3 / 13)  # what is left out keeps its share
    assert found["half"].df == 50


def test_without_the_filter(index):
    """Trusted words are kept however common, but none that is in no document."""
    found = {term.term: term.kept for term in screened("laser", GIVEN, index, screen=False)}
    assert found == {"rare": True, "half": True, "unknown": False, "laser": False, "unique7": True}


def test_forms_of_words(index):
    """Texts alone weigh the same; a dict is read; weights of 0 and below are left out."""
    assert [t.weight for t in screened("x", ["rare", "unique1"], index)] == [0.2, 0.2]
    found = screened("x", {"rare": 1.0, "unique1": 0.0, "unique2": -3.0}, index)
    assert [(t.term, t.reason) for t in found] == [
        ("rare", ""), ("unique1", "weight of 0"), ("unique2", "weight of 0"),
    ]  # fmt: skip
    assert screened("x", [], index) == []


def test_few_terms(index):
    """The heaviest are taken."""
    words = [(f"unique{i}", float(i)) for i in range(30)]
    kept = [term for term in screened("x", words, index, terms=5) if term.kept]
    assert [term.term for term in kept] == [f"unique{i}" for i in range(29, 24, -1)]


def test_added_words_change_the_ranking(index):
    """A document with an added word comes first; a plain callable is an expander."""
    assert index.search("laser", 1, expand=lambda query, index: [("unique7", 1.0)])[0]["id"] == "7"
    assert [term.term for term in expanded(lambda q, i: [("rare", 1)], "laser", index)] == ["rare"]
    run = index.run({"q": "laser"}, 1, expand=Expand(lambda query, index: [("unique5", 1.0)]))
    assert run["q"][0][0] == "5"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"weight": 0}, "weight must be in 0.001..10, got 0"),
        ({"share": 0}, "share must be in 1e-09..1, got 0"),
        ({"terms": 0}, "terms must be in 1..1000, got 0"),
    ],
)
def test_refusals(how, message):
    """Each by name."""
    with pytest.raises(ValueError, match=rf"^{message}$"):
        Expand(lambda query, index: [], **how)
