"""Personal ranks: laws, PageRank from one node, work that stays near, refusals."""

import numpy as np
import pytest

from thrifty.core import record_of
from thrifty.laws import LAWS
from thrifty.learn import Graph, pagerank, personal_ranks

CASES = [law for name in record_of(personal_ranks).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: personal_ranks)


@pytest.mark.parametrize("undirected", [False, True])
def test_tends_to_pagerank(undirected):
    """With a small tolerance it is PageRank that starts anew at the node."""
    u, v = np.random.default_rng(0).integers(0, 300, (2, 1500))
    graph = Graph.of(u, v, 310, undirected=undirected)
    exact = pagerank(graph, restart=5, tol=1e-13).values
    near = personal_ranks(graph, 5, tol=1e-12)
    full = np.zeros(310)
    full[near.nodes] = near.values
    np.testing.assert_allclose(full, exact, atol=1e-8)


def test_work_stays_near():
    """On a ring of 100,000 nodes few are visited, and no more than the bound."""
    ring = np.arange(100_000)
    graph = Graph.of(ring, (ring + 1) % 100_000, undirected=True)
    near = personal_ranks(graph, 7, tol=1e-4)
    assert len(near.nodes) < 100
    assert near.visits <= 1 / (1e-4 * 0.15)
    assert near.nodes[0] == 7


def test_a_node_without_links_keeps_all():
    """Its walk has nowhere to go."""
    near = personal_ranks(Graph.of([0], [1], 3), 2)
    assert near.nodes.tolist() == [2]
    assert near.error < 1e-5


def test_refusals():
    """Arguments out of range are named."""
    graph = Graph.of([0], [1])
    with pytest.raises(ValueError, match=r"^node must be in 0\.\.1, got 2$"):
        personal_ranks(graph, 2)
    with pytest.raises(ValueError, match=r"^tol must be in 1e-15\.\.1, got 0$"):
        personal_ranks(graph, 0, tol=0)
    with pytest.raises(ValueError, match=r"^damping must be in 0\.\.0\.9999, got 1$"):
        personal_ranks(graph, 0, damping=1)
