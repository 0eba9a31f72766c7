"""Calibrated: a module beside data: what its layers are fed, and what a change of them costs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, mse_loss, normalize

from thrifty.core import DataError
from thrifty.nn.compressed import matching, tensor_of

__all__ = ["Calibrated", "Outcome", "agreement"]

IGNORED, PROBED = -100, 4
WIDEST = 16_384


class Outcome:
    """What a module answered: for each example scores or an embedding, and sums of its quality."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.weight = 0
        self.answers: list[Tensor] = []

    def add(self, values: Mapping[str, float], count: int) -> None:
        """Add means over so many examples."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * count
        self.weight += count

    def quality(self) -> dict[str, float]:
        """Means over all examples; perplexity where the loss is that of a language model."""
        found = {name: total / max(1, self.weight) for name, total in self.sums.items()}
        if "loss of a token" in found:
            found = {"perplexity": float(np.exp(min(700.0, found["loss of a token"])))}
        return found


class Calibrated:
    """A module with the batches it is calibrated and judged on.

    Args:
        module: any; its weights are changed while something is measured, and put back.
        batches: dicts of keywords (with "labels" for each position, if there are some), tuples
            of inputs and targets, or inputs. Every second one is learned from, the others measure;
            a single one does both.
        names: of tensors, which may be those of a checkpoint: where the module's own differ by a
            prefix, they are found.
        loss: of outputs and targets; None for cross entropy of classes, else squared differences.

    Raises:
        DataError: there is no batch.

    Example:
        >>> layer = nn.Linear(2, 3)
        >>> data = Calibrated(layer, [torch.eye(2)], ["weight", "bias"])
        >>> data.gram("weight").tolist(), data.gram("bias") is None
        ([[0.5, 0.0], [0.0, 0.5]], True)
        >>> data.damage("weight", layer.weight.detach().numpy())
        0.0
    """

    def __init__(
        self,
        module: nn.Module,
        batches: Iterable[Any],
        names: Iterable[str],
        loss: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        found = list(batches)
        if not found:
            raise DataError("calibrate must have batches, got none")
        self.module, self.loss = module, loss
        self.learned, self.judged = found[0::2], found[1::2] or found
        own = dict(module.named_parameters())
        self.names = {name: key for name in names if (key := matching(name, own)) is not None}
        self._grams: dict[str, np.ndarray] | None = None
        self._before: Tensor | None = None
        self._probe: Any = None

    def gram(self, name: str) -> np.ndarray | None:
        """Mean of x x^T over the inputs x of the linear layer whose weight this is, float32."""
        if self._grams is None:
            self._grams = _grams(self.module, self.learned)
        return self._grams.get(self.names.get(name, ""))

    def damage(self, name: str, array: np.ndarray) -> float:
        """What the module loses when this array stands for that weight: how its answers differ.

        Of scores the Kullback-Leibler divergence, of embeddings 1 - cosine, of other outputs the
        squared difference as a share of their squares.

        Args:
            name: a tensor of `names`.
            array: of its shape and dtype.
        """
        if self._before is None:
            self._probe = _some(self.learned[0])
            self._before = _scores(self.module, self._probe)
        with _replaced(self.module, self.names[name], array):
            return _distance(self._before, _scores(self.module, self._probe), self._probe)

    def outcome(self) -> Outcome:
        """How good the module is on the batches that were held out."""
        made = Outcome()
        for batch in self.judged:
            scores = _scores(self.module, batch)
            values, answers, count = _judged(scores, batch, self.loss)
            made.add(values, count)
            made.answers.append(answers)
        return made


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


def _call(module: nn.Module, batch: Any) -> Any:
    with torch.no_grad():
        if isinstance(batch, Mapping):
            return module(**{name: value for name, value in batch.items() if name != "labels"})
        return module(batch[0] if isinstance(batch, (tuple, list)) else batch)


def _scores(module: nn.Module, batch: Any) -> Tensor:
    """What a batch is answered with: rows of scores, embeddings or numbers."""
    was = module.training
    module.eval()
    try:
        found = _call(module, batch)
    finally:
        module.train(was)
    if isinstance(batch, Mapping) and not hasattr(found, "logits"):
        states = found.last_hidden_state if hasattr(found, "last_hidden_state") else found[0]
        mask = batch.get("attention_mask", torch.ones(states.shape[:2]))[..., None].to(states.dtype)
        return ((states * mask).sum(1) / mask.sum(1).clamp(min=1)).float()
    found = getattr(found, "logits", found)
    found = found[0] if isinstance(found, (tuple, list)) else found
    if isinstance(batch, Mapping) and "labels" in batch:
        return found[batch["labels"] != IGNORED].float()
    return found.float()


def _some(batch: Any) -> Any:
    """The first examples of a batch: enough to feel a change by."""
    if isinstance(batch, Mapping):
        return {name: value[:PROBED] for name, value in batch.items()}
    return batch


def _targets(batch: Any) -> Any:
    if isinstance(batch, Mapping):
        labels = batch.get("labels")
        return None if labels is None else labels[labels != IGNORED]
    return batch[1] if isinstance(batch, (tuple, list)) and len(batch) > 1 else None


def _distance(before: Tensor, after: Tensor, batch: Any) -> float:
    targets = _targets(batch)
    if targets is not None and not targets.is_floating_point():
        one, two = before.log_softmax(-1), after.log_softmax(-1)
        total = float(kl_div(two, one, log_target=True, reduction="sum"))
        return max(0.0, total / one[..., 0].numel())
    if isinstance(batch, Mapping):
        return float((1 - (normalize(before) * normalize(after)).sum(1)).clamp(min=0).mean())
    return float(((before - after) ** 2).sum() / (before**2).sum().clamp(min=1e-30))


def _judged(scores: Tensor, batch: Any, loss: Any) -> tuple[dict[str, float], Tensor, int]:
    """Quality, answers, and examples of a batch."""
    targets = _targets(batch)
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


@contextmanager
def _replaced(module: nn.Module, key: str, array: np.ndarray) -> Iterator[None]:
    """Other numbers in a parameter, for a while."""
    parameter = module.get_parameter(key)
    before = parameter.detach().clone()
    with torch.no_grad():
        parameter.copy_(tensor_of(np.ascontiguousarray(array)).reshape(parameter.shape))
        try:
            yield
        finally:
            parameter.copy_(before)


def _grams(module: nn.Module, batches: Iterable[Any]) -> dict[str, np.ndarray]:
    """Second moments of the inputs of all linear layers, by the names of their weights."""
    layers = {
        f"{name}.weight" if name else "weight": layer
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and layer.in_features <= WIDEST
    }
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    hooks = [layer.register_forward_hook(_adder(n, sums, counts)) for n, layer in layers.items()]
    try:
        for batch in batches:
            _scores(module, batch)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (total / max(1, counts[name])).numpy() for name, total in sums.items()}


def _adder(name: str, sums: dict[str, Tensor], counts: dict[str, int]) -> Callable[..., None]:
    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        rows = inputs[0].detach().reshape(-1, inputs[0].shape[-1]).float()
        sums[name] = sums.get(name, torch.zeros(())) + rows.T @ rows
        counts[name] = counts.get(name, 0) + len(rows)

    return hook
