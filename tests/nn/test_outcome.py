"""Outcome: distances of answers, and which answers count."""

import pytest

torch = pytest.importorskip("torch")

from thrifty.nn.outcome import IGNORED, answers_of, distance, targets_of  # noqa: E402


class Says(torch.nn.Module):
    """Says its input, as transformers would."""

    def forward(self, input_ids, attention_mask=None):
        """States, or scores."""
        self.was_training = self.training
        return (input_ids,)


def test_distances():
    """Nothing for the same answers; of numbers, the share of their squares."""
    one, two = torch.tensor([[3.0, 4.0]]), torch.tensor([[3.0, 3.0]])
    assert distance(one, two, one) == pytest.approx(1 / 25)
    scores = (one, torch.tensor([1]))
    assert distance(one, one, scores) == pytest.approx(0, abs=1e-7)
    assert distance(one, two, scores) > 0
    assert distance(one, 2 * one, {"input_ids": one}) == pytest.approx(0, abs=1e-6)


def test_embeddings_are_means_of_what_is_not_hidden():
    """Padding does not count; the mode of the module is put back."""
    states = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [100.0, 100.0]]])
    batch = {"input_ids": states, "attention_mask": torch.tensor([[1, 1, 0]])}
    module = Says().train()
    assert answers_of(module, batch).tolist() == [[2.0, 4.0]]
    assert module.training
    assert not module.was_training


def test_targets():
    """Labels that are to be ignored are none."""
    labels = torch.tensor([[IGNORED, 4], [5, IGNORED]])
    assert targets_of({"input_ids": 0, "labels": labels}).tolist() == [4, 5]
    assert targets_of({"input_ids": 0}) is None
    assert targets_of((1, 2)) == 2
    assert targets_of(torch.ones(2)) is None
