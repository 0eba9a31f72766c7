"""Exact top: the most frequent values and their exact counts, from two passes in fixed memory."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core import DataError, in_range
from thrifty.hashing.blocks import hash_blocks
from thrifty.sketch._slots import fill, recount, table_of
from thrifty.sketch.heavyhitters import HeavyHitters

__all__ = ["exact_top"]


def exact_top(
    source: Iterable[Any], k: int = 10, *, slots: int = 16_384, seed: int = 0
) -> list[tuple[Any, int]]:
    """The most frequent values, the most frequent first, with their exact counts.

    The first pass finds candidates, the second counts them. A value that was no candidate is at
    most `HeavyHitters.error_bound()` times in the stream; only values that are there more often
    are returned, so all of them belong where they are, and there are fewer than k where that many
    would need more slots.

    Args:
        source: columns, one after the other, as for `hash_column`; it is read twice.
        k: how many values at most.
        slots: of the `HeavyHitters` that finds the candidates.
        seed: hash seed.

    Returns:
        Pairs of a value and its count; equal counts in order of hash.

    Raises:
        TypeError: the source can be read only once, as a generator.
        DataError: it did not hold as many values the second time.

    Example:
        >>> parts = [["often"] * 500, [f"once {i}" for i in range(4000)], ["also"] * 400]
        >>> exact_top(parts, 2, slots=100)
        [('often', 500), ('also', 400)]
    """
    in_range("k", k, 0, 2**62)
    if isinstance(source, Iterator):
        raise TypeError(f"source must be readable twice, got {source!r}")
    sketch = HeavyHitters(slots, seed=seed)
    for column in source:
        sketch.add(column)
    words, _, refs = sketch._entries()
    sums = _recounted(source, words, sketch)
    order = np.lexsort((words, -sums))[:k]
    sure = order[sums[order] > sketch.error_bound()]
    return [(sketch._values[refs[row]], int(sums[row])) for row in sure]


def _recounted(
    source: Iterable[Any], words: NDArray[np.uint64], sketch: HeavyHitters
) -> NDArray[np.int64]:
    """How often each of these words is in the source, which must be as long as it was."""
    table, refs = table_of(len(words))
    rows = np.arange(len(words))
    fill(words, rows + 1, rows, table, refs)
    sums, total = np.zeros(len(words), np.int64), 0
    for column in source:
        for block in hash_blocks(column, sketch.seed):
            recount(block, table, refs, sums)
            total += len(block)
    if total != sketch.total:
        raise DataError(f"source must hold {sketch.total} values again, got {total}")
    return sums
