"""Topkapi: frequent values from rows of cells that each keep their majority."""

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from thrifty.core import FormatError, Interval, budget_for, in_range, method, taken
from thrifty.core.instructions import high
from thrifty.core.kernels import njit
from thrifty.hashing.keys import hash_column, mix
from thrifty.sketch._valuecounts import NONE, Ints, ValueCounts, Words
from thrifty.sketch._values import Values
from thrifty.sketch.heavyhitters import Frequent

__all__ = ["Topkapi"]

CELL = 24


@njit(forceinline=True, error_model="numpy")
def _cell(word, row, width):
    """The cell of a word in a row: a hash of its own for each row."""
    return high(mix(word + row * np.uint64(0x9E3779B97F4A7C15)), width)


@njit(nogil=True, cache=True, error_model="numpy")
def _add(words, weights, row, ids, counts, totals, refs, first):
    """Add words to one row; where there are refs, a new id is marked by -1 - its number."""
    one, width = weights.size == 0, np.uint64(ids.size)
    for i in range(words.size):
        weight = np.int64(1) if one else weights[i]
        at = _cell(words[i], row, width)
        totals[at] += weight
        if ids[at] == words[i] and counts[at]:
            counts[at] += weight
        elif weight > counts[at]:
            ids[at], counts[at] = words[i], weight - counts[at]
            if refs.size:
                refs[at] = -1 - first - i
        else:
            counts[at] -= weight
            if counts[at] == 0:
                ids[at] = np.uint64(0)


@njit(nogil=True, cache=True, error_model="numpy")
def _look(words, row, ids, counts, totals, low, most):
    width = np.uint64(ids.size)
    for i in range(words.size):
        at = _cell(words[i], row, width)
        rest = (totals[at] - counts[at]) // 2
        if ids[at] == words[i]:
            low[i] = max(low[i], counts[at])
            rest += counts[at]
        most[i] = min(most[i], rest)


@method(
    source="Mandal, Jiang, Shrivastava and Sarkar 2018, 'Topkapi: parallel and fast sketches for "
    "finding top-k frequent elements' (NeurIPS)",
    memory="24 * depth * width bytes, and 25 and the first `longest` bytes of 5/4 * width values",
    time="O(depth) a value",
    error="a count is inside its interval for certain; with probability 1 - exp(-depth) the "
    "interval of a value is at most e * N / width wide below its count, N the weight of the stream",
    exact="collections.Counter(column)",
    laws=("summary", "budget"),
    evidence=("topkapi",),
)
class Topkapi(ValueCounts):
    """Frequent values of a stream, from cells of fixed places that merge one by one.

    Each row puts a value into one of its cells, and a cell keeps the value that has the majority of
    its weight, how far it leads, and that weight. Another value takes from the lead; a lead of 0
    leaves the cell to the next that comes, so that a majority is never lost, by merging neither.
    What a count can be follows from the lead and the weight of its cell in every row.

    Args:
        width: cells a row, 1..2**28; at least 8 for each value that should be found.
        depth: rows, 1..32.
        longest: bytes that are kept of a text or bytes, 1..2**20; what is cut ends in "...".
        seed: hash seed.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> stream = ["often"] * 600 + [f"once {i}" for i in range(400)]
        >>> sketch = Topkapi(width=64).add(stream[::2]).merge(Topkapi(width=64).add(stream[1::2]))
        >>> top = sketch.frequent(1)[0]
        >>> top.value, 600 in top.count, top.count.low > 600 - 2.72 * 1000 / 64
        ('often', True, True)
    """

    KIND = "topkapi"

    def __init__(
        self, width: int = 1024, depth: int = 4, *, longest: int = 256, seed: int = 0
    ) -> None:
        self.width, self.depth = int(in_range("width", width, 1, 2**28)), int(depth)
        in_range("depth", depth, 1, 32)
        super().__init__(longest, seed)
        shape = self.depth, self.width
        self._ids, self._refs = np.zeros(shape, np.uint64), np.zeros(self.width, np.int64)
        self._counts, self._totals = np.zeros(shape, np.int64), np.zeros(shape, np.int64)

    @classmethod
    def within(
        cls, budget: int | str, depth: int = 4, *, longest: int = 256, seed: int = 0
    ) -> Self:
        """The widest that fits, whatever the values.

        Raises:
            BudgetError: the budget is below one cell a row.
        """
        in_range("depth", depth, 1, 32)
        in_range("longest", longest, 1, 2**20)
        cell = CELL * depth + 8 + (5 * (17 + max(longest, 8)) + 3) // 4
        width = (budget_for("a Topkapi", budget, cell + 8) - 8) // cell
        return cls(min(width, 2**28), depth, longest=longest, seed=seed)

    @classmethod
    def for_error(
        cls, share: float, confidence: float = 0.95, *, longest: int = 256, seed: int = 0
    ) -> Self:
        """The smallest whose intervals reach at most this share of the weight below a count.

        Args:
            share: of the stream's weight, 1e-8..1.
            confidence: that this holds for a value, 0..0.999999.
        """
        width = math.ceil(math.e / in_range("share", share, 1e-8, 1))
        depth = math.ceil(-math.log(1 - in_range("confidence", confidence, 0, 0.999999)))
        return cls(width, max(depth, 1), longest=longest, seed=seed)

    def frequent(self, k: int = 10) -> list[Frequent]:
        """The k values of the first row that seem most frequent, the most frequent first.

        The estimate is the upper end, which is right for what leads its cell all along.
        """
        in_range("k", k, 0, 2**62)
        live = np.flatnonzero(self._counts[0])
        words = self._ids[0][live]
        low, most = self._bounds(words)
        order = np.lexsort((words, -low, -most))[:k]
        rows, ends = self._refs[live], np.stack([most, low, most]).T.tolist()
        return [Frequent(self._values[rows[i]], Interval(*ends[i])) for i in order]

    def estimate(self, keys: Any) -> Interval:
        """Counts of keys: estimate, low and high are (n,) int64.

        A key that leads no cell has low 0 and is estimated as half of what it can be at most.

        Args:
            keys: a column as for `hash_column`.
        """
        low, most = self._bounds(hash_column(keys, self.seed))
        estimate: Any = np.where(low > 0, most, most // 2)
        ends: Any = low, most
        return Interval(estimate, *ends)

    def error_bound(self, confidence: float = 0.95) -> float:
        """How far below a count its interval reaches at most, with that confidence for one value.

        Markov's inequality for the weight of others in the best of `depth` cells.
        """
        miss = 1 - in_range("confidence", confidence, 0, 0.999999)
        return min(1.0, miss ** (-1 / self.depth) / self.width) * self.total

    @property
    def total(self) -> int:
        """Weight of all that was added."""
        return int(self._totals[0].sum())

    @property
    def nbytes(self) -> int:
        """Bytes of the cells and of the values."""
        cells = (self._ids, self._counts, self._totals, self._refs)
        return sum(array.nbytes for array in cells) + self._values.nbytes

    def spec(self) -> dict[str, Any]:
        """Width, depth, longest and seed."""
        return {
            "width": self.width, "depth": self.depth, "longest": self.longest, "seed": self.seed,
        }  # fmt: skip

    def arrays(self) -> dict[str, np.ndarray]:
        """Ids, leads and weights of the cells, and the values of the first row."""
        return {
            "ids": self._ids, "counts": self._counts, "totals": self._totals,
            **self._values.take(self._refs[self._counts[0] > 0]).arrays(),
        }  # fmt: skip

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """From cells, which are checked."""
        shape = spec["depth"], spec["width"]
        held = {"ids": np.uint64, "counts": np.int64, "totals": np.int64}
        ids, counts, totals = (taken(arrays, name, kind, shape) for name, kind in held.items())
        live = np.flatnonzero(counts[0])
        values = Values.restore(arrays, live.size, spec["longest"])
        sums = totals.sum(axis=1, dtype=np.float64)
        same = (totals.sum(axis=1) == totals[0].sum()).all() and (sums < 2.0**63).all()
        if not same or (counts < 0).any() or (totals < counts).any() or ids[counts == 0].any():
            raise FormatError("cells are damaged")
        made = cls(**spec)
        made._ids, made._counts, made._totals, made._values = ids, counts, totals, values
        made._refs[live] = np.arange(live.size)
        return made

    def _absorb(self, other: Self) -> None:
        theirs = other._refs + self._take_values(other)
        same = self._ids == other._ids
        behind = ~same & (other._counts > self._counts)
        self._refs = np.where(behind[0], theirs, self._refs)
        self._ids = np.where(behind, other._ids, self._ids)
        leads = np.abs(self._counts - other._counts)
        self._counts = np.where(same, self._counts + other._counts, leads)
        self._ids[self._counts == 0] = 0
        self._totals = self._totals + other._totals
        self._tidy(0)

    def _count(self, words: Words, weights: Ints, start: int) -> None:
        for row in range(self.depth):
            cells = self._ids[row], self._counts[row], self._totals[row]
            refs = NONE if row else self._refs
            _add(words, weights, np.uint64(row), *cells, refs, start)

    def _bounds(self, words: Words) -> tuple[Ints, Ints]:
        """The least and the most that each word can count."""
        low, most = np.zeros(len(words), np.int64), np.full(len(words), 2**63 - 1)
        for row in range(self.depth):
            cells = self._ids[row], self._counts[row], self._totals[row]
            _look(words, np.uint64(row), *cells, low, most)
        return low, most

    def _keep(self, array: Any) -> None:
        """Take the values of the rows that cells refer to out of the array."""
        self._refs[self._counts[0] == 0] = 0
        new = np.flatnonzero(self._refs < 0)
        if new.size:
            rows = -1 - self._refs[new]
            self._refs[new] = np.arange(len(self._values), len(self._values) + new.size)
            self._values.keep(array, rows)
        self._tidy(self.width // 4)

    def _tidy(self, spare: int) -> None:
        """Let go of values without a cell, if there are more of them than `spare`."""
        live = np.flatnonzero(self._counts[0])
        if len(self._values) > live.size + spare:
            self._values = self._values.take(self._refs[live])
            self._refs[live] = np.arange(live.size)
