"""STORM: linear models trained from a sketch of the rows alone, in scikit-learn's words."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from thrifty.core import in_range
from thrifty.learn._descent import classified, regressed
from thrifty.learn.storm_sketch import StormSketch

__all__ = ["StormClassifier", "StormRegressor"]

SHORT = 0.1  # quantile of the rows' lengths that becomes the unit


class _Storm(BaseEstimator):
    """What both have: their arguments, and columns of mean 0 and variance 1."""

    def __init__(
        self,
        tables: int = 2000,
        *,
        bits: int = 4,
        steps: int = 300,
        directions: int = 16,
        spread: float = 0.4,
        seed: int = 0,
    ) -> None:
        self.tables, self.bits, self.seed = tables, bits, seed
        self.steps, self.directions, self.spread = steps, directions, spread

    def _descent(self) -> dict[str, Any]:
        return {
            "steps": int(in_range("steps", self.steps, 1, 10**6)),
            "directions": int(in_range("directions", self.directions, 1, 10**4)),
            "spread": in_range("spread", self.spread, 1e-3, 10), "seed": self.seed,
        }  # fmt: skip

    def _sketched(self, rows: NDArray[np.float64], paired: bool) -> StormSketch:
        radius = max(float(np.quantile(np.linalg.norm(rows, axis=1), SHORT)), 1e-12)
        options = {"tables": self.tables, "bits": self.bits, "paired": paired, "seed": self.seed}
        return StormSketch(rows.shape[1], radius=radius, **options).add(rows)

    def _scaled(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return (x - self.mean_) / self.scale_

    def _learn_scale(self, x: NDArray[np.float64]) -> None:
        self.mean_, scale = x.mean(axis=0), x.std(axis=0)
        self.scale_ = np.where(scale > 0, scale, 1.0)


class StormRegressor(RegressorMixin, _Storm):
    """Linear regression from a `StormSketch` of rows and targets.

    Columns and target are brought to mean 0 and variance 1, sketched as pairs, and the model of
    least surrogate risk is sought by comparing risks in random directions. The surrogate grows
    more slowly than the square, so that outliers pull less.

    Args:
        tables: arrays of counters, 1..65,536; the more, the nearer to least squares.
        bits: planes in a code, 2..16.
        steps: of the descent.
        directions: compared in a step.
        spread: how far along each, in units of the scaled coefficients.
        seed: of planes and directions.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal((3000, 3))
        >>> y = x @ [1.0, -2.0, 0.5] + rng.standard_normal(3000)
        >>> bool(StormRegressor(1000).fit(x, y).score(x, y) > 0.75)
        True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Sketch the rows, then learn from the sketch; sets coef_, intercept_ and sketch_."""
        x, target = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self._learn_scale(x)
        centre, scale = target.mean(), target.std() or 1.0
        rows = np.column_stack([self._scaled(x), (target - centre) / scale])
        self.sketch_ = self._sketched(rows, paired=True)
        found = regressed(self.sketch_, **self._descent())
        self.coef_ = found * scale / self.scale_
        self.intercept_ = float(centre - self.mean_ @ self.coef_)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predicted targets, (n,) float64."""
        check_is_fitted(self)
        return validate_data(self, X, dtype=np.float64, reset=False) @ self.coef_ + self.intercept_


class StormClassifier(ClassifierMixin, _Storm):
    """Linear classification of two classes from a `StormSketch` of signed rows.

    A row is counted with its sign turned against its class, so that the surrogate risk of a model
    falls as margins grow; columns are brought to mean 0 and variance 1, and one column is constant.

    Args:
        tables: arrays of counters, 1..65,536.
        bits: planes in a code, 1..16.
        steps: of the descent.
        directions: compared in a step.
        spread: how far along each; models have length 1.
        seed: of planes and directions.

    Raises:
        ValueError: an argument outside its range, or not exactly two classes.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal((3000, 3))
        >>> y = np.where(x @ [1.0, -2.0, 0.5] > 0.3, "yes", "no")
        >>> bool(StormClassifier(1000).fit(x, y).score(x, y) > 0.9)
        True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Sketch the rows, then learn from the sketch: classes_, coef_, intercept_, sketch_."""
        x, target = validate_data(self, X, y, dtype=np.float64)
        self.classes_, which = np.unique(target, return_inverse=True)
        if self.classes_.size != 2:
            raise ValueError(f"y must have two classes, got {self.classes_.size}")
        self._learn_scale(x)
        wide = np.column_stack([self._scaled(x), np.ones(len(x))])
        self.sketch_ = self._sketched(np.where(which, -1, 1)[:, None] * wide, paired=False)
        found = classified(self.sketch_, **self._descent())
        self.coef_ = found[None, :-1] / self.scale_
        self.intercept_ = np.array([found[-1] - self.mean_ @ self.coef_[0]])
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Signed distance from the boundary, (n,) float64; above 0 is the second class."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        return x @ self.coef_[0] + self.intercept_[0]

    def predict(self, X: ArrayLike) -> NDArray:
        """The more likely class of each row."""
        return self.classes_[(self.decision_function(X) > 0).astype(int)]
