"""J-means: k-means of k-means, so that many clusters are made and found in logarithmic time."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClusterMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from thrifty.core import in_range, method
from thrifty.learn._nearest import nearest
from thrifty.learn._summarised import Summarised
from thrifty.learn.centre_tree import CentreTree
from thrifty.learn.kmeans import KMeans

__all__ = ["JMeans"]


@method(
    source="hierarchical k-means: Nister and Stewenius 2006, doi:10.1109/CVPR.2006.264",
    memory="8 * d * branches**depth * branches / (branches - 1) bytes",
    time="O(n * d * branches * depth) a pass to fit; O(d * branches * depth * n_probe) a row found",
    error="none by a bound; n_probe trades time for nearer leaves",
    exact="KMeans(branches**depth)",
    laws=("centres",),
    evidence=("jmeans",),
)
class JMeans(ClusterMixin, Summarised):
    """Cluster rows by a tree: k-means into a few branches, then each branch again.

    Up to branches**depth leaves stand for the clusters; a branch of fewer rows than branches has a
    leaf for each row. A row is found by going down the tree with the n_probe nearest nodes.

    Args:
        branches: children of a node, 2..65,536.
        depth: levels, 1..31; branches**depth is at most 2**24.
        n_probe: nodes of each level that are looked into; more find nearer leaves.
        max_iter: passes of k-means in a node.
        random_state: seed, 0..2**64 - 1.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).random((500, 2))
        >>> model = JMeans(4, 2, n_probe=16).fit(x)
        >>> gaps = ((x[:, None] - model.cluster_centers_) ** 2).sum(axis=2)
        >>> bool((gaps.argmin(axis=1) == model.predict(x)).all()), int(model.tree_.counts.sum())
        (True, 500)
    """

    KIND, HOLDS, KINDS = "j-means", "tree_", (CentreTree,)

    def __init__(
        self,
        branches: Any = 16,
        depth: Any = 2,
        *,
        n_probe: Any = 1,
        max_iter: Any = 20,
        random_state: Any = 0,
    ) -> None:
        self.branches = branches
        self.depth = depth
        self.n_probe = n_probe
        self.max_iter = max_iter
        self.random_state = random_state

    @property
    def cluster_centers_(self) -> NDArray[np.float64]:
        """The centres of the leaves, (branches**depth, d); infinite where there is none."""
        check_is_fitted(self, "tree_")
        return self.tree_.levels[-1]

    def fit(self, X: Any, y: Any = None) -> Self:
        """Grow the tree.

        Args:
            X: (n, d) finite floats; a memory map is read in blocks.
            y: not used.

        Raises:
            ValueError: X or a parameter cannot be used.
        """
        x = self._validated(X, reset=True)
        branches = int(in_range("branches", self.branches, 2, 65_536))
        depth = int(in_range("depth", self.depth, 1, 31))
        in_range("branches**depth", branches**depth, 2, 2**24)
        levels, nodes = [], np.zeros(len(x), np.int64)
        self.n_iter_ = 1
        for _ in range(depth):
            centres, nodes = self._split(x, nodes, branches, len(levels))
            levels.append(centres)
        self.tree_ = CentreTree(levels, n_probe=self.n_probe).add(x)
        self.labels_, gaps = self.tree_.find(x)
        self.inertia_ = float(gaps.sum())
        return self

    def predict(self, X: Any, n_probe: int | None = None) -> NDArray[np.int64]:
        """A near leaf of each row, (n,); n_probe may be another than in training.

        Raises:
            ValueError: n_probe is out of range.
        """
        check_is_fitted(self, "tree_")
        return self.tree_.find(self._validated(X, reset=False), n_probe)[0]

    def _validated(self, x: Any, *, reset: bool) -> NDArray[Any]:
        kinds = [np.float64, np.float32]
        return validate_data(self, x, dtype=kinds, order="C", reset=reset)

    def _split(
        self, x: NDArray[Any], nodes: NDArray[np.int64], branches: int, level: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Centres of the next level, and the child of each row."""
        centres = np.full((branches ** (level + 1), x.shape[1]), np.inf)
        order = np.argsort(nodes, kind="stable")
        ends = np.searchsorted(nodes[order], np.arange(branches**level + 1))
        children = np.empty_like(nodes)
        for node in range(branches**level):
            rows = order[ends[node] : ends[node + 1]]
            if rows.size == 0:
                continue
            found, labels = self._centres(x[rows], branches, (level, node))
            start = node * branches
            centres[start : start + len(found)] = found
            children[rows] = start + labels
        return centres, children

    def _centres(
        self, rows: NDArray[Any], branches: int, place: tuple[int, int]
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        few = np.unique(rows, axis=0) if len(rows) <= 4 * branches else None
        if few is not None and len(few) <= branches:
            return few, nearest(rows, few)[0]
        seed = [int(self.random_state), *place]
        model = KMeans(branches, max_iter=self.max_iter, random_state=seed).fit(rows)
        self.n_iter_ = max(self.n_iter_, model.n_iter_)
        return model.cluster_centers_, model.labels_

    def _adopt(self, summary: Any) -> None:
        self.tree_ = summary
        self.n_features_in_ = summary.levels[0].shape[1]
