"""Completion: rows that are lists, whose missing items are to be named: bar, and ask."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.learn.tile import Tile

__all__ = ["BARRED", "bar", "left_out"]

BARRED = np.float32(-1e9)
Ragged = tuple[NDArray[np.int64], NDArray[np.int32]]


def bar(scores: NDArray[np.float32], tile: Tile, own: NDArray[np.int32], start: int = 0) -> None:
    """Put what a row has already below every other output, in place.

    Args:
        scores: (b, m) of the outputs from `start` on.
        own: (columns,) the output that each column is, -1 for none; or empty, and nothing is
            barred.
    """
    if own.size:
        rows = np.repeat(np.arange(tile.num_rows), np.diff(tile.indptr))
        places = own[tile.codes] - start
        here = (places >= 0) & (places < scores.shape[1])
        scores[rows[here], places[here]] = BARRED


def left_out(
    rows: csr_array, labels: Ragged, own: NDArray[np.int32], *, most: int = 1, seed: int = 0
) -> tuple[csr_array, Ragged]:
    """Ask each row for some of its labels, one at a time: the row without that item, the item.

    Args:
        rows: (n, columns) lists. labels: the items of each list.
        own: as of `bar`.
        most: labels asked a row, drawn at random.
        seed: of the draw.

    Returns:
        Rows, of the length they had, and the one label of each; lists without items ask nothing.

    Example:
        >>> rows, own = csr_array(np.array([[3, 4, 0]], np.float32)), np.array([7, 8, 9])
        >>> asked, labels = left_out(rows, (np.array([0, 2]), np.array([7, 8])), own, most=2)
        >>> dict(zip(labels[1].tolist(), asked.toarray().tolist()))
        {7: [0.0, 5.0, 0.0], 8: [5.0, 0.0, 0.0]}
    """
    of, picked = _drawn(labels[0], most, seed)
    asked = labels[1][picked]
    more = rows[of]
    sizes = np.diff(more.indptr)
    at = np.repeat(np.arange(of.size), sizes)
    kept = own[more.indices] != np.repeat(asked, sizes)
    squares = more.data.astype(np.float64) ** 2
    whole, rest = (np.bincount(at, squares * w, of.size) for w in (np.ones(at.size), kept))
    scale = np.sqrt(whole / np.where(rest > 0, rest, 1.0))
    values = (more.data * scale[at]).astype(np.float32)[kept]
    ends = np.concatenate([[0], np.cumsum(np.bincount(at[kept], minlength=of.size))])
    found = csr_array((values, more.indices[kept], ends), shape=(of.size, rows.shape[1]))
    return found, (np.arange(of.size + 1), asked)


def _drawn(
    offsets: NDArray[np.int64], most: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each question its row and the place of its label, rows in order."""
    rng, sizes = np.random.default_rng([seed, 13]), np.diff(offsets)
    at = np.repeat(np.arange(sizes.size), sizes)
    order = np.lexsort((rng.random(at.size), at))
    rank = np.arange(at.size) - np.repeat(offsets[:-1] - offsets[0], sizes)
    chosen = np.sort(order[rank < most])
    return at[chosen], chosen + offsets[0]
