"""Shard router: which of many shards may hold a key, so that the others need not be asked."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import Summary, budget_for, in_range, method, taken, whole
from thrifty.core.instructions import aligned
from thrifty.hashing import weighted_blocks
from thrifty.hashing.blocks import answered
from thrifty.sketch.bloom import lines_for, mark_lines, probe_lines

__all__ = ["ShardRouter"]

LANES, BITS, LINE = 8, 64, 64
SHARDS = 2**20


@method(
    source="Bloom 1970, doi:10.1145/362686.362692; a filter a shard, each with an error of 1 / "
    "shards, costs one needless visit a key",
    memory="64 * shards * lines bytes",
    time="one cache line a shard, side by side",
    error="no shard that holds a key is left out; another is visited with chance blocked_rate",
    exact="a set of keys a shard",
    laws=("summary", "merge", "duplicates", "budget"),
    evidence=("shardrouter",),
)
class ShardRouter(Summary):
    """Say which shards a query must visit.

    One Bloom filter a shard, the lines of all shards for one key side by side, so that routing a
    key reads memory in one go. Nulls belong to no shard.

    Args:
        shards: number of shards, 1..2**20.
        lines: cache lines of 64 bytes of each filter, 1..2**34.
        seed: of the hash, 0..2**64 - 1.

    Raises:
        TypeError: shards, lines or seed is not an int.
        ValueError: shards, lines or seed is out of range.

    Example:
        >>> router = ShardRouter.for_error(8, keys=1000)
        >>> router = router.add(range(8000), shards=np.arange(8000) % 8)
        >>> visits = router.route(range(8000))
        >>> bool(visits[np.arange(8000), np.arange(8000) % 8].all())
        True
        >>> bool(visits.sum(axis=1).mean() < 2)
        True
    """

    KIND = "shard-router"

    def __init__(self, shards: int = 2, lines: int = 1, *, seed: int = 0) -> None:
        self.shards = whole("shards", shards, 1, SHARDS)
        self.lines = whole("lines", lines, 1, 2**34)
        self.seed = whole("seed", seed, 0, 2**64 - 1)
        self._words = aligned(self.shards * self.lines * LANES, np.uint64)

    @classmethod
    def within(cls, budget: int | str, shards: int = 2, *, seed: int = 0) -> Self:
        """The largest one for so many shards that fits the budget.

        Raises:
            BudgetError: the budget is below 64 bytes a shard.
        """
        least = LINE * whole("shards", shards, 1, SHARDS)
        return cls(shards, budget_for("a shard router", budget, least) // least, seed=seed)

    @classmethod
    def for_error(
        cls, shards: int, keys: int, error: float | None = None, *, seed: int = 0
    ) -> Self:
        """The smallest one that visits another shard with at most this chance.

        Args:
            shards: number of shards.
            keys: distinct keys of the largest shard, 1..2**38.
            error: of one filter, 1e-9..0.9; None for 1 / shards, one needless visit a key.

        Raises:
            TypeError: shards or keys is not an int.
            ValueError: an argument is out of range.
        """
        whole("shards", shards, 1, SHARDS)
        whole("keys", keys, 1, 2**38)
        wanted = min(0.5, 1 / shards) if error is None else in_range("error", error, 1e-9, 0.9)
        return cls(shards, lines_for(keys, wanted), seed=seed)

    def add(self, keys: Any, shards: ArrayLike = 0) -> Self:
        """Note that keys are held by shards.

        Args:
            keys: a column; see `hash_column`.
            shards: (n,) int, the shard of each key, 0..shards - 1; or one for all.

        Raises:
            TypeError: the column holds values without a hash, or the shards are not numbers.
            ValueError: the shards are out of range, or another number than the keys.
        """
        numbers = np.asarray(shards)
        if numbers.size and numbers.dtype.kind not in "iu":
            raise TypeError(f"shards must be whole numbers, got {numbers.dtype}")
        if numbers.size:
            in_range("shards", int(numbers.min()), 0, self.shards - 1)
            in_range("shards", int(numbers.max()), 0, self.shards - 1)
        for words, places in weighted_blocks(keys, numbers, self.seed, name="shards"):
            order = np.argsort(places, kind="stable")
            found, starts = np.unique(places[order], return_index=True)
            for shard, part in zip(found, np.split(words[order], starts[1:]), strict=True):
                stride = self.shards * LANES
                mark_lines(self._words, part, self.lines, stride, int(shard) * LANES)
        return self

    def route(self, keys: Any) -> NDArray[np.bool_]:
        """Which shards may hold each key; a shard that is left out does not, for certain.

        Returns:
            (n, shards) bool; all False for a null.

        Raises:
            TypeError: the column holds lists, structs or other values without a hash.
        """

        def probe(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
            visits = np.empty((self.shards, len(words)), np.bool_)
            for shard, found in enumerate(visits):
                stride, offset = self.shards * LANES, shard * LANES
                probe_lines(self._words, words, self.lines, stride, offset, found)
            return np.ascontiguousarray(visits.T)

        return answered(keys, probe, False, self.seed, rows=4096)

    def error_bound(self) -> float:
        """Expected needless visits of a key that no shard holds, exactly, from the bits."""
        share = np.bitwise_count(self._words).reshape(self.lines, self.shards, LANES) / BITS
        return float(share.prod(axis=2).mean(axis=0).sum())

    def spec(self) -> dict[str, Any]:
        """Its shards, lines and seed."""
        return {"shards": self.shards, "lines": self.lines, "seed": self.seed}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The bits of all filters, in words of 64, line by line and in a line shard by shard."""
        return {"words": self._words}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The router of a spec and its bits, checked."""
        shards = whole("shards", spec["shards"], 1, SHARDS)
        lines = whole("lines", spec["lines"], 1, 2**34)
        words = taken(arrays, "words", np.uint64, (shards * lines * LANES,))
        made = cls(**spec)
        made._words[:] = words
        return made

    def _absorb(self, other: Self) -> None:
        np.bitwise_or(self._words, other._words, out=self._words)
