"""VLAD: a set of local descriptors as one vector: what is left of them around some centres."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from thrifty.core import method
from thrifty.core.segments import segment_count, segment_sum
from thrifty.learn._nearest import nearest
from thrifty.learn._summarised import Summarised
from thrifty.learn.cluster_sums import ClusterSums
from thrifty.learn.kmeans import KMeans

__all__ = ["VLAD", "residual_sums"]


def residual_sums(
    x: NDArray[Any],
    groups: NDArray[np.int64],
    labels: NDArray[np.int64],
    centres: NDArray[Any],
    num_groups: int,
) -> NDArray[np.float64]:
    """Sums over each group of the residuals around each centre, in one pass over the rows.

    Args:
        x: (n, d) descriptors.
        groups: (n,) ints in 0..num_groups - 1, the set each row belongs to.
        labels: (n,) ints in 0..k - 1, the centre of each row.
        centres: (k, d).
        num_groups: how many sets there are.

    Returns:
        (num_groups, k, d) float64.

    Example:
        >>> x, centres = np.array([[1.0], [4.0], [6.0]]), np.array([[0.0], [5.0]])
        >>> residual_sums(x, np.array([0, 0, 1]), np.array([0, 1, 1]), centres, 2).tolist()
        [[[1.0], [-1.0]], [[0.0], [1.0]]]
    """
    k, d = centres.shape
    keys = groups * k + labels
    sums = segment_sum(x, keys, num_groups * k).astype(np.float64).reshape(num_groups, k, d)
    counts = segment_count(keys, num_groups * k).reshape(num_groups, k, 1)
    return sums - counts * centres


@method(
    source="Jegou, Douze, Schmid and Perez 2010, doi:10.1109/CVPR.2010.5540039; normalised as in "
    "Arandjelovic and Zisserman 2013, doi:10.1109/CVPR.2013.207",
    memory="8 * k * d bytes, and 8 * k * d a set",
    time="O(rows * k * d)",
    error="exact",
    exact="a loop over sets and centres",
    laws=("sets",),
    evidence=("vlad",),
)
class VLAD(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Summarised):
    """Encode sets of descriptors, such as those of an image, as vectors of one length.

    Each descriptor goes to its nearest centre; the differences from the centre are summed. The
    signed square root dampens what is frequent, each centre's part or the whole is scaled to
    length 1.

    Args:
        n_clusters: centres, k.
        intra: scale the part of each centre to length 1 before the whole.
        power: exponent of magnitudes, 0.5 for the square root, 1 for none.
        max_iter: passes of k-means.
        random_state: seed, 0..2**64 - 1.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> sets = [rng.normal(size=(size, 4)) for size in (30, 5, 0)]
        >>> codes = VLAD(8).fit(sets).transform(sets)
        >>> codes.shape, np.linalg.norm(codes, axis=1).round(6).tolist()
        ((3, 32), [1.0, 1.0, 0.0])
    """

    KIND, HOLDS, KINDS = "vlad", "sums_", (ClusterSums,)

    def __init__(
        self,
        n_clusters: Any = 16,
        *,
        intra: Any = False,
        power: Any = 0.5,
        max_iter: Any = 50,
        random_state: Any = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.intra = intra
        self.power = power
        self.max_iter = max_iter
        self.random_state = random_state

    @property
    def cluster_centers_(self) -> NDArray[np.float64]:
        """The centres, (k, d)."""
        check_is_fitted(self, "sums_")
        return self.sums_.centres

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find centres of all descriptors.

        Args:
            X: list of (rows, d) tables, an array (sets, rows, d), or a pair of all rows (n, d) and
                ascending offsets (sets + 1,).
            y: not used.

        Raises:
            ValueError: X is no such thing, or a parameter is out of range.
        """
        rows = _sets(X)[0]
        model = KMeans(self.n_clusters, max_iter=self.max_iter, random_state=self.random_state)
        self.sums_ = model.fit(rows).sums_
        self.n_features_in_ = rows.shape[1]
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """One vector a set, (sets, k * d); zeros for a set without rows.

        Raises:
            ValueError: X is not as of `fit`, or of other columns.
        """
        centres = self.cluster_centers_
        rows, offsets = _sets(X)
        if len(rows) and rows.shape[1] != centres.shape[1]:
            raise ValueError(f"X must have {centres.shape[1]} columns, got {rows.shape[1]}")
        number = len(offsets) - 1
        groups = np.repeat(np.arange(number), np.diff(offsets))
        rows = rows.reshape(len(rows), centres.shape[1])
        codes = residual_sums(rows, groups, nearest(rows, centres)[0], centres, number)
        codes = np.sign(codes) * np.abs(codes) ** self.power
        if self.intra:
            codes = _scaled(codes)
        return _scaled(codes.reshape(number, centres.size))

    def _adopt(self, summary: Any) -> None:
        self.sums_ = summary
        self.n_features_in_ = summary.centres.shape[1]

    @property
    def _n_features_out(self) -> int:
        return self.cluster_centers_.size


def _scaled(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length 1 along the last axis; zeros stay."""
    length = np.linalg.norm(codes, axis=-1, keepdims=True)
    return codes / np.where(length > 0, length, 1)


def _sets(x: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """All rows, and where each set begins and ends."""
    if isinstance(x, tuple) and len(x) == 2:
        rows, offsets = np.asarray(x[0]), np.asarray(x[1], np.int64)
        fits = offsets.size and offsets[0] == 0 and (np.diff(offsets) >= 0).all()
        if not fits or offsets[-1] != len(rows):
            raise ValueError(f"offsets must rise from 0 to {len(rows)}")
    else:
        tables = [_table(part) for part in x]
        some = [table for table in tables if len(table)]
        rows = np.concatenate(some) if some else np.zeros((0, 0))
        offsets = np.append(0, np.cumsum([len(table) for table in tables])).astype(np.int64)
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ValueError(f"descriptors must be a finite table, got shape {rows.shape}")
    return rows, offsets


def _table(part: ArrayLike) -> NDArray[Any]:
    table = np.asarray(part)
    if table.size and table.ndim != 2:
        raise ValueError(f"a set must be (rows, d), got shape {table.shape}")
    return table
