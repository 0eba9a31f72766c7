"""Personal ranks: PageRank as seen from one node, by visiting only what is near it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thrifty.core import in_range, method
from thrifty.core.kernels import njit
from thrifty.learn.graph import Graph

__all__ = ["NearRanks", "personal_ranks"]


class NearRanks(NamedTuple):
    """Ranks of the nodes near one node; all others rank at most `tol * degree`.

    Args:
        nodes: (k,) int64, highest rank first.
        values: (k,) float64, none above the exact rank.
        error: what all values together lack; the exact ranks sum to 1.
        visits: edges that were followed.
    """

    nodes: NDArray[np.int64]
    values: NDArray[np.float64]
    error: float
    visits: int


@njit(nogil=True, cache=True, error_model="numpy")
def _walk(indptr, indices, start, damping, tol, rank, rest, queue, waits):
    """Push what waits at a node on to its links, until little waits anywhere; edges followed."""
    head, count, visits = 0, 1, 0
    queue[0], waits[start], rest[start] = start, True, 1.0
    while count > 0:
        node = queue[head]
        head = (head + 1) % queue.size
        count -= 1
        waits[node] = False
        mass, first, last = rest[node], indptr[node], indptr[node + 1]
        rest[node] = 0.0
        rank[node] += (1 - damping) * mass
        if first == last:
            rest[start] += damping * mass
            if not waits[start] and rest[start] > tol * max(indptr[start + 1] - indptr[start], 1):
                queue[(head + count) % queue.size], waits[start] = start, True
                count += 1
            continue
        share = damping * mass / (last - first)
        visits += last - first
        for place in range(first, last):
            other = indices[place]
            rest[other] += share
            links = max(indptr[other + 1] - indptr[other], 1)
            if not waits[other] and rest[other] > tol * links:
                queue[(head + count) % queue.size], waits[other] = other, True
                count += 1
    return visits


@method(
    source="Andersen, Chung and Lang 2006, doi:10.1109/FOCS.2006.44",
    memory="25 bytes a node while it runs",
    time="O(1 / (tol * (1 - damping))) edges, whatever the size of the graph",
    error="each value too low, by `error` in sum; where links go both ways by at most tol * degree",
    exact="pagerank(graph, restart=node)",
    laws=("near ranks",),
    evidence=("pagerank",),
)
def personal_ranks(
    graph: Graph, node: int, *, damping: float = 0.85, tol: float = 1e-6
) -> NearRanks:
    """Rank the nodes near a node by walks that start anew there.

    All mass begins at the node. What waits at a node is kept there in part (1 - damping) and
    pushed on to its links, until nowhere more waits than tol times the links.

    Args:
        graph: whose links are followed.
        node: where walks start, 0..num_nodes - 1.
        damping: probability of following a link, 0..0.9999.
        tol: what may wait at a node for each of its links, 1e-15..1.

    Returns:
        `NearRanks`: nodes, values, error, visits.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> ring = Graph.of(range(1000), [(i + 1) % 1000 for i in range(1000)])
        >>> near = personal_ranks(ring, 7, tol=1e-3)
        >>> near.nodes[:3].tolist(), len(near.nodes) < 50, near.error < 0.01
        ([7, 8, 9], True, True)
    """
    size = graph.num_nodes
    start = int(in_range("node", node, 0, size - 1))
    in_range("damping", damping, 0, 0.9999)
    in_range("tol", tol, 1e-15, 1)
    rank, rest = np.zeros((2, size))
    queue, waits = np.empty(size, np.int64), np.zeros(size, bool)
    visits = _walk(
        graph.indptr, graph.indices, start, float(damping), float(tol), rank, rest, queue, waits
    )
    near = np.flatnonzero(rank)
    near = near[np.argsort(-rank[near], kind="stable")]
    return NearRanks(near, rank[near], float(max(1 - rank.sum(), 0)), int(visits))
