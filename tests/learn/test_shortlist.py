"""Shortlist: what it proposes is scored exactly, and at full effort it is the exact answer."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from thrifty.core import BudgetError
from thrifty.learn import Settings, Shortlist, Wide
from thrifty.learn.rows import to_bfloat16

COLUMNS, OUTPUTS, ROWS = 40, 400, 30


def network(linear="none"):
    """A network whose output rows lie around 20 centres, so that some are near any hidden value."""
    wide = Wide(Settings(task="one", num_columns=COLUMNS, num_outputs=OUTPUTS, hidden=16,
                         linear=linear, slots=2000))  # fmt: skip
    rng = np.random.default_rng(0)
    wide.hidden.table[:] = rng.standard_normal(wide.hidden.table.shape)
    centres = np.abs(rng.standard_normal((20, 16)))
    wide.hidden.output[:] = centres[rng.integers(0, 20, OUTPUTS)]
    wide.hidden.output += rng.standard_normal((OUTPUTS, 16)) * 0.2
    if linear == "sparse":
        wide.linear.pairs[:] = rng.integers(0, OUTPUTS + 1, wide.linear.pairs.size)
        weights = rng.standard_normal(wide.linear.weights.size).astype(np.float32)
        to_bfloat16(weights, wide.linear.weights)
    elif linear == "dense":
        wide.linear.table[:] = rng.standard_normal(wide.linear.table.shape)
    return wide


def rows_of():
    """Random sparse rows."""
    rng = np.random.default_rng(2)
    return csr_array(random_array((ROWS, COLUMNS), density=0.2, rng=rng, dtype=np.float32))


@pytest.mark.parametrize("linear", ["none", "dense", "sparse"])
def test_full_effort_is_exact(linear):
    """With a limit of all outputs the answer is the network's own."""
    wide = network(linear)
    found, scores = Shortlist(wide, limit=OUTPUTS).top_k(rows_of(), 5)
    exact, best = wide.top_k(rows_of(), 5)
    np.testing.assert_allclose(scores, best, rtol=1e-4, atol=1e-4)
    assert (found == exact).mean() > 0.99  # equal scores may change places


@pytest.mark.parametrize("linear", ["none", "dense", "sparse"])
def test_what_is_found_has_its_exact_score(linear):
    """A small effort finds less, but scores nothing wrongly; best first, each output once."""
    wide = network(linear)
    found, scores = Shortlist(wide, limit=20).top_k(rows_of(), 5)
    exact = wide.scores(rows_of())
    for i in range(ROWS):
        there = found[i] >= 0
        assert len(set(found[i][there])) == there.sum()
        np.testing.assert_allclose(
            scores[i][there], exact[i, found[i][there]], rtol=1e-4, atol=1e-4
        )
    assert (scores[:, :-1] >= scores[:, 1:]).all()


def test_recall_is_the_share_of_the_exact_top():
    """By its definition, more with more effort, and all of it at full effort."""
    wide, rows = network(), rows_of()
    recalls = []
    for limit in (10, 100, OUTPUTS):
        shortlist = Shortlist(wide, limit=limit)
        found, exact = shortlist.top_k(rows, 5)[0], wide.top_k(rows, 5)[0]
        slow = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(found, exact, strict=True)])
        assert shortlist.recall(rows, 5) == pytest.approx(slow)
        recalls.append(slow)
    assert recalls == sorted(recalls)
    assert recalls[0] < recalls[-1] == 1.0


def test_places_that_nothing_was_proposed_for_stay_empty():
    """Fewer candidates than asked for: -1, and a score of minus infinity."""
    found, scores = Shortlist(network(), limit=3).top_k(rows_of(), 10)
    assert (found[:, 3:] == -1).all()
    assert np.isneginf(scores[found == -1]).all()


def test_the_index_keeps_its_budget():
    """Bytes held are below memory; a budget for not even one table is refused."""
    assert 0 < Shortlist(network(), memory="64 kB").nbytes <= 64_000
    with pytest.raises(BudgetError):
        Shortlist(network(), memory="100 B")


def test_refusals():
    """A network without a hidden path, and an effort of nothing."""
    flat = Wide(Settings(task="one", num_columns=COLUMNS, num_outputs=OUTPUTS, hidden=0))
    with pytest.raises(
        ValueError, match=r"^wide must be a network with a hidden path, got hidden=0$"
    ):
        Shortlist(flat)
    with pytest.raises(ValueError, match=r"^limit must be in 1\.\.2147483647, got -1$"):
        Shortlist(network(), limit=-1)
