"""Counters: rows of integers that hashed keys add to; what count-min and count-sketch share."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import LinearSummary, budget_for, taken, whole
from thrifty.core.instructions import high
from thrifty.core.kernels import njit
from thrifty.hashing import weighted_blocks
from thrifty.hashing.blocks import answered
from thrifty.hashing.keys import mix

__all__ = ["PIECE", "TURNS", "Counters", "place_of"]

PIECE, ROWS, WIDTH, ITEM = 1024, 32, 2**32, 8
HEAVIEST = 2**62
TURNS = np.array([(0x9E3779B97F4A7C15 * (2 * r + 1)) % 2**64 for r in range(ROWS)], np.uint64)
TURNS = np.array([int(mix(turn)) | 1 for turn in TURNS], np.uint64)


@njit(forceinline=True, error_model="numpy")
def place_of(word, turn, width):
    """Where a hashed key counts in a row; with the turns of other rows as good as independent."""
    return high(word * turn, np.uint64(width))


class Counters(LinearSummary):
    """Rows of width counters each, of 64 bits; a key has one in every row.

    Args:
        rows: 1..32.
        width: counters a row, 1..2**32.
        seed: of the hash, 0..2**64 - 1.
    """

    LEAST_ROWS = 4

    def __init__(self, rows: int, width: int, *, seed: int = 0) -> None:
        self.rows = whole("rows", rows, 1, ROWS)
        self.width = whole("width", width, 1, WIDTH)
        self.seed = whole("seed", seed, 0, 2**64 - 1)
        self._table = np.zeros(self.rows * self.width, np.int64)
        self._mass = 0.0

    @classmethod
    def within(cls, budget: int | str, *, seed: int = 0) -> Self:
        """The widest one with the usual number of rows that fits the budget.

        Raises:
            BudgetError: the budget is below one counter a row.
        """
        least = cls.LEAST_ROWS * ITEM
        nbytes = budget_for(cls.__name__, budget, least)
        return cls(cls.LEAST_ROWS, min(WIDTH, nbytes // least), seed=seed)

    def spec(self) -> dict[str, Any]:
        """Its rows, width and seed."""
        return {"rows": self.rows, "width": self.width, "seed": self.seed}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All counters, row by row."""
        return {"table": self._table}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The sketch of a spec and its counters, checked."""
        rows, width = whole("rows", spec["rows"], 1, ROWS), whole("width", spec["width"], 1, WIDTH)
        table = taken(arrays, "table", np.int64, (rows * width,))
        made = cls(**{**spec, "width": 1})
        made.width, made._table = width, table
        made._mass = made._heaviest()
        made._weigh(0)
        return made

    def _absorb(self, other: Self) -> None:
        self._weigh(other._mass)
        super()._absorb(other)

    def _take_out(self, other: Self) -> None:
        self._weigh(other._mass)
        super()._take_out(other)

    def _count(
        self, keys: Any, weights: Any, least: float | None, kernel: Callable[..., None]
    ) -> Self:
        """Let a kernel count a column, once all its weights are known to fit."""
        if weights is None:
            for words, ones in weighted_blocks(keys, None, self.seed):
                self._weigh(len(words))
                kernel(self._table, words, ones, self.rows, self.width)
            return self
        blocks = list(weighted_blocks(keys, weights, self.seed, least=least))
        self._weigh(sum(float(np.abs(heavy.astype(np.float64)).sum()) for _, heavy in blocks))
        for words, heavy in blocks:
            kernel(self._table, words, heavy, self.rows, self.width)
        return self

    def _answered(self, keys: Any, kernel: Callable[..., None]) -> NDArray[np.int64]:
        """What a kernel says of the keys of a column; 0 for a null."""

        def ask(words: NDArray[np.uint64]) -> NDArray[np.int64]:
            out = np.empty(len(words), np.int64)
            kernel(self._table, words, self.rows, self.width, out)
            return out

        return answered(keys, ask, 0, self.seed)

    def _weigh(self, more: float) -> None:
        """Refuse what could overflow a counter; `_mass` is never below any row's sum of sizes.

        Raises:
            ValueError: the sum of all weights may reach 2**62.
        """
        if self._mass + more >= HEAVIEST:
            self._mass = self._heaviest()
        if self._mass + more >= HEAVIEST:
            raise ValueError(f"weights must add up to less than 2**62, got {self._mass + more:g}")
        self._mass += more

    def _heaviest(self) -> float:
        return max(float(np.abs(row.astype(np.float64)).sum()) for row in self._grid())

    def _grid(self) -> NDArray[np.int64]:
        return self._table.reshape(self.rows, self.width)
