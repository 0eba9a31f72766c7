"""Fusion: both formulas by loops, weights that are learned, refusals."""

import numpy as np
import pytest

from thrifty.models.fusion import Fusion, learned_weight


def lists(seed=0):
    """Two rankings that share some rows."""
    draw = np.random.default_rng(seed)
    words = draw.choice(30, 12, replace=False), -np.sort(-draw.random(12)) * 9
    vectors = draw.choice(30, 10, replace=False), -np.sort(-draw.random(10))
    return words, vectors


def slow(fusion, words, vectors):
    """The definition, row by row."""
    made = {}
    for row in {*words[0].tolist(), *vectors[0].tolist()}:
        at = {side: list(pair[0]).index(row) if row in pair[0] else None
              for side, pair in (("w", words), ("v", vectors))}  # fmt: skip
        if fusion.kind == "ranks":
            one = 0 if at["w"] is None else 1 / (61 + at["w"])
            two = 0 if at["v"] is None else 1 / (61 + at["v"])
        else:
            one = 0 if at["w"] is None else words[1][at["w"]] / max(words[1])
            two = min(vectors[1]) if at["v"] is None else vectors[1][at["v"]]
        made[row] = one + fusion.weight * two
    return made


@pytest.mark.parametrize("kind", ["ranks", "scores"])
@pytest.mark.parametrize("weight", [0.0, 0.7, 3.0])
def test_formulas(kind, weight):
    """Scores are those of the definition, fall, and are the sum of both parts."""
    for seed in range(20):
        words, vectors = lists(seed)
        fusion = Fusion(kind, weight)
        found, wanted = fusion(words, vectors), slow(fusion, words, vectors)
        assert sorted(found.rows.tolist()) == sorted(wanted)
        np.testing.assert_allclose(found.scores, [wanted[row] for row in found.rows.tolist()])
        np.testing.assert_allclose(found.words + found.vectors, found.scores)
        assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize("kind", ["ranks", "scores"])
def test_one_side_may_be_empty(kind):
    """Words alone, vectors alone, nothing."""
    words, vectors = lists()
    none = np.zeros(0, np.int64), np.zeros(0)
    assert Fusion(kind)(words, none).rows.tolist() == words[0].tolist()
    assert Fusion(kind)(none, vectors).rows.tolist() == vectors[0].tolist()
    assert Fusion(kind)(none, none).rows.size == 0


def test_first():
    """A prefix."""
    found = Fusion("ranks")(*lists())
    assert all(part.size == 3 for part in found.first(3))


def test_the_better_side_gets_weight():
    """Where vectors are right the weight is large, where words are it is small."""
    words = np.array([1, 2, 3]), np.array([3.0, 2.0, 1.0])
    vectors = np.array([3, 2, 1]), np.array([0.9, 0.5, 0.1])
    high = learned_weight([(words, vectors, {3: 1.0})])
    low = learned_weight([(words, vectors, {1: 1.0, 3: 0.0})])
    assert high(words, vectors).rows[0] == 3
    assert low(words, vectors).rows[0] == 1
    assert low.weight < 5 / 6 < high.weight


def test_few_queries_do_not_lead_far():
    """Where one query of many gains and another loses as much, the smallest weight is kept."""
    words = np.array([1, 2, 3]), np.array([3.0, 2.0, 1.0])
    vectors = np.array([3, 2, 1]), np.array([0.9, 0.5, 0.1])
    asked = [(words, vectors, {3: 1.0}), (words, vectors, {1: 1.0})] * 4
    assert learned_weight(asked).weight == 0
    sure = [*asked, *[(words, vectors, {3: 1.0})] * 20]
    assert learned_weight(sure).weight > 5 / 6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Fusion("sum"), "kind must be one of ranks, scores, got 'sum'"),
        (lambda: Fusion("ranks", -1), "weight must be in 0..100, got -1"),
        (lambda: learned_weight([]), "queries must be at least one, got none"),
    ],
)
def test_refusals(make, message):
    """Each by name."""
    with pytest.raises(ValueError, match=rf"^{message}$"):
        make()
