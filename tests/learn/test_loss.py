"""Loss: each gradient is the slope of its loss, by finite differences; extremes stay finite."""

import numpy as np
import pytest

from thrifty.learn.loss import LOSSES, sigmoid, softmax, squared

COUNTS = np.array([1, 0, 2, 3])
ROWS = np.repeat(np.arange(4), COUNTS)
PLACES = np.array([2, 0, 4, 1, 2, 3])
SHARES = np.repeat(1.0 / np.maximum(COUNTS, 1), COUNTS).astype(np.float32)


def truth(name, scores):
    """The loss in float64, as the textbook writes it."""
    scores = scores.astype(np.float64)
    if name == "sigmoid":
        wanted = np.zeros_like(scores)
        wanted[ROWS, PLACES] = 1
        return np.log1p(np.exp(scores)).sum() - (wanted * scores).sum()
    likelihood = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -(SHARES * likelihood[ROWS, PLACES]).sum()


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_value_and_gradient_are_of_one_loss(name):
    """The returned loss is the textbook's, and the gradient its central difference."""
    scores = np.random.default_rng(1).standard_normal((4, 5)).astype(np.float32)
    gradient = scores.copy()
    loss = LOSSES[name](gradient, ROWS, PLACES, SHARES)
    assert loss == pytest.approx(truth(name, scores), rel=1e-5)
    for b in range(4):
        for c in range(5):
            step = np.zeros((4, 5))
            step[b, c] = 1e-4
            slope = (truth(name, scores + step) - truth(name, scores - step)) / 2e-4
            if name == "softmax" and COUNTS[b] == 0:
                slope = 0.0
            assert gradient[b, c] == pytest.approx(slope, abs=1e-4)


def test_squared_is_half_the_squared_error():
    """Its gradient is the difference."""
    scores = np.array([[1.0], [-2.0]], np.float32)
    target = np.array([0.5, 1.0], np.float32)
    assert squared(scores, target) == pytest.approx((0.5**2 + 3**2) / 2)
    np.testing.assert_allclose(scores[:, 0], [0.5, -3.0])


@pytest.mark.parametrize("loss", [softmax, sigmoid])
def test_huge_scores_stay_finite(loss):
    """Scores of 1e4 either way give finite loss and gradient."""
    scores = np.array([[1e4, -1e4, 0.0]], np.float32)
    value = loss(scores, np.array([0]), np.array([1]), np.ones(1, np.float32))
    assert np.isfinite(value)
    assert value > 20
    assert np.isfinite(scores).all()


def test_softmax_gradients_of_a_row_sum_to_nothing():
    """What the labels gain the others lose; a row without labels stands still."""
    scores = np.random.default_rng(2).standard_normal((4, 5)).astype(np.float32)
    softmax(scores, ROWS, PLACES, SHARES)
    np.testing.assert_allclose(scores.sum(axis=1), 0.0, atol=1e-6)
    assert (scores[1] == 0).all()
