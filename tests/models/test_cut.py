"""Cut: the threshold that is best by trying all of them."""

import numpy as np
import pytest

from thrifty.models.cut import Cut


def micro_f1(cut, scores, held):
    """F1 of a cut on dense scores and truth."""
    offsets, ids = cut(scores)
    said = np.zeros_like(held)
    said[np.repeat(np.arange(len(held)), np.diff(offsets)), ids] = True
    return 2 * (said & held).sum() / (said.sum() + held.sum())


@pytest.mark.parametrize("seed", range(5))
def test_no_other_cut_is_better(seed):
    """The chosen cut has the largest micro F1 of all thresholds, with and without the first."""
    rng = np.random.default_rng(seed)
    held = rng.random((40, 6)) < 0.3
    scores = np.round(0.6 * rng.random((40, 6)) + 0.3 * held, 2).astype(np.float32)
    order = np.argsort(-scores, axis=1)
    best, right = (np.take_along_axis(a, order, axis=1) for a in (scores, held))
    cut = Cut.best(best, right, int(held.sum()), 40)
    cuts = np.append(np.unique(scores) - 1e-4, 2.0).tolist()
    tried = [Cut(at, first) for at in cuts for first in (False, True)]
    most = max(micro_f1(other, scores, held) for other in tried)
    assert micro_f1(cut, scores, held) == pytest.approx(most)


def test_nothing_above_the_cut():
    """A row may be answered with nothing, unless one label is wanted at least."""
    scores = np.array([[0.1, 0.2]])
    assert Cut(0.5)(scores)[1].tolist() == []
    assert Cut(0.5, at_least_one=True)(scores)[1].tolist() == [1]


def test_no_rows_keep_the_default():
    """Without rows to choose on the cut is one half."""
    assert Cut.best(np.zeros((0, 3)), np.zeros((0, 3), bool), 0, 0) == Cut(0.5, False)
