"""Label heads: few outputs that stand for very many labels, to train in parts (FedMLH, MACH)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from thrifty.core import IncompatibleError, method
from thrifty.learn import LabelHash

__all__ = ["LabelHeads", "federated_average"]


@method(
    source="Dai, Dun, Tang, Kyrillidis and Shrivastava 2022, Federated multiple label hashing, "
    "arXiv:2110.12292; Medini et al. 2019, arXiv:1910.13830 (MACH)",
    memory="4 * (features + 1) * repetitions * size bytes, and 8 bytes a label and repetition",
    time="features * repetitions * size products a row; a sum of repetitions for each label asked",
    error="labels that share all their buckets cannot be told apart",
    exact="an output for every label",
    laws=("module", "module gradients"),
    evidence=("labelheads",),
)
class LabelHeads(nn.Module):
    """A linear head of R * B outputs for any number of labels, of which each has R.

    A bucket is taught to be on for a row if any of its labels is; a label's score is the mean of
    the chances of its buckets.

    Args:
        features: of the rows.
        hashed: which buckets a label has; all who train together must have the same.

    Example:
        >>> heads = LabelHeads(16, LabelHash.random(10_000, 4, 100, seed=1))
        >>> sum(p.numel() for p in heads.parameters()), 10_000 * 17
        (6800, 170000)
        >>> labels, scores = heads.top_k(torch.zeros(2, 16), 3)
        >>> labels.shape
        (2, 3)
    """

    def __init__(self, features: int, hashed: LabelHash) -> None:
        super().__init__()
        self.hashed = hashed
        self.linear = nn.Linear(features, hashed.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of all buckets (n, R * B) of rows (n, features)."""
        return self.linear(x)

    def targets(self, labels: Sequence[Sequence[int]]) -> Tensor:
        """What the buckets are taught for these labels of rows, (n, R * B) of 0 and 1.

        Raises:
            IncompatibleError: a label is not one.
        """
        sizes = [len(mine) for mine in labels]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        ids = np.fromiter((label for mine in labels for label in mine), np.int32, int(offsets[-1]))
        ends, outputs = self.hashed.encode((offsets, ids))
        made = torch.zeros(len(labels), self.hashed.outputs)
        rows = np.repeat(np.arange(len(labels)), np.diff(ends))
        made[torch.from_numpy(rows), torch.from_numpy(outputs.astype(np.int64))] = 1.0
        return made

    def loss(self, x: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
        """Binary cross-entropy of all buckets, a sum over buckets and a mean over rows."""
        logits, wanted = self(x), self.targets(labels).to(x)
        found = nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
        return found / max(len(x), 1)

    @torch.no_grad()
    def top_k(self, x: Tensor, k: int, **looked: Any) -> tuple[np.ndarray, np.ndarray]:
        """The labels of the largest sums of chances, and these sums, as of `LabelHash.top_k`."""
        chances = torch.sigmoid(self(x).float()).numpy()
        return self.hashed.top_k(np.ascontiguousarray(chances), k, **looked)


def federated_average(
    model: nn.Module, states: Sequence[dict[str, Tensor]], weights: Sequence[float]
) -> None:
    """Set a model to the mean of what devices trained, by their weights (federated averaging).

    Args:
        model: changed in place.
        states: `state_dict` of each device's copy. weights: of each, as its number of rows.

    Raises:
        IncompatibleError: there are not as many weights as states, or they have other tensors.
        ValueError: the weights do not add up to more than 0.

    Example:
        >>> model, one, two = (nn.Linear(2, 1) for _ in range(3))
        >>> federated_average(model, [one.state_dict(), two.state_dict()], [3, 1])
        >>> mean = 0.75 * one.weight + 0.25 * two.weight
        >>> bool(torch.allclose(model.weight, mean))
        True
    """
    total = float(sum(weights))
    if len(states) != len(weights):
        raise IncompatibleError(f"{len(weights)} weights do not fit {len(states)} states")
    if not total > 0 or min(weights) < 0:
        raise ValueError(f"weights must be at least 0 and not all 0, got {list(weights)}")
    mine = model.state_dict()
    if strange := next((set(s) ^ set(mine) for s in states if set(s) != set(mine)), None):
        raise IncompatibleError(f"states must have the model's tensors, got {min(strange)!r}")
    parts = [weight / total for weight in weights]
    for name, tensor in mine.items():
        if tensor.is_floating_point():
            mean = sum(p * s[name].double() for p, s in zip(parts, states, strict=True))
            tensor.copy_(mean)
        else:
            tensor.copy_(states[0][name])
