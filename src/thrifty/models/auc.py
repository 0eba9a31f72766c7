"""Auc: the chance that a positive row scores above a negative one, ties counting half."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Auc"]

MOST = 1 << 20
KEPT_BITS = 20


class Auc:
    """Area under the ROC curve of a stream of scores, in at most 25 MB.

    Exact up to 1,048,576 rows. Beyond, scores that agree in sign, exponent and the first 11 bits
    of the mantissa count as ties, so the result is within half the share of such pairs.

    Args:
        most: rows that are kept as they are.

    Example:
        >>> auc = Auc()
        >>> auc.add([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
        >>> auc.result()
        {'auc': 0.75}
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._kept: list[tuple[NDArray[np.float32], NDArray[np.bool_]]] = []
        self._rows = 0
        self._bins: NDArray[np.int64] | None = None

    def add(self, scores: ArrayLike, truth: ArrayLike) -> None:
        """Add rows: scores, and class 1 or 0 (another class is left out)."""
        classes = np.asarray(truth)
        known = (classes == 0) | (classes == 1)
        pair = np.asarray(scores, np.float32)[known], classes[known] == 1
        if self._bins is not None:
            _count(self._bins, *pair)
            return
        self._kept.append(pair)
        self._rows += len(pair[0])
        if self._rows > self.most:
            self._bins = np.zeros((2, 1 << KEPT_BITS), np.int64)
            kept, self._kept = self._kept, []
            for part in kept:
                _count(self._bins, *part)

    def result(self) -> dict[str, float]:
        """`auc`, beyond the exact rows `auc_ties`, how far it may be off; empty for one class."""
        if self._bins is None:
            negative, positive = _by_value(self._kept)
        else:
            negative, positive = self._bins
        pairs = float(positive.sum()) * float(negative.sum())
        if pairs == 0:
            return {}
        below = np.cumsum(negative) - negative / 2
        found = {"auc": float(positive @ below / pairs)}
        if self._bins is not None:
            found["auc_ties"] = float(positive @ (negative / 2) / pairs)
        return found


def _count(bins: NDArray[np.int64], scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> None:
    """Add rows to the bins of their side, by the upper bits of their scores in order."""
    bits = (scores + np.float32(0)).view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    places = (ordered >> np.uint32(32 - KEPT_BITS)).astype(np.int64)
    for side in (0, 1):
        bins[side] += np.bincount(places[truth == side], minlength=1 << KEPT_BITS)


def _by_value(parts: list) -> tuple[NDArray, NDArray]:
    """Negative and positive rows of each distinct score, ascending."""
    if not parts:
        return np.zeros(0), np.zeros(0)
    scores, truth = (np.concatenate(column) for column in zip(*parts, strict=True))
    values, place = np.unique(scores, return_inverse=True)
    positive = np.bincount(place, weights=truth, minlength=len(values))
    return np.bincount(place, minlength=len(values)) - positive, positive
