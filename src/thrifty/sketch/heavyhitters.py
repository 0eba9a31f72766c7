"""HeavyHitters: which values are frequent, with their counts, from a fixed number of slots."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from thrifty.core import FormatError, Interval, budget_for, in_range, method, taken
from thrifty.hashing.keys import hash_column
from thrifty.sketch._slots import (
    LOST,
    TOTAL,
    USED,
    count,
    cut,
    fill,
    look,
    pack,
    places_for,
    renumber,
    table_of,
)
from thrifty.sketch._valuecounts import Ints, ValueCounts, Words
from thrifty.sketch._values import Values

__all__ = ["Frequent", "HeavyHitters"]


class Frequent(NamedTuple):
    """A value and how often it was there."""

    value: Any
    count: Interval


@method(
    source="Misra and Gries 1982, doi:10.1016/0167-6423(82)90012-0; merged as in Agarwal et al. "
    "2013, doi:10.1145/2500128; many counters purged at once as in Anderson et al. 2017, "
    "arXiv:1705.07001",
    memory="at most 24 bytes a place, the power of 2 from 3 * slots on of them, and 17 bytes and "
    "the first `longest` bytes of 15/8 * slots values; less where there are fewer values",
    time="O(1) a value, and O(slots) for every slots / 2 values that find no slot",
    error="counts are at most N / (slots + 1) too low, N the weight of all that was added or "
    "merged; no value is missing that is more frequent than that",
    exact="collections.Counter(column)",
    laws=("summary", "budget"),
    evidence=("heavyhitters",),
)
class HeavyHitters(ValueCounts):
    """Frequent values of a stream, of any type, each with bounds of its count.

    A table counts values by their hash and keeps the values themselves. When half as many again
    as `slots` are in it, the (slots + 1)-th largest count is taken off all, and those without a
    rest go. What was taken off is the most that any count can lack.

    Args:
        slots: counters that survive a purge, 1..2**26.
        longest: bytes that are kept of a text or bytes, 1..2**20; what is cut ends in "...".
        seed: hash seed.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> stream = HeavyHitters(slots=99).add(["often"] * 600 + [f"once {i}" for i in range(400)])
        >>> top = stream.frequent(1)[0]
        >>> top.value, top.count.low <= 600 <= top.count.high, top.count.width <= 1000 / 100
        ('often', True, True)
        >>> stream.merge(stream).frequent(1)[0].count.high >= 1200
        True
    """

    KIND = "heavy-hitters"

    def __init__(self, slots: int = 1024, *, longest: int = 256, seed: int = 0) -> None:
        self.slots = int(in_range("slots", slots, 1, 2**26))
        super().__init__(longest, seed)
        self._limit = self.slots + (self.slots + 1) // 2
        self._table, self._refs = table_of(0)
        self._tally = np.zeros(3, np.int64)

    @classmethod
    def within(cls, budget: int | str, *, longest: int = 256, seed: int = 0) -> Self:
        """The most slots that fit, whatever the values.

        Raises:
            BudgetError: the budget is below one slot.
        """
        in_range("longest", longest, 1, 2**20)
        nbytes = budget_for("heavy hitters", budget, _most_bytes(1, longest))
        low, high = 1, 2**26
        while low < high:
            middle = (low + high + 1) // 2
            fits = _most_bytes(middle, longest) <= nbytes
            low, high = (middle, high) if fits else (low, middle - 1)
        return cls(low, longest=longest, seed=seed)

    @classmethod
    def for_error(cls, share: float, *, longest: int = 256, seed: int = 0) -> Self:
        """The fewest slots whose counts lack at most this share of the stream's weight.

        Raises:
            ValueError: share is outside 2**-26..0.5.
        """
        slots = math.ceil(1 / in_range("share", share, 2**-26, 0.5)) - 1
        return cls(slots, longest=longest, seed=seed)

    def frequent(self, k: int = 10) -> list[Frequent]:
        """The k most frequent values, the most frequent first; equal counts in order of hash.

        The count of a value that has a slot is between the slot's and that with what purges took;
        the estimate is the latter, which is right for what was frequent all along.
        """
        in_range("k", k, 0, 2**62)
        live = np.flatnonzero(self._table[1::2])
        counts, hashes = self._table[1::2][live], self._table[::2][live]
        order = live[np.lexsort((hashes, ~counts))[:k]]
        lost = self.error_bound()
        found = [(self._refs[at], int(self._table[2 * at + 1])) for at in order]
        return [
            Frequent(self._values[ref], Interval(low + lost, low, low + lost)) for ref, low in found
        ]

    def estimate(self, keys: Any) -> Interval:
        """Counts of keys: estimate, low and high are (n,) int64.

        A key without a slot is estimated as 0 and is at most `error_bound()`.

        Args:
            keys: a column as for `hash_column`.
        """
        words = hash_column(keys, self.seed)
        low: Any = np.empty(len(words), np.int64)
        look(words, self._table, low)
        high = low + self.error_bound()
        estimate: Any = np.where(low > 0, high, 0)
        return Interval(estimate, low, high)

    def error_bound(self, confidence: float = 0.95) -> int:
        """The most that any count lacks, for certain: at most `total` / (slots + 1)."""
        return int(self._tally[LOST])

    @property
    def total(self) -> int:
        """Weight of all that was added."""
        return int(self._tally[TOTAL])

    def __len__(self) -> int:
        return int(self._tally[USED])

    @property
    def nbytes(self) -> int:
        """Bytes of the table and of the values."""
        return self._table.nbytes + self._refs.nbytes + self._tally.nbytes + self._values.nbytes

    def spec(self) -> dict[str, Any]:
        """Slots, longest and seed."""
        return {"slots": self.slots, "longest": self.longest, "seed": self.seed}

    def arrays(self) -> dict[str, np.ndarray]:
        """Entries by rising hash, their values, and what was lost of how much."""
        hashes, counts, refs = self._entries()
        return {
            "hashes": hashes, "counts": counts, "tally": self._tally[LOST:],
            **self._values.take(refs).arrays(),
        }  # fmt: skip

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """From entries, which are checked."""
        hashes = taken(arrays, "hashes", np.uint64, (None,))
        counts = taken(arrays, "counts", np.int64, hashes.shape)
        lost, total = (int(x) for x in taken(arrays, "tally", np.int64, (2,)))
        values = Values.restore(arrays, len(hashes), spec["longest"])
        slots = in_range("slots", spec["slots"], 1, 2**26)
        least = (slots + 1) * lost + _sum(counts)
        fits = len(hashes) <= slots + (slots + 1) // 2 and lost >= 0 and least <= total
        if not fits or (counts <= 0).any() or (hashes[1:] <= hashes[:-1]).any():
            raise FormatError("counts are damaged")
        made = cls(**spec)
        made._values = values
        made._tally[:] = len(hashes), lost, total
        made._fill(hashes, counts, np.arange(len(hashes)))
        return made

    def _absorb(self, other: Self) -> None:
        parts = zip(self._entries(), other._entries(), strict=True)
        hashes, counts, refs = (np.concatenate(pair) for pair in parts)
        refs[len(self) :] += self._take_values(other)
        words, first, again = np.unique(hashes, return_index=True, return_inverse=True)
        sums, marks = np.zeros(len(words), np.int64), refs[first]
        np.add.at(sums, again, counts)
        self._tally[LOST:] += other._tally[LOST:]
        self._tally[USED] = stay = len(words)
        if stay > self._limit:
            stay = cut(words, sums, marks, self._tally, self.slots)
        self._fill(words[:stay], sums[:stay], marks[:stay])
        self._tidy(0)

    def _entries(self) -> tuple[Words, Ints, Ints]:
        """Hashes, rising, with their counts and the numbers of their values."""
        hashes, counts, refs = pack(self._table, self._refs, len(self))
        order = np.argsort(hashes)
        return hashes[order], counts[order], refs[order]

    def _count(self, words: Words, weights: Ints, start: int) -> None:
        done = 0
        while True:
            held = self._table, self._refs, self._tally
            done = count(words, weights, done, start, *held, self.slots)
            if done == len(words):
                return
            self._fill(*pack(*held[:2], len(self)))

    def _fill(self, hashes: Any, counts: Ints, refs: Any) -> None:
        """Make the table of these entries, with room for twice as many, or for all slots."""
        self._table, self._refs = table_of(min(2 * len(hashes), self._limit))
        fill(hashes, counts, refs, self._table, self._refs)

    def _keep(self, array: Any) -> None:
        """Take the values of the rows that the table refers to out of the array."""
        rows = renumber(self._table, self._refs, len(self._values), True)
        if rows.size:
            self._values.keep(array, -1 - rows)
        self._tidy(self._limit // 4)

    def _tidy(self, spare: int) -> None:
        """Let go of values without a slot, if there are more of them than `spare`."""
        if len(self._values) > len(self) + spare:
            self._values = self._values.take(renumber(self._table, self._refs, 0, False))


def _most_bytes(slots: int, longest: int) -> int:
    """Bytes of so many slots with the longest values."""
    limit = slots + (slots + 1) // 2
    return 24 * places_for(limit) + 24 + (limit + limit // 4) * (17 + max(longest, 8)) + 8


def _sum(counts: Ints) -> int:
    """The sum of counts, however large."""
    return (int((counts >> 32).sum()) << 32) + int((counts & 0xFFFFFFFF).sum())
