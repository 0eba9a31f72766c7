"""Pairs: embeddings of pairs of words looked up, in place of attention (PairConnect)."""

import torch
from torch import Tensor, nn

from thrifty.core import method, whole
from thrifty.nn.maps import BlockMap
from thrifty.nn.sharing import SharedEmbedding

__all__ = ["PairConnect"]

FIRST, SECOND, THIRD = 0x9E3779B97F4A7C15 - 2**64, 0xC2B2AE3D27D4EB4F - 2**64, 0x165667B19E3779F9
MOST = 2**40


@method(
    source="Xu, Desai, Gupta, Tung, Shrivastava and Xu 2021, PairConnect: a compute-efficient MLP "
    "alternative to attention, arXiv:2106.08235",
    memory="4 * slots bytes of pairs, and 4 * vocabulary * dim of words",
    time="window * dim additions a word; no products",
    error="pairs share runs of the table by chance",
    exact="a row of its own for every pair of words at every distance",
    laws=("module",),
    evidence=("pairs",),
)
class PairConnect(nn.Module):
    """For each word the sum of embeddings of the pairs it makes with the words before it.

    What attention computes at the first layer of two words depends on the two alone, so it can be
    looked up. Pairs are far too many for rows of their own: they read runs of one shared array.
    Which runs follows from the words and their distance, so layers of different seeds may use one
    table.

    Args:
        vocabulary: words, 1 or more.
        dim: of embeddings.
        window: words before each that it is paired with, 1 or more.
        slots: of the shared array.
        dropout: share of pairs that are dropped in training, 0..1.
        table: of another layer, to read from instead of an own.
        seed: of the pairs' places, 0..2**31 - 1.

    Raises:
        TypeError: an argument that is no number of its kind.
        ValueError: an argument outside its range.

    Example:
        >>> layer = PairConnect(10_000, 32, window=8, slots=100_000)
        >>> ids = torch.randint(10_000, (2, 20), generator=torch.Generator().manual_seed(0))
        >>> layer(ids).shape
        torch.Size([2, 20, 32])
    """

    def __init__(
        self, vocabulary: int, dim: int, *, window: int = 16, slots: int = 1_000_000,
        dropout: float = 0.0, table: SharedEmbedding | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.vocabulary = whole("vocabulary", vocabulary, 1, 2**31 - 1)
        self.window, self.seed = (
            whole("window", window, 1, 2**16),
            whole("seed", seed, 0, 2**31 - 1),
        )
        block = min(32, whole("dim", dim, 1, 2**20), whole("slots", slots, 1, 2**31 - 1))
        if table is None:
            table = SharedEmbedding(MOST, dim, BlockMap(slots, block=block))
            nn.init.zeros_(table.source.values)  # a pair that was never seen says nothing
        self.pairs = table
        self.words = nn.Embedding(vocabulary, dim)
        nn.init.normal_(self.words.weight, std=0.02)
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors (n, length, dim) of words (n, length), each from itself and those before it.

        Raises:
            ValueError: a word is not in the vocabulary.
        """
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < self.vocabulary:
            last = self.vocabulary - 1
            raise ValueError(f"ids must be in 0..{last}, got {int(ids.min())}..{int(ids.max())}")
        found = self.words(ids)
        rows, there = pair_rows(ids, self.window, self.seed)
        pairs = self.pairs(rows)
        if self.training and self.dropout.p:
            n, length = ids.shape
            pairs = self.dropout(pairs.reshape(n * length, self.window, -1)).reshape(pairs.shape)
        share = there.sum(-1, keepdim=True).clamp(min=1).to(found.dtype)
        return found + (pairs * there[..., None]).sum(-2) / share.sqrt()


def pair_rows(ids: Tensor, window: int, seed: int) -> tuple[Tensor, Tensor]:
    """The row of each word's pair with each of those before it, and whether there is one.

    Args:
        ids: (n, length) int64.

    Returns:
        rows (n, length, window) int64 in 0..2**40 - 1, the nearest first, and bool of that shape.
    """
    length = ids.shape[1]
    padded = nn.functional.pad(ids, (window, 0), value=-1)
    before = padded.unfold(1, window, 1)[:, :length].flip(-1)
    distance = torch.arange(1, window + 1, device=ids.device) + (seed << 20)
    word = (ids[..., None] * FIRST) ^ (before * SECOND) ^ (distance * THIRD)
    word = (word ^ (word >> 29)) * FIRST
    word = (word ^ (word >> 32)) * SECOND
    return ((word ^ (word >> 31)) >> 8) & (MOST - 1), before >= 0
