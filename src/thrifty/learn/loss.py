"""Loss: the gradient of each loss by its scores, in place, for a tile of examples."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOSSES", "sigmoid", "softmax", "squared"]

Scores = NDArray[np.float32]


def softmax(scores: Scores, rows: NDArray, places: NDArray, weights: NDArray) -> float:
    """Turn scores into the gradient of softmax cross-entropy; an example's labels share its mass.

    Args:
        scores: (b, m) float32, overwritten. rows, places: (labels,) example and column of each
            label. weights: (labels,) float32, 1 over the labels of that example.

    Returns:
        The summed loss.

    Example:
        >>> scores = np.zeros((1, 4), np.float32)
        >>> one = np.ones(1, np.float32)
        >>> bool(abs(softmax(scores, np.array([0]), np.array([2]), one) - np.log(4)) < 1e-6)
        True
        >>> scores.tolist()
        [[0.25, 0.25, -0.75, 0.25]]
    """
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    loss = -float(np.dot(weights, np.log(np.maximum(scores[rows, places], 1e-30))))
    scores[rows, places] -= weights
    empty = np.ones(scores.shape[0], bool)
    empty[rows] = False
    scores[empty] = 0.0
    return loss


def sigmoid(scores: Scores, rows: NDArray, places: NDArray, weights: NDArray) -> float:
    """Turn scores into the gradient of independent logistic losses; arguments as `softmax`.

    Example:
        >>> scores = np.zeros((1, 2), np.float32)
        >>> _ = sigmoid(scores, np.array([0]), np.array([1]), np.ones(1, np.float32))
        >>> scores.tolist()
        [[0.5, -0.5]]
    """
    np.clip(scores, -30.0, 30.0, out=scores)
    np.exp(-scores, out=scores)
    scores += 1.0
    np.reciprocal(scores, out=scores)
    wrong = scores[rows, places]
    loss = float(np.log(np.maximum(1.0 - wrong, 1e-30)).sum() - np.log(wrong).sum())
    loss -= float(np.log1p(-np.minimum(scores, 0.9999999)).sum())
    scores[rows, places] -= 1.0
    return loss


def squared(scores: Scores, target: NDArray[np.float32]) -> float:
    """Turn scores (b, 1) into the gradient of half the squared error; returns the summed loss.

    Example:
        >>> scores = np.array([[3.0]], np.float32)
        >>> squared(scores, np.array([1.0], np.float32)), scores.tolist()
        (2.0, [[2.0]])
    """
    scores[:, 0] -= target
    return float(np.dot(scores[:, 0], scores[:, 0])) / 2


LOSSES = {"softmax": softmax, "sigmoid": sigmoid}
