"""HyperLogLog: how many distinct keys, from one byte a register, and less while they are few."""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from thrifty.core import (
    FormatError,
    Interval,
    Summary,
    budget_for,
    in_range,
    method,
    taken,
    whole,
)
from thrifty.core.instructions import leading_zeros
from thrifty.core.kernels import njit
from thrifty.hashing import hash_blocks
from thrifty.sketch._registers import distinct, ends, standard_error

__all__ = ["HyperLogLog"]

LEAST, MOST = 4, 18
PLACES, RANKS = 26, 39
PLACE, RANK = np.uint64(64 - PLACES), np.uint32(6)
U1, U32, NONE = np.uint64(1), np.uint64(32), np.uint32(0)


@njit(nogil=True, cache=True, error_model="numpy")
def _raise_ranks(ranks, words, p):
    """Raise registers to the ranks of hashed keys."""
    up, down, end = np.uint64(p), np.uint64(64 - p), U1 << np.uint64(p - 1)
    for i in range(words.size):
        word = words[i]
        rank = np.uint8(leading_zeros((word << up) | end) + U1)
        place = word >> down
        if rank > ranks[place]:
            ranks[place] = rank


@njit(nogil=True, cache=True, error_model="numpy")
def _raise_to_marks(ranks, marks, p):
    """Raise registers to the ranks that marks stand for."""
    fewer, few = np.uint32(PLACES - p), np.uint32((1 << (PLACES - p)) - 1)
    for i in range(marks.size):
        place = marks[i] >> RANK
        rest = place & few
        rank = np.uint64(PLACES - p) + np.uint64(marks[i] & np.uint32(63))
        if rest:
            rank = leading_zeros(np.uint64(rest)) + U1 - np.uint64(64 - fewer)
        index = place >> fewer
        ranks[index] = max(ranks[index], np.uint8(rank))


@njit(nogil=True, cache=True, error_model="numpy")
def _note(table, mark, count, most):
    """Note a mark, the larger rank of each place staying; returns how many there are."""
    last = np.uint32(table.size - 1)
    slot = (mark >> RANK) & last
    while table[slot] != NONE and (table[slot] >> RANK) != (mark >> RANK):
        slot = (slot + np.uint32(1)) & last
    if table[slot] == NONE:
        if count == most:
            return most + 1
        count += 1
    table[slot] = max(table[slot], mark)
    return count


@njit(nogil=True, cache=True, error_model="numpy")
def _note_marks(table, marks, count, most):
    for i in range(marks.size):
        count = _note(table, marks[i], count, most)
        if count > most:
            break
    return count


@njit(nogil=True, cache=True, error_model="numpy")
def _note_words(table, words, count, most):
    """Note hashed keys as marks: the first 26 bits, and the rank of the other 38 in 6 bits."""
    end = U1 << np.uint64(PLACES - 1)
    for i in range(words.size):
        rank = leading_zeros((words[i] << np.uint64(PLACES)) | end) + U1
        mark = np.uint32((words[i] >> PLACE) << np.uint64(6) | rank)
        count = _note(table, mark, count, most)
        if count > most:
            break
    return count


@method(
    source="Flajolet, Fusy, Gandouet and Meunier 2007, doi:10.46298/dmtcs.3545; estimate of "
    "Ertl 2017, arXiv:1702.01284; sparse form after Heule, Nunkesser and Hall 2013, "
    "doi:10.1145/2452376.2452456",
    memory="at most 2**p bytes; 4 bytes a distinct key while that is less",
    time="O(1) a key",
    error="relative standard error 1.04 / sqrt(2**p); at most n / 2**13.5 of n keys while sparse",
    exact="number of distinct keys that are not null",
    laws=("summary", "merge", "duplicates", "budget"),
    evidence=("hyperloglog",),
)
class HyperLogLog(Summary):
    """Count distinct keys in fixed memory.

    A key is hashed to 64 bits. The top p bits pick a register, which keeps the largest rank seen:
    1 + the leading zeros of the other bits. While there are at most 2**p / 4 keys, their first 26
    bits and ranks are held instead, which counts nearly exactly; how it is held depends on the
    keys alone, not on their order. Nulls are not counted; all NaN are one key.

    Args:
        p: log2 of the number of registers, 4..18.
        seed: of the hash, 0..2**64 - 1. Sketches merge only if p and seed agree.

    Raises:
        TypeError: p or seed is not an int.
        ValueError: p or seed is out of range.

    Example:
        >>> left = HyperLogLog(p=12).add(range(0, 60_000))
        >>> right = HyperLogLog(p=12).add(range(40_000, 100_000))
        >>> union = left.merge(right)
        >>> abs(union.count() / 100_000 - 1) < 4 * 1.04 / 2**6, union.nbytes
        (True, 4096)
        >>> 100_000 in union.interval(confidence=0.9999)
        True
    """

    KIND = "hyperloglog"

    def __init__(self, p: int = 14, *, seed: int = 0) -> None:
        self.p = whole("p", p, LEAST, MOST)
        self.seed = whole("seed", seed, 0, 2**64 - 1)
        self._marks = np.zeros(0, np.uint32)
        self._ranks = np.zeros(0, np.uint8)

    @classmethod
    def within(cls, budget: int | str, *, seed: int = 0) -> Self:
        """The most precise one that never takes more than the budget.

        Raises:
            BudgetError: the budget is below 16 bytes.
        """
        nbytes = budget_for("HyperLogLog", budget, 1 << LEAST)
        return cls(min(MOST, nbytes.bit_length() - 1), seed=seed)

    @classmethod
    def for_error(cls, error: float, *, seed: int = 0) -> Self:
        """The smallest one whose relative standard error is at most this, 0.00204..1.

        Raises:
            ValueError: the error is out of range.
        """
        in_range("error", error, 0.00204, 1)
        return cls(max(LEAST, math.ceil(math.log2((1.04 / error) ** 2))), seed=seed)

    def add(self, keys: Any) -> Self:
        """Add the keys of a column; see `hash_column` for what a column may be.

        Raises:
            TypeError: the column holds lists, structs or other values without a hash.
        """
        blocks = hash_blocks(keys, self.seed)
        table, count = np.zeros(0, np.uint32), 0
        for words in blocks:
            if not self._ranks.size:
                table, count = self._room(table, count, len(words))
                count = _note_words(table, words, count, self._limit)
                if count <= self._limit:
                    continue
                self._spread(table)
            _raise_ranks(self._ranks, words, self.p)
        if not self._ranks.size and count:
            self._marks = np.sort(table[table != NONE])
        return self

    def count(self) -> float:
        """Estimated number of distinct keys."""
        if self._ranks.size:
            counts = np.bincount(self._ranks, minlength=66 - self.p)
            return distinct(counts, self.p)
        return float(round(-(2**PLACES) * math.log1p(-self._marks.size / 2**PLACES)))

    def interval(self, confidence: float = 0.95) -> Interval:
        """The count, and the ends between which the true one lies with this confidence.

        In registers the ends are those numbers of keys that are as far from the estimate as their
        own standard error allows; while sparse the true one is below only by chance collisions of
        32 bits, and the interval covers more often than asked.

        Raises:
            ValueError: confidence is not between 0 and 1.
        """
        in_range("confidence", confidence, 1e-9, 1 - 1e-9)
        estimate, held = self.count(), self._marks.size
        if self._ranks.size:
            z = NormalDist().inv_cdf((1 + confidence) / 2)
            return Interval(estimate, *ends(estimate, lambda n: standard_error(n, self.p), z))
        lost = float(poisson.ppf(confidence, held * held / 2 ** (PLACES + 1))) if held else 0.0
        return Interval(estimate, float(held), max(estimate, held + lost))

    def error_bound(self, confidence: float = 0.95) -> float:
        """Relative distance of the count from the truth that is kept with this confidence.

        Raises:
            ValueError: confidence is not between 0 and 1.
        """
        in_range("confidence", confidence, 1e-9, 1 - 1e-9)
        return NormalDist().inv_cdf((1 + confidence) / 2) * 1.04 / 2 ** (self.p / 2)

    def spec(self) -> dict[str, Any]:
        """Its p and seed."""
        return {"p": self.p, "seed": self.seed}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Marks, sorted, or ranks; the other is empty."""
        return {"marks": self._marks, "ranks": self._ranks}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The sketch of a spec and its arrays, checked."""
        made = cls(**spec)
        marks = taken(arrays, "marks", np.uint32, (None,))
        ranks = taken(arrays, "ranks", np.uint8, (None,))
        if ranks.size not in (0, 1 << made.p) or (ranks.size and marks.size):
            raise FormatError(f"{ranks.size} ranks and {marks.size} marks do not fit {made!r}")
        places = marks >> RANK
        low = marks & np.uint32(63)
        if marks.size > made._limit or (places[1:] <= places[:-1]).any():
            raise FormatError(f"marks must be at most {made._limit} in order")
        if ranks.max(initial=0) > 65 - made.p or low.max(initial=1) > RANKS or not low.all():
            raise FormatError("a rank is out of range")
        made._marks, made._ranks = marks, ranks
        return made

    def copy(self) -> Self:
        """A sketch with the same state that shares nothing with this one."""
        twin = type(self)(self.p, seed=self.seed)
        twin._marks, twin._ranks = self._marks.copy(), self._ranks.copy()
        return twin

    @property
    def _limit(self) -> int:
        """Marks that take no more memory than registers."""
        return 1 << self.p >> 2

    def _absorb(self, other: Self) -> None:
        if not self._ranks.size and not other._ranks.size:
            table, count = self._room(np.zeros(0, np.uint32), 0, other._marks.size)
            count = _note_marks(table, other._marks, count, self._limit)
            if count <= self._limit:
                self._marks = np.sort(table[table != NONE])
                return
        if not self._ranks.size:
            self._spread(self._marks)
        if other._ranks.size:
            np.maximum(self._ranks, other._ranks, out=self._ranks)
        else:
            _raise_to_marks(self._ranks, other._marks, self.p)

    def _room(self, table: NDArray[Any], count: int, more: int) -> tuple[NDArray[Any], int]:
        """A table of marks, at most half full when so many more have come, and how many it has."""
        held = table[table != NONE] if table.size else self._marks
        need = min(self._limit, held.size + more)
        if table.size >= 2 * need > 0:
            return table, count
        table = np.zeros(2 << max(1, (need - 1).bit_length()), np.uint32)
        return table, _note_marks(table, held, 0, self._limit)

    def _spread(self, marks: NDArray[Any]) -> None:
        """Go over to registers."""
        self._ranks = np.zeros(1 << self.p, np.uint8)
        _raise_to_marks(self._ranks, marks[marks != NONE], self.p)
        self._marks = np.zeros(0, np.uint32)
