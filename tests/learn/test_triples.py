"""Triples: numbered once each, in sorted order, both ways if asked."""

import pytest

from thrifty.core import IncompatibleError
from thrifty.learn import Triples


def test_each_triple_is_there_once_and_sorted():
    """Twice the same is one; numbers are places in the sorted names."""
    kb = Triples(["b", "a", "b"], ["r", "q", "r"], ["a", "c", "a"])
    assert len(kb) == 2
    assert kb.entities.tolist() == ["a", "b", "c"]
    assert kb.entity_ids(["c", "a"]).tolist() == [2, 0]
    assert kb.relation_ids(["r"]).tolist() == [1]
    named = kb.entities[kb.subject], kb.relations[kb.relation], kb.entities[kb.object]
    rows = [tuple(map(str, row)) for row in zip(*named, strict=True)]
    assert sorted(rows) == [("a", "q", "c"), ("b", "r", "a")]
    assert kb.nbytes > 0


def test_backwards():
    """With inverses each triple is there from its object too."""
    kb = Triples(["a"], ["r"], ["b"], inverse=True)
    assert kb.relations.tolist() == ["r", "~r"]
    assert len(kb) == 2


def test_refusals():
    """What does not fit or is not known is named."""
    with pytest.raises(
        IncompatibleError, match=r"^columns of shapes \(1,\), \(1,\), \(2,\) do not fit each other$"
    ):
        Triples(["a"], ["r"], ["b", "c"])
    with pytest.raises(ValueError, match=r"^triples must be at least one, got none$"):
        Triples([], [], [])
    kb = Triples(["a"], ["r"], ["b"])
    with pytest.raises(ValueError, match=r"^entity must be known, got 'x'$"):
        kb.entity_ids(["a", "x"])
    with pytest.raises(ValueError, match=r"^relation must be known, got 'x'$"):
        kb.relation_ids(["x"])
    with pytest.raises(ValueError, match=r"^entity names must be a list, got 'ab'$"):
        kb.entity_ids("ab")
