"""Answers: rows of scores, embeddings and numbers, from tensors and from transformers."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from thrifty.nn.answers import IGNORED, answer, ask, few  # noqa: E402

X = torch.arange(12.0).reshape(3, 4)


class Texts(nn.Module):
    """Answers as transformers do, with what it was made of."""

    def __init__(self, **found):
        super().__init__()
        self.found = found

    def forward(self, **batch):
        """As its class says."""
        assert "labels" not in batch
        return SimpleNamespace(**self.found)


def test_scores_and_numbers():
    """Classes as targets make scores; other targets, or none, numbers; of tuples the first."""
    model, classes = nn.Linear(4, 2), torch.tensor([0, 1, 0])
    assert answer(model, (X, classes)).kind == "scores"
    assert answer(model, (X, X[:, :2])).kind == answer(model, X).kind == "numbers"
    assert torch.equal(answer(model, [X, classes]).rows, model(X))
    both = nn.LSTM(4, 5, batch_first=True)
    assert answer(both, X[:, None]).rows.shape == (3, 5)
    assert torch.equal(ask(model, (X, classes)), model(X))


def test_places_of_images_are_rows():
    """Scores of every place: the last axis is that of the classes."""
    found = answer(nn.Linear(4, 2), (X.reshape(1, 3, 4), torch.zeros(1, 3, dtype=torch.long)))
    assert (found.kind, found.rows.shape) == ("scores", (3, 2))


def test_tokens_that_have_a_label():
    """Only these are asked for; without labels all are."""
    logits = torch.randn(2, 3, 7)
    labels = torch.tensor([[1, IGNORED, 2], [IGNORED, IGNORED, 3]])
    kind, rows = answer(Texts(logits=logits), {"labels": labels})
    assert kind == "scores"
    assert torch.equal(rows, torch.stack([logits[0, 0], logits[0, 2], logits[1, 2]]))
    assert answer(Texts(logits=logits), {}).rows.shape == (6, 7)
    assert answer(Texts(logits=logits[0, :, :1]), {}).kind == "numbers"


def test_embeddings_are_means_over_words():
    """Positions that the mask hides do not count."""
    states = torch.randn(2, 3, 4)
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    kind, rows = answer(Texts(last_hidden_state=states), {"attention_mask": mask})
    assert kind == "embeddings"
    assert torch.allclose(rows, torch.stack([states[0, :2].mean(0), states[1, 0]]))
    assert torch.allclose(answer(Texts(last_hidden_state=states), {}).rows, states.mean(1))


def test_few():
    """The first examples of dicts, tuples and tensors; what is no batch stays."""
    assert few({"ids": X, "flag": True}, 1)["ids"].shape == (1, 4)
    assert few((X, X[:, 0]))[1].shape == (2,)
    assert few({"flag": True})["flag"] is True
