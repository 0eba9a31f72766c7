"""Linear: scikit-learn's LinearSVC and SGDClassifier on TF-IDF."""

from typing import Any

import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from evidence.datasets import Split
from evidence.peers.features import Tfidf, best_labels, label_matrix

__all__ = ["LinearSVCPeer", "SGDPeer"]


class _LinearPeer:
    """A linear model a class on TF-IDF blocks."""

    def __init__(self, blocks: list[dict[str, Any]], model: Any) -> None:
        self.features = Tfidf(blocks)
        self.model = model

    def fit(self, split: Split) -> None:
        """Learn words and weights from the train rows."""
        x = self.features.fit(split)
        if split.task == "multiclass":
            self.model.fit(x, [row[split.target] for row in split.train])
            return
        y, self.names = label_matrix(split)
        self.model = OneVsRestClassifier(self.model).fit(x, y)

    def predict(self, split: Split) -> Any:
        """Classes of the valid rows, or their 20 best labels with scores."""
        x = self.features.transform(split)
        if split.task == "multiclass":
            return self.model.predict(x)
        return best_labels(self.model.decision_function(x), self.names, 20)

    def nbytes(self) -> int:
        """Bytes of words and weights as scikit-learn holds them."""
        models = getattr(self.model, "estimators_", [self.model])
        weights = [model.coef_.nbytes for model in models if hasattr(model, "coef_")]
        return self.features.nbytes() + int(np.sum(weights))


class LinearSVCPeer(_LinearPeer):
    """LinearSVC, squared hinge."""

    def __init__(self, blocks: list[dict[str, Any]], C: float) -> None:
        super().__init__(blocks, LinearSVC(C=C, random_state=0))


class SGDPeer(_LinearPeer):
    """SGDClassifier with averaging off and the default schedule."""

    def __init__(self, blocks: list[dict[str, Any]], alpha: float, loss: str = "hinge") -> None:
        model = SGDClassifier(loss=loss, alpha=alpha, random_state=0, max_iter=50)
        super().__init__(blocks, model)
