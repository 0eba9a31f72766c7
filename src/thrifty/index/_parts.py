"""Parts: rows of an index that never change, so that a search can go on while others add."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.index._scoring import frozen

__all__ = [
    "Filter",
    "Part",
    "State",
    "allowed_in",
    "gone_from",
    "id_numbers",
    "known_in",
    "sampled",
    "share_of",
]

Filter = NDArray[np.bool_] | NDArray[np.int64]
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]
EVERY: Mask = frozen(np.zeros(0, np.bool_))
TOP = 2**63 - 1


@dataclass(frozen=True, eq=False)
class Part:
    """Rows in one order: their ids, whatever else is held of them, and which are gone.

    Args:
        ids: (n,) int64.
        arrays: by name; what of them has n rows is the kind of index's own business.
        gone: (n,) bool, or empty where none is.
    """

    ids: Ids
    arrays: dict[str, NDArray]
    gone: Mask = field(default_factory=lambda: EVERY)

    @classmethod
    def of(cls, ids: NDArray, **arrays: NDArray) -> Self:
        """A part of these arrays, frozen."""
        return cls(frozen(ids), {name: frozen(array) for name, array in arrays.items()})

    def __getitem__(self, name: str) -> NDArray:
        return self.arrays[name]

    def __len__(self) -> int:
        return self.ids.size - self.lost

    @cached_property
    def lost(self) -> int:
        """How many rows are gone."""
        return int(np.count_nonzero(self.gone))

    @cached_property
    def stays(self) -> NDArray[Any] | slice:
        """What picks the rows that are not gone."""
        return np.flatnonzero(~self.gone) if self.lost else slice(None)

    @cached_property
    def _order(self) -> tuple[Ids, NDArray[np.int64] | None]:
        """Ids in rising order, and where each stands; None where they stand so already."""
        if (self.ids[1:] > self.ids[:-1]).all():
            return self.ids, None
        order = np.argsort(self.ids, kind="stable")
        return self.ids[order], order

    @property
    def rising(self) -> bool:
        """Whether ids stand in rising order."""
        return self._order[1] is None

    @cached_property
    def top(self) -> int:
        """The largest id, -1 where there is none."""
        return int(self.ids.max(initial=-1))

    def places(self, ids: Ids) -> Ids:
        """Row number of each id, -1 where it is not here or gone."""
        known, order = self._order
        if not known.size:
            return np.full(ids.shape, -1, np.int64)
        near = np.minimum(np.searchsorted(known, ids), known.size - 1)
        found = known[near] == ids
        near = near if order is None else order[near]
        if self.gone.size:
            found &= ~self.gone[near]
        return np.where(found, near, -1)

    def without(self, places: Ids) -> "Part":
        """The same part with more rows gone."""
        gone = self.gone.copy() if self.gone.size else np.zeros(self.ids.size, np.bool_)
        gone[places] = True
        twin = Part(self.ids, self.arrays, frozen(gone))
        twin.__dict__["_order"] = self._order
        return twin

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(a.nbytes for a in (self.ids, self.gone, *self.arrays.values()))


@dataclass(frozen=True, eq=False)
class State:
    """All that a search looks at: what was learned from the rows, and the rows in parts."""

    model: Any = None
    parts: tuple[Part, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, self.parts))


def id_numbers(name: str, ids: ArrayLike) -> Ids:
    """Ids as (n,) int64 of at least 0.

    Raises:
        TypeError: they are no whole numbers.
        ValueError: they are not in one row, or one is negative.
    """
    given = np.asarray(ids)
    if given.size == 0:
        return np.zeros(0, np.int64)
    if given.dtype.kind not in "iu":
        raise TypeError(f"{name} must be whole numbers, got {given.dtype}")
    if given.ndim != 1:
        raise ValueError(f"{name} must be of one dimension, got shape {given.shape}")
    if given.min() < 0 or given.max() >= TOP:
        bad = given[(given < 0) | (given >= TOP)][0]
        raise ValueError(f"{name} must be in 0..{TOP - 1}, got {bad}")
    return given.astype(np.int64, copy=False)


def known_in(parts: Sequence[Part], ids: Ids) -> Mask:
    """Which of these ids are held."""
    known = np.zeros(ids.shape, np.bool_)
    for part in parts:
        known |= part.places(ids) >= 0
    return known


def gone_from(parts: Iterable[Part], ids: Ids) -> tuple[Part, ...]:
    """The parts without the rows of these ids; a part that loses none is the same object."""
    left = []
    for part in parts:
        places = part.places(ids)
        left.append(part.without(places[places >= 0]) if (places >= 0).any() else part)
    return tuple(left)


def allowed_in(part: Part, filter: Filter | None) -> Mask:
    """Which rows of a part may be answered; empty where all may."""
    if filter is None:
        return frozen(~part.gone) if part.gone.size else EVERY
    if filter.dtype == np.bool_:
        near = np.minimum(part.ids, filter.size - 1)
        allowed = filter[near] & (part.ids < filter.size) if filter.size else part.ids < 0
    else:
        allowed = np.zeros(part.ids.size, np.bool_)
        places = part.places(filter.astype(np.int64, copy=False))
        allowed[places[places >= 0]] = True
    return frozen(allowed & ~part.gone if part.gone.size else allowed)


def sampled(
    state: State, rows: NDArray[np.float32], count: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Some of the rows that are held as vectors and of those that come."""
    total = len(state) + len(rows)
    chosen, start, found = np.sort(rng.choice(total, count, replace=False)), 0, []
    for part in state.parts:
        mine = chosen[(chosen >= start) & (chosen < start + len(part))] - start
        places = np.arange(part.ids.size)[part.stays][mine]
        found.append(part["vectors"][places].astype(np.float32))
        start += len(part)
    return np.concatenate([*found, rows[chosen[chosen >= start] - start]])


def share_of(state: State, allowed: Sequence[Mask]) -> float:
    """How many of the rows may be answered, by the masks that `allowed_in` gives."""
    may = sum(
        int(np.count_nonzero(mask)) if mask.size else part.ids.size
        for part, mask in zip(state.parts, allowed, strict=True)
    )
    return may / len(state)
