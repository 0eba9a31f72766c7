"""Singleton filter: which keys came more than once, so that the others need no memory."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import Interval, Summary, budget_for, in_range, method, taken, whole
from thrifty.core.instructions import high
from thrifty.core.kernels import njit
from thrifty.hashing import hash_blocks
from thrifty.sketch._lines import line_holds, mark_line
from thrifty.sketch.bloom import BloomFilter, bits_of, lines_for

__all__ = ["SingletonFilter"]

LANES, LINE = 8, 64


@njit(nogil=True, cache=True, error_model="numpy")
def _sieve(once, again, words, lines):
    """Put hashed keys into `again` if `once` has them, else into `once`."""
    count = np.uint64(lines)
    for i in range(words.size):
        place, bits = np.int64(high(words[i], count)) * LANES, bits_of(words[i])
        if line_holds(once, place, bits):
            mark_line(again, place, bits)
        else:
            mark_line(once, place, bits)


@method(
    source="Bloom 1970, doi:10.1145/362686.362692; two filters in a row to discard what comes once",
    memory="128 * lines bytes",
    time="two cache lines a key",
    error="no repeated key is lost, also by a merge; a key that came once passes with at most "
    "twice the chance of blocked_rate",
    exact="keys whose count is at least 2",
    laws=("summary", "budget"),
    evidence=("singletons",),
)
class SingletonFilter(Summary):
    """Tell keys that were added at least twice from those that came once.

    A key goes into the first filter; if it is there already, into the second. Merging two takes
    what is in both first filters for repeated too, so nothing repeated is ever lost, at the price
    of more keys that pass by mistake.

    Args:
        lines: cache lines of 64 bytes of each filter, 1..2**34.
        seed: of the hash, 0..2**64 - 1.

    Raises:
        TypeError: lines or seed is not an int.
        ValueError: lines or seed is out of range.

    Example:
        >>> sieve = SingletonFilter.for_error(10_000, 0.01).add(range(10_000)).add(range(100))
        >>> bool(sieve.repeated(range(100)).all())
        True
        >>> bool(sieve.repeated(range(100, 10_000)).mean() < 0.01)
        True
    """

    KIND = "singletons"

    def __init__(self, lines: int, *, seed: int = 0) -> None:
        self._once = BloomFilter(lines, seed=seed)
        self._again = BloomFilter(lines, seed=seed)
        self.lines, self.seed = self._once.lines, self._once.seed

    @classmethod
    def within(cls, budget: int | str, *, seed: int = 0) -> Self:
        """The largest one that fits the budget.

        Raises:
            BudgetError: the budget is below 128 bytes.
        """
        return cls(budget_for("a singleton filter", budget, 2 * LINE) // (2 * LINE), seed=seed)

    @classmethod
    def for_error(cls, keys: int, error: float, *, seed: int = 0) -> Self:
        """The smallest one that, with so many distinct keys, passes singletons at most this often.

        Raises:
            TypeError: keys is not an int.
            ValueError: keys is not in 1..2**38 or error not in 1e-8..0.9.
        """
        whole("keys", keys, 1, 2**38)
        return cls(lines_for(keys, in_range("error", error, 1e-8, 0.9) / 2), seed=seed)

    def add(self, keys: Any) -> Self:
        """Add the keys of a column; nulls are left out.

        Raises:
            TypeError: the column holds lists, structs or other values without a hash.
        """
        once, again = self._once.arrays()["words"], self._again.arrays()["words"]
        for words in hash_blocks(keys, self.seed):
            _sieve(once, again, words, self.lines)
        return self

    def repeated(self, keys: Any) -> NDArray[np.bool_]:
        """Whether each key was added at least twice: False is certain; False for a null.

        Returns:
            (n,) bool.

        Raises:
            TypeError: the column holds lists, structs or other values without a hash.
        """
        return self._again.contains(keys)

    def contains(self, keys: Any) -> NDArray[np.bool_]:
        """Whether each key was added at all: False is certain; False for a null."""
        return self._once.contains(keys)

    def count(self) -> float:
        """Estimated number of distinct keys that were added."""
        return self._once.count()

    def interval(self, confidence: float = 0.95) -> Interval:
        """The count of distinct keys, with its ends; as of a `BloomFilter`."""
        return self._once.interval(confidence)

    def error_bound(self) -> float:
        """Chance that a key which was added once passes for repeated: at most this, on average."""
        return min(1.0, self._once.error_bound() + self._again.error_bound())

    def spec(self) -> dict[str, Any]:
        """Its lines and seed."""
        return self._once.spec()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The bits of both filters, in words of 64."""
        return {"once": self._once.arrays()["words"], "again": self._again.arrays()["words"]}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The filter of a spec and its bits, checked."""
        size = whole("lines", spec["lines"], 1, 2**34) * LANES
        held = {name: taken(arrays, name, np.uint64, (size,)) for name in ("once", "again")}
        made = cls(**spec)
        for name, words in made.arrays().items():
            words[:] = held[name]
        return made

    def _absorb(self, other: Self) -> None:
        mine, theirs = self.arrays(), other.arrays()
        mine["again"] |= theirs["again"] | (mine["once"] & theirs["once"])
        mine["once"] |= theirs["once"]
