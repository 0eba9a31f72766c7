"""Centre tree: centres of centres, learned from a sample, and the likeliest leaves of a query."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.index._cells import learned_centres, means, of_length_1
from thrifty.index._heaps import heaps, sift
from thrifty.index._scoring import frozen, score_row

__all__ = ["Level", "Tree", "branch_for", "learned", "nodes_for"]

Rows = NDArray[np.float32]
Numbers = NDArray[np.int64]
FINER = 4  # upper levels have so many times the nodes of a tree of equal branches
LEAFY = 1.5
WIDER = 1.0  # upper levels keep so many times the share of nodes that would just do
SPREAD = 8  # nodes of each level that are kept where a row looks for its leaf
ROUNDS = 3
BLOCK = 1 << 14  # rows that look for their leaves at once
MOST = 1 << 20  # leaves


class Level(NamedTuple):
    """The nodes of one level.

    Args:
        centres: (nodes, d) float32. firsts: (nodes of the level above + 1,) int64, from 0 to nodes:
            where the children of each begin and end.
    """

    centres: Rows
    firsts: Numbers


@dataclass(frozen=True, eq=False)
class Tree:
    """A tree of centres.

    Args:
        levels: from the top, whose only node above is the root. rows: learned from.
    """

    levels: tuple[Level, ...]
    rows: int

    @property
    def leaves(self) -> int:
        """How many leaves there are."""
        return len(self.levels[-1].centres)

    def labels(self, rows: Rows) -> Numbers:
        """A near leaf of each row (n, d), by distance: some nodes of each level are kept."""
        kept = [min(SPREAD, len(level.centres)) for level in self.levels[:-1]]
        found = [
            _down(frozen(rows[i : i + BLOCK]), self.levels, [*kept, 1], True)[0]
            for i in range(0, len(rows), BLOCK)
        ]
        return np.concatenate(found)[:, 0]

    def find(self, queries: Rows, count: int, *, l2: bool) -> tuple[Numbers, int]:
        """The likeliest leaves of each query (m, count), in no order, and centres looked at in all.

        Of each level some nodes are kept, and their children looked at; -1 where there are fewer.

        Args:
            queries: (m, d) float32. count: leaves wanted, 1..leaves.
            l2: by distance, else by the inner product.
        """
        return _down(frozen(queries), self.levels, self._widths(count), l2)

    def _widths(self, count: int) -> list[int]:
        """How many nodes of each level are kept."""
        share, depth = count / self.leaves, len(self.levels)
        upper = [
            int(np.ceil(min(1.0, WIDER * share ** (at / depth)) * len(level.centres)))
            for at, level in enumerate(self.levels[:-1], 1)
        ]
        return [*upper, count]


@njit(nogil=True, cache=True, error_model="numpy")
def _widen(queries, centres, firsts, l2, nodes, scores, found):
    """Keep the best children of each query's nodes (-1 is none); how many were looked at."""
    looked = 0
    for i in range(queries.shape[0]):
        query, heap, held = queries[i], scores[i], found[i]
        for j in range(nodes.shape[1]):
            node = nodes[i, j]
            if node < 0:
                continue
            for child in range(firsts[node], firsts[node + 1]):
                score = score_row(query, centres[child], l2)
                if score > heap[0]:
                    sift(score, child, heap, held)
            looked += firsts[node + 1] - firsts[node]
    return looked


def branch_for(rows: int, branch: int | None, depth: int) -> int:
    """The root of that degree of how many leaves there shall be: as given, or by the rows."""
    if branch is not None:
        return branch
    most = int(MOST ** (1 / depth) + 1e-9)
    return max(1, min(round(LEAFY * rows ** (1 / (depth + 1))), most))


def _nodes(branch: int, depth: int, at: int) -> int:
    """How many nodes a level shall have."""
    return min(branch**depth, branch**at * (FINER if at < depth else 1))


def nodes_for(branch: int, depth: int) -> list[int]:
    """How many nodes each level has at most: those above have a child each, however small."""
    return np.cumsum([_nodes(branch, depth, at) for at in range(1, depth + 1)]).tolist()


def learned(
    sample: Rows, branch: int, depth: int, rng: np.random.Generator, total: int, *, sphere: bool
) -> Tree:
    """A tree of a sample of rows (n, d), n at least 1: larger nodes have more children.

    The rows of each node are cut into its children; then rows may go to other nodes' children.

    Args:
        sample: (n, d) float32. branch, depth: there shall be branch ** depth leaves.
        rng: what centres begin by. total: rows it is of. sphere: rows are of length 1.
    """
    labels, tree = np.zeros(len(sample), np.int64), Tree((), total)
    above = np.zeros((1, sample.shape[1]), np.float32)
    for at in range(1, depth + 1):
        sizes = np.bincount(labels, minlength=len(above))
        ends = _nodes(branch, depth, at) * np.cumsum(sizes) // len(sample)
        counts = np.clip(np.diff(ends, prepend=0), 1, np.maximum(sizes, 1))
        firsts, above = frozen(np.append(0, np.cumsum(counts))), np.repeat(above, counts, axis=0)
        for node, mine in _groups(labels):
            own = learned_centres(sample[mine], int(counts[node]), rng, sphere=sphere)
            above[firsts[node] : firsts[node + 1]] = own
        upper = tree.levels
        for _ in range(ROUNDS if upper else 0):
            tree = Tree((*upper, Level(frozen(above), firsts)), total)
            centres, held = means(sample, tree.labels(sample), len(above))
            centres = of_length_1(centres) if sphere else centres
            above = np.where(held[:, None] > 0, centres, above)
        tree = Tree((*upper, Level(frozen(above), firsts)), total)
        labels = tree.labels(sample)
    return tree


def _groups(labels: Numbers) -> Iterator[tuple[int, Numbers]]:
    """Each node that has rows, and which."""
    order = np.argsort(labels, kind="stable")
    nodes, starts = np.unique(labels[order], return_index=True)
    yield from zip(nodes.tolist(), np.split(order, starts[1:]), strict=True)


def _down(
    rows: Rows, levels: Sequence[Level], widths: Sequence[int], l2: bool
) -> tuple[Numbers, int]:
    """The nodes kept of the last level (m, its width), -1 for none, and centres looked at."""
    nodes, looked = np.zeros((len(rows), 1), np.int64), 0
    for level, wide in zip(levels, widths, strict=True):
        scores, found = heaps(len(rows), wide)
        looked += _widen(rows, level.centres, level.firsts, l2, frozen(nodes), scores, found)
        nodes = found
    return nodes, looked
