"""Auc: exact while it keeps the rows, and within its stated distance beyond."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from thrifty.models.auc import Auc


def test_exact_with_ties():
    """Equal to the peer, with many tied scores, in pieces."""
    rng = np.random.default_rng(4)
    truth, scores = rng.integers(0, 2, 500), rng.integers(0, 20, 500).astype(np.float32)
    auc = Auc()
    for part in np.array_split(np.arange(500), 7):
        auc.add(scores[part], truth[part])
    assert auc.result()["auc"] == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


def test_beyond_what_is_kept_it_is_within_its_ties():
    """With bins the distance to the exact answer is at most the stated one, and that is small."""
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 20_000)
    scores = (rng.normal(size=20_000) + truth).astype(np.float32)
    auc = Auc(most=1000)
    for part in np.array_split(np.arange(20_000), 10):
        auc.add(scores[part], truth[part])
    found = auc.result()
    assert 0 < abs(found["auc"] - roc_auc_score(truth, scores)) <= found["auc_ties"] < 1e-3


def test_order_of_the_bins_is_that_of_numbers():
    """Negative scores, zeros and positive ones keep their order in bins."""
    auc = Auc(most=1)
    auc.add([-2.0, -1.0, -0.0, 0.0, 1.0, 2.0], [0, 0, 0, 1, 1, 1])
    assert auc.result()["auc"] == pytest.approx(1 - 0.5 / 9)


def test_one_class_has_no_auc():
    """Without pairs there is nothing to say; unknown classes are left out."""
    auc = Auc()
    auc.add([0.1, 0.2], [1, -1])
    assert auc.result() == {} == Auc().result()
