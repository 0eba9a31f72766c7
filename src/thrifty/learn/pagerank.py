"""PageRank: where a walk that follows links, and now and then starts anew, is found."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import in_range, method
from thrifty.core.kernels import njit
from thrifty.learn.graph import Edges, Graph, edge_blocks, edge_lists

__all__ = ["Ranks", "pagerank"]


class Ranks(NamedTuple):
    """Ranks of nodes, and how far they may be off.

    Args:
        values: (num_nodes,) float64, summing to 1.
        error: the sum of all differences from the exact ranks is at most this.
        passes: over the edges.
    """

    values: NDArray[np.float64]
    error: float
    passes: int


@njit(nogil=True, cache=True, error_model="numpy")
def _taken(indices, shares, first, last):
    """What the nodes of a row share; without signed indices the loop is twice as fast."""
    row, total = indices[first:last], 0.0
    for place in range(row.size):
        total += shares[np.uint32(row[place])]
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _sweep(indptr, indices, links, inverse, start, damping, stride, shares):
    """Renew the share of each node from its newest neighbours; the change in all ranks together."""
    change = 0.0
    for node in range(links.size):
        taken = _taken(indices, shares, indptr[node], indptr[node + 1])
        gap = (1 - damping) * start[node] + damping * taken - shares[node] * links[node]
        shares[node] += stride * inverse[node] * gap
        change += abs(gap)
    return change


@njit(nogil=True, cache=True, error_model="numpy")
def _settle(indptr, indices, links, inverse, start, damping, stride, shares, sweeps, tol):
    """Sweep until little changes; the last sweep is plain, so that its change bounds the error.

    Returns how many sweeps there were, and what the last one changed.
    """
    done, change = 0, np.inf
    while done < sweeps:
        change = _sweep(indptr, indices, links, inverse, start, damping, stride, shares)
        done += 1
        if change <= tol or done == sweeps - 1:
            change = _sweep(indptr, indices, links, inverse, start, damping, 1.0, shares)
            done += 1
            if change <= tol:
                break
    return done, change


@njit(nogil=True, cache=True, error_model="numpy")
def _push(sources, targets, shares, scale, out):
    """Each node gives its share to what it links to."""
    for i in range(sources.size):
        out[targets[i]] += scale * shares[sources[i]]


@method(
    source="Page, Brin, Motwani and Winograd 1999, Stanford InfoLab 1999-66; as a linear system, "
    "solved by sweeps: Arasu, Novak, Tomkins and Tomlin 2002",
    memory="32 bytes a node; and 4 bytes an edge where edges are a Graph or arrays",
    time="O(edges) a pass; about log(tol) / log(damping) passes",
    error="the sum of differences is at most 2 * damping / (1 - damping) of the last change",
    exact="the leading eigenvector of the dense matrix",
    laws=("ranks",),
    evidence=("pagerank",),
)
def pagerank(
    edges: Any,
    num_nodes: int | None = None,
    *,
    damping: float = 0.85,
    restart: int | ArrayLike | None = None,
    tol: float = 1e-10,
    max_passes: int = 1000,
    undirected: bool = False,
) -> Ranks:
    """Rank the nodes of a graph by its links.

    The rank of a node is 1 - damping of the restart, plus damping of what each node that links to
    it shares evenly among its links; a node without links gives all to the restart. Edges
    that are a function are read anew in each pass, and only ranks stay in memory.

    Args:
        edges: a `Graph`, (sources, targets), an (m, 2) array, or a function without arguments that
            gives blocks of either, such as of a file.
        num_nodes: nodes there are; 1 + the largest if None.
        damping: probability of following a link, 0..0.9999.
        restart: where a walk starts anew: one node, (num_nodes,) weights, or None for anywhere.
        tol: stop where the ranks change by less than this in sum, 1e-15..1.
        max_passes: stop after so many passes, 1..1,000,000.
        undirected: follow each edge both ways.

    Returns:
        `Ranks`: values, error, passes.

    Raises:
        TypeError: edges are none.
        ValueError: an argument is out of range, or there are no nodes.

    Example:
        >>> ranks = pagerank(([0, 1, 2, 3], [1, 2, 0, 0]))
        >>> bool(abs(ranks.values.sum() - 1) < 1e-12), int(ranks.values.argmax())
        (True, 0)
        >>> ranks.error < 1e-9
        True
    """
    in_range("damping", damping, 0, 0.9999)
    in_range("tol", tol, 1e-15, 1)
    in_range("max_passes", max_passes, 1, 10**6)
    solve, degrees = _solver(edges, num_nodes, undirected)
    if degrees.size == 0:
        raise ValueError("edges must have at least one node, got none")
    start = _restart(restart, degrees.size)
    mass, passes, change = solve(np.maximum(degrees, 1.0), start, damping, max_passes, tol)
    total = mass.sum()
    error = 2 * damping / (1 - damping) * change / total + 1e-15
    return Ranks(mass / total, float(error), passes)


def _solver(
    edges: Any, num_nodes: int | None, undirected: bool
) -> tuple[Callable[..., Any], NDArray[np.int64]]:
    """A function that solves mass = (1 - damping) * start + damping * (shares along links).

    What nodes without links lose goes to the restart, so the ranks are the mass over its sum.
    """
    if callable(edges):
        return _streamed(edges, num_nodes, undirected)
    if isinstance(edges, Graph):
        return _swept(edges.reversed()), edges.degrees
    u, v = edge_lists(edges)
    back = Graph.of(v, u, num_nodes, undirected=undirected)
    if undirected:
        return _swept(back, both_ways=True), back.degrees
    return _swept(back), np.bincount(u, minlength=back.num_nodes)


def _swept(back: Graph, *, both_ways: bool = False) -> Callable[..., Any]:
    """Sweeps over nodes in memory, each of which sees what the sweep has already changed.

    Where links go both ways the system is symmetric, and steps longer than a sweep asks for
    converge faster: by the factor that is best for a spectrum of -damping..damping.
    """

    def solve(links, start, damping, most, tol):
        stride = 2 / (1 + np.sqrt(1 - damping**2)) if both_ways else 1.0
        first = damping * links / links.sum() if both_ways else damping * start
        shares = ((1 - damping) * start + first) / links
        options = (float(damping), float(stride), shares, int(most), float(tol))
        passes, change = _settle(back.indptr, back.indices, links, 1 / links, start, *options)
        return shares * links, passes, change

    return solve


def _streamed(
    edges: Any, num_nodes: int | None, undirected: bool
) -> tuple[Callable[..., Any], NDArray[np.int64]]:
    """Passes over blocks, each of which sees the ranks of the pass before."""
    blocks = edge_blocks(edges)

    def both() -> Iterator[Edges]:
        for u, v in blocks():
            yield u, v
            if undirected:
                other = u != v
                yield v[other], u[other]

    def solve(links, start, damping, most, tol):
        mass, change, passes = start.copy(), np.inf, 0
        while change > tol and passes < most:
            fresh, shares = (1 - damping) * start, mass / links
            for u, v in both():
                _push(u, v, shares, damping, fresh)
            change, mass, passes = float(np.abs(fresh - mass).sum()), fresh, passes + 1
        return mass, passes, change

    return solve, _degrees(both(), num_nodes)


def _degrees(blocks: Iterator[Edges], num_nodes: int | None) -> NDArray[np.int64]:
    degrees = np.zeros(num_nodes or 0, np.int64)
    for u, v in blocks:
        most = int(max(u.max(), v.max())) if u.size else -1
        if num_nodes is not None and most >= num_nodes:
            raise ValueError(f"nodes must be below {num_nodes}, got {most}")
        if most >= degrees.size:
            degrees = np.append(degrees, np.zeros(most + 1 - degrees.size, np.int64))
        degrees += np.bincount(u, minlength=degrees.size)
    return degrees


def _restart(restart: Any, size: int) -> NDArray[np.float64]:
    if restart is None:
        return np.full(size, 1 / size)
    if np.ndim(restart) == 0:
        start = np.zeros(size)
        start[int(in_range("restart", restart, 0, size - 1))] = 1
        return start
    start = np.asarray(restart, np.float64)
    if start.shape != (size,) or not (np.isfinite(start) & (start >= 0)).all() or start.sum() == 0:
        raise ValueError(f"restart must be a node or {size} weights of at least 0, not all 0")
    return start / start.sum()
