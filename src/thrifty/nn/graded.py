"""Graded: rows of frequent and of rare ids from one small table, each class in its own measure."""

from typing import Any

import torch
from torch import nn

from thrifty.core import IncompatibleError, method

__all__ = ["GradedEmbedding"]

SIZES = ("num_embeddings", "embedding_dim")


@method(
    source="products of a shared row and a row of few: Shi, Mudigere, Naumov and Yang 2020, "
    "Compositional embeddings using complementary partitions, arXiv:1909.02107; classes of equal "
    "frequency in place of quotients are our own",
    memory="4 * dim * (floor(log2(num_embeddings)) + 1) bytes beside the table",
    time="O(dim) a row beside the table's",
    error="none: with scales of 1, as it starts, the table itself",
    exact="a table of its own row for each id",
    laws=("module", "module gradients"),
    evidence=("recommend",),
)
class GradedEmbedding(nn.Module):
    """Rows of a table, each times a learned row of its class of frequency.

    Ids are numbered by how often they occur, the most frequent first; ids 2**k - 1 to 2**(k+1) - 2
    are class k. Where many ids read from the same slots, those of rare ids are what frequent ones
    have learned: at full measure a rare item looks like a popular one. A class that learns to be
    small is quiet instead.

    Args:
        table: an embedding with `num_embeddings` and `embedding_dim`, such as `SharedEmbedding`.

    Raises:
        IncompatibleError: a table without these sizes.

    Example:
        >>> table = GradedEmbedding(nn.Embedding(1000, 8))
        >>> table.scales.shape, table.grades(torch.tensor([0, 1, 2, 3, 6, 7, 999])).tolist()
        (torch.Size([10, 8]), [0, 1, 1, 2, 2, 3, 9])
    """

    def __init__(self, table: nn.Module) -> None:
        super().__init__()
        sizes: list[Any] = [getattr(table, name, None) for name in SIZES]
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            raise IncompatibleError(f"{type(table).__name__} has no {' and '.join(SIZES)}")
        self.table, self.num_embeddings, self.embedding_dim = table, sizes[0], sizes[1]
        self.scales = nn.Parameter(torch.ones(self.num_embeddings.bit_length(), sizes[1]))

    def grades(self, ids: torch.Tensor) -> torch.Tensor:
        """The class of each id: floor(log2(id + 1)), exactly."""
        return torch.frexp(ids.double() + 1).exponent.to(torch.int64) - 1

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids of any shape, (..., embedding_dim)."""
        return self.table(ids) * nn.functional.embedding(self.grades(ids), self.scales)

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"{self.num_embeddings}, {self.embedding_dim}"
