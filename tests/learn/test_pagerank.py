"""PageRank: its laws for each form of edges, networkx, restarts, refusals."""

import numpy as np
import pytest

from thrifty.core import record_of
from thrifty.laws import LAWS
from thrifty.learn import Graph, pagerank

FORMS = {
    "arrays": lambda edges, n: pagerank(edges, n),
    "graph": lambda edges, n: pagerank(Graph.of(*edges, n)),
    "blocks": lambda edges, n: pagerank(lambda: [edges], n),
}


@pytest.mark.parametrize("rank", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("law", LAWS[record_of(pagerank).laws[0]], ids=lambda law: law.__name__)
def test_law(law, rank):
    """The laws the record names hold."""
    law(lambda: rank)


def edges_of(seed, nodes=200, number=600):
    """Edges without repeats, some nodes without links."""
    rng = np.random.default_rng(seed)
    pairs = np.unique(rng.integers(0, nodes - 10, (number, 2)), axis=0)
    return pairs[:, 0], pairs[:, 1]


@pytest.mark.peers
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("undirected", [False, True])
def test_agrees_with_networkx(undirected, form):
    """Every rank to 1e-10, with loops and nodes without links, anywhere, at weights or one node."""
    networkx = pytest.importorskip("networkx")
    u, v = edges_of(1)
    peer = (networkx.Graph if undirected else networkx.DiGraph)()
    peer.add_nodes_from(range(200))
    peer.add_edges_from(zip(u.tolist(), v.tolist(), strict=True))
    if undirected:
        pairs = np.unique(np.sort(np.stack([u, v], axis=1), axis=1), axis=0)
        u, v = pairs.T
    weights = np.random.default_rng(2).random(200)
    edges = {"arrays": (u, v), "blocks": lambda: [(u, v)]}.get(form)
    if form == "graph":
        edges = Graph.of(u, v, 200, undirected=undirected)
    for restart, personal in ((None, None), (weights, dict(enumerate(weights))), (7, {7: 1})):
        exact = networkx.pagerank(peer, tol=1e-15, max_iter=1000, personalization=personal)
        found = pagerank(edges, 200, restart=restart, undirected=undirected, tol=1e-13)
        gaps = found.values - np.array([exact[node] for node in range(200)])
        assert np.abs(gaps).max() < 1e-10


def test_the_number_of_nodes_is_found():
    """One more than the largest name, in arrays and in blocks of which a later one is larger."""
    assert pagerank(([0, 5], [1, 2])).values.size == 6
    assert pagerank(lambda: [([0], [1]), ([9], [1])]).values.size == 10


def test_passes_are_limited():
    """The error then says how far off it may be."""
    few, many = (pagerank(edges_of(3), max_passes=n) for n in (3, 1000))
    assert few.passes == 3
    assert np.abs(few.values - many.values).sum() <= few.error
    assert few.error > 1e-6 > many.error


def test_damping_of_nothing_is_the_restart():
    """Without links to follow, ranks are even."""
    np.testing.assert_allclose(pagerank(edges_of(4), 200, damping=0).values, 1 / 200)
    np.testing.assert_allclose(pagerank(([], []), 5).values, 1 / 5)


REFUSED = {
    "damping": ({"damping": 1}, r"^damping must be in 0\.\.0\.9999, got 1$"),
    "tol": ({"tol": 0}, r"^tol must be in 1e-15\.\.1, got 0$"),
    "passes": ({"max_passes": 0}, r"^max_passes must be in 1\.\.1000000, got 0$"),
    "node": ({"restart": 9}, r"^restart must be in 0\.\.2, got 9$"),
    "weights": ({"restart": [0, 0, 0]}, r"^restart must be a node or 3 weights of at least 0, not"),
    "names": ({"num_nodes": 2}, r"^nodes must be below 2, got 2$"),
}


@pytest.mark.parametrize("form", ["arrays", "blocks"])
@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals(options, message, form):
    """Arguments out of range are named."""
    edges = ([0, 1], [1, 2])
    with pytest.raises(ValueError, match=message):
        pagerank(edges if form == "arrays" else lambda: [edges], **options)


def test_no_nodes_and_no_edges():
    """There must be something to rank."""
    with pytest.raises(ValueError, match=r"^edges must have at least one node, got none$"):
        pagerank(([], []))
    with pytest.raises(TypeError, match=r"^edges must be a pair of lists or a function, got None$"):
        pagerank(None)
