"""Judge: metrics of a model, of the most frequent classes, and which classes are confused."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from thrifty.data import Column
from thrifty.models.cut import Cut
from thrifty.models.judge import baseline, choose_cut, confusions, judge, ranked
from thrifty.models.labels import Target
from thrifty.models.metrics import Metrics


class Said:
    """A model whose probabilities are written down."""

    def __init__(self, task, labels, scores):
        kind = {"one": "category", "many": "list", "number": "number"}[task]
        self.task, self.cut = task, Cut(0.5)
        self.target = Target(Column("y", kind), task)
        batch = pa.RecordBatch.from_pydict({"y": labels})
        self.labels, _ = self.target.learn(batch)
        self.target.observe(self.labels)
        self.scores = np.asarray(scores, np.float32)
        self.rows = csr_array((len(labels), 1))

    def scored(self, rows):
        """Two rows at a time."""
        for start in range(0, rows.shape[0], 2):
            part = slice(start, min(start + 2, rows.shape[0]))
            yield part, self.scores[part]

    def metrics(self):
        """Metrics with the counts of the labels."""
        counts = np.zeros(1) if self.task == "number" else self.target.counts
        return Metrics(self.task, counts, len(self.labels))


def judged(model):
    """All rows of a model judged."""
    metrics = model.metrics()
    judge(model, model.rows, model.labels, metrics)
    return metrics.result()


ONE = Said("one", list("aabca"), [[9, 0, 1], [0, 9, 1], [1, 9, 0], [0, 9, 1], [0, 5, 4]])


def test_answers_are_compared_row_by_row():
    """Accuracy of one class, over chunks that do not divide the rows."""
    assert judged(ONE)["accuracy"] == pytest.approx(2 / 5)


def test_confusions_are_counted():
    """Pairs of truth and answer, the most frequent first; none for other tasks."""
    found = confusions(ONE, ONE.rows, ONE.labels)
    assert found[0] == {"truth": "a", "predicted": "b", "count": 2}
    assert found[1:] == [{"truth": "c", "predicted": "b", "count": 1}]
    assert confusions(Said("number", [1.0], [[0]]), None, None) == []


def test_the_baseline_is_the_most_frequent_class():
    """Three of five rows are of class a; numbers are guessed at their mean."""
    assert baseline(ONE, ONE.labels)["accuracy"] == pytest.approx(3 / 5)
    number = Said("number", [1.0, 2.0, 6.0], [[0], [0], [0]])
    assert baseline(number, number.labels)["rmse"] == pytest.approx(np.std([1, 2, 6]))


def test_numbers_are_judged_in_their_unit():
    """Standardised scores are brought back to the target's unit."""
    number = Said("number", [1.0, 2.0, 6.0], [[0], [0], [0]])
    assert judged(number)["rmse"] == pytest.approx(np.std([1, 2, 6]))


def test_the_cut_is_the_best_on_the_rows():
    """With the chosen cut micro F1 is perfect where some cut makes it so."""
    many = Said("many", [["a"], ["a", "b"], ["c"]], [[0.3, 0, 0], [0.4, 0.25, 0], [0.1, 0, 0.3]])
    many.cut = choose_cut(many, many.rows, many.labels)
    assert judged(many)["micro_f1"] == 1.0
    assert 0.1 < many.cut.threshold <= 0.25


def test_ranked_has_at_most_all_classes():
    """More than there are is all of them."""
    ids, best = ranked(np.array([[1.0, 3.0]]), 9)
    assert (ids.tolist(), best.tolist()) == ([[1, 0]], [[3.0, 1.0]])
