"""Synthetic: an extreme classification task of any size, whose classes come in confusable groups.

Classes are ordered by frequency (Zipf), and eight neighbours form a group. A row of a class holds
two thirds of its group's columns, half of its class's own few columns, and noise; so guessing the
group is easy and telling siblings, which are about equally frequent, takes negatives that matter.
The default sizes are those of Amazon-670K: 135,909 columns, 670,091 classes, 75 columns a row.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

__all__ = ["AMAZON", "THIRTY", "Labels", "Rows", "World"]

Labels = tuple[NDArray[np.int64], NDArray[np.int32]]  # bounds and ids, as the learner takes them
Rows = tuple[csr_array, Labels]


@dataclass(frozen=True)
class World:
    """A task by its sizes; the same seed gives the same rows on every machine.

    Args:
        columns: sparse inputs. classes: outputs.
        siblings: classes a group; they share the group's columns.
        of_group, own, noise: columns of a row that tell its group, its class, and nothing.
        seed: of everything.
    """

    columns: int = 135_909
    classes: int = 670_091
    siblings: int = 8
    of_group: int = 40
    own: int = 10
    noise: int = 30
    seed: int = 0

    def rows(self, count: int, part: int) -> Rows:
        """So many rows with one label each; another part holds other rows of the same task."""
        rng = np.random.default_rng([self.seed, 2, part])
        labels = self._zipf(rng, self.classes, count)
        group_columns, own_columns = self._profiles()
        told = self._some(rng, group_columns, labels // self.siblings, self.of_group)
        told_own = self._some(rng, own_columns, labels, self.own)
        noise = self._zipf(rng, self.columns, (count, self.noise))
        codes = np.concatenate([told, told_own, noise], axis=1)
        return self._csr(codes), (np.arange(count + 1, dtype=np.int64), labels)

    def _profiles(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Columns of each group, by Zipf's law, and of each class, all columns alike."""
        rng = np.random.default_rng([self.seed, 1])
        groups = -(-self.classes // self.siblings)
        of_groups = self._zipf(rng, self.columns, (groups, self.of_group * 3 // 2))
        own = rng.integers(0, self.columns, (self.classes, 2 * self.own), dtype=np.int32)
        return of_groups, own

    @staticmethod
    def _zipf(rng: np.random.Generator, size: int, shape: int | tuple) -> NDArray[np.int32]:
        """Numbers below size; r is drawn about as often as 1 / (r + 1)."""
        drawn = np.exp(rng.random(shape) * np.log(size + 1.0)) - 1.0
        return np.minimum(drawn, size - 1).astype(np.int32)

    @staticmethod
    def _some(rng, profiles: NDArray, which: NDArray, keep: int) -> NDArray[np.int32]:
        """So many columns of each row's profile: those with the smallest random numbers."""
        width = profiles.shape[1]
        order = np.argpartition(rng.random((len(which), width), np.float32), keep - 1, axis=1)
        return profiles[which[:, None], order[:, :keep]]

    def _csr(self, codes: NDArray[np.int32]) -> csr_array:
        """Distinct columns of each row, rare ones heavier, each row of length 1."""
        codes.sort(axis=1)
        first = np.ones(codes.shape, bool)
        first[:, 1:] = codes[:, 1:] != codes[:, :-1]
        values = np.log(2.0 + codes).astype(np.float32) * first
        values /= np.sqrt((values * values).sum(axis=1, keepdims=True))
        indptr = np.zeros(len(codes) + 1, np.int32)
        np.cumsum(first.sum(axis=1), out=indptr[1:])
        shape = (len(codes), self.columns)
        return csr_array((values[first], codes[first], indptr), shape=shape)


AMAZON = World()
THIRTY = World(classes=30_000)
