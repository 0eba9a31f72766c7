"""EmQL: laws, agreement with NQL, sketches, what no triple says, refusals."""

import numpy as np
import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import NQL, EmQL, Triples

CASES = [law for name in record_of(EmQL).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda *columns: EmQL(Triples(*columns)))


def places(cities=400, seed=0):
    """Cities in countries of regions; the region of a city follows from its country."""
    rng, rows = np.random.default_rng(seed), []
    for city, country in enumerate(rng.integers(0, 20, cities).tolist()):
        rows.append((f"city{city}", "country", f"land{country}"))
        rows.append((f"city{city}", "region", f"region{country // 4}"))
    return rows


def test_it_answers_as_nql_does():
    """Paths of two hops from every tenth city, there and back."""
    kb = Triples(*zip(*places(), strict=True), inverse=True)
    emql, nql = EmQL(kb), NQL(kb)
    for city in range(0, 400, 10):
        x, y = emql.of([f"city{city}"]), nql.sets([[f"city{city}"]])
        for relation in ("country", "~country"):
            x, y = emql.follow(x, relation), nql.follow(y, relation)
        assert emql.members(x) == nql.members(y)[0]


def test_a_sketch_never_holds_too_little():
    """Weights are those that were added or more, and as many numbers whatever the set."""
    kb = Triples(*zip(*places(), strict=True))
    emql = EmQL(kb, rows=4, width=64)
    names = [f"city{i}" for i in range(100)]
    x = emql.of(names)
    assert (emql.weights(x, kb.entity_ids(names)) >= 1).all()
    assert x.sketch.shape == (4, 64)
    assert emql.weights(emql.of([]), np.arange(5)).max() == 0


def test_the_centroid_alone_is_not_faithful():
    """Without the sketch a hop from one city takes the triples of others too."""
    kb = Triples(*zip(*places(), strict=True))
    emql = EmQL(kb)
    x = emql.of(["city3"])
    assert len(emql.members(emql.follow(x, "country"))) == 1
    assert len(emql.members(emql.follow_blindly(x, "country", 50))) > 1
    assert kb.entities[emql.nearest(x, 1)].tolist() == ["city3"]


def test_what_no_triple_says_is_completed():
    """Of the regions left out, nine tenths or more are the first guess."""
    rows, rng = places(), np.random.default_rng(1)
    kept = [row for row in rows if row[1] == "country" or rng.random() > 0.2]
    emql = EmQL(Triples(*zip(*kept, strict=True)), dim=64)
    gone = [row for row in rows if row not in set(kept)]
    hits = [emql.complete(emql.of([s]), r, 1)[0] == o for s, r, o in gone]
    assert len(hits) > 50
    assert np.mean(hits) > 0.9


def test_the_seed_decides():
    """Random halves and places follow the seed; bytes are counted."""
    kb = Triples(*zip(*places(20), strict=True))
    one, same, other = (EmQL(kb, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_allclose(one.vectors_, same.vectors_, atol=1e-6)
    assert not np.allclose(one.vectors_, other.vectors_)
    x, y = (emql.of(["city3", "city4"]).sketch for emql in (one, other))
    assert not np.array_equal(x, y)
    assert one.nbytes > one.vectors_.nbytes


def test_refusals():
    """What does not fit or is not known is named."""
    kb = Triples(*zip(*places(20), strict=True))
    emql = EmQL(kb)
    with pytest.raises(ValueError, match=r"^width must be in 16\.\.1048576, got 1$"):
        EmQL(kb, width=1)
    with pytest.raises(ValueError, match=r"^entity must be known, got 'atlantis'$"):
        emql.of(["atlantis"])
    with pytest.raises(ValueError, match=r"^relation must be known, got 'near'$"):
        emql.follow(emql.of(["city1"]), "near")
    with pytest.raises(IncompatibleError, match=r"^a set of shapes .* does not fit 128 numbers$"):
        emql.members(EmQL(kb, dim=64).of(["city1"]))
