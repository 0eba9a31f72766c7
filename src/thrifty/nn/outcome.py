"""Outcome: what a module answers to batches, how good that is, and how two answers differ."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, mse_loss, normalize

__all__ = ["IGNORED", "Outcome", "agreement", "answers_of", "distance", "targets_of"]

IGNORED = -100


class Outcome:
    """What a module answered: for each example scores or an embedding, and sums of its quality."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.weight = 0
        self.answers: list[Tensor] = []

    def judge(self, module: nn.Module, batch: Any, loss: Callable[[Any, Any], Any] | None) -> None:
        """Add the answers to a batch.

        Args:
            module: that answers.
            batch: as of `Calibrated`.
            loss: of outputs and targets; None for the usual one.
        """
        values, answers, count = _judged(answers_of(module, batch), batch, loss)
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * count
        self.weight += count
        self.answers.append(answers)

    def quality(self) -> dict[str, float]:
        """Means over all examples; perplexity where the loss is that of a language model."""
        found = {name: total / max(1, self.weight) for name, total in self.sums.items()}
        if "loss of a token" in found:
            found = {"perplexity": float(np.exp(min(700.0, found["loss of a token"])))}
        return found


def agreement(before: Outcome, after: Outcome) -> tuple[float | None, dict[str, float]]:
    """Share of examples with the same answer; for embeddings, the same nearest neighbour.

    Args:
        before: of a module.
        after: of the same module, changed, on the same batches.

    Returns:
        The share, None where answers are numbers; and what else the two say of each other.
    """
    one, two = torch.cat(before.answers), torch.cat(after.answers)
    if one.dtype == torch.long:
        return float((one == two).double().mean()), {}
    if not before.sums:
        cosine = float((normalize(one) * normalize(two)).sum(1).mean())
        return _neighbours(one, two), {"cosine": cosine}
    return None, {}


def _neighbours(one: Tensor, two: Tensor) -> float | None:
    """Share of rows whose nearest other row is the same."""
    if len(one) < 2:
        return None
    found = []
    for rows in (normalize(one), normalize(two)):
        near = rows @ rows.T
        near.fill_diagonal_(-2.0)
        found.append(near.argmax(1))
    return float((found[0] == found[1]).double().mean())


def answers_of(module: nn.Module, batch: Any, *, gradients: bool = False) -> Tensor:
    """What a batch is answered with: rows of scores, embeddings or numbers, float32.

    Args:
        module: asked in evaluation mode.
        batch: dict of keywords, tuple of inputs and targets, or inputs.
        gradients: whether they can be derived.
    """
    was = module.training
    module.eval()
    try:
        with torch.set_grad_enabled(gradients):
            return _answers(_call(module, batch), batch)
    finally:
        module.train(was)


def _call(module: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return module(**{name: value for name, value in batch.items() if name != "labels"})
    return module(batch[0] if isinstance(batch, (tuple, list)) else batch)


def _answers(found: Any, batch: Any) -> Tensor:
    if isinstance(batch, Mapping) and not hasattr(found, "logits"):
        states = found.last_hidden_state if hasattr(found, "last_hidden_state") else found[0]
        mask = batch.get("attention_mask", torch.ones(states.shape[:2]))[..., None].to(states.dtype)
        return ((states * mask).sum(1) / mask.sum(1).clamp(min=1)).float()
    found = getattr(found, "logits", found)
    found = found[0] if isinstance(found, (tuple, list)) else found
    if isinstance(batch, Mapping) and "labels" in batch:
        return found[batch["labels"] != IGNORED].float()
    return found.float()


def targets_of(batch: Any) -> Any:
    """What a batch should be answered with; None where it does not say."""
    if isinstance(batch, Mapping):
        labels = batch.get("labels")
        return None if labels is None else labels[labels != IGNORED]
    return batch[1] if isinstance(batch, (tuple, list)) and len(batch) > 1 else None


def distance(before: Tensor, after: Tensor, batch: Any) -> float:
    """How answers to a batch differ: Kullback-Leibler of scores, 1 - cosine of embeddings, of
    numbers the squared difference as a share of their squares.
    """
    targets = targets_of(batch)
    if targets is not None and not targets.is_floating_point():
        one, two = before.log_softmax(-1), after.log_softmax(-1)
        total = float(kl_div(two, one, log_target=True, reduction="sum"))
        return max(0.0, total / one[..., 0].numel())
    if isinstance(batch, Mapping):
        return float((1 - (normalize(before) * normalize(after)).sum(1)).clamp(min=0).mean())
    return float(((before - after) ** 2).sum() / (before**2).sum().clamp(min=1e-30))


def _judged(scores: Tensor, batch: Any, loss: Any) -> tuple[dict[str, float], Tensor, int]:
    """Quality, answers, and examples of a batch."""
    targets = targets_of(batch)
    count = len(scores)
    if targets is None:
        return {}, scores.reshape(count, -1), count
    if loss is not None:
        answers = scores.argmax(-1) if scores.ndim > 1 else scores.reshape(count, -1)
        return {"loss": float(loss(scores, targets))}, answers, count
    if targets.is_floating_point():
        fits = scores.reshape(targets.shape)
        return {"loss": float(mse_loss(fits, targets.float()))}, fits.reshape(count, -1), count
    flat, answers = scores.reshape(-1, scores.shape[-1]), scores.argmax(-1)
    error = float(cross_entropy(flat, targets.reshape(-1)))
    if isinstance(batch, Mapping):
        return {"loss of a token": error}, answers, len(flat)
    right = float((answers == targets).double().mean())
    return {"loss": error, "accuracy": right}, answers, count
