"""Metrics: how good rankings, label sets and numbers are, in plain numpy."""

from collections.abc import Sequence

import numpy as np

__all__ = [
    "accuracy",
    "auc",
    "best_cut_f1",
    "hit_rate",
    "macro_f1",
    "many_label_metrics",
    "propensities",
    "rmse",
]

Truth = Sequence[Sequence[int]]


def accuracy(truth: np.ndarray, guess: np.ndarray) -> float:
    """Share of rows whose guess is the truth."""
    return float(np.mean(truth == guess))


def macro_f1(truth: np.ndarray, guess: np.ndarray) -> float:
    """Mean F1 of the classes that occur in truth; both (n,) int."""
    scores = []
    for label in np.unique(truth):
        both = np.sum((truth == label) & (guess == label))
        scores.append(2 * both / (np.sum(truth == label) + np.sum(guess == label)))
    return float(np.mean(scores))


def propensities(counts: np.ndarray, rows: int, *, a: float = 0.55, b: float = 1.5) -> np.ndarray:
    """Chance that a true label was noted, from its count in train (Jain et al. 2016)."""
    scale = (np.log(rows) - 1) * (b + 1) ** a
    return 1 / (1 + scale * np.exp(-a * np.log(counts + b)))


def many_label_metrics(
    truth: Truth, ranked: np.ndarray, propensity: np.ndarray, *, depths: Sequence[int] = (1, 3, 5)
) -> dict[str, float]:
    """Precision, nDCG and propensity-scored precision at the depths.

    Args:
        truth: label ids of each row.
        ranked: (n, k) int label ids, best first, -1 where there is none.
        propensity: (num_labels,) chance that each label is noted.
        depths: where to cut the ranking; psp is divided by the best that is possible, summed
            over rows first, as the extreme classification repository does.
    """
    hits = np.array([np.isin(row, labels) for row, labels in zip(ranked, truth, strict=True)])
    inverse = 1 / propensity
    gain = np.where(hits, inverse[ranked], 0.0)
    discount = 1 / np.log2(np.arange(2, ranked.shape[1] + 2))
    sizes = np.array([len(labels) for labels in truth])
    best = [np.sort(inverse[list(labels)])[::-1] for labels in truth]
    scores = {}
    for k in depths:
        scores[f"p@{k}"] = float(hits[:, :k].sum() / (k * len(truth)))
        ideal = np.cumsum(discount[:k])[np.minimum(sizes, k) - 1]
        scores[f"ndcg@{k}"] = float(np.mean(hits[:, :k] @ discount[:k] / ideal))
        scores[f"psp@{k}"] = float(gain[:, :k].sum() / sum(row[:k].sum() for row in best))
    return scores


def best_cut_f1(truth: Truth, ranked: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Micro and macro F1, each at the one score cut that is best for it on these rows.

    Macro is over the labels that occur in truth. Choosing the cut here favours the method.
    """
    cuts = np.unique(np.quantile(scores[:, :5], np.linspace(0.02, 0.98, 97), method="lower"))
    found = [_f1_at(truth, ranked, scores, cut) for cut in cuts]
    micro, macro = (int(np.argmax([pair[side] for pair in found])) for side in (0, 1))
    return {
        "micro_f1": found[micro][0],
        "macro_f1": found[macro][1],
        "macro_f1_at_micro_cut": found[micro][1],
        "micro_cut": float(cuts[micro]),
        "macro_cut": float(cuts[macro]),
    }


def hit_rate(truth: np.ndarray, ranked: np.ndarray, *, k: int = 10) -> dict[str, float]:
    """nDCG@k and HR@k of one true item a row; ranked is (n, >= k) int."""
    rows, places = np.nonzero(ranked[:, :k] == truth[:, None])
    gains = np.zeros(len(truth))
    gains[rows] = 1 / np.log2(places + 2)
    return {f"ndcg@{k}": float(gains.mean()), f"hr@{k}": float(np.mean(gains > 0))}


def auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Chance that a positive row scores above a negative one; ties count half."""
    values, place = np.unique(score, return_inverse=True)
    positive = np.bincount(place, weights=truth, minlength=len(values))
    negative = np.bincount(place, weights=1 - truth, minlength=len(values))
    below = np.cumsum(negative) - negative / 2
    return float(positive @ below / (positive.sum() * negative.sum()))


def rmse(truth: np.ndarray, guess: np.ndarray) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((truth - guess) ** 2)))


def _f1_at(truth: Truth, ranked: np.ndarray, scores: np.ndarray, cut: float) -> tuple[float, float]:
    """Micro and macro F1 of the labels that score at least cut."""
    given = ranked[(scores >= cut) & (ranked >= 0)]
    hits = np.array([np.isin(row, labels) for row, labels in zip(ranked, truth, strict=True)])
    right = ranked[hits & (scores >= cut)]
    wanted = np.concatenate([np.asarray(labels) for labels in truth])
    width = max(int(ranked.max()), int(wanted.max())) + 1
    both, said, held = (np.bincount(ids, minlength=width) for ids in (right, given, wanted))
    f1 = 2 * both / np.maximum(said + held, 1)
    return float(2 * both.sum() / (said.sum() + held.sum())), float(f1[held > 0].mean())
