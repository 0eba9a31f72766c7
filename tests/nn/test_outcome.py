"""Outcome: distances of answers, and modes put back."""

import pytest

torch = pytest.importorskip("torch")

from thrifty.nn.answers import Answer, asked  # noqa: E402
from thrifty.nn.outcome import Outcome, distance  # noqa: E402


def test_distances():
    """Nothing for the same answers; of numbers, the share of their squares."""
    one, two = torch.tensor([[3.0, 4.0]]), torch.tensor([[3.0, 3.0]])
    assert distance(Answer("numbers", one), Answer("numbers", two)) == pytest.approx(1 / 25)
    scores = Answer("scores", one)
    assert distance(scores, scores) == pytest.approx(0, abs=1e-7)
    p, q = one.softmax(1), two.softmax(1)
    exact = float((p * (p / q).log()).sum())
    assert distance(scores, Answer("scores", two)) == pytest.approx(exact, rel=1e-5)
    states = Answer("embeddings", one)
    assert distance(states, Answer("embeddings", 2 * one)) == pytest.approx(0, abs=1e-6)
    assert distance(states, Answer("embeddings", -one)) == pytest.approx(2)


def test_the_mode_is_put_back():
    """Also where asking fails."""
    module, seen = torch.nn.Dropout().train(), []

    def fail():
        seen.append(module.training)
        raise KeyError

    with pytest.raises(KeyError), asked(module):
        fail()
    assert [*seen, module.training] == [False, True]
    made = Outcome()
    made.judge(module, (torch.ones(2, 3), torch.zeros(2, 3)), None)
    assert made.quality() == {"loss": 1.0}


def test_a_loss_of_ones_own_sees_what_the_module_says():
    """In the module's own shape, not as rows."""
    made, shapes = Outcome(), []

    def loss(said, targets):
        shapes.append(said.shape)
        return torch.tensor(2.5)

    batch = torch.ones(2, 4, 3), torch.zeros(2, 4, dtype=torch.long)
    made.judge(torch.nn.Identity(), batch, loss)
    assert shapes == [(2, 4, 3)]
    assert made.quality() == {"loss": 2.5}
    assert made.answers[0].tolist() == [0] * 8
