"""Outcome: what a module answers to batches, how good that is, and how two answers differ."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, mse_loss, normalize

from thrifty.nn.answers import Answer, answer_of, ask, asked, plain, targets_of

__all__ = ["Outcome", "agreement", "distance"]


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
        with torch.no_grad(), asked(module):
            values, answers, count = _judged(ask(module, batch), batch, loss)
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


def distance(before: Answer, after: Answer) -> float:
    """How answers differ: Kullback-Leibler of scores, 1 - cosine of embeddings, of numbers the
    squared difference as a share of their squares.

    Args:
        before: to a batch.
        after: to the same batch.

    Example:
        >>> one, two = torch.tensor([[3.0, 4.0]]), torch.tensor([[3.0, 3.0]])
        >>> round(distance(Answer("numbers", one), Answer("numbers", two)), 6)
        0.04
    """
    one, two = before.rows, after.rows
    if before.kind == "scores":
        one, two = one.log_softmax(1), two.log_softmax(1)
        return max(0.0, float(kl_div(two, one, log_target=True, reduction="batchmean")))
    if before.kind == "embeddings":
        return float((1 - (normalize(one) * normalize(two)).sum(1)).clamp(min=0).mean())
    return float(((one - two) ** 2).sum() / (one**2).sum().clamp(min=1e-30))


def _judged(found: Any, batch: Any, loss: Any) -> tuple[dict[str, float], Tensor, int]:
    """Quality, answers, and examples of a batch."""
    answer, targets = answer_of(found, batch), targets_of(batch)
    rows, count = answer.rows, len(answer.rows)
    answers = rows.argmax(1) if answer.kind == "scores" else rows
    if targets is None:
        return {}, rows, count
    if loss is not None:
        return {"loss": float(loss(plain(found).float(), targets))}, answers, count
    if answer.kind != "scores":
        return {"loss": float(mse_loss(rows.reshape(targets.shape), targets.float()))}, rows, count
    error = float(cross_entropy(rows, targets.reshape(-1)))
    if isinstance(batch, Mapping):
        return {"loss of a token": error}, answers, count
    right = float((answers == targets.reshape(-1)).double().mean())
    return {"loss": error, "accuracy": right}, answers, count
