"""Loss: the gradient of each loss by its scores, in place, for a tile of examples."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from thrifty.learn.rows import kernel

__all__ = ["LOSSES", "sigmoid", "softmax", "squared"]

Scores = NDArray[np.float32]
SMALLEST = np.float32(-87.0)  # exp of less is no normal float32
LOG2_E = np.float32(1.4426950408889634)
HALF = np.float32(0.5)
EXP2 = tuple(
    np.float32(np.log(2.0) ** k / prod) for k, prod in enumerate((1, 1, 2, 6, 24, 120, 720))
)


@intrinsic
def times_power_of_two(typing_context, number, power):
    """A float32 times 2**power, both it and the result being normal numbers."""

    def build(context, builder, signature, args):
        word = ir.IntType(32)
        bits = builder.add(builder.bitcast(args[0], word), builder.shl(args[1], word(23)))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.float32, types.int32), build


@kernel
def shares(scores, tops):
    """Each row becomes exp(row - top) over its sum; exp is 2**whole times a Taylor sum."""
    a, b, c, d, e, f, g = EXP2
    for i in range(len(scores)):
        row, total = scores[i], tops[i] - tops[i]  # a top of inf or nan makes the row nan
        for k in range(row.size):
            power = max(row[k] - tops[i], SMALLEST) * LOG2_E
            whole = np.floor(power + HALF)
            x = power - whole
            near = a + x * (b + x * (c + x * (d + x * (e + x * (f + x * g)))))
            row[k] = times_power_of_two(near, np.int32(whole))
            total += row[k]
        scale = np.float32(1.0) / total
        for k in range(row.size):
            row[k] *= scale


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
    shares(scores, scores.max(axis=1))
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
    loss = float(np.log(np.maximum(1.0 - wrong, 1e-7)).sum() - np.log(wrong).sum())
    loss -= float(np.log(np.maximum(1.0 - scores, 1e-7)).sum())
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
