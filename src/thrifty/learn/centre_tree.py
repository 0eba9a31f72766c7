"""Centre tree: a tree of centres that finds a near leaf without looking at all, and counts rows."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import FormatError, IncompatibleError, Summary, in_range, method, taken
from thrifty.core.kernels import njit
from thrifty.learn._nearest import squared_gap

__all__ = ["CentreTree"]

MOST = 2**31 - 1


@njit(nogil=True, cache=True, error_model="numpy")
def _widen(rows, centres, branches, nodes, gaps, widen):
    """Replace the nodes of each row (-1 is none) by the `widen` nearest of their children."""
    best, where = np.empty(widen), np.empty(widen, np.int64)
    for i in range(len(rows)):
        row, mine, kept = rows[i], nodes[i], 0
        for place in range(mine.size):
            if mine[place] < 0:
                break
            for child in range(mine[place] * branches, (mine[place] + 1) * branches):
                gap = squared_gap(row, centres[child])
                if not np.isfinite(gap) or (kept == widen and gap >= best[kept - 1]):
                    continue
                at = min(kept, widen - 1)
                while at > 0 and best[at - 1] > gap:
                    best[at], where[at] = best[at - 1], where[at - 1]
                    at -= 1
                best[at], where[at] = gap, child
                kept = min(kept + 1, widen)
        for place in range(mine.size):
            mine[place] = where[place] if place < kept else -1
        gaps[i] = best[0] if kept else np.inf


@method(
    source="tree-structured quantisers: Nister and Stewenius 2006, doi:10.1109/CVPR.2006.264",
    memory="8 * d * branches**depth * branches / (branches - 1) bytes",
    time="O(depth * n_probe * branches * d) a row",
    error="the leaf found may not be the nearest; n_probe = branches**depth finds the nearest",
    exact="the nearest of all branches**depth leaves",
    laws=("summary", "merge"),
    evidence=("jmeans",),
)
class CentreTree(Summary):
    """Find a near leaf of a tree of centres for each row, and count the rows of each leaf.

    Level l is a table of branches**(l + 1) centres; the children of node i of one level are nodes
    i * branches and the next ones of the level below. A centre that is not finite is no node.

    Args:
        levels: tables (branches, d), (branches**2, d), ...
        n_probe: nodes of each level that are looked into, 1..65,536.

    Raises:
        ValueError: the tables do not make a tree, or n_probe is out of range.

    Example:
        >>> tree = CentreTree([[[0.0], [10.0]], [[-1.0], [1.0], [9.0], [12.0]]])
        >>> leaves, gaps = tree.find([[0.5], [11.0]])
        >>> leaves.tolist(), tree.add([[0.5], [11.0], [9.5]]).counts.tolist()
        ([1, 3], [0, 1, 1, 1])
    """

    KIND = "centre-tree"

    def __init__(self, levels: Sequence[ArrayLike], *, n_probe: int = 1) -> None:
        self.levels = [np.array(level, np.float64, order="C") for level in levels]
        shapes = [level.shape for level in self.levels]
        branches = shapes[0][0] if shapes and shapes[0] else 0
        width = shapes[0][-1] if shapes and len(shapes[0]) == 2 else 0
        if not width or shapes != [(branches**at, width) for at in range(1, len(shapes) + 1)]:
            raise ValueError(f"levels must be tables of branches**level centres, got {shapes}")
        self.branches, self.depth = branches, len(shapes)
        self.n_probe = int(in_range("n_probe", n_probe, 1, 65_536))
        self.counts = np.zeros(len(self.levels[-1]), np.int64)

    def spec(self) -> dict[str, Any]:
        """How many levels, and how wide the search is."""
        return {"depth": self.depth, "n_probe": self.n_probe}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The centres of each level, and rows by leaf."""
        return {f"level{at}": level for at, level in enumerate(self.levels)} | {
            "counts": self.counts
        }

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Any]) -> Self:
        """A tree from its spec and tables."""
        names = [f"level{at}" for at in range(int(in_range("depth", spec["depth"], 1, 31)))]
        levels = [taken(arrays, name, np.float64, (None, None)) for name in names]
        made = cls(levels, n_probe=spec["n_probe"])
        made.counts = taken(arrays, "counts", np.int64, made.counts.shape)
        if (made.counts < 0).any():
            raise FormatError("array 'counts' must be at least 0")
        return made

    def add(self, batch: ArrayLike, weights: None = None) -> Self:
        """Count the rows of a batch (n, d) by leaf; also [].

        Raises:
            ValueError: rows are not of d finite numbers.
        """
        rows = np.asarray(batch, np.float64)
        if rows.size:
            leaves = self.find(rows)[0]
            self.counts += np.bincount(leaves, minlength=self.counts.size)
        return self

    def find(
        self, rows: ArrayLike, n_probe: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """A near leaf of each row.

        Args:
            rows: (n, d) finite floats.
            n_probe: other than that of the tree.

        Returns:
            leaves (n,) and squared distances (n,).

        Raises:
            ValueError: rows are not of d finite numbers, or n_probe is out of range.
        """
        wide = self.n_probe if n_probe is None else in_range("n_probe", n_probe, 1, 65_536)
        x, width = np.asarray(rows), self.levels[0].shape[1]
        if x.ndim != 2 or x.shape[1] != width:
            raise ValueError(f"rows must be (n, {width}), got shape {x.shape}")
        x = np.ascontiguousarray(x if x.dtype == np.float32 else x.astype(np.float64)).view()
        x.flags.writeable = False
        nodes, gaps = np.full((len(x), int(wide)), -1), np.empty(len(x))
        nodes[:, 0] = 0
        for level in self.levels:
            _widen(x, level.astype(x.dtype), self.branches, nodes, gaps, nodes.shape[1])
        if not np.isfinite(gaps).all():
            raise ValueError("rows must be finite numbers whose squares are finite")
        return nodes[:, 0].copy(), gaps

    def _absorb(self, other: Self) -> None:
        ours, theirs = self.levels, other.levels
        if not all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True)):
            raise IncompatibleError("cannot merge counts of trees with different centres")
        self.counts += other.counts
