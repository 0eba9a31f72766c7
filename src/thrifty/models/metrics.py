"""Metrics: how good predictions are, added up batch by batch, exact whatever the number of rows."""

import numpy as np
from numpy.typing import NDArray

from thrifty.core import one_of
from thrifty.models.auc import Auc

__all__ = ["Metrics", "inverse_propensities"]

DEPTHS = (1, 3, 5)
TOP = max(DEPTHS)
LEAST = 1e-15
Labels = tuple[NDArray[np.int64], NDArray[np.int32]]


def inverse_propensities(
    counts: NDArray[np.int64], rows: int, *, a: float = 0.55, b: float = 1.5
) -> NDArray[np.float64]:
    """One over the chance that a true label was noted (Jain, Prabhu and Varma 2016).

    Args:
        counts: (C,) training rows of each label.
        rows: training rows.
        a: 0.55 in the paper's model for most data.
        b: 1.5 likewise.

    Example:
        >>> rare, common = inverse_propensities(np.array([1, 1000]), 1000)
        >>> bool(rare > common > 1)
        True
    """
    scale = max(np.log(max(rows, 1)) - 1, 0.0) * (b + 1) ** a
    return 1 + scale * (np.asarray(counts, np.float64) + b) ** -a


class Metrics:
    """Add up the quality of predictions.

    One class a row: rows, accuracy, logloss, p@1 p@3 p@5, r@5, ndcg@5, psp@5, micro_f1, macro_f1,
    and auc for two classes. Many labels: rows, p@k, r@5, ndcg@5, psp@5 over the rows with a label,
    micro_f1 and macro_f1 over all. A number: rows, rmse, mae, r2. Macro F1 is the mean over the
    classes that occur in the truth. psp@5 is divided by the best possible, both summed over rows
    first.

    Args:
        task: "one", "many" or "number".
        counts: (C,) training rows of each class, for psp; the length says how many there are.
        rows: training rows, for psp.

    Example:
        >>> metrics = Metrics("one", counts=np.array([5, 5]), rows=10)
        >>> labels = np.array([0, 1, 2]), np.array([0, 1])
        >>> metrics.update(np.array([[0.9, 0.1], [0.8, 0.2]]), labels, np.array([0, 1, 2]), [0, 0])
        >>> metrics.result()["accuracy"], metrics.result()["auc"]
        (0.5, 1.0)
    """

    def __init__(self, task: str, counts: NDArray[np.int64], rows: int) -> None:
        self.task = one_of("task", task, ("one", "many", "number"))
        weights = inverse_propensities(np.append(counts, 0), rows)
        self._weights, self._unknown = weights[:-1], float(weights[-1])
        size = len(self._weights)
        self._right, self._said, self._held = np.zeros((3, size), np.int64)
        self._sums: dict[str, float] = {}
        self.rows, self._ranked, self._missed = 0, 0, 0
        self._auc = Auc() if task == "one" and size == 2 else None

    def update(
        self,
        probabilities: NDArray[np.float32],
        labels: Labels,
        said_offsets: NDArray[np.int64],
        said: NDArray[np.int32],
    ) -> None:
        """Add rows of classes.

        Args:
            probabilities: (n, C), of every class (any scores that rank them, for "many").
            labels: true classes, ragged (offsets, ids); negative for one that is not known.
            said_offsets: (n + 1,) where the predicted classes of each row end.
            said: predicted classes.
        """
        ids = labels[1]
        top = _top(probabilities, min(TOP, probabilities.shape[1]))
        self.update_top(top, labels, said_offsets, said)
        if self.task == "one":
            rows = np.arange(len(ids))
            chance = np.where(ids >= 0, probabilities[rows, np.maximum(ids, 0)], 0.0)
            self._add("logloss", -np.log(np.maximum(chance, LEAST)).sum())
            if self._auc is not None:
                self._auc.add(probabilities[:, 1] - probabilities[:, 0], ids)

    def update_top(
        self,
        top: NDArray[np.integer],
        labels: Labels,
        said_offsets: NDArray[np.int64],
        said: NDArray[np.int32],
    ) -> None:
        """As `update`, for all but logloss and auc, from the best classes alone.

        Args:
            top: (n, k) class numbers, best first.
        """
        offsets, ids = labels
        sizes = np.diff(offsets)
        self.rows += len(sizes)
        self._f1(offsets, ids, said_offsets, np.asarray(said, np.int32))
        some = sizes > 0
        self._ranked += int(some.sum())
        hits = _hits(top, offsets, ids)[some]
        discount = 1 / np.log2(np.arange(2, TOP + 2))
        ideal = np.cumsum(discount)[np.minimum(sizes[some], TOP) - 1]
        self._add("ndcg@5", float((hits @ discount[: top.shape[1]] / ideal).sum()))
        self._add("r@5", float((hits[:, :TOP].sum(axis=1) / sizes[some]).sum()))
        gain = np.where(hits, self._weights[top[some]], 0.0)
        self._add("gain", float(gain[:, :TOP].sum()))
        self._add("best gain", _best_gain(offsets, ids, self._weights, self._unknown))
        for k in DEPTHS:
            self._add(f"p@{k}", float(hits[:, :k].sum() / k))

    def update_numbers(self, guess: NDArray[np.float64], truth: NDArray[np.float64]) -> None:
        """Add rows of a number, in its own unit."""
        guess, truth = np.asarray(guess, np.float64), np.asarray(truth, np.float64)
        self.rows += len(truth)
        self._add("square", float(((guess - truth) ** 2).sum()))
        self._add("absolute", float(np.abs(guess - truth).sum()))
        self._add("truth", float(truth.sum()))
        self._add("truth square", float((truth**2).sum()))

    def result(self) -> dict[str, float]:
        """The metrics by name; those that need a row are left out where there is none."""
        found: dict[str, float] = {"rows": self.rows}
        if self.rows == 0:
            return found
        if self.task == "number":
            return found | self._numbers()
        ranks = {name: self._sums[name] / max(1, self._ranked) for name in self._rank_names()}
        best = self._sums["best gain"]
        ranks["psp@5"] = self._sums["gain"] / best if best else 0.0
        wanted = self._said.sum() + self._held.sum() + self._missed
        held = self._held > 0
        f1 = 2 * self._right[held] / (self._said[held] + self._held[held])
        scores = {
            "micro_f1": float(2 * self._right.sum() / wanted) if wanted else 0.0,
            "macro_f1": float(f1.mean()) if held.any() else 0.0,
        }
        if self.task == "one":
            accuracy = float(self._right.sum() / self.rows)
            found |= {"accuracy": accuracy} | self._per_row("logloss")
        if self._auc is not None:
            scores |= self._auc.result()
        return found | ranks | scores

    def _rank_names(self) -> list[str]:
        return [*(f"p@{k}" for k in DEPTHS), "r@5", "ndcg@5"]

    def _per_row(self, name: str) -> dict[str, float]:
        return {name: self._sums[name] / self.rows} if name in self._sums else {}

    def _numbers(self) -> dict[str, float]:
        n, sums = self.rows, self._sums
        spread = sums["truth square"] - sums["truth"] ** 2 / n
        found = {"rmse": float(np.sqrt(sums["square"] / n)), "mae": sums["absolute"] / n}
        return found | ({"r2": 1 - sums["square"] / spread} if spread > 0 else {})

    def _add(self, name: str, amount: float) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + float(amount)

    def _f1(
        self,
        offsets: NDArray[np.int64],
        ids: NDArray[np.int32],
        said_offsets: NDArray[np.int64],
        said: NDArray[np.int32],
    ) -> None:
        """Count labels that are held, said, and both."""
        size = len(self._held)
        known = ids >= 0
        self._missed += int((~known).sum())
        rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[known]
        said_rows = np.repeat(np.arange(len(said_offsets) - 1), np.diff(said_offsets))
        truth = rows * size + ids[known]
        both = said[np.isin(said_rows * size + said, truth)]
        for total, numbers in ((self._held, ids[known]), (self._said, said), (self._right, both)):
            np.add.at(total, numbers, 1)


def _top(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """The k best columns of each row, best first; of equal ones the smaller number."""
    if scores.shape[1] <= 4 * k:
        return np.argsort(-scores, axis=1, kind="stable")[:, :k]
    found = np.sort(np.argpartition(scores, -k, axis=1)[:, -k:], axis=1)
    best = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, best, axis=1)


def _hits(
    top: NDArray[np.integer], offsets: NDArray[np.int64], ids: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Which of the best classes of each row are true."""
    size = int(max(top.max(initial=0), ids.max(initial=0))) + 2
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    truth = (rows * size + ids)[ids >= 0]
    return np.isin(np.arange(len(top))[:, None] * size + top, truth)


def _best_gain(
    offsets: NDArray[np.int64], ids: NDArray[np.int32], weights: NDArray[np.float64], unknown: float
) -> float:
    """Sum over rows of the largest weights of true labels, at most five a row."""
    gains = np.where(ids >= 0, weights[np.maximum(ids, 0)], unknown)
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((-gains, rows))
    place = np.arange(len(ids)) - np.repeat(offsets[:-1] - offsets[0], np.diff(offsets))
    return float(gains[order][place < TOP].sum())
