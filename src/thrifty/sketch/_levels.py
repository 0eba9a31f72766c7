"""Levels: sorted values of weight 1, 2, 4, ..., halved by coins when there are too many."""

import math

import numpy as np
from numpy.typing import NDArray

from thrifty.core import FormatError
from thrifty.hashing.keys import mix64

__all__ = ["Levels", "most_items"]

ROWS = 65_536
LEAST, SHRINK, MOST_LEVELS = 8, 2 / 3, 63
GAMMA = 0x9E3779B97F4A7C15
SAMPLED = 0.25
Reals = NDArray[np.float64]


class Levels:
    """Values in levels of which each weighs twice as much as the one below.

    Args:
        k: values that the highest level should hold.
        key: of the coins.
    """

    def __init__(self, k: int, key: np.uint64) -> None:
        self.k, self.key = k, int(key)
        self.arrays: list[Reals] = [np.zeros(0)]
        self.noise, self.rounds, self.weight = 0.0, 0, 0
        self._room = _rooms(k, 1)

    def add(self, values: Reals, level: int = 0) -> None:
        """Add values in any order, each of the weight of a level."""
        rows = max(ROWS, self.k)
        for start in range(0, len(values), rows):
            block = values[start : start + rows]
            if level == 0:
                block = self._sample(block)
            self._add(block, level)

    def add_weighted(self, values: Reals, weights: NDArray[np.int64]) -> None:
        """Add values of positive whole weights: one of weight 6 is one in level 1 and in 2."""
        for level in range(int(weights.max(initial=0)).bit_length()):
            self.add(values[(weights >> level) & 1 == 1], level)

    def absorb(self, other: "Levels") -> None:
        """Take in other levels."""
        for level, array in enumerate(list(other.arrays)):
            if level == len(self.arrays):
                self.arrays.append(np.zeros(0))
            self.arrays[level] = _merged(self.arrays[level], array)
        self.noise, self.rounds = self.noise + other.noise, self.rounds + other.rounds
        self.weight += other.weight
        self._halve()

    def fill(self, items: Reals, sizes: NDArray[np.int64], noise: float, rounds: int) -> None:
        """Hold these items, so many a level, if they can be.

        Raises:
            FormatError: they are not sorted, or their number is wrong.
        """
        whole = 1 <= len(sizes) <= MOST_LEVELS and (sizes >= 0).all() and (sizes < 2**40).all()
        if not whole or sizes.sum() != len(items) or not 0 <= noise < math.inf:
            raise FormatError("levels are damaged")
        self.arrays = [part.copy() for part in np.split(items, np.cumsum(sizes)[:-1])]
        self.noise, self.rounds = noise, rounds
        self.weight = sum(len(part) << level for level, part in enumerate(self.arrays))
        if np.isnan(items).any() or any((part[1:] < part[:-1]).any() for part in self.arrays):
            raise FormatError("levels are not sorted")

    def ranked(self) -> tuple[Reals, Reals]:
        """All values in order, and the weight up to each, itself included."""
        items = np.concatenate(self.arrays)
        weights = np.repeat(2.0 ** np.arange(len(self.arrays)), [len(a) for a in self.arrays])
        order = np.argsort(items, kind="stable")
        return items[order], np.cumsum(weights[order], dtype=np.float64)

    def _add(self, values: Reals, level: int) -> None:
        while len(self.arrays) <= level:
            self.arrays.append(np.zeros(0))
        self.arrays[level] = _merged(self.arrays[level], np.sort(values))
        self.weight += len(values) << level
        self._halve()

    def _sample(self, block: Reals) -> Reals:
        """Add one of each few neighbours in their stead; returns those that are left over.

        As many neighbours as add a quarter at most to the noise that a value brings so far.
        """
        few = 1 + SAMPLED * 2 * self.noise / max(self.weight, 1)
        level = min(int(math.log2(few)), len(self.arrays) - 1, int(math.log2(len(block) + 1)))
        groups = len(block) >> level
        if not level:
            return block
        self.rounds += 1
        start = (self.rounds * GAMMA + self.key) % 2**63
        picks = mix64(start + np.arange(groups)) >> np.uint64(64 - level)
        places = (np.arange(groups) << level) + picks.astype(np.int64)
        self.noise += groups * 2.0**level * (2.0**level - 1) / 2
        self._add(block[places], level)
        return block[groups << level :]

    def _halve(self) -> None:
        """Compact the lowest full level until all of them fit."""
        while True:
            if len(self._room) != len(self.arrays):
                self._room = _rooms(self.k, len(self.arrays))
            if sum(map(len, self.arrays)) <= sum(self._room):
                return
            full = (len(array) > room for array, room in zip(self.arrays, self._room, strict=True))
            self._compact(list(full).index(True))

    def _compact(self, level: int) -> None:
        """Let one of each two neighbours of a level go up; an odd one stays."""
        array = self.arrays[level]
        pairs = array[len(array) % 2 :]
        if level + 1 == len(self.arrays):
            self.arrays.append(np.zeros(0))
        up = pairs[self._coin(pairs) :: 2]
        self.arrays[level] = array[: len(array) % 2].copy()
        self.arrays[level + 1] = _merged(self.arrays[level + 1], up)
        self.noise += 4.0**level

    def _coin(self, values: Reals) -> int:
        """0 or 1, from the key, the values, and how many coins were thrown."""
        self.rounds += 1
        total = int(values.view(np.uint64).sum()) + self.rounds * GAMMA + self.key
        return int(mix64(np.uint64(total % 2**64)) >> np.uint64(63))


def most_items(k: int) -> int:
    """The most values that levels hold, however many there were."""
    return sum(_rooms(k, MOST_LEVELS))


def _rooms(k: int, levels: int) -> list[int]:
    """How many values each level should hold."""
    return [max(LEAST, math.ceil(k * SHRINK ** (levels - 1 - h))) for h in range(levels)]


def _merged(one: Reals, other: Reals) -> Reals:
    """Two sorted arrays as one."""
    if not len(one) or not len(other):
        return np.array(other if len(other) else one)
    return np.sort(np.concatenate([one, other]), kind="stable")
