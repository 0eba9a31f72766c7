"""Blocks: what the sparse linear path gives a tile, cut by outputs."""

import numpy as np
from numpy.typing import NDArray

from thrifty.learn.hidden_path import BLOCK
from thrifty.learn.linear_path import SparseLinear
from thrifty.learn.tile import Tile

__all__ = ["Blocks"]


class Blocks:
    """Scores of a sparse linear path for a tile, a block of outputs at a time.

    Only the labels that share a column with an example are held; the others score their bias.

    Args:
        linear: the path. tile: examples.
    """

    def __init__(self, linear: SparseLinear, tile: Tile) -> None:
        self._bias, self._num_rows = linear.bias, tile.num_rows
        labels, scores = zip(*linear.shared(tile), strict=True)
        lengths = [found.size for found in labels]
        labels, scores = np.concatenate(labels), np.concatenate(scores)
        numbers = labels // BLOCK
        most = linear.bias.size // BLOCK + 1
        order = np.argsort(numbers.astype(np.min_scalar_type(most)), kind="stable")
        self._rows = np.repeat(np.arange(self._num_rows), lengths)[order]
        self._labels, self._scores = labels[order], scores[order]
        self._bounds = np.searchsorted(numbers[order], np.arange(most + 1))

    def block(self, start: int) -> NDArray[np.float32]:
        """Scores (b, BLOCK or less) of the outputs from start on, a multiple of BLOCK."""
        out = np.repeat(self._bias[None, start : start + BLOCK], self._num_rows, axis=0)
        first, last = self._bounds[start // BLOCK : start // BLOCK + 2]
        own = slice(first, last)
        out[self._rows[own], self._labels[own] - start] = self._scores[own]
        return out
