"""Hidden path: an embedding bag, a ReLU, and output rows of which a tile touches only some.

A tile's examples share one set of outputs (their labels and the negatives chosen for the tile), so
scores, gradients and updates are three dense products over rows gathered from the output table.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.learn.loss import LOSSES, squared
from thrifty.learn.lss import LSS
from thrifty.learn.negatives import Selector
from thrifty.learn.rows import (
    add_bag,
    gather_rows,
    step_bag,
    step_rows,
    to_bfloat16,
)
from thrifty.learn.settings import Settings
from thrifty.learn.tile import Groups, Scratch, Tile, thinned

__all__ = ["BLOCK", "HiddenPath"]

FIRST_SQUARE = 1e-4
BLOCK = 8192  # outputs scored at once, where not all are
SHOWN = 32  # examples of a tile that a learning selector is told
START_BIAS = {"softmax": 0.0, "sigmoid": -4.0, "squared": 0.0}


class HiddenPath:
    """The hidden layer of a wide network: parameters, one training step, scores.

    Args:
        settings: sizes and rates.
        loss: "softmax", "sigmoid" or "squared".
        fresh: draw first weights; False leaves the table to be filled in.
    """

    def __init__(self, settings: Settings, loss: str, *, fresh: bool = True) -> None:
        self.selector: Selector | None = None  # chooses a tile's negatives; None: every output
        self.first_square = FIRST_SQUARE  # of the table's Adagrad sums; the probe may choose it
        self.num_negatives, self.dropout = settings.num_negatives, settings.dropout
        self.input_dropout = settings.input_dropout
        self.tied = settings.storage == "float32"
        rows, outputs, width = settings.num_columns, settings.num_outputs, settings.hidden
        stored, self.seed = np.float32 if self.tied else np.uint16, settings.seed
        self.table, self.output = (
            np.empty((rows, width), stored),
            np.empty((outputs, width), stored),
        )
        self.table_squares, self.output_squares = np.empty(rows, "f4"), np.empty(outputs, "f4")
        self.hidden_bias, self.hidden_squares = np.empty(width, "f4"), np.empty(width, "f4")
        self.bias, self.bias_squares = np.empty(outputs, "f4"), np.empty(outputs, "f4")
        self.reset(loss, draw=fresh)

    PARTS = (
        "table", "output", "table_squares", "output_squares", "hidden_bias", "hidden_squares",
        "bias", "bias_squares",
    )  # fmt: skip

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every array of the path by name; parameters and optimizer state."""
        return {name: getattr(self, name) for name in self.PARTS}

    def activate(self, tile: Tile, scratch: Scratch) -> tuple[NDArray[np.float32], Groups]:
        """Hidden activations (b, hidden) of a tile, and its entries by column."""
        groups = scratch.group(tile)
        hidden = np.empty((tile.num_rows, self.hidden_bias.size), np.float32)
        hidden[:] = self.hidden_bias
        parts = groups.columns, groups.starts, groups.rows, groups.order
        add_bag(self.table, *parts, tile.values, hidden)
        np.maximum(hidden, 0.0, out=hidden)
        return hidden, groups

    def reset(self, loss: str, *, draw: bool = True) -> None:
        """Start anew with this loss, in place; the selector stays and is told."""
        self.loss = loss
        if draw:
            _draw(self.table, self.seed)
        starts = {"output": 0, "hidden_bias": 0.0, "hidden_squares": 1e-3, "bias_squares": 1e-2}
        squares = {"table_squares": self.first_square, "output_squares": FIRST_SQUARE}
        for name, start in (starts | squares | {"bias": START_BIAS[loss]}).items():
            getattr(self, name).fill(start)
        self.refresh()

    def refresh(self) -> None:
        """Tell a hashed or learned selector that output rows have moved."""
        if self.selector is not None:
            self.selector.refresh(self.output_float32(), self.bias, None)

    def rows(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """Output rows of some classes as float32."""
        rows = np.empty((ids.size, self.output.shape[1]), np.float32)
        gather_rows(self.output, ids, rows)
        return rows

    def output_float32(self) -> NDArray[np.float32]:
        """All output rows as float32; the table itself where it is stored so."""
        if self.tied:
            return np.asarray(self.output, np.float32)
        return self.rows(np.arange(len(self.output), dtype=np.int32))

    def active(self, tile: Tile, hidden: NDArray, rng: np.random.Generator) -> NDArray[np.int32]:
        """The outputs a tile computes, ascending: its labels and the selector's negatives."""
        if self.selector is None:
            return np.arange(self.bias.size, dtype=np.int32)
        positives = np.unique(tile.ids)
        if isinstance(self.selector, LSS) and positives.size:
            some = hidden[:: max(1, len(hidden) // SHOWN)]
            scores = some @ self.rows(positives).T + self.bias[positives]
            self.selector.observe(some, positives[scores.argmax(axis=1)])
        negatives = self.selector.select(rng, hidden, positives, self.num_negatives)
        return np.sort(np.concatenate([positives, negatives]))

    def gradient(self, scores: NDArray[np.float32], tile: Tile, active: NDArray[np.int32]) -> float:
        """Turn scores (b, active) into the loss gradient in place; returns the summed loss."""
        if self.loss == "squared":
            return squared(scores, tile.target)
        counts = np.diff(tile.offsets)
        rows = np.repeat(np.arange(counts.size), counts)
        weights = np.repeat(1.0 / np.maximum(counts, 1), counts).astype(np.float32)
        return LOSSES[self.loss](scores, rows, np.searchsorted(active, tile.ids), weights)

    def step(self, tile: Tile, rate: float, rng: np.random.Generator, scratch: Scratch) -> float:
        """One step on one tile; returns the summed loss."""
        if self.input_dropout:
            tile = thinned(tile, self.input_dropout, rng)
        hidden, groups = self.activate(tile, scratch)
        keep = hidden > 0.0
        if self.dropout:
            keep &= rng.random(hidden.shape, np.float32) >= self.dropout
            hidden *= keep * np.float32(1.0 / (1.0 - self.dropout))
        active = self.active(tile, hidden, rng)
        whole = self.selector is None and self.tied
        rows = self.output if whole else self.rows(active)
        scores = hidden @ rows.T
        scores += self.bias[active]
        loss = self.gradient(scores, tile, active)
        back = scores @ rows
        back *= keep
        noise, pace = np.uint64(rng.integers(2**63)), np.float32(rate)
        step_rows(self.output, self.output_squares, active, scores.T @ hidden, pace, noise)
        _step_vector(self.bias, self.bias_squares, active, scores.sum(axis=0), pace)
        _step_vector(self.hidden_bias, self.hidden_squares, slice(None), back.sum(axis=0), pace)
        parts = groups.columns, groups.starts, groups.rows, groups.order
        step_bag(self.table, self.table_squares, *parts, tile.values, back, pace, noise)
        return loss

    def through(
        self, codes: NDArray[np.int32], on: NDArray[np.bool_], outputs: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """What one unit of each feature adds to some outputs, given the units that are on."""
        rows = np.empty((codes.size, on.size), np.float32)
        gather_rows(self.table, codes, rows)
        return (rows * on) @ self.rows(outputs).T

    def scores(self, tile: Tile, scratch: Scratch) -> NDArray[np.float32]:
        """Scores (b, outputs) of every output; a bfloat16 table is widened block by block."""
        hidden, _ = self.activate(tile, scratch)
        if self.tied:
            return hidden @ self.output.T + self.bias
        scores = np.empty((tile.num_rows, self.bias.size), np.float32)
        for start in range(0, self.bias.size, BLOCK):
            scores[:, start : start + BLOCK] = self.block(hidden, start)
        return scores

    def block(self, hidden: NDArray[np.float32], start: int) -> NDArray[np.float32]:
        """Scores (b, BLOCK or less) of the outputs from start on, of hidden activations (b, d)."""
        stop = min(start + BLOCK, self.bias.size)
        wide = self.rows(np.arange(start, stop, dtype=np.int32)) if not self.tied else None
        scores = hidden @ (self.output[start:stop] if wide is None else wide).T
        scores += self.bias[start:stop]
        return scores


def _draw(table: NDArray[Any], seed: int) -> None:
    """Fill a table with normal numbers of standard deviation 0.05, block by block."""
    rng = np.random.default_rng([seed, 1])
    for start in range(0, len(table), 16384):
        part = table[start : start + 16384]
        block = rng.standard_normal(part.shape, np.float32) * np.float32(0.05)
        if table.dtype == np.float32:
            part[...] = block
        else:
            to_bfloat16(block.reshape(-1), part.reshape(-1))


def _step_vector(
    vector: NDArray, squares: NDArray, at: NDArray | slice, gradient: NDArray, rate: np.float32
) -> None:
    squares[at] += gradient * gradient
    vector[at] -= np.float32(0.1) * rate * gradient / np.sqrt(squares[at])
