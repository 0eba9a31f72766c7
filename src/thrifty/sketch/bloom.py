"""Bloom filter: was this key seen? No for certain, yes with a small and known chance of error."""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from thrifty.core import (
    IncompatibleError,
    Interval,
    Summary,
    budget_for,
    in_range,
    method,
    taken,
    whole,
)
from thrifty.core.instructions import aligned, high, prefetch
from thrifty.core.kernels import njit
from thrifty.hashing import hash_blocks
from thrifty.hashing.blocks import answered
from thrifty.sketch._lines import line_holds, mark_line
from thrifty.sketch._registers import ends

__all__ = ["BloomFilter", "blocked_rate", "lines_for", "mark_lines", "probe_lines"]

LANES, BITS, LINE = 8, 64, 64
MOST, AHEAD = 2**34, 64
SPREAD, U32 = np.uint64(0x9FB21C651E98DF25), np.uint64(32)


@njit(forceinline=True, error_model="numpy")
def bits_of(word):
    """The bits of a key within its line: 6 for each of 8 lanes, above the lowest 16."""
    return (word ^ (word >> U32)) * SPREAD


@njit(nogil=True, cache=True, error_model="numpy")
def mark_lines(table, words, lines, stride, offset):
    """Set one bit in each of the 8 words of the line of each hashed key.

    Args:
        table: uint64, 8 to a line.
        words: (n,) uint64 of hashed keys.
        lines: number of lines a key chooses from.
        stride: words from one such line to the next.
        offset: words before the first.
    """
    places, count = np.empty(AHEAD, np.int64), np.uint64(lines)
    for start in range(0, words.size, AHEAD):
        size = min(AHEAD, words.size - start)
        for i in range(size):
            places[i] = np.int64(high(words[start + i], count)) * stride + offset
            prefetch(table, places[i])
        for i in range(size):
            mark_line(table, places[i], bits_of(words[start + i]))


@njit(nogil=True, cache=True, error_model="numpy")
def probe_lines(table, words, lines, stride, offset, found):
    """Whether all 8 bits of each hashed key are set; arguments as in `mark_lines`.

    Args:
        found: (n,) bool, written.
    """
    places, count = np.empty(AHEAD, np.int64), np.uint64(lines)
    for start in range(0, words.size, AHEAD):
        size = min(AHEAD, words.size - start)
        for i in range(size):
            places[i] = np.int64(high(words[start + i], count)) * stride + offset
            prefetch(table, places[i])
        for i in range(size):
            found[start + i] = line_holds(table, places[i], bits_of(words[start + i]))


def blocked_rate(keys: float, lines: int) -> float:
    """Chance that a key that was not added is found among so many that were.

    A line has j of the keys with Poisson chance, and then each of 8 lanes holds the key's bit
    with chance 1 - (1 - 1/64)**j.

    Args:
        keys: distinct keys that were added.
        lines: cache lines of 64 bytes.

    Example:
        >>> 0.001 < blocked_rate(1_000_000, 24_000) < 0.0105
        True
    """
    load = keys / lines
    if load > 4000:
        return 1.0
    j = np.arange(max(0, load - 12 * math.sqrt(load) - 40) // 1, load + 12 * math.sqrt(load) + 40)
    return float((poisson.pmf(j, load) * (1 - (1 - 1 / BITS) ** j) ** LANES).sum())


def lines_for(keys: int, error: float) -> int:
    """The fewest lines whose `blocked_rate` for so many keys is at most this error."""
    low, top = 0, 1
    while blocked_rate(keys, top) > error:
        low, top = top, 2 * top
    while top - low > 1:
        middle = (low + top) // 2
        low, top = (middle, top) if blocked_rate(keys, middle) > error else (low, middle)
    return top


@method(
    source="Bloom 1970, doi:10.1145/362686.362692; one cache line a key after Putze, Sanders and "
    "Singler 2007, doi:10.1007/978-3-540-72845-0_9",
    memory="64 * lines bytes; 10.6 bits a key for an error of 1 percent",
    time="one cache line a key",
    error="no key that was added is denied; another is found with the chance of blocked_rate",
    exact="a set of keys",
    laws=("summary", "merge", "duplicates", "budget"),
    evidence=("bloom",),
)
class BloomFilter(Summary):
    """Remember which keys were added, in a few bits each.

    A key picks one cache line of 512 bits by its hash and sets one bit in each of its 8 words; it
    is found where all 8 are set. Nulls are not added and never found.

    Args:
        lines: cache lines of 64 bytes, 1..2**34; see `for_error` and `within`.
        seed: of the hash, 0..2**64 - 1. Filters merge only if lines and seed agree.

    Raises:
        TypeError: lines or seed is not an int.
        ValueError: lines or seed is out of range.

    Example:
        >>> seen = BloomFilter.for_error(10_000, 0.01).add(range(10_000))
        >>> bool(seen.contains(range(10_000)).all())
        True
        >>> bool(seen.contains(range(10_000, 110_000)).mean() < 0.012)
        True
        >>> 10_000 in seen.interval(0.999)
        True
    """

    KIND = "bloom"

    def __init__(self, lines: int, *, seed: int = 0) -> None:
        self.lines = whole("lines", lines, 1, MOST)
        self.seed = whole("seed", seed, 0, 2**64 - 1)
        self._words = aligned(self.lines * LANES, np.uint64)

    @classmethod
    def within(cls, budget: int | str, *, seed: int = 0) -> Self:
        """The largest one that fits the budget.

        Raises:
            BudgetError: the budget is below 64 bytes.
        """
        return cls(budget_for("a Bloom filter", budget, LINE) // LINE, seed=seed)

    @classmethod
    def for_error(cls, keys: int, error: float, *, seed: int = 0) -> Self:
        """The smallest one that, with so many keys, finds another with at most this chance.

        Raises:
            TypeError: keys is not an int.
            ValueError: keys is not in 1..2**38 or error not in 1e-9..0.9.
        """
        whole("keys", keys, 1, 2**38)
        return cls(lines_for(keys, in_range("error", error, 1e-9, 0.9)), seed=seed)

    def add(self, keys: Any) -> Self:
        """Add the keys of a column; see `hash_column` for what a column may be.

        Raises:
            TypeError: the column holds lists, structs or other values without a hash.
        """
        for words in hash_blocks(keys, self.seed):
            mark_lines(self._words, words, self.lines, LANES, 0)
        return self

    def contains(self, keys: Any) -> NDArray[np.bool_]:
        """Whether each key was added: False is certain, True may be wrong; False for a null.

        Returns:
            (n,) bool.

        Raises:
            TypeError: the column holds lists, structs or other values without a hash.
        """

        def probe(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
            found = np.empty(len(words), np.bool_)
            probe_lines(self._words, words, self.lines, LANES, 0, found)
            return found

        return answered(keys, probe, False, self.seed)

    def error_bound(self) -> float:
        """Chance that a key that was not added is found, exactly, from the bits as they are."""
        share = np.bitwise_count(self._words).reshape(-1, LANES) / BITS
        return float(share.prod(axis=1).mean())

    def count(self) -> float:
        """Estimated number of distinct keys that were added; inf where every bit is set."""
        zeros = self._words.size * BITS - int(np.bitwise_count(self._words).sum(dtype=np.int64))
        return _distinct(zeros, self.lines)

    def interval(self, confidence: float = 0.95) -> Interval:
        """The count, and the ends between which the true one lies with this confidence.

        Raises:
            ValueError: confidence is not between 0 and 1.
        """
        in_range("confidence", confidence, 1e-9, 1 - 1e-9)
        estimate, z = self.count(), NormalDist().inv_cdf((1 + confidence) / 2)
        if math.isinf(estimate):
            return Interval(estimate, _distinct(1, self.lines) / 2, estimate)
        return Interval(estimate, *ends(estimate, lambda n: _standard_error(n, self.lines), z))

    def intersection(self, other: Self, confidence: float = 0.95) -> Interval:
        """Estimated number of distinct keys that both were given, by inclusion and exclusion.

        The ends add up those of the three counts, so they hold more often than asked.

        Raises:
            IncompatibleError: the other is of another kind or was made with other arguments.
            ValueError: confidence is not between 0 and 1.
        """
        if type(other) is not type(self) or other.spec() != self.spec():
            raise IncompatibleError(f"cannot intersect {self!r} with {other!r}")
        one, two, both = (x.interval(confidence) for x in (self, other, self.merge(other)))
        most = min(one.high, two.high)
        return Interval(
            min(max(0.0, one.estimate + two.estimate - both.estimate), most),
            min(max(0.0, one.low + two.low - both.high), most),
            min(max(0.0, one.high + two.high - both.low), most),
        )

    def spec(self) -> dict[str, Any]:
        """Its lines and seed."""
        return {"lines": self.lines, "seed": self.seed}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its bits, in words of 64."""
        return {"words": self._words}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The filter of a spec and its bits, checked."""
        lines = whole("lines", spec["lines"], 1, MOST)
        words = taken(arrays, "words", np.uint64, (lines * LANES,))
        made = cls(**spec)
        made._words[:] = words
        return made

    def _absorb(self, other: Self) -> None:
        np.bitwise_or(self._words, other._words, out=self._words)


def _distinct(zeros: int, lines: int) -> float:
    """Keys after which so many bits are expected unset: each sets 1 of 64 in 8 words of a line."""
    cells = lines * BITS
    return math.log(zeros / (LANES * cells)) / math.log1p(-1 / cells) + 0.0 if zeros else math.inf


def _standard_error(n: float, lines: int) -> float:
    """Standard error of the count of n keys, from the variance of the unset bits of a line.

    Keys fall on lines by Poisson chance; the variance for n keys exactly is less by n.
    """
    load, keep = n / lines, 1 - 1 / BITS
    one = math.exp(-load / BITS)
    if one < 1e-100:
        return math.inf
    two, square = math.exp(-2 * load / BITS), math.exp(-load * (1 - keep * keep))
    within = LANES * (BITS * (BITS - 1) * two + BITS * one - BITS * BITS * square)
    across = (LANES * BITS) ** 2 * (square - one * one)
    slope = 1 / (LANES * one)
    return math.sqrt(max(0.0, lines * (within + across) * slope * slope - n))
