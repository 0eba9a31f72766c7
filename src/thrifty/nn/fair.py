"""FAIR: one embedding table learned by devices that hold arrays of different size."""

from collections.abc import Sequence

import torch
from torch import nn

from thrifty.core import IncompatibleError, method
from thrifty.nn.maps import NestedMap
from thrifty.nn.shared import SharedParameter
from thrifty.nn.sharing import SharedEmbedding

__all__ = ["FairTable"]


@method(
    source="Desai et al. 2023, FAIR: federated averaging in random subspaces (from the system's "
    "description)",
    memory="4 * rows * columns bytes at the server; 4 * 2**floor(log2(capacity * rows * columns)) "
    "at a device",
    time="O(rows * columns) a download and an upload",
    error="none at capacity 1; below it a device's weights are means over rows * columns / slots "
    "weights",
    exact="federated averaging of the whole table",
    laws=("module",),
    evidence=("fair",),
)
class FairTable:
    """A table at a server, and the smaller arrays that devices learn it in.

    The array of a device of capacity c has the largest power of two of slots that is at most c
    of the table's weights, all under one seed: so what is learned in a small array is learned for
    every larger one.

    Args:
        weights: (rows, columns) the table to begin with; it is copied.
        seed: of the maps, 0..2**63 - 1.

    Raises:
        IncompatibleError: an array that does not fit its capacity.
        ValueError: weights are no table, a capacity is outside 0..1 or too small for a slot.

    Example:
        >>> server = FairTable(torch.ones(1000, 8))
        >>> local = server.layer(1 / 16)
        >>> local.source.values.numel(), local(torch.tensor([3])).shape
        (256, torch.Size([1, 8]))
        >>> server.average([(1.0, torch.zeros(1000, 8), 3), (1 / 16, local.source.values, 1)])
        >>> 0 < float(server.weights.abs().mean()) < 0.25
        True
    """

    def __init__(self, weights: torch.Tensor, *, seed: int = 0) -> None:
        if weights.ndim != 2 or not weights.numel():
            raise ValueError(f"weights must be a table, got shape {tuple(weights.shape)}")
        self.weights, self.seed = weights.detach().clone(), seed

    def slots(self, capacity: float) -> int:
        """Weights that a device of this capacity holds."""
        if not 0 < capacity <= 1:
            raise ValueError(f"capacity must be above 0 and at most 1, got {capacity!r}")
        held = self.weights.numel()
        if capacity == 1:
            return held
        if held * capacity < 1:
            raise ValueError(f"capacity must be at least 1 / {held}, got {capacity!r}")
        return 2 ** (int(held * capacity).bit_length() - 1)

    def layer(self, capacity: float) -> nn.Embedding | SharedEmbedding:
        """What a device of this capacity downloads: its array holds means of the table's weights.

        A device of capacity 1 gets the table itself.
        """
        rows, columns = self.weights.shape
        if capacity == 1:
            return nn.Embedding.from_pretrained(self.weights.clone(), freeze=False)
        layer = SharedEmbedding(rows, columns, NestedMap(self.slots(capacity), seed=self.seed))
        layer.source.to(self.weights.dtype)
        layer.source.start_from([(layer.region, self.weights)], mean=True)
        return layer

    def expanded(self, capacity: float, values: torch.Tensor) -> torch.Tensor:
        """The table that an array of this capacity stands for, (rows, columns)."""
        shape = tuple(self.weights.shape) if capacity == 1 else (self.slots(capacity),)
        if tuple(values.shape) != shape:
            found = tuple(values.shape)
            raise IncompatibleError(
                f"an array of {found} does not fit capacity {capacity}: {shape}"
            )
        if capacity == 1:
            return values.detach()
        shared = SharedParameter(NestedMap(shape[0], seed=self.seed), dtype=self.weights.dtype)
        with torch.no_grad():
            shared.values.copy_(values)
            return shared.matrix(shared.region(*self.weights.shape))

    def average(
        self, uploads: Sequence[tuple[float, torch.Tensor, float]], *, changes: bool = False
    ) -> None:
        """Set the table to the mean of what devices send, by their weight.

        Args:
            uploads: (capacity, array, weight) of each device; the weight is its number of
                examples, above 0. The array of capacity 1 is the table.
            changes: add the mean of what devices changed to the table instead, so that it keeps
                what large devices learned where small arrays hold a mean of it. Of devices of
                capacity 1 alone the same.
        """
        total = sum(weight for _, _, weight in uploads)
        if not total > 0 or min(weight for _, _, weight in uploads) < 0:
            raise ValueError(f"uploads must weigh more than 0, got {total!r}")
        mean = torch.zeros_like(self.weights)
        for capacity, values, weight in uploads:
            sent = self.expanded(capacity, values)
            if changes:
                sent = sent - self.layer(capacity).weight.detach()
            mean += sent * (weight / total)
        self.weights = self.weights + mean if changes else mean
