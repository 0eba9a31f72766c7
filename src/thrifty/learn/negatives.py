"""Negatives: which classes a tile of examples is trained against, chosen five ways."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import in_range
from thrifty.core.kernels import njit
from thrifty.hashing.keys import GAMMA, mix
from thrifty.index import MaxIPIndex

__all__ = [
    "HiddenLSH",
    "LabelLSH",
    "LogFrequency",
    "Selector",
    "Uniform",
]

Ids = NDArray[np.int32]
Floats = NDArray[np.float32]


class Selector(Protocol):
    """Chooses the classes that stand for all others in one training step."""

    def select(self, rng: np.random.Generator, hidden: Floats, positives: Ids, num: int) -> Ids:
        """Negatives for a tile.

        Args:
            rng: all chance comes from here.
            hidden: (b, d) float32, what the output layer is asked with.
            positives: (p,) int32, sorted unique, the true classes of the tile.
            num: how many.

        Returns:
            (num,) int32, sorted unique, none of positives; fewer only if there are not so many.
        """
        ...

    def refresh(self, weights: Floats, bias: Floats, ids: Ids | None = None) -> None:
        """Take note of changed rows.

        Args:
            weights: (num_classes, d) float32.
            bias: (num_classes,) float32.
            ids: (m,) int32 of the rows that changed; None for all of them.
        """
        ...

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What it has noted so far: a JSON-able header, and arrays, not copied."""
        ...

    def restore(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over the state of a selector made alike, to choose as that one would."""
        ...


class _Fixed:
    """A choice that does not look at the rows, so that there is nothing to note."""

    def refresh(self, weights: Floats, bias: Floats, ids: Ids | None = None) -> None:
        """See `Selector.refresh`."""

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """See `Selector.state`."""
        return {}, {}

    def restore(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """See `Selector.restore`."""


class Uniform(_Fixed):
    """Every class alike; O(num) a tile.

    Args:
        num_classes: at least 1.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> Uniform(6).select(rng, np.empty((0, 0), "f4"), np.array([1, 4], "i4"), 4).tolist()
        [0, 2, 3, 5]
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = in_range("num_classes", num_classes, 1, 2**31 - 1)
        self._none = np.empty(0, np.int32)

    def select(self, rng: np.random.Generator, hidden: Floats, positives: Ids, num: int) -> Ids:
        """See `Selector.select`."""
        return fill(rng, self.num_classes, positives, self._none, num)


class LogFrequency(_Fixed):
    """Frequent classes more often: the class of frequency rank r with weight log(1 + 1 / (r + 1)).

    Args:
        counts: (num_classes,) how often each class occurs, not negative.

    Raises:
        ValueError: no class, or a negative count.
    """

    def __init__(self, counts: ArrayLike) -> None:
        counts = np.asarray(counts)
        in_range("len(counts)", len(counts), 1, 2**31 - 1)
        in_range("min(counts)", counts.min().item(), 0, np.inf)
        self.num_classes = len(counts)
        self._by_rank = np.argsort(-counts, kind="stable").astype(np.int32)

    def select(self, rng: np.random.Generator, hidden: Floats, positives: Ids, num: int) -> Ids:
        """See `Selector.select`."""
        num = min(num, self.num_classes - len(positives))
        drawn = np.empty(num, np.int32)
        kept = _draw_by_rank(_word(rng), self._by_rank, positives, drawn)
        return fill(rng, self.num_classes, positives, drawn[:kept], num)


class HiddenLSH:
    """Classes whose row the tile's hidden values would score high (SLIDE, BOLT).

    The hidden values are hashed; classes that share most buckets with them come first, uniform
    ones fill up. Before the first refresh all are uniform.

    Args:
        index: over rows of the width of hidden.
        num_classes: at least 1.
        share: part of the negatives that the index may choose, 0..1.
    """

    def __init__(self, index: MaxIPIndex, num_classes: int, *, share: float = 1.0) -> None:
        self.index = index
        self.num_classes = in_range("num_classes", num_classes, 1, 2**31 - 1)
        self.share = in_range("share", share, 0, 1)

    def select(self, rng: np.random.Generator, hidden: Floats, positives: Ids, num: int) -> Ids:
        """See `Selector.select`."""
        near = np.empty(0, np.int32)
        if self.index.num_rows:
            near = self._near(hidden, positives, round(num * self.share))
        return fill(rng, self.num_classes, positives, near, num)

    def refresh(self, weights: Floats, bias: Floats, ids: Ids | None = None) -> None:
        """See `Selector.refresh`; only rows whose code changed are moved."""
        if ids is None or not self.index.num_rows:
            self.index.build(weights, bias)
        else:
            self.index.refresh(ids, weights[ids], bias[ids])

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """See `Selector.state`."""
        return self.index.state()

    def restore(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """See `Selector.restore`."""
        self.index = MaxIPIndex.from_state(header, arrays)

    def _near(self, hidden: Floats, positives: Ids, limit: int) -> Ids:
        return self.index.candidates_of_tile(hidden, limit, positives)


class LabelLSH(HiddenLSH):
    """Classes whose rows resemble the rows of the tile's true classes (LSH label sampling).

    As `HiddenLSH`, asked with the rows of the positives: their stored codes, so nothing is hashed.
    """

    def _near(self, hidden: Floats, positives: Ids, limit: int) -> Ids:
        return self.index.neighbours_of_tile(positives, limit, positives)


def fill(rng: np.random.Generator, num_classes: int, positives: Ids, chosen: Ids, num: int) -> Ids:
    """Add uniform classes to those chosen until there are num; sorted, none of positives.

    Args:
        rng: generator.
        num_classes: classes are 0..num_classes - 1.
        positives: (p,) int32, sorted unique.
        chosen: int32, unique, none of positives.
        num: how many in all; fewer only if there are not so many.
    """
    out = np.empty(min(num, num_classes - len(positives)), np.int32)
    chosen = chosen[: len(out)]
    _fill_uniform(_word(rng), num_classes, positives, chosen, out)
    out.sort()
    return out


def _word(rng: np.random.Generator) -> np.uint64:
    return rng.integers(0, 2**64, dtype=np.uint64)


@njit(nogil=True, cache=True, error_model="numpy")
def _claim(slots, key):
    """Put key into an open-addressed set; False if it was there."""
    mask = slots.size - 1
    place = np.int64(mix(np.uint64(key)) & np.uint64(mask))
    while slots[place] != -1:
        if slots[place] == key:
            return False
        place = (place + 1) & mask
    slots[place] = key
    return True


@njit(nogil=True, cache=True, error_model="numpy")
def _empty_set(num):
    size = 16
    while size < 2 * num:
        size *= 2
    return np.full(size, -1, np.int32)


@njit(nogil=True, cache=True, error_model="numpy")
def _unit(word, step):
    """The step-th number of a stream in [0, 1)."""
    return np.float64(mix(word + np.uint64(step) * GAMMA) >> np.uint64(11)) / 9007199254740992.0


@njit(nogil=True, cache=True, error_model="numpy")
def _fill_uniform(word, num_classes, positives, chosen, out):
    """Out = chosen, then uniform classes; by rejection, or by a full pass where most are wanted."""
    taken = _empty_set(positives.size + out.size)
    for i in range(positives.size):
        _claim(taken, positives[i])
    for i in range(chosen.size):
        _claim(taken, chosen[i])
        out[i] = chosen[i]
    kept, step = chosen.size, 0
    if 2 * (positives.size + out.size) <= num_classes:
        while kept < out.size:
            candidate = np.int32(_unit(word, step) * num_classes)
            step += 1
            if _claim(taken, candidate):
                out[kept] = candidate
                kept += 1
        return
    open_ids = np.ones(num_classes, np.bool_)
    open_ids[positives] = False
    open_ids[chosen] = False
    free = num_classes - positives.size - kept
    for candidate in range(num_classes):
        if open_ids[candidate] and kept < out.size:
            if _unit(word, candidate) * free < out.size - kept:
                out[kept] = candidate
                kept += 1
            free -= 1


@njit(nogil=True, cache=True, error_model="numpy")
def _draw_by_rank(word, by_rank, positives, out):
    """Distinct classes by log-uniform rank; gives up the rest after 20 draws for each wanted."""
    taken = _empty_set(positives.size + out.size)
    for i in range(positives.size):
        _claim(taken, positives[i])
    top, kept, step = np.log(by_rank.size + 1.0), 0, 0
    while kept < out.size and step < 20 * out.size:
        rank = np.int64(np.exp(_unit(word, step) * top)) - 1
        candidate = by_rank[min(rank, by_rank.size - 1)]
        step += 1
        if _claim(taken, candidate):
            out[kept] = candidate
            kept += 1
    return kept
