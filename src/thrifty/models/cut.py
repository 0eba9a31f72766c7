"""Cut: which labels of a row are answered: those above a score, chosen where F1 is best."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cut"]

MOST = 100


@dataclass(frozen=True)
class Cut:
    """Answer every label whose probability reaches a threshold.

    Args:
        threshold: lowest probability that is answered.
        at_least_one: answer the best label even where it does not reach the threshold.

    Example:
        >>> offsets, ids = Cut(0.5, at_least_one=True)(np.array([[0.9, 0.6], [0.1, 0.2]]))
        >>> offsets.tolist(), ids.tolist()
        ([0, 2, 3], [0, 1, 1])
    """

    threshold: float = 0.5
    at_least_one: bool = False

    def __call__(
        self, probabilities: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Answered labels of (n, C) probabilities: offsets (n + 1,) int64 and ids int32."""
        answered = probabilities >= self.threshold
        if self.at_least_one:
            answered[np.arange(len(answered)), probabilities.argmax(axis=1)] = True
        rows, ids = np.nonzero(answered)
        offsets = np.searchsorted(rows, np.arange(len(answered) + 1))
        return offsets.astype(np.int64), ids.astype(np.int32)

    @classmethod
    def best(
        cls, scores: NDArray[np.float32], right: NDArray[np.bool_], labels: int, ranked: int
    ) -> "Cut":
        """The cut of largest micro F1.

        Args:
            scores: (n, k) the best probabilities of each row, best first.
            right: (n, k) whether each of them is a true label.
            labels: true labels of all rows together.
            ranked: rows with a true label; with none without, answering nothing cannot be right.

        Example:
            >>> Cut.best(np.array([[0.9, 0.3], [0.4, 0.2]]), np.array([[1, 0], [1, 0]]) > 0, 2, 2)
            Cut(threshold=0.35, at_least_one=False)
        """
        if scores.size == 0:
            return cls()
        found = [_best(scores.ravel(), right.ravel(), labels, 0, 0)]
        if ranked:
            first = int(right[:, 0].sum())
            rest = scores[:, 1:].ravel(), right[:, 1:].ravel()
            found.append(_best(*rest, labels, first, len(scores)))
        (plain, low), *others = found
        if others and others[0][0] > plain:
            return cls(others[0][1], True)
        return cls(low, False)


def _best(
    scores: NDArray[np.float32], right: NDArray[np.bool_], labels: int, hits: int, said: int
) -> tuple[float, float]:
    """Best F1 and its threshold, where `said` labels are answered anyway and `hits` are right."""
    order = np.argsort(-scores, kind="stable")
    sorted_scores = scores[order].astype(np.float64)
    both = hits + np.append(0, np.cumsum(right[order]))
    f1 = 2 * both / np.maximum(1, said + np.arange(len(order) + 1) + labels)
    ends = np.append(-np.diff(sorted_scores) > 0, True) if len(order) else np.zeros(0, bool)
    f1[1:][~ends] = -1
    count = int(np.argmax(f1))
    above = sorted_scores[count - 1] if count else 1.0 + 1e-6
    below = sorted_scores[count] if count < len(order) else 0.0
    return float(f1[count]), float(round((above + below) / 2, 9))
