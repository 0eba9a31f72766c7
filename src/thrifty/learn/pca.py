"""PCA: principal components of a stream in fixed memory, by frequent directions."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from thrifty.core import in_range, method
from thrifty.learn._summarised import Summarised
from thrifty.sketch import FrequentDirections

__all__ = ["PCA"]

Floats = NDArray[np.float64]


@method(
    source="Liberty 2013, arXiv:1206.0594; about the mean as in principal components",
    memory="at most 16 * ell * d + 8 * d bytes",
    time="O(ell * d) a row",
    error="variance along a component is too low by at most variance_bound_, for certain; none "
    "where ell is at least the number of columns",
    exact="scikit-learn's PCA",
    laws=("projections",),
    evidence=("pca",),
)
class PCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Summarised):
    """Project rows on the directions of most variance.

    Rows are summed up in `FrequentDirections`, which merge: parts of a stream may be summed apart,
    and the merged sum made an estimator by `PCA.of`.

    Args:
        n_components: directions, 1..columns.
        ell: rows the summary keeps; None takes 4 * n_components, 32 at least, and no more than
            there are columns.
        memory: most bytes of the summary, such as "1 MB"; used instead of ell.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(500, 1)) @ [[3.0, 4.0, 0.0]] + 0.01 * rng.normal(size=(500, 3))
        >>> model = PCA(1).fit(x)
        >>> abs(model.components_[0]).round(1).tolist(), model.transform(x).shape
        ([0.6, 0.8, 0.0], (500, 1))
        >>> bool(model.explained_variance_ratio_[0] > 0.99)
        True
    """

    KIND, HOLDS, KINDS = "pca", "directions_", (FrequentDirections,)

    def __init__(self, n_components: Any = 2, *, ell: Any = None, memory: Any = None) -> None:
        self.n_components = n_components
        self.ell = ell
        self.memory = memory

    @classmethod
    def of(cls, directions: FrequentDirections, **parameters: Any) -> Self:
        """The fitted estimator of a summary made elsewhere, such as by a fold.

        Raises:
            TypeError: it is not `FrequentDirections`.
        """
        if not isinstance(directions, FrequentDirections):
            raise TypeError(f"directions must be FrequentDirections, got {directions!r}")
        made = cls(**{"ell": directions.ell} | parameters)
        made._adopt(directions)
        return made

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find components anew.

        Args:
            X: (n, d) finite floats; a memory map is read in blocks.
            y: not used.

        Raises:
            ValueError: X or a parameter cannot be used.
            BudgetError: memory cannot hold one direction.
        """
        if hasattr(self, "directions_"):
            del self.directions_
        return self.partial_fit(X)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Take in more rows; components are then of all rows so far.

        Raises:
            ValueError: X or a parameter cannot be used.
            BudgetError: memory cannot hold one direction.
        """
        first = not hasattr(self, "directions_")
        x = self._validated(X, reset=first)
        if first:
            self.directions_ = self._empty(x.shape[1])
        self.directions_.add(x)
        self._components()
        return self

    def transform(self, X: Any) -> Floats:
        """Coordinates of rows along the components, (n, n_components)."""
        check_is_fitted(self, "directions_")
        return (self._validated(X, reset=False) - self.mean_) @ self.components_.T

    def inverse_transform(self, X: Any) -> Floats:
        """Rows of given coordinates, (n, d)."""
        check_is_fitted(self, "directions_")
        return np.asarray(X, np.float64) @ self.components_ + self.mean_

    def _validated(self, x: Any, *, reset: bool) -> NDArray[Any]:
        kinds = [np.float64, np.float32]
        return validate_data(self, x, dtype=kinds, reset=reset)

    def _empty(self, columns: int) -> FrequentDirections:
        wanted = int(in_range("n_components", self.n_components, 1, columns))
        if self.memory is not None:
            return FrequentDirections.within(self.memory, columns)
        ell = min(max(4 * wanted, 32), columns) if self.ell is None else self.ell
        return FrequentDirections(columns, ell)

    def _components(self) -> None:
        """Components, variances and the mean, from the summary."""
        held, d = self.directions_, self.directions_.d
        wanted = int(in_range("n_components", self.n_components, 1, min(d, 2 * held.ell)))
        self.mean_ = held.mean
        squares, found = held.directions(wanted, centered=True)
        self.components_ = np.zeros((wanted, d))
        self.components_[: len(found)] = found
        _complete(self.components_, len(found))
        freedom = max(held.weight - 1, 1)
        self.explained_variance_ = np.zeros(wanted)
        self.explained_variance_[: len(found)] = np.maximum(squares, 0) / freedom
        total = max(held.energy - held.weight * float(self.mean_ @ self.mean_), 0) / freedom
        self.explained_variance_ratio_ = self.explained_variance_ / (total or 1.0)
        self.variance_bound_ = held.error_bound() / freedom

    def _adopt(self, summary: Any) -> None:
        self.directions_ = summary
        self.n_features_in_ = summary.d
        self._components()

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)


def _complete(rows: Floats, number: int) -> None:
    """Fill the rows from `number` on, so that all are orthogonal and of length 1."""
    for place in range(number, len(rows)):
        known = rows[:place]
        left = 1 - (known**2).sum(axis=0)
        row = np.zeros(rows.shape[1])
        row[int(left.argmax())] = 1.0
        for _ in range(2):
            row -= (known @ row) @ known
        rows[place] = row / np.linalg.norm(row)
