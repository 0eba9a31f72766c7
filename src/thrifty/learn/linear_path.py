"""Linear path: weights straight from features to outputs, beside the hidden layer.

With few outputs it is a dense table (column x output). With many it keeps weights only for pairs
of feature and label that were seen together: each column owns a small open-addressing table of
labels, sized by how many labels it meets, so a budget of slots is never exceeded. A pair is a label
and a bfloat16 weight, rounded by chance so that small steps count on average. Both learn example by
example, one Adagrad scale a column.
"""

import threading
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from thrifty.core import FormatError
from thrifty.learn.linear_kernels import (
    MODES,
    count_marks,
    dense_scores,
    dense_step,
    mark_pairs,
    sparse_scores,
    sparse_step,
    squeeze,
)
from thrifty.learn.rows import to_float32
from thrifty.learn.settings import Settings, pair_bytes
from thrifty.learn.tile import Tile

__all__ = ["DenseLinear", "SparseLinear", "capacities"]

FIRST_SQUARE = {"softmax": 1e-3, "hinge": 1.0, "squared": 1e-3}
RATES = {"softmax": 0.5, "hinge": 0.2, "squared": 0.1}
LOSS_OF = {"one": "softmax", "many": "hinge", "number": "squared"}
LARGEST_CAPACITY, ITEMS = 512, 1024
BITS, SLACK = 4, 1.1  # bits a pair, while pairs are counted; slots a pair afterwards


class DenseLinear:
    """One weight a column and output.

    Args:
        settings: sizes; `linear_rate` overrides the rate of the loss.
    """

    PARTS: ClassVar = ("table", "squares", "bias", "bias_squares")

    def __init__(self, settings: Settings) -> None:
        self.loss = LOSS_OF[settings.task]
        self.rate, self.first_square = (
            settings.linear_rate or RATES[self.loss],
            FIRST_SQUARE[self.loss],
        )
        self.shape = settings.num_columns, settings.num_outputs
        self.reset()

    def reset(self) -> None:
        """Start from nothing."""
        columns, outputs = self.shape
        self.table = np.zeros(self.shape, np.float32)
        self.squares = np.full(columns, self.first_square, np.float32)
        self.bias = np.full(outputs, -1.0 if self.loss == "hinge" else 0.0, np.float32)
        self.bias_squares = np.full(outputs, FIRST_SQUARE[self.loss], np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every array of the path by name; parameters and optimizer state."""
        return {name: getattr(self, name) for name in self.PARTS}

    def step(self, tile: Tile) -> float:
        """One pass over a tile, example by example; returns the summed loss."""
        example, labels = (
            (tile.indptr, tile.codes, tile.values),
            (tile.offsets, tile.ids, tile.target),
        )
        state = self.table, self.squares, self.bias, self.bias_squares
        return dense_step(example, labels, *state, np.float32(self.rate), MODES[self.loss])

    def scores(self, tile: Tile) -> NDArray[np.float32]:
        """Scores (b, outputs)."""
        out = np.empty((tile.num_rows, self.bias.size), np.float32)
        dense_scores(tile.indptr, tile.codes, tile.values, self.table, self.bias, out)
        return out

    def weights_of(
        self, codes: NDArray[np.int32], outputs: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Weights (codes, outputs), for explanations."""
        return self.table[np.ix_(codes, outputs)]


class SparseLinear:
    """One weight for each pair of column and label seen together, within a budget of slots.

    Args:
        settings: sizes; `slots` bounds the pairs.
        column_counts: (num_columns,) rows that hold each column, from the first pass; a column
            gets room in proportion. None gives every column the same room. Where lists are
            completed, the items that stand beside a column's item, list by list.
        labels_a_row: mean number of labels of a row.

    Where lists are completed, `own` says which output each column is (-1: none); no column gets a
    weight to itself, so that a list learns each item from its other items.
    """

    MODEL: ClassVar = ("starts", "pairs", "weights", "squares", "bias", "bias_squares")

    def __init__(
        self, settings: Settings, column_counts: NDArray | None = None, labels_a_row: float = 1.0
    ) -> None:
        self.loss = "hinge"
        self.rate, self.first_square = settings.linear_rate or RATES["hinge"], FIRST_SQUARE["hinge"]
        self.num_outputs, self.slots = settings.num_outputs, settings.slots
        self.label_type = np.uint16 if pair_bytes(settings.num_outputs) == 4 else np.int32
        if column_counts is None:
            column_counts = np.full(settings.num_columns, 2**30)
        labels_a_row, most = (1.0, ITEMS) if settings.complete else (labels_a_row, LARGEST_CAPACITY)
        most = min(self.num_outputs, most)
        wanted = np.minimum(column_counts * labels_a_row * 1.25 + 1, most)
        self.starts = np.zeros(settings.num_columns + 1, np.int64)
        self._scratch = _Scratch()
        self.own = np.full(settings.num_columns if settings.complete else 0, -1, np.int32)
        self.give_room(wanted * (column_counts > 0), settings.slots)
        self.reset()

    def give_room(self, wanted: NDArray, most: int) -> None:
        """Bound each column's slots by what it wants, at most so many in all."""
        np.cumsum(capacities(wanted, most), out=self.starts[1:])

    def measure(self, tiles: Iterable[Tile]) -> None:
        """Give each column the slots that its labels need, and start from nothing.

        Args:
            tiles: all examples; the pairs of column and label are counted in few bits a pair.
        """
        self.pairs = self.weights = np.zeros(0, np.uint16)  # their room holds the bits meanwhile
        wanted = np.diff(self.starts) * BITS
        self.give_room(wanted, 8 * self.slots)
        bits = np.zeros(-(-self.starts[-1] // 8), np.uint8)
        for tile in tiles:
            mark_pairs(tile.indptr, tile.codes, tile.offsets, tile.ids, self.starts, bits)
        found = np.empty(self.starts.size - 1)
        count_marks(self.starts, bits, found)
        del bits
        wanted = np.minimum(SLACK * found + 1, min(self.num_outputs, LARGEST_CAPACITY))
        self.give_room(wanted * (found > 0), self.slots)
        self.reset()

    def reset(self) -> None:
        """Start from nothing; the room of each column stays."""
        outputs = self.num_outputs
        self.pairs = np.zeros(self.starts[-1], self.label_type)
        self.weights = np.zeros(self.starts[-1], np.uint16)
        self.squares = np.full(self.starts.size - 1, self.first_square, np.float32)
        self.bias = np.full(outputs, -1.0, np.float32)
        self.bias_squares = np.full(outputs, 1.0, np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every array of the path by name; parameters and optimizer state."""
        return self._model() | ({"own": self.own} if self.own.size else {})

    def _model(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self, name) for name in self.MODEL}

    def compact(self) -> None:
        """Drop empty slots: the scores stay, but there is no room for new pairs."""
        used = squeeze(self.starts, self.pairs, self.weights)
        self.pairs, self.weights = self.pairs[:used], self.weights[:used]

    def check(self) -> None:
        """Refuse arrays that would send a kernel out of bounds.

        Raises:
            FormatError: bounds do not ascend, or a pair names no output.
        """
        ascending = self.starts[0] == 0 and bool((np.diff(self.starts) >= 0).all())
        sizes = self.starts[-1] == self.pairs.size == self.weights.size
        labels = self.pairs.size == 0 or 0 <= self.pairs.min() <= self.pairs.max() <= self.bias.size
        outputs = self.own.size == 0 or -1 <= self.own.min() <= self.own.max() < self.bias.size
        if not (ascending and sizes and labels and outputs):
            raise FormatError("the pairs of the linear path do not fit its columns and outputs")

    def step(self, tile: Tile) -> float:
        """One pass over a tile, example by example; returns the summed loss."""
        state = tuple(self._model().values())
        example, labels = (tile.indptr, tile.codes, tile.values), (tile.offsets, tile.ids)
        scratch, stamp = self._scratch.of(self.num_outputs, tile.num_rows)
        how = scratch, stamp, np.float32(self.rate), self.own
        return sparse_step(example, labels, state, *how)

    def scores(self, tile: Tile) -> NDArray[np.float32]:
        """Scores (b, outputs); labels without a shared column score their bias."""
        out = np.repeat(self.bias[None], tile.num_rows, axis=0)
        for b, (labels, scores) in enumerate(self.shared(tile)):
            out[b, labels] = scores
        return out

    def shared(self, tile: Tile) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32]]]:
        """For each example the labels that share a column with it, and their scores."""
        (scores, touched, marks), stamp = self._scratch.of(self.num_outputs, tile.num_rows)
        model = self.starts, self.pairs, self.weights, self.bias
        for b in range(tile.num_rows):
            part = slice(tile.indptr[b], tile.indptr[b + 1])
            example = tile.codes[part], tile.values[part]
            count = sparse_scores(*example, *model, scores, touched, marks, stamp + np.int32(b), 0)
            labels = touched[:count].copy()
            yield labels, scores[labels]

    def weights_of(
        self, codes: NDArray[np.int32], outputs: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Weights (codes, outputs), for explanations."""
        found = np.zeros((codes.size, outputs.size), np.float32)
        for i, code in enumerate(codes):
            part = slice(self.starts[code], self.starts[code + 1])
            same = self.pairs[part, None] == outputs[None, :] + 1
            found[i] = (same * self._float32(part)[:, None]).sum(axis=0)
        return found

    def _float32(self, part: slice) -> NDArray[np.float32]:
        found = self.weights[part]
        wide = np.empty(found.size, np.float32)
        to_float32(found, wide)
        return wide


class _Scratch(threading.local):
    """Working memory of one thread: scores, the labels touched, and marks that say which."""

    outputs = -1
    arrays: tuple[NDArray, NDArray, NDArray]

    def of(self, outputs: int, rows: int) -> tuple[tuple[NDArray, NDArray, NDArray], np.int32]:
        """The three arrays (outputs,), and the first of so many stamps that are new to marks."""
        if self.outputs != outputs or self.last > 2**31 - 2 - rows:
            touched, marks = np.zeros(outputs, np.int32), np.zeros(outputs, np.int32)
            self.arrays = np.zeros(outputs, np.float32), touched, marks
            self.outputs, self.last = outputs, 0
        first, self.last = self.last + 1, self.last + rows
        return self.arrays, np.int32(first)


def capacities(wanted: NDArray, slots: int) -> NDArray[np.int64]:
    """Room for each column: what it wants, or less by one ceiling, so that all slots are used.

    Example:
        >>> capacities(np.array([1.0, 10.0, 5.0]), 10).tolist()
        [1, 5, 4]
    """
    wanted = np.floor(np.asarray(wanted, np.float64)).astype(np.int64)
    if wanted.sum() <= slots:
        return wanted
    low, high = 0, int(wanted.max())
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if np.minimum(wanted, middle).sum() <= slots else (low, middle - 1)
        )
    given = np.minimum(wanted, low)
    given[np.flatnonzero(wanted > low)[: slots - given.sum()]] += 1
    return given
