"""CoVE: items as tokens, each the mean of a few rows of one small table, in and out."""

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from thrifty.core import method, whole
from thrifty.nn.maps import RandomMap

__all__ = ["ItemVocabulary"]


@method(
    source="Zhang et al. 2025, CoVE: compressed vocabulary expansion makes better LLM-based "
    "recommender systems",
    memory="8 * rows * dim bytes in float32 (4 where tied), instead of 8 * num_items * dim",
    time="O(hashes * dim) an item in, O(rows * dim + hashes * num_items) all logits out of a "
    "state, O(num_items * dim) a state of many",
    error="about num_items**2 / 2 * hashes! / rows**hashes pairs of items cannot be told apart",
    exact="an embedding row and an output row for every item",
    laws=("module", "module gradients"),
    evidence=("cove",),
)
class ItemVocabulary(nn.Module):
    """Embedding and output head of many items in tables of few rows.

    An item's embedding is the mean of `hashes` rows, and its logit the mean of the scores of as
    many rows: which ones follows from its number and a seed.

    Args:
        num_items: items, 1 or more.
        dim: of embeddings and hidden states, 1 or more.
        rows: of each table; num_items / c for a compression of c.
        hashes: rows an item, 1..64.
        tied: one table for both.
        seed: of rows and of first weights, 0..2**63 - 1.

    Raises:
        ValueError: an argument outside its range.
        TypeError: an argument that is no whole number.

    Example:
        >>> items = ItemVocabulary(8000, 32, 1000)
        >>> hidden = items(torch.tensor([[5, 7999]]))
        >>> hidden.shape, items.logits(hidden).shape
        (torch.Size([1, 2, 32]), torch.Size([1, 2, 8000]))
    """

    seed: torch.Tensor

    def __init__(
        self,
        num_items: int,
        dim: int,
        rows: int,
        *,
        hashes: int = 4,
        tied: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.num_items = whole("num_items", num_items, 1, 2**40)
        self.map = RandomMap(rows, hashes=hashes, signed=False, seed=seed)
        draws = torch.Generator().manual_seed(seed)
        shape = (rows, whole("dim", dim, 1, 2**31))
        spread = (hashes / dim) ** 0.5
        self.embedding = nn.Parameter(spread * torch.randn(shape, generator=draws))
        own = None if tied else nn.Parameter(spread * torch.randn(shape, generator=draws))
        self.register_parameter("head", own)
        self.register_buffer("seed", torch.tensor(seed, dtype=torch.int64))

    @property
    def twins(self) -> float:
        """Pairs of items that are expected to have the same rows."""
        pairs = self.num_items * (self.num_items - 1) / 2
        return pairs * math.factorial(self.map.hashes) / self.map.size**self.map.hashes

    def picks(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of items, (n, hashes) int64."""
        return self.map.slots(ids.reshape(-1).to(torch.int64))[0].T

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Embeddings of items of any shape, (..., dim)."""
        found = functional.embedding_bag(self.picks(ids), self.embedding, mode="mean")
        return found.reshape(*ids.shape, -1)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits of all items, (..., num_items), for hidden states (..., dim).

        Of more states than `dim` it makes the items' output rows for the moment: they are smaller
        than the logits.
        """
        head = self.embedding if self.head is None else self.head
        states = hidden.reshape(-1, hidden.shape[-1])
        picks = self.picks(torch.arange(self.num_items, device=hidden.device))
        if len(states) > head.shape[1]:
            found = states @ functional.embedding_bag(picks, head, mode="mean").T
        else:
            found = functional.embedding_bag(picks, head @ states.T, mode="mean").T
        return found.reshape(*hidden.shape[:-1], self.num_items)

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"{self.num_items}, rows={self.map.size}, hashes={self.map.hashes}"

    def _load_from_state_dict(self, state_dict: Any, prefix: Any, *rest: Any) -> None:  # pyrefly: ignore[bad-override]
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.map.reseed(int(self.seed))
