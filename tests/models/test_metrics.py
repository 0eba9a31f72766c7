"""Metrics: equal to scikit-learn and to sums by hand, whole or batch by batch."""

import numpy as np
import pytest
from sklearn import metrics as peer

from thrifty.models.metrics import Metrics, inverse_propensities

COUNTS = np.array([50, 20, 10, 5, 3, 2, 1])


def softmax(scores):
    """Probabilities of rows of scores."""
    found = np.exp(scores - scores.max(axis=1, keepdims=True))
    return found / found.sum(axis=1, keepdims=True)


def one_each(ids):
    """One class a row, ragged."""
    return np.arange(len(ids) + 1), np.asarray(ids, np.int32)


def ragged(rows):
    """Lists of labels, ragged."""
    ends = np.append(0, np.cumsum([len(row) for row in rows])).astype(np.int64)
    return ends, np.array([n for row in rows for n in row], np.int32)


def part_of(labels, start, stop):
    """Some rows of ragged labels."""
    offsets, ids = labels
    return offsets[start : stop + 1] - offsets[start], ids[offsets[start] : offsets[stop]]


def judged(task, scores, labels, said, cuts, counts=COUNTS):
    """The metrics of rows added in pieces that end at the cuts."""
    metrics = Metrics(task, counts, 91)
    for start, stop in zip([0, *cuts], [*cuts, len(scores)], strict=True):
        parts = part_of(labels, start, stop), *part_of(said, start, stop)
        metrics.update(scores[start:stop], *parts)
    return metrics.result()


@pytest.mark.parametrize("cuts", [[], [40], [1, 2, 99]], ids=str)
def test_one_class_is_as_scikit_learn_says(cuts):
    """Accuracy, log loss, F1 and nDCG of one class a row agree with the peer, however it is cut."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 7, 100)
    scores = softmax(rng.normal(size=(100, 7)) + 2 * np.eye(7)[truth])
    guess = scores.argmax(axis=1)
    found = judged("one", scores, one_each(truth), one_each(guess), cuts)
    names = np.unique(truth)
    exact = {
        "rows": 100,
        "accuracy": peer.accuracy_score(truth, guess),
        "p@1": peer.accuracy_score(truth, guess),
        "micro_f1": peer.f1_score(truth, guess, average="micro"),
        "macro_f1": peer.f1_score(truth, guess, average="macro", labels=names),
        "logloss": peer.log_loss(truth, scores, labels=np.arange(7)),
        "r@5": peer.top_k_accuracy_score(truth, scores, k=5, labels=np.arange(7)),
        "ndcg@5": peer.ndcg_score(np.eye(7)[truth], scores, k=5),
    }
    assert {name: found[name] for name in exact} == pytest.approx(exact, rel=1e-5)
    assert found["p@5"] == pytest.approx(found["r@5"] / 5)


@pytest.mark.parametrize("cuts", [[], [33]], ids=str)
def test_many_labels_are_as_scikit_learn_says(cuts):
    """F1 and nDCG of many labels agree with the peer."""
    rng = np.random.default_rng(2)
    held = rng.random((80, 7)) < 0.3
    held[held.sum(axis=1) == 0, 0] = True
    scores = (rng.random((80, 7)) + held).astype(np.float32)
    said = scores > 0.9
    labels, answers = (ragged([np.flatnonzero(row) for row in rows]) for rows in (held, said))
    found = judged("many", scores, labels, answers, cuts)
    assert found["micro_f1"] == pytest.approx(peer.f1_score(held, said, average="micro"))
    assert found["macro_f1"] == pytest.approx(peer.f1_score(held, said, average="macro"))
    top = np.argsort(-scores, axis=1)
    for k in (1, 3, 5):
        hits = np.take_along_axis(held, top[:, :k], axis=1)
        assert found[f"p@{k}"] == pytest.approx(hits.mean())
    discount = 1 / np.log2(np.arange(2, 7))
    gains = np.take_along_axis(held, top[:, :5], axis=1) @ discount
    ideal = np.cumsum(discount)[np.minimum(held.sum(axis=1), 5) - 1]
    assert found["ndcg@5"] == pytest.approx(np.mean(gains / ideal))
    assert "accuracy" not in found


def test_psp_by_hand():
    """Two rows, worked out on paper: rare hits count by their inverse propensity."""
    weights = inverse_propensities(np.array([50, 20, 10, 5, 3, 2, 1]), 91)
    scores = np.array([[7, 6, 5, 4, 3, 2, 1], [7, 6, 5, 4, 3, 2, 1]], np.float32)
    labels = ragged([[6, 0], [5, 6, 4, 3, 2, 1]])
    found = judged("many", scores, labels, ragged([[], []]), [])
    gain = weights[0] + weights[[1, 2, 3, 4]].sum()
    best = weights[6] + weights[0] + weights[[6, 5, 4, 3, 2]].sum()
    assert found["psp@5"] == pytest.approx(gain / best)
    assert found["micro_f1"] == 0.0


def test_propensities_by_hand():
    """The formula of the paper: 1 + (log N - 1) * 2.5**0.55 * (n + 1.5)**-0.55."""
    found = inverse_propensities(np.array([0, 100]), 1000)
    scale = (np.log(1000) - 1) * 2.5**0.55
    assert found == pytest.approx([1 + scale * 1.5**-0.55, 1 + scale * 101.5**-0.55])


def test_auc_and_rmse_are_as_scikit_learn_says():
    """Two classes give the area under the curve; numbers their errors."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 200)
    scores = softmax(rng.normal(size=(200, 2)) + np.eye(2)[truth])
    said = one_each(scores.argmax(axis=1))
    found = judged("one", scores, one_each(truth), said, [50], counts=np.array([9, 9]))
    exact = peer.roc_auc_score(truth, scores[:, 1] - scores[:, 0])
    assert found["auc"] == pytest.approx(exact, abs=1e-12)
    x, y = rng.normal(size=(2, 300))
    metrics = Metrics("number", np.zeros(1), 10)
    metrics.update_numbers(x[:100], y[:100])
    metrics.update_numbers(x[100:], y[100:])
    exact = {
        "rows": 300,
        "rmse": peer.root_mean_squared_error(y, x),
        "mae": peer.mean_absolute_error(y, x),
        "r2": peer.r2_score(y, x),
    }
    assert metrics.result() == pytest.approx(exact)


def test_unknown_classes_are_never_right():
    """A class that was not seen in training counts against accuracy, F1 and the ranks."""
    scores = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    labels = one_each([-1, 1])
    found = judged("one", scores, labels, one_each([0, 1]), [], counts=np.array([1, 1]))
    assert found["accuracy"] == found["micro_f1"] == found["p@1"] == 0.5
    assert found["logloss"] == pytest.approx((-np.log(1e-15) - np.log(0.8)) / 2, rel=1e-6)


def test_rows_without_labels_are_no_ranks():
    """A row without a label counts for F1 alone."""
    scores = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    found = judged("many", scores, ragged([[], [1]]), ragged([[0], [1]]), [], np.array([1, 1]))
    assert (found["rows"], found["p@1"]) == (2, 1.0)
    assert found["micro_f1"] == pytest.approx(2 / 3)


def test_nothing_was_added():
    """Without rows there is only their count."""
    assert Metrics("one", COUNTS, 91).result() == {"rows": 0}


def test_task_is_refused():
    """A task must be one of three."""
    with pytest.raises(ValueError, match=r"^task must be one of one, many, number, got 'two'$"):
        Metrics("two", COUNTS, 91)
