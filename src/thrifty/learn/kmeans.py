"""K-means: centres of clusters from rows in memory, in a mapped file, or in a stream of batches."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from thrifty.core import in_range, method
from thrifty.learn._nearest import nearest, squared_distances
from thrifty.learn._summarised import Summarised
from thrifty.learn.cluster_sums import ROWS, ClusterSums
from thrifty.learn.seeding import parallel_seeds

__all__ = ["KMeans"]


@method(
    source="Lloyd 1982, doi:10.1109/TIT.1982.1056489; k-means||: Bahmani et al. 2012, "
    "arXiv:1203.6402; mini-batches: Sculley 2010, doi:10.1145/1772690.1772862",
    memory="8 * n bytes while it begins, 16 * k * d of state; rows may stay in a mapped file",
    time="O(n * k * d) a pass; 10 passes' worth to begin",
    error="a local minimum; begins within a constant of the best in expectation",
    exact="scikit-learn's KMeans",
    laws=("centres",),
    evidence=("kmeans",),
)
class KMeans(ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, Summarised):
    """Cluster rows around k means.

    `fit` begins with k-means|| and passes over the rows until the centres stand. `partial_fit`
    moves each centre to the mean of all rows it has been given, so a row has weight 1 / count.
    To pass over parts on many machines, fold them into `ClusterSums(model.cluster_centers_)`
    and go on from its `step()`: `KMeans.of(sums)`.

    Args:
        n_clusters: k.
        max_iter: most passes of `fit`.
        tol: stop where centres move by less than this share of the columns' mean variance, summed.
        rounds: passes of k-means||.
        random_state: seed, 0..2**64 - 1.

    Example:
        >>> import numpy as np
        >>> x = np.repeat([[0.0, 0], [0, 9], [9, 0]], 20, axis=0)
        >>> model = KMeans(3).fit(x)
        >>> model.inertia_, len(set(model.labels_.tolist()))
        (0.0, 3)
        >>> bool((KMeans.from_bytes(model.to_bytes()).predict(x) == model.labels_).all())
        True
    """

    KIND, HOLDS, KINDS = "k-means", "sums_", (ClusterSums,)

    def __init__(
        self,
        n_clusters: Any = 8,
        *,
        max_iter: Any = 300,
        tol: Any = 1e-4,
        rounds: Any = 5,
        random_state: Any = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.max_iter = max_iter
        self.tol = tol
        self.rounds = rounds
        self.random_state = random_state

    @classmethod
    def of(cls, sums: ClusterSums, **parameters: Any) -> Self:
        """The estimator whose centres are those that a pass made elsewhere moves to.

        Raises:
            TypeError: it is not a `ClusterSums`.
        """
        if not isinstance(sums, ClusterSums):
            raise TypeError(f"sums must be ClusterSums, got {sums!r}")
        made = cls(**{"n_clusters": len(sums.centres)} | parameters)
        made._adopt(_moved(sums))
        return made

    @property
    def cluster_centers_(self) -> NDArray[np.float64]:
        """The centres, (k, d)."""
        check_is_fitted(self, "sums_")
        return self.sums_.centres

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find centres of rows.

        Args:
            X: (n, d) finite floats; a memory map is read in blocks.
            y: not used.
            sample_weight: (n,) of at least 0; 1 each if None.

        Raises:
            ValueError: X or a parameter cannot be used.
        """
        x, weights = self._validated(X, sample_weight, reset=True)
        centres = self._begin(x, weights)
        limit = in_range("tol", self.tol, 0, np.inf) * _variance(x)
        passes = int(in_range("max_iter", self.max_iter, 1, 10**9))
        for self.n_iter_ in range(1, passes + 1):
            sums = ClusterSums(centres).add(x, weights)
            moved = sums.step()
            shift = float(((moved - centres) ** 2).sum())
            centres = moved
            if shift <= limit:
                break
        self.sums_ = ClusterSums(centres)
        self.labels_ = self._label(x, weights)
        self.inertia_ = self.sums_.inertia
        return self

    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Move the centres by a batch; the first one, of at least k rows, is where they begin.

        Raises:
            ValueError: X cannot be used.
        """
        first = not hasattr(self, "sums_")
        x, weights = self._validated(X, sample_weight, reset=first)
        if first:
            self.sums_ = ClusterSums(self._begin(x, weights))
        self.labels_ = self._label(x, weights)
        self.sums_ = _moved(self.sums_)
        return self

    def predict(self, X: Any) -> NDArray[np.int64]:
        """The nearest centre of each row, (n,)."""
        centres = self.cluster_centers_
        return nearest(self._validated(X, None, reset=False)[0], centres)[0]

    def transform(self, X: Any) -> NDArray[Any]:
        """Distances to all centres, (n, k)."""
        centres = self.cluster_centers_
        return np.sqrt(squared_distances(self._validated(X, None, reset=False)[0], centres))

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Minus the sum of squared distances to the nearest centre."""
        centres = self.cluster_centers_
        x, weights = self._validated(X, sample_weight, reset=False)
        gaps = nearest(x, centres)[1]
        return -float(gaps.sum() if weights is None else gaps @ weights)

    def _validated(self, x: Any, weights: Any, *, reset: bool) -> tuple[NDArray[Any], Any]:
        kinds = [np.float64, np.float32]
        x = validate_data(self, x, dtype=kinds, order="C", reset=reset)
        if weights is not None:
            weights = _check_sample_weight(weights, x, dtype=np.float64, ensure_non_negative=True)
        return x, weights

    def _begin(self, x: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[Any]:
        k = int(in_range("n_clusters", self.n_clusters, 1, 2**31 - 1))
        if len(x) < k:
            raise ValueError(f"n_samples={len(x)} should be >= n_clusters={k}")
        rng = np.random.default_rng(self.random_state)
        return parallel_seeds(x, k, rng, weights, rounds=self.rounds)

    def _label(self, x: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[np.int64]:
        """Take rows into the sums, and say which centre each went to."""
        labels = np.empty(len(x), np.int64)
        for start in range(0, len(x), ROWS):
            part = slice(start, start + ROWS)
            labels[part] = self.sums_.take(x[part], None if weights is None else weights[part])
        return labels

    def _adopt(self, summary: Any) -> None:
        self.sums_ = summary
        self.n_features_in_ = summary.centres.shape[1]

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _moved(sums: ClusterSums) -> ClusterSums:
    """The same sums and counts, around the centres they move to."""
    after = ClusterSums(sums.step(), spares=sums.spares)
    after.sums, after.counts = sums.sums.copy(), sums.counts.copy()
    return after


def _variance(x: NDArray[Any]) -> float:
    """Mean variance of the columns, read in blocks."""
    total = square = np.zeros(x.shape[1])
    centre = x[0].astype(np.float64)
    for start in range(0, len(x), ROWS):
        rows = x[start : start + ROWS] - centre
        total, square = total + rows.sum(axis=0), square + (rows * rows).sum(axis=0)
    return float(np.maximum(square / len(x) - (total / len(x)) ** 2, 0).mean())
