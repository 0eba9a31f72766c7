"""RACE classifier: the class whose rows are densest around a point, from counters alone."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from thrifty.core import in_range, method, one_of
from thrifty.hashing import PStable, SimHash
from thrifty.sketch import RACE

__all__ = ["RACEClassifier"]


@method(
    source="Coleman and Shrivastava 2021, doi:10.1145/3460120.3485255, section on classification",
    memory="8 * tables * width bytes a class",
    time="the codes of a row, and one counter a table and class",
    error="densities as of RACE; a class is taken for another where their sums differ by less than "
    "the error",
    exact="kernel density classifier with the collision probability as kernel",
    laws=("streamed",),
    evidence=("race_classifier",),
)
class RACEClassifier(ClassifierMixin, BaseEstimator):
    """Classify by which class has the largest kernel sum at a point.

    A RACE sketch a class, all of one LSH family; the sum of kernels is density times the number of
    rows, so that frequent classes win where densities are equal. Columns should be of one scale.

    Args:
        tables: of the family, 1..65,536.
        kernel: "distance" (`PStable`) or "angle" (`SimHash`).
        bandwidth: width of a slice in the unit of the columns, for "distance".
        hashes: in a code: the more, the narrower the kernel, 1..24.
        width: counters a row, 2..2**20.
        seed: of the family.

    Raises:
        ValueError: an argument outside its range, or a class that was not named at first.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal((1000, 2))
        >>> y = np.where(np.hypot(*x.T) > 1.1, "out", "in")
        >>> bool(RACEClassifier(bandwidth=1.0).fit(x, y).score(x, y) > 0.85)
        True
    """

    def __init__(
        self,
        tables: int = 100,
        *,
        kernel: str = "distance",
        bandwidth: float = 3.0,
        hashes: int = 8,
        width: int = 1024,
        seed: int = 0,
    ) -> None:
        self.tables, self.kernel, self.bandwidth = tables, kernel, bandwidth
        self.hashes, self.width, self.seed = hashes, width, seed

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Forget what was learnt, and learn from rows; sets classes_ and sketches_."""
        for name in ("classes_", "sketches_"):
            self.__dict__.pop(name, None)
        return self.partial_fit(X, y, classes=np.unique(np.asarray(y)))

    def partial_fit(self, X: ArrayLike, y: ArrayLike, *, classes: ArrayLike | None = None) -> Self:
        """Learn from more rows.

        Args:
            X: (n, d) float32.
            y: (n,) class of each.
            classes: all that there will ever be; needed the first time only.
        """
        first = not hasattr(self, "sketches_")
        x, target = validate_data(self, X, y, dtype=np.float32, reset=first)
        if first:
            self.classes_ = np.unique(np.asarray(target if classes is None else classes))
            family = self._family(x.shape[1])
            self.sketches_ = [RACE(family, self.width) for _ in self.classes_]
        unknown = np.setdiff1d(target, self.classes_)
        if unknown.size:
            raise ValueError(f"y must be of {self.classes_.tolist()}, got {unknown[0]!r}")
        for name, sketch in zip(self.classes_, self.sketches_, strict=True):
            sketch.add(x[target == name])
        return self

    def merge(self, other: Self) -> Self:
        """The classifier of both streams; neither changes.

        Raises:
            IncompatibleError: it was made with other arguments.
            ValueError: it has other classes.
        """
        check_is_fitted(self)
        if not np.array_equal(self.classes_, other.classes_):
            names = (self.classes_.tolist(), other.classes_.tolist())
            raise ValueError("classes must be {}, got {}".format(*names))
        both = type(self)(**self.get_params())
        both.classes_, both.n_features_in_ = self.classes_, self.n_features_in_
        pairs = zip(self.sketches_, other.sketches_, strict=True)
        both.sketches_ = [mine.merge(theirs) for mine, theirs in pairs]
        return both

    def kernel_sums(self, X: ArrayLike) -> NDArray[np.float64]:
        """Sum of the kernel over the rows of each class, (n, classes) float64."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float32, reset=False)
        return np.column_stack([sketch.estimate(x) for sketch in self.sketches_])

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Shares of the kernel sums, (n, classes); even where no row is near."""
        sums = np.maximum(self.kernel_sums(X), 1e-9)
        return sums / sums.sum(axis=1, keepdims=True)

    def predict(self, X: ArrayLike) -> NDArray:
        """The class of the largest kernel sum for each row."""
        best = self.kernel_sums(X).argmax(axis=1)
        return self.classes_[best]

    @property
    def nbytes(self) -> int:
        """Bytes of the counters."""
        return sum(sketch.nbytes for sketch in self.sketches_)

    def _family(self, dim: int) -> SimHash | PStable:
        if one_of("kernel", self.kernel, ("distance", "angle")) == "angle":
            return SimHash(dim, self.hashes, self.tables, seed=self.seed)
        hashes = int(in_range("hashes", self.hashes, 1, 24))
        return PStable(dim, hashes, self.tables, width=self.bandwidth, seed=self.seed)
