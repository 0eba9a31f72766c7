"""Graph: neighbours, both ways, each once; edges in every form, refusals."""

import numpy as np
import pytest

from thrifty.learn import Graph
from thrifty.learn.graph import BLOCK, edge_blocks, edge_lists

EDGES = ([3, 0, 0, 2, 0], [1, 1, 3, 2, 1])


def test_neighbours():
    """As the edges list them, in their order, repeats and all."""
    graph = Graph.of(*EDGES)
    assert [graph.neighbours(node).tolist() for node in range(4)] == [[1, 3, 1], [], [2], [1]]
    assert graph.degrees.tolist() == [3, 0, 1, 1]
    assert graph.sources().tolist() == [0, 0, 0, 2, 3]
    assert repr(graph) == "Graph(4 nodes, 5 links)"
    assert graph.nbytes == 5 * 8 + 5 * 4


def test_both_ways_and_each_once():
    """An undirected graph is its own reverse; a simple one has no repeats."""
    graph = Graph.of(*EDGES, undirected=True, simple=True)
    assert [graph.neighbours(node).tolist() for node in range(4)] == [[1, 3], [0, 3], [2], [0, 1]]
    back = graph.reversed()
    assert back.indices.tolist() == graph.indices.tolist()
    assert Graph.of(*EDGES, undirected=True).degrees.sum() == 9
    assert Graph.of(*EDGES, 10).reversed().degrees.tolist() == [0, 3, 1, 1] + [0] * 6


def test_no_edges():
    """A graph may have no edges, and no nodes."""
    assert Graph.of([], [], 3).degrees.tolist() == [0, 0, 0]
    assert Graph.of([], []).num_nodes == 0


@pytest.mark.parametrize("edges", [(lambda: [EDGES, EDGES]), EDGES, np.array(EDGES).T])
def test_edges_in_every_form(edges):
    """A pair, a table, and a function that gives them again and again."""
    blocks = edge_blocks(edges)
    for _ in range(2):
        found = [side.tolist() for block in blocks() for side in block]
        assert found == [list(side) for side in EDGES] * (len(found) // 2)
    if not callable(edges):
        assert [side.tolist() for side in edge_lists(edges)] == [list(side) for side in EDGES]


def test_long_lists_come_in_blocks(tmp_path):
    """Of at most 2**20 edges, also from a mapped file."""
    table = np.zeros((BLOCK + 5, 2), np.int32)
    np.save(tmp_path / "edges.npy", table)
    mapped = np.load(tmp_path / "edges.npy", mmap_mode="r")
    assert [len(u) for u, _ in edge_blocks(mapped)()] == [BLOCK, 5]


def test_arrays_that_are_no_graph():
    """Links that lead nowhere, and ends that do not rise, are refused before a kernel sees them."""
    assert Graph([0, 1, 1], [1]).neighbours(0).tolist() == [1]
    for indptr in ([], [1, 1], [0, 2, 1], [0, 1, 2]):
        with pytest.raises(ValueError, match=r"^indptr must rise from 0 to 1$"):
            Graph(indptr, [0])
    for node in (-1, 2):
        with pytest.raises(ValueError, match=r"^indices must be in 0\.\.1$"):
            Graph([0, 1, 1], [node])


def test_refusals():
    """What is no edge is named."""
    with pytest.raises(TypeError, match=r"^sources must be integers, got float64$"):
        Graph.of([0.5], [1])
    with pytest.raises(ValueError, match=r"^targets must be at least 0, got -1$"):
        Graph.of([0], [-1])
    with pytest.raises(ValueError, match=r"^nodes must be below 3, got 3$"):
        Graph.of([0], [3], 3)
    with pytest.raises(ValueError, match=r"^sources must be as many as targets, 2, got 1$"):
        Graph.of([0], [3, 1])
    with pytest.raises(ValueError, match=r"^edges must be \(m, 2\), got shape \(1, 3\)$"):
        edge_lists([[1, 2, 3]])
    with pytest.raises(TypeError, match=r"^edges must be a pair of lists or a function, got 5$"):
        edge_lists(5)
    with pytest.raises(TypeError, match=r"^edges must be a function that gives blocks, got 5$"):
        edge_blocks(lambda: 5)()
    with pytest.raises(ValueError, match=r"^sources must be as many as targets, 2, got 1$"):
        list(edge_blocks(([0], [1, 2]))())
