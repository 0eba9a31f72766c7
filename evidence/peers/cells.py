"""Cells: gradient boosting and linear models on tables of numbers and categories."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from evidence.datasets import Row, Split

__all__ = ["HistGradientBoostingPeer", "LightGBMPeer", "LinearModelPeer"]


class _CellsPeer:
    """A model on numbers (NaN where missing) and category codes (NaN where missing or new)."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments

    def fit(self, split: Split) -> None:
        """Code the train rows and learn from them."""
        words = [
            name for name in split.columns if any(isinstance(r[name], str) for r in split.train)
        ]
        self.codes = {
            name: {
                word: code for code, word in enumerate(sorted({r[name] or "" for r in split.train}))
            }
            for name in words
        }
        self.columns = split.columns
        self.words = [split.columns.index(name) for name in words]
        target = [row[split.target] for row in split.train]
        self.binary = split.task == "binary"
        y = np.array([label == ">50K" for label in target] if self.binary else target, dtype=float)
        self.learn(self.matrix(split.train), y)

    def matrix(self, rows: list[Row]) -> np.ndarray:
        """Rows as (n, d) float64."""
        return np.array([[self._cell(name, row[name]) for name in self.columns] for row in rows])

    def predict(self, split: Split) -> np.ndarray:
        """Probabilities of the positive class, or numbers."""
        x = self.matrix(split.valid)
        return self.model.predict_proba(x)[:, 1] if self.binary else self.model.predict(x)

    def nbytes(self) -> int:
        """Bytes of the model as joblib saves it."""
        import joblib

        path = Path(tempfile.mkdtemp(prefix="peer-")) / "model"
        joblib.dump(self.model, path)
        return path.stat().st_size

    def _cell(self, name: str, value: Any) -> float:
        if name in self.codes:
            return self.codes[name].get(value or "", np.nan)
        return np.nan if value is None else value


class LightGBMPeer(_CellsPeer):
    """LightGBM on one thread."""

    def learn(self, x: np.ndarray, y: np.ndarray) -> None:
        """Boost."""
        import lightgbm

        kind = lightgbm.LGBMClassifier if self.binary else lightgbm.LGBMRegressor
        self.model = kind(n_jobs=1, verbose=-1, random_state=0, **self.arguments)
        self.model.fit(x, y, categorical_feature=self.words)


class HistGradientBoostingPeer(_CellsPeer):
    """scikit-learn's histogram gradient boosting."""

    def learn(self, x: np.ndarray, y: np.ndarray) -> None:
        """Boost."""
        kind = HistGradientBoostingClassifier if self.binary else HistGradientBoostingRegressor
        arguments = {"categorical_features": self.words, "random_state": 0} | self.arguments
        self.model = kind(**arguments).fit(x, y)


class LinearModelPeer(_CellsPeer):
    """Logistic or ridge regression on scaled numbers and one-hot categories."""

    def learn(self, x: np.ndarray, y: np.ndarray) -> None:
        """Scale, expand and fit."""
        numbers = [place for place in range(x.shape[1]) if place not in self.words]
        cells = ColumnTransformer(
            [
                ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
                ("words", OneHotEncoder(handle_unknown="ignore"), self.words),
            ]
        )
        model = LogisticRegression(max_iter=1000) if self.binary else Ridge()
        self.model = make_pipeline(cells, model.set_params(**self.arguments)).fit(x, y)
