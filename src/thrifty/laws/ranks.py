"""Laws of ranks of nodes.

For "ranks" a factory gives rank(edges, num_nodes) -> (values, error, passes) with damping 0.85; for
"near ranks" near(graph, node) -> (nodes, values, error, visits) with damping 0.85 and the tolerance
1e-6. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAWS"]

Make = Callable[[], Any]
NODES, DAMPING, TOL = 40, 0.85, 1e-6


def ranks_are_shares(make: Make) -> None:
    """Ranks are positive and sum to one."""
    values, error, _ = make()(_edges(1), NODES)
    assert (values > 0).all()
    assert abs(values.sum() - 1) < 1e-12
    assert 0 < error < 1e-6


def the_equation_holds(make: Make) -> None:
    """Ranks are what the links of all nodes bring, and lie within `error` of the exact ones."""
    values, error, _ = make()(_edges(2), NODES)
    matrix = _matrix(_edges(2))
    assert np.abs(matrix @ values - values).sum() <= 2 * error
    exact = np.linalg.solve(np.eye(NODES) - matrix + 1.0, np.ones(NODES))
    assert np.abs(exact - values).sum() <= error


def names_do_not_matter(make: Make) -> None:
    """Nodes renamed and edges in another order have the same ranks under their new names."""
    (u, v), rng = _edges(3), np.random.default_rng(4)
    names, order = rng.permutation(NODES), rng.permutation(len(u))
    values, error, _ = make()((u, v), NODES)
    renamed = make()((names[u][order], names[v][order]), NODES)[0]
    assert np.abs(renamed[names] - values).sum() <= 2 * error


def a_ring_is_even(make: Make) -> None:
    """Where each node links to the next, all rank alike."""
    ring = np.arange(NODES)
    values = make()((ring, (ring + 1) % NODES), NODES)[0]
    np.testing.assert_allclose(values, 1 / NODES, rtol=1e-9)


def values_and_error_make_one(make: Make) -> None:
    """Near ranks are positive, descending, of different nodes, and lack `error` of one."""
    for node in range(0, NODES, 7):
        nodes, values, error, _ = make()(_graph(_edges(5)), node)
        assert (values > 0).all()
        assert (np.diff(values) <= 0).all()
        assert len(set(nodes.tolist())) == len(nodes)
        assert abs(values.sum() + error - 1) < 1e-12


def values_are_never_high(make: Make) -> None:
    """No near rank is above the exact one, nor below by more than `error` in sum."""
    matrix = _matrix(_edges(6), even=False)
    for node in range(0, NODES, 7):
        nodes, values, error, _ = make()(_graph(_edges(6)), node)
        start = np.zeros(NODES)
        start[node] = 1
        walk = matrix + DAMPING * np.outer(start, matrix.sum(axis=0) == 0)
        exact = np.linalg.solve(np.eye(NODES) - walk, (1 - DAMPING) * start)
        gaps = exact.copy()
        gaps[nodes] -= values
        assert (gaps > -1e-12).all()
        assert gaps.sum() <= error + 1e-12


def little_is_left_out(make: Make) -> None:
    """Where links go both ways, a near rank lacks at most the tolerance times the links."""
    u, v = _edges(7)
    edges = np.append(u, v), np.append(v, u)
    links = np.bincount(edges[0], minlength=NODES)
    matrix, node = _matrix(edges, even=False), int(links.argmax())
    nodes, values, _, _ = make()(_graph(edges), node)
    start = (np.arange(NODES) == node) * (1 - DAMPING)
    gaps = np.linalg.solve(np.eye(NODES) - matrix, start)
    gaps[nodes] -= values
    assert (gaps <= TOL * np.maximum(links, 1) + 1e-12).all()


def _edges(seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A hundred edges, some twice or from a node to itself; some nodes have none."""
    u, v = np.random.default_rng(seed).integers(0, NODES - 3, (2, 100))
    return u, v


def _graph(edges: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Any:
    u, v = edges
    order = np.argsort(u, kind="stable")
    ends = np.append(0, np.cumsum(np.bincount(u, minlength=NODES)))
    return SimpleNamespace(indptr=ends, indices=v[order].astype(np.int32), num_nodes=NODES)


def _matrix(
    edges: tuple[NDArray[np.int64], NDArray[np.int64]], *, even: bool = True
) -> NDArray[np.float64]:
    """Damping * links, column by column; with `even` the restart and nodes without links too."""
    table = np.zeros((NODES, NODES))
    np.add.at(table, (edges[1], edges[0]), 1)
    links = table.sum(axis=0)
    table = DAMPING * table / np.maximum(links, 1)
    if not even:
        return table
    return table + ((1 - DAMPING) + DAMPING * (links == 0)) / NODES


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "ranks": (ranks_are_shares, the_equation_holds, names_do_not_matter, a_ring_is_even),
    "near ranks": (values_and_error_make_one, values_are_never_high, little_is_left_out),
}
