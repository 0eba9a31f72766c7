"""Runs: rows of any kind, sorted by key, and given to summaries run by run."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt
from numpy.typing import NDArray

from thrifty.hashing._columns import chunks
from thrifty.hashing.blocks import checked_weights

__all__ = ["Rows", "Runs", "plain"]

Ints = NDArray[np.int64]


class Rows:
    """Values and weights of a batch: a column, (n, d) numbers, or a table.

    Args:
        values: as a summary's `add` takes them.
        weights: (n,) or one for all; None for none.
    """

    def __init__(self, values: Any, weights: Any = None) -> None:
        if isinstance(values, list) and values and isinstance(values[0], list | tuple | np.ndarray):
            values = np.asarray(values)
        if isinstance(values, pa.RecordBatch):
            values = pa.Table.from_batches([values])
        matrix = isinstance(values, np.ndarray) and values.ndim > 1
        if not matrix and not isinstance(values, pa.Table):
            parts = chunks(values)
            values = pa.chunked_array(parts) if parts else pa.chunked_array([pa.nulls(0)])
        self.values, self.weights = values, None
        if weights is not None:
            kind = np.float64 if np.asarray(weights).dtype.kind == "f" else np.int64
            self.weights = checked_weights(weights, len(values), kind)

    def __len__(self) -> int:
        return len(self.values)

    def cut(self, start: int, length: int) -> "Rows":
        """So many rows from one on."""
        part = object.__new__(Rows)
        whole = slice(start, start + length)
        bare = isinstance(self.values, np.ndarray)
        part.values = self.values[whole] if bare else self.values.slice(start, length)
        part.weights = None if self.weights is None else self.weights[whole]
        return part

    def take(self, order: Ints) -> "Rows":
        """The rows of these numbers, in this order, in one piece."""
        part = object.__new__(Rows)
        if isinstance(self.values, np.ndarray):
            part.values = self.values[order]
        else:
            bare = isinstance(self.values, pa.Array)
            whole = self.values if bare else self.values.combine_chunks()
            part.values = whole.take(pa.array(order))
        part.weights = None if self.weights is None else self.weights[order]
        return part

    def give(self, summary: Any) -> None:
        """Add all of them to a summary."""
        if self.weights is None:
            summary.add(self.values)
        else:
            summary.add(self.values, self.weights)


class Runs:
    """Rows sorted by key: run i begins at place starts[i].

    Args:
        rows: in the order they came.
        order: (n,) the number of the row at each place.
        starts: (runs,) first places, rising.
    """

    def __init__(self, rows: Rows, order: Ints, starts: Ints) -> None:
        self.rows, self.starts = rows.take(order), starts
        self.counts, self.first = np.diff(np.append(starts, len(order))), order[starts]

    def give_one(self, summary: Any, run: int) -> int:
        """Add a run to a summary; returns how many rows that were."""
        count = int(self.counts[run])
        self.rows.cut(int(self.starts[run]), count).give(summary)
        return count

    def give(self, summary: Any, runs: Ints) -> int:
        """Add several runs to a summary; returns how many rows that were."""
        counts = self.counts[runs]
        ends = np.cumsum(counts)
        places = np.arange(ends[-1]) + np.repeat(self.starts[runs] - (ends - counts), counts)
        self.rows.take(places).give(summary)
        return int(ends[-1])


def plain(column: pa.Array) -> pa.Array:
    """A column without codes."""
    if not pt.is_dictionary(column.type):
        return column
    return chunks(column.dictionary)[0].take(column.indices)
