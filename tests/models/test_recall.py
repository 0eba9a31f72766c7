"""Recall: the estimates against pairs whose truth is known, their intervals, edges."""

import numpy as np
import pytest

from thrifty.index import Bands
from thrifty.models.recall import precision_and_recall

BANDS = Bands(16, 8)


def simulated(shares, seed, pairs=4_000):
    """Pairs of known similarities: how many that met agree on m codes, and the true quality."""
    rng = np.random.default_rng(seed)
    similarity = rng.choice(shares, pairs)
    matches = rng.binomial(128, similarity)
    met = rng.random(pairs) < BANDS.found(similarity)
    right, taken = similarity >= 0.8, met & (matches >= 103)
    counts = np.bincount(matches[met], minlength=129)
    return counts, (right & taken).sum() / taken.sum(), (right & taken).sum() / right.sum()


@pytest.mark.parametrize("shares", [(0.6, 0.9), (0.3, 0.7, 0.88, 0.95, 1.0), (0.86,)], ids=str)
def test_estimates_are_near_the_truth(shares):
    """Precision and recall are within 4 standard errors of the truth, plus 0.01 for the grid."""
    for seed in range(5):
        counts, precision, recall = simulated(np.array(shares), seed)
        found = precision_and_recall(counts, 103, 0.8, BANDS)
        slack = 0.01 + 4 * 0.5 / np.sqrt(4_000)
        assert abs(found.precision.estimate - precision) <= slack
        assert abs(found.recall.estimate - recall) <= slack
        for interval in found:
            assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


def test_a_choice_near_the_threshold_is_worse():
    """Many pairs just below the threshold cost precision; pairs that seldom meet cost recall."""
    clear, _, _ = simulated(np.array([0.5, 0.95]), 1)
    blurred, _, _ = simulated(np.array([0.77, 0.82]), 1)
    sure, unsure = (precision_and_recall(c, 103, 0.8, BANDS) for c in (clear, blurred))
    assert sure.precision.estimate > 0.99 > unsure.precision.estimate
    assert sure.recall.estimate > unsure.recall.estimate
    assert unsure.precision.width > sure.precision.width


def test_equal_texts_are_right_at_threshold_one():
    """Pairs that agree on all codes are taken to be equal."""
    counts = np.zeros(129)
    counts[128] = 50
    found = precision_and_recall(counts, 128, 1, BANDS)
    assert found.precision.estimate > 0.9
    assert found.recall.estimate > 0.9


def test_nothing_gives_no_number():
    """Without pairs there is neither precision nor recall."""
    found = precision_and_recall(np.zeros(129), 103, 0.8, BANDS)
    assert np.isnan(found.precision.estimate)
    assert np.isnan(found.recall.low)


def test_refusals():
    """A threshold out of range is named."""
    with pytest.raises(ValueError, match=r"^threshold must be in 0\.01\.\.1, got 0$"):
        precision_and_recall(np.zeros(9), 5, 0, BANDS)
