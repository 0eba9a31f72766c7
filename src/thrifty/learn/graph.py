"""Graph: who is linked to whom, as neighbours laid one after another."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core.kernels import njit

__all__ = ["Edges", "Graph", "edge_blocks", "edge_lists"]

MOST = 2**31 - 1
BLOCK = 1 << 20
Edges = tuple[NDArray[np.int64], NDArray[np.int64]]


@njit(nogil=True, cache=True, error_model="numpy")
def _place(sources, targets, ends, indices):
    """Write each target behind those of its source; ends are where each source's go."""
    for i in range(sources.size):
        source = sources[i]
        indices[ends[source]] = targets[i]
        ends[source] += 1


class Graph:
    """A graph on nodes 0..num_nodes - 1; node u links to indices[indptr[u]:indptr[u + 1]].

    Args:
        indptr: (num_nodes + 1,) int64.
        indices: (links,) int32.

    Raises:
        ValueError: indptr does not rise from 0 to the number of links, or a link leads nowhere.

    Example:
        >>> graph = Graph.of([0, 0, 1], [1, 2, 2])
        >>> graph.neighbours(0).tolist(), graph.degrees.tolist(), graph.reversed().degrees.tolist()
        ([1, 2], [2, 1, 0], [0, 1, 2])
    """

    def __init__(self, indptr: ArrayLike, indices: ArrayLike) -> None:
        self.indptr = np.ascontiguousarray(indptr, np.int64)
        self.indices = np.ascontiguousarray(indices, np.int32)
        self.num_nodes, ends = len(self.indptr) - 1, self.indptr
        if ends.size == 0 or ends[0] or (np.diff(ends) < 0).any() or ends[-1] != self.indices.size:
            raise ValueError(f"indptr must rise from 0 to {self.indices.size}")
        if self.indices.size and not 0 <= self.indices.min() <= self.indices.max() < self.num_nodes:
            raise ValueError(f"indices must be in 0..{self.num_nodes - 1}")

    def __repr__(self) -> str:
        return f"Graph({self.num_nodes} nodes, {self.indices.size} links)"

    @classmethod
    def of(
        cls,
        sources: ArrayLike,
        targets: ArrayLike,
        num_nodes: int | None = None,
        *,
        undirected: bool = False,
        simple: bool = False,
    ) -> Self:
        """The graph of a list of edges.

        Args:
            sources: (m,) ints of at least 0.
            targets: (m,) ints of at least 0.
            num_nodes: nodes there are; 1 + the largest if None.
            undirected: each edge links both ways (one from a node to itself, once).
            simple: each pair of nodes is linked once, however often it is listed.

        Raises:
            TypeError: nodes are not integers.
            ValueError: a node is out of range, or the lists differ in length.
        """
        u, v = _nodes("sources", sources), _nodes("targets", targets)
        if u.size != v.size:
            raise ValueError(f"sources must be as many as targets, {v.size}, got {u.size}")
        most = int(max(u.max(), v.max())) if u.size else -1
        size = most + 1 if num_nodes is None else int(num_nodes)
        if most >= size or size > MOST:
            raise ValueError(f"nodes must be below {min(size, MOST)}, got {most}")
        if undirected:
            other = slice(None) if (u != v).all() else u != v
            u, v = np.concatenate([u, v[other]]), np.concatenate([v, u[other]])
        if simple:
            pairs = np.unique(u * size + v)
            u, v = pairs // max(size, 1), pairs % max(size, 1)
        return cls._laid(u, v, size)

    @classmethod
    def _laid(cls, u: NDArray[np.int64], v: NDArray[np.int64], size: int) -> Self:
        indptr = np.zeros(size + 1, np.int64)
        np.cumsum(np.bincount(u, minlength=size), out=indptr[1:])
        indices = np.empty(u.size, np.int32)
        _place(u, v, indptr[:-1].copy(), indices)
        made = cls.__new__(cls)
        made.indptr, made.indices, made.num_nodes = indptr, indices, size
        return made

    @property
    def degrees(self) -> NDArray[np.int64]:
        """Links of each node."""
        return np.diff(self.indptr)

    @property
    def nbytes(self) -> int:
        """Bytes of both arrays."""
        return self.indptr.nbytes + self.indices.nbytes

    def neighbours(self, node: int) -> NDArray[np.int32]:
        """What a node links to."""
        return self.indices[self.indptr[node] : self.indptr[node + 1]]

    def sources(self) -> NDArray[np.int64]:
        """The node each of `indices` is linked from."""
        return np.repeat(np.arange(self.num_nodes), self.degrees)

    def reversed(self) -> "Graph":
        """The graph whose links point the other way."""
        return Graph._laid(self.indices.astype(np.int64), self.sources(), self.num_nodes)


def edge_blocks(edges: Any) -> Callable[[], Iterator[Edges]]:
    """Edges as something that can be passed over again and again, in blocks.

    Args:
        edges: a pair (sources, targets), an (m, 2) array, both also as memory maps; or a function
            without arguments that gives an iterable of such.

    Returns:
        A function that gives an iterator of pairs of int64 arrays, of at most 2**20 edges.

    Raises:
        TypeError: it is none of these, or nodes are not integers.
        ValueError: sources and targets differ in length, or a node is below 0.
    """
    if not callable(edges):
        return lambda: _cut(edges)
    return lambda: (block for part in _listed(edges()) for block in _cut(part))


def edge_lists(edges: Any) -> Edges:
    """Sources and targets of a pair of lists, or of an (m, 2) array, as int64.

    Raises:
        TypeError: it is neither, or nodes are not integers.
        ValueError: sources and targets differ in length, or a node is below 0.
    """
    u, v = _sides(edges)
    return _nodes("sources", u), _nodes("targets", v)


def _listed(parts: Any) -> Iterable[Any]:
    if not hasattr(parts, "__iter__"):
        raise TypeError(f"edges must be a function that gives blocks, got {parts!r}")
    return parts


def _cut(edges: Any) -> Iterator[Edges]:
    u, v = _sides(edges)
    for start in range(0, len(u), BLOCK):
        part = slice(start, start + BLOCK)
        yield _nodes("sources", u[part]), _nodes("targets", v[part])


def _sides(edges: Any) -> tuple[Any, Any]:
    if isinstance(edges, tuple) and len(edges) == 2:
        u, v = edges
    elif hasattr(edges, "__len__"):
        table = np.asarray(edges)
        if table.ndim != 2 or table.shape[1] != 2:
            raise ValueError(f"edges must be (m, 2), got shape {table.shape}")
        u, v = table[:, 0], table[:, 1]
    else:
        raise TypeError(f"edges must be a pair of lists or a function, got {edges!r}")
    if len(u) != len(v):
        raise ValueError(f"sources must be as many as targets, {len(v)}, got {len(u)}")
    return u, v


def _nodes(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got {array.dtype}")
    array = np.ascontiguousarray(array, np.int64).reshape(-1)
    if array.size and array.min() < 0:
        raise ValueError(f"{name} must be at least 0, got {array.min()}")
    return array
