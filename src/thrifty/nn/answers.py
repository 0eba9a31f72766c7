"""Answers: what a model says of a batch, as rows that can be compared: scores, places, numbers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn

__all__ = ["IGNORED", "Answer", "answer", "answer_of", "ask", "asked", "few", "plain", "targets_of"]

IGNORED = -100  # the label of a position that is not asked for


class Answer(NamedTuple):
    """What a batch is answered with.

    Args:
        kind: "scores" of classes or tokens, "embeddings" of texts, or "numbers".
        rows: (n, width) of them, float32.
    """

    kind: str
    rows: Tensor


def ask(model: nn.Module, batch: Any) -> Any:
    """What a model puts out for a batch.

    Args:
        model: any.
        batch: a dict of keywords, whose "labels" are not shown to the model; a tuple that begins
            with the inputs; or the inputs.
    """
    if isinstance(batch, Mapping):
        return model(**{name: value for name, value in batch.items() if name != "labels"})
    return model(batch[0] if isinstance(batch, (tuple, list)) else batch)


def answer(model: nn.Module, batch: Any) -> Answer:
    """What a model says of a batch, as rows.

    Scores are the logits of a transformer where a label asks for them, or what a batch with
    classes as targets is answered with; embeddings are the mean of a transformer's last states
    over all words; other outputs are numbers.

    Args:
        model: any.
        batch: see `ask`.

    Example:
        >>> import torch
        >>> batch = (torch.zeros(4, 3), torch.tensor([0, 1, 1, 0]))
        >>> kind, rows = answer(nn.Linear(3, 2), batch)
        >>> kind, rows.shape, answer(nn.Linear(3, 2), batch[0]).kind
        ('scores', torch.Size([4, 2]), 'numbers')
    """
    return answer_of(ask(model, batch), batch)


def answer_of(found: Any, batch: Any) -> Answer:
    """What a model put out for a batch, as rows; see `answer`.

    Args:
        found: of `ask`.
        batch: see `ask`.
    """
    if isinstance(batch, Mapping):
        return _of_texts(found, batch)
    rows = plain(found).float()
    targets = targets_of(batch)
    if targets is not None and not targets.is_floating_point() and rows.ndim > 1:
        return Answer("scores", rows.reshape(-1, rows.shape[-1]))
    return Answer("numbers", rows.reshape(len(rows), -1))


@contextmanager
def asked(module: nn.Module) -> Iterator[None]:
    """A module in evaluation mode for a while."""
    was = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was)


def plain(found: Any) -> Tensor:
    """The tensor of what a module puts out: its logits, or the first of several."""
    return found[0] if isinstance(found, (tuple, list)) else getattr(found, "logits", found)


def targets_of(batch: Any) -> Any:
    """What a batch should be answered with; None where it does not say.

    Example:
        >>> import torch
        >>> targets_of({"labels": torch.tensor([[IGNORED, 4]])}), targets_of((1, 2)), targets_of(1)
        (tensor([4]), 2, None)
    """
    if isinstance(batch, Mapping):
        labels = batch.get("labels")
        return None if labels is None else labels[labels != IGNORED]
    return batch[1] if isinstance(batch, (tuple, list)) and len(batch) > 1 else None


def few(batch: Any, most: int = 2) -> Any:
    """The first examples of a batch.

    Example:
        >>> import torch
        >>> few({"ids": torch.arange(9)})["ids"].tolist(), few(torch.arange(9), 1).tolist()
        ([0, 1], [0])
    """
    if isinstance(batch, Mapping):
        return {name: few(value, most) for name, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return tuple(few(value, most) for value in batch)
    return batch[:most] if isinstance(batch, Tensor) and batch.ndim else batch


def _of_texts(found: Any, batch: Mapping[str, Tensor]) -> Answer:
    logits = getattr(found, "logits", None)
    if logits is not None:
        asked = batch["labels"] != IGNORED if "labels" in batch else None
        rows = logits if asked is None else logits[asked]
        kind = "scores" if rows.shape[-1] > 1 else "numbers"
        return Answer(kind, rows.float().reshape(-1, rows.shape[-1]))
    states = found.last_hidden_state if hasattr(found, "last_hidden_state") else found[0]
    mask = batch.get("attention_mask")
    mask = states.new_ones(states.shape[:2]) if mask is None else mask.to(states.dtype)
    total = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
    return Answer("embeddings", total.float())
