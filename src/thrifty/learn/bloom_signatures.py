"""Bloom signatures: who is near a node, as bits, to say how much the surroundings of two share."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, Summary, budget_for, in_range, method, taken
from thrifty.core.kernels import njit
from thrifty.hashing.keys import mix, seed_key
from thrifty.learn.graph import Graph, edge_blocks

__all__ = ["BloomSignatures", "link_features"]

WORD = 64


@njit(forceinline=True, error_model="numpy")
def _ones(word):
    """How many bits of a word are set."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    pairs = np.uint64(0x3333333333333333)
    word = (word & pairs) + ((word >> np.uint64(2)) & pairs)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(nogil=True, cache=True, error_model="numpy")
def _mark(rows, u, v, key):
    """Set the bit of v in the row of u, and the other way."""
    mask = np.uint64(rows.shape[1] * 64 - 1)
    for i in range(u.size):
        for a, b in ((u[i], v[i]), (v[i], u[i])):
            bit = mix(np.uint64(b) + key) & mask
            rows[a, np.int64(bit >> np.uint64(6))] |= np.uint64(1) << (bit & np.uint64(63))


@njit(nogil=True, cache=True, error_model="numpy")
def _spread(rows, u, v, out):
    """Each end of an edge takes over the bits of the other."""
    for i in range(u.size):
        a, b, from_a, from_b = out[u[i]], out[v[i]], rows[u[i]], rows[v[i]]
        for t in range(a.size):
            a[t] |= from_b[t]
            b[t] |= from_a[t]


@njit(nogil=True, cache=True, error_model="numpy")
def _either(left, right, u, v, out):
    """How many bits are set in either of two rows."""
    for i in range(out.size):
        a, b, total = left[u[i]], right[v[i]], np.uint64(0)
        for t in range(a.size):
            total += _ones(a[t] | b[t])
        out[i] = np.int64(total)


@method(
    source="Zhang et al. 2024, Bloom signatures for scalable link prediction; intersections: "
    "Papapetrou, Siberski and Nejdl 2010, doi:10.1007/s10619-010-7067-2",
    memory="num_nodes * bits / 8 bytes a hop",
    time="O(1) an edge of one hop, O(bits / 64) an edge of a further one, and a pair asked",
    error="standard error of a size n about sqrt(bits * (exp(n / bits) - n / bits - 1)); of an "
    "overlap, that of two sizes and of their union",
    exact="intersection of sets of neighbours",
    laws=("summary", "merge", "duplicates"),
    evidence=("bloom_signatures",),
)
class BloomSignatures(Summary):
    """Bits of the neighbours of each node: sizes and overlaps of surroundings by counting bits.

    Every neighbour sets one bit, so an edge costs the same in a crowd and streams in any order.
    `reach` gives the signatures of one hop more. Hubs fill their row: take bits of 4 times the
    largest degree or more.

    Args:
        num_nodes: nodes there are, 1..2**31 - 1.
        bits: of a row, a power of two from 64 to 2**20.
        seed: of the hash, 0..2**64 - 1.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> near = BloomSignatures(1000).add([(0, k) for k in range(100, 200)])
        >>> near = near.add([(1, k) for k in range(150, 250)])
        >>> bool(abs(near.sizes()[0] - 100) < 10), bool(abs(near.overlap([(0, 1)])[0] - 50) < 15)
        (True, True)
    """

    KIND = "bloom-signatures"

    def __init__(self, num_nodes: int, bits: int = 4096, *, seed: int = 0) -> None:
        self.num_nodes = int(in_range("num_nodes", num_nodes, 1, 2**31 - 1))
        self.bits = _power("bits", bits)
        self.seed, self._key = seed, seed_key(seed)
        self._rows = np.zeros((self.num_nodes, self.bits // WORD), np.uint64)

    @classmethod
    def within(cls, budget: int | str, num_nodes: int = 1, *, seed: int = 0) -> Self:
        """The signatures with most bits that fit.

        Raises:
            BudgetError: the budget is below 8 bytes a node.
        """
        room = budget_for("Bloom signatures", budget, 8 * int(num_nodes)) // (8 * int(num_nodes))
        return cls(num_nodes, min(WORD << (room.bit_length() - 1), 2**20), seed=seed)

    def spec(self) -> dict[str, Any]:
        """Nodes, bits and seed."""
        return {"num_nodes": self.num_nodes, "bits": self.bits, "seed": self.seed}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The rows of bits."""
        return {"rows": self._rows}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Any]) -> Self:
        """Signatures from their spec and rows."""
        shape = (int(spec["num_nodes"]), _power("bits", spec["bits"]) // WORD)
        rows = taken(arrays, "rows", np.uint64, shape)
        made = cls(1, spec["bits"], seed=spec["seed"])
        made.num_nodes, made._rows = shape[0], np.ascontiguousarray(rows)
        return made

    def add(self, edges: Any, weights: None = None) -> Self:
        """Take in edges, both ways.

        Args:
            edges: (sources, targets), an (m, 2) array or list, a `Graph`, or a function that gives
                blocks of them.

        Raises:
            TypeError: nodes are not integers.
            ValueError: a node is out of range.
        """
        for u, v in self._blocks(edges):
            _mark(self._rows, u, v, self._key)
        return self

    def reach(self, edges: Any) -> Self:
        """The signatures of one hop more: of the neighbours' rows, and of its own.

        Args:
            edges: as of `add`, the same.

        Raises:
            ValueError: a node is out of range.
        """
        further = self.copy()
        for u, v in self._blocks(edges):
            _spread(self._rows, u, v, further._rows)
        return further

    def sizes(self) -> NDArray[np.float64]:
        """Estimated number of nodes in the surroundings of each node, (num_nodes,)."""
        return self._count(np.bitwise_count(self._rows).sum(axis=1))

    def overlap(self, pairs: ArrayLike, other: Self | None = None) -> NDArray[np.float64]:
        """Estimated number of nodes that the surroundings of two nodes share.

        Args:
            pairs: (n, 2) nodes.
            other: signatures the second node of each pair is looked up in, such as of other hops.

        Returns:
            (n,) at least 0.

        Raises:
            IncompatibleError: the other has other nodes, bits or seed.
            ValueError: pairs are not such.
        """
        second = self if other is None else other
        if second.spec() != self.spec():
            raise IncompatibleError(f"cannot compare {self!r} with {second!r}")
        u, v = self._pairs(pairs)
        return self._shared(u, v, second, self.sizes(), second.sizes())

    def _shared(
        self, u: NDArray[Any], v: NDArray[Any], other: Self, mine: Any, theirs: Any
    ) -> NDArray[np.float64]:
        either = np.empty(u.size, np.int64)
        _either(self._rows, other._rows, u, v, either)
        return np.maximum(mine[u] + theirs[v] - self._count(either), 0)

    def _count(self, bits: NDArray[Any]) -> NDArray[np.float64]:
        """How many nodes set so many bits; a full row counts as one with a bit to spare."""
        filled = np.minimum(bits, self.bits - 1) / self.bits
        return np.log1p(-filled) / np.log1p(-1 / self.bits)

    def _pairs(self, pairs: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        table = np.asarray(pairs, np.int64)
        if table.size and (table.ndim != 2 or table.shape[1] != 2):
            raise ValueError(f"pairs must be (n, 2), got shape {table.shape}")
        u, v = np.ascontiguousarray(table.reshape(-1, 2).T)
        self._check(u, v)
        return u, v

    def _blocks(self, edges: Any) -> Any:
        if isinstance(edges, Graph):
            edges = (edges.sources(), edges.indices)
        if not callable(edges) and not isinstance(edges, tuple) and len(edges) == 0:
            return
        for u, v in edge_blocks(edges)():
            self._check(u, v)
            yield u, v

    def _check(self, u: NDArray[np.int64], v: NDArray[np.int64]) -> None:
        for side in (u, v):
            if side.size and not (side.min() >= 0 and side.max() < self.num_nodes):
                bad = int(side.min() if side.min() < 0 else side.max())
                raise ValueError(f"nodes must be in 0..{self.num_nodes - 1}, got {bad}")

    def _absorb(self, other: Self) -> None:
        self._rows |= other._rows


def link_features(
    near: BloomSignatures, far: BloomSignatures, pairs: ArrayLike
) -> NDArray[np.float64]:
    """What the surroundings of two nodes say about a link between them; order does not matter.

    Args:
        near: signatures of one hop.
        far: signatures of two: `near.reach(edges)`.
        pairs: (n, 2) nodes.

    Returns:
        (n, 8): smaller and larger size of one hop, then of two; the overlap of one hop with one; of
        one with two, smaller and larger; of two with two.

    Raises:
        ValueError: pairs are not such.
    """
    u, v = near._pairs(pairs)
    sizes, reaches = near.sizes(), far.sizes()
    shared = near._shared(u, v, near, sizes, sizes)
    mixed = [near._shared(a, b, far, sizes, reaches) for a, b in ((u, v), (v, u))]
    both = far._shared(u, v, far, reaches, reaches)
    pairs_of = [_sorted(x[u], x[v]) for x in (sizes, reaches)]
    columns = [*pairs_of[0], *pairs_of[1], shared, *_sorted(*mixed), both]
    return np.stack(columns, axis=1)


def _sorted(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The smaller and the larger of two, place by place."""
    return np.minimum(a, b), np.maximum(a, b)


def _power(name: str, value: int) -> int:
    if not isinstance(value, int) or not 64 <= value <= 2**20 or value & (value - 1):
        raise ValueError(f"{name} must be a power of two in 64..1048576, got {value!r}")
    return value
