"""Value counts: what sketches share that count values of any type and keep the frequent ones."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import Summary, in_range
from thrifty.hashing.blocks import hash_blocks
from thrifty.hashing.keys import seed_key
from thrifty.sketch._values import Values, valued_parts

__all__ = ["NONE", "Ints", "ValueCounts", "Words"]

Words, Ints = NDArray[np.uint64], NDArray[np.int64]
NONE = np.zeros(0, np.int64)


class ValueCounts(Summary):
    """Base: a kind counts hashes (`_count`) and then keeps the values it refers to (`_keep`).

    Args:
        longest: bytes that are kept of a text or bytes, 1..2**20.
        seed: hash seed.
    """

    def __init__(self, longest: int, seed: int) -> None:
        self.longest = int(in_range("longest", longest, 1, 2**20))
        seed_key(seed)
        self.seed = int(seed)
        self._values = Values(self.longest)

    @property
    def total(self) -> int:
        """Weight of all that was added."""
        raise NotImplementedError

    def _count(self, words: Words, weights: Ints, start: int) -> None:
        """Count hashes of rows from `start` on; weights are empty where all are 1."""
        raise NotImplementedError

    def _keep(self, array: Any) -> None:
        """Take the values of the rows that are referred to out of the array."""
        raise NotImplementedError

    def add(self, column: Any, weights: Any = None) -> Self:
        """Count the values of a column; nulls are skipped, all NaN are one value.

        Args:
            column: as for `hash_column`.
            weights: whole numbers from 0 on, one a row or one for all; 1 if None.

        Raises:
            TypeError: the column has values without a hash, or weights are not numbers.
            ValueError: weights are not whole, negative, or reach 2**63 in all.
        """
        for array, mine in valued_parts(column, weights):
            heavy = len(array) if mine is None else mine.sum(dtype=np.float64)
            if float(self.total) + heavy >= 2.0**63:
                raise ValueError(f"weights must sum to less than 2**63, got {heavy:g} more")
            start = 0
            try:
                for words in hash_blocks(array, self.seed):
                    held = NONE if mine is None else mine[start : start + len(words)]
                    self._count(words, held, start)
                    start += len(words)
            finally:
                self._keep(array)
        return self

    def _take_values(self, other: Self) -> int:
        """Append the values of another, whose numbers grow by what is returned.

        Raises:
            ValueError: all weights together reach 2**63.
        """
        if self.total + other.total >= 2**63:
            raise ValueError("weights must sum to less than 2**63, got more by merging")
        held = len(self._values)
        self._values.extend(other._values)
        return held
