"""Judge: a model's answers against the truth, and against always giving the most frequent ones."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.learn.top import top_of
from thrifty.models.cut import MOST, Cut
from thrifty.models.metrics import TOP, Metrics

__all__ = ["baseline", "choose_cut", "confusions", "judge", "ranked"]


def ranked(scores: NDArray[Any], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Places and values of the k largest of each row, best first; of equal ones the first place.

    Example:
        >>> ranked(np.array([[0.1, 0.7, 0.2]]), 2)[0].tolist()
        [[1, 2]]
    """
    k = min(k, scores.shape[1])
    ids, best = np.empty((len(scores), k), np.int32), np.empty((len(scores), k), np.float32)
    top_of(np.ascontiguousarray(scores, np.float32), ids, best)
    return ids, best


def judge(model: Any, rows: csr_array, labels: pa.Array, metrics: Metrics) -> None:
    """Add rows to metrics.

    Args:
        model: a `Model`.
        rows: (n, R) what it reads.
        labels: (n,) encoded targets.
        metrics: of the model.
    """
    if model.task == "number":
        truth, scale, mean = labels.to_numpy(), model.target.scale, model.target.mean
        for part, scores in model.scored(rows):
            metrics.update_numbers(scores[:, 0].astype(np.float64) * scale + mean, truth[part])
        return
    offsets, ids = model.target.ragged(labels)
    for part, scores in model.scored(rows):
        ends = offsets[part.start : part.stop + 1]
        own = ends - ends[0], ids[ends[0] : ends[-1]]
        metrics.update(scores, own, *_answered(model, scores))


def confusions(model: Any, rows: csr_array, labels: pa.Array, most: int = 20) -> list[dict]:
    """The pairs of classes that are taken for each other most often, for one class a row."""
    if model.task != "one":
        return []
    _, ids = model.target.ragged(labels)
    guesses = [_answered(model, scores)[1] for _, scores in model.scored(rows)]
    pairs = Counter(zip(ids.tolist(), np.concatenate(guesses).tolist(), strict=True))
    wrong = [(pair, n) for pair, n in pairs.items() if pair[0] != pair[1]]
    wrong.sort(key=lambda item: (-item[1], item[0]))
    name = model.target.value_of
    return [
        {"truth": name(truth), "predicted": name(guess), "count": n}
        for (truth, guess), n in wrong[:most]
    ]


def choose_cut(model: Any, rows: csr_array, labels: pa.Array) -> Cut:
    """The cut of best micro F1 on some rows, for many labels."""
    offsets, ids = model.target.ragged(labels)
    scores, right = [], []
    for part, found in model.scored(rows):
        top, best = ranked(found, MOST)
        truth = [
            set(ids[offsets[i] : offsets[i + 1]].tolist()) for i in range(part.start, part.stop)
        ]
        scores.append(best)
        right.append(
            [[n in own for n in row] for row, own in zip(top.tolist(), truth, strict=True)]
        )
    filled = int(np.count_nonzero(np.diff(offsets)))
    return Cut.best(np.concatenate(scores), np.concatenate(right), len(ids), filled)


def baseline(model: Any, labels: pa.Array) -> dict[str, float]:
    """The metrics of always giving the most frequent classes, or the mean."""
    metrics = model.metrics()
    if model.task == "number":
        truth = labels.to_numpy()
        metrics.update_numbers(np.full(len(truth), model.target.mean), truth)
        return metrics.result()
    counts = model.target.counts
    best = np.argsort(-counts, kind="stable")[:TOP].astype(np.int32)
    top = np.repeat(best[None], len(labels), axis=0)
    said = top[:, 0]
    metrics.update_top(top, model.target.ragged(labels), np.arange(len(top) + 1), said)
    return metrics.result()


def _answered(
    model: Any, scores: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The classes a model answers, ragged."""
    if model.task == "many":
        return model.cut(scores)
    best = ranked(scores, 1)[0][:, 0]
    return np.arange(len(best) + 1), best
