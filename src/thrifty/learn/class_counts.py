"""Class counts: how often each column occurs in each class, exactly, in memory or on disk."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import FormatError, Summary, in_range, method, taken
from thrifty.core.kernels import njit
from thrifty.learn._events import class_labels, events

__all__ = ["ClassCounts"]

ENTRY = 16  # bytes of a key and its count
BLOCK = 1 << 20  # entries
LARGEST = 2**31 - 1


@njit(nogil=True, cache=True, error_model="numpy")
def _join(keys_a, counts_a, keys_b, counts_b, keys, counts):
    """Merge two ascending runs into keys and counts; how many there are."""
    i, j, n = 0, 0, 0
    while i < keys_a.size and j < keys_b.size:
        a, b = keys_a[i], keys_b[j]
        if a < b:
            keys[n], counts[n] = a, counts_a[i]
            i += 1
        elif b < a:
            keys[n], counts[n] = b, counts_b[j]
            j += 1
        else:
            keys[n], counts[n] = a, counts_a[i] + counts_b[j]
            i += 1
            j += 1
        n += 1
    while i < keys_a.size:
        keys[n], counts[n] = keys_a[i], counts_a[i]
        i += 1
        n += 1
    while j < keys_b.size:
        keys[n], counts[n] = keys_b[j], counts_b[j]
        j += 1
        n += 1
    return n


@njit(nogil=True, cache=True, error_model="numpy")
def _answer(keys, counts, columns, out):
    """Add the counts of ascending columns to out."""
    place, num_classes = 0, out.shape[1]
    for i in range(columns.size):
        base = columns[i] * num_classes
        k, step = place, 1
        while k + step < keys.size and keys[k + step] < base:  # gallop: far columns cost a log
            k += step
            step *= 2
        high = min(k + step, keys.size)
        while k < high:
            middle = (k + high) // 2
            if keys[middle] < base:
                k = middle + 1
            else:
                high = middle
        place, row = k, out[i]
        while k < keys.size and keys[k] < base + num_classes:
            row[keys[k] - base] += counts[k]
            k += 1


@method(
    source="stream-and-sort naive Bayes: Cohen, machine learning with large data sets (course "
    "10-605); log-structured merging: O'Neil, Cheng, Gawlick and O'Neil 1996",
    memory="16 bytes a pair of a column and a class that occurred; with a folder, 16 * block bytes "
    "and the rest on disk",
    time="O(log(pairs / batch)) an entry, in sequential passes; O(log pairs) a column looked up",
    error="exact; sums of fractions to one rounding of float64 an addition",
    exact="np.add.at(table, (columns, classes), values) on a dense table",
    laws=("summary", "merge"),
    evidence=("naive_bayes",),
)
class ClassCounts(Summary):
    """Count columns by class: sorted runs that merge as they grow, in memory or in a folder.

    A batch is sorted into one run of pairs; runs of like size are merged, so there are few. Columns
    are looked up in ascending order, run by run, as requests are joined with a sorted stream.

    Args:
        classes: labels there may be: numbers, bools or strings.
        num_features: columns there are, 1..2**31 - 1.
        folder: where runs beyond `block` entries are kept, in files without a name;
            None keeps all in memory.
        block: entries of a run that may stay in memory, 1..2**40.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> counts = ClassCounts(["ham", "spam"], 1000)
        >>> counts = counts.add([([7, 7, 8], "spam"), ([8], "ham")])
        >>> counts.lookup([7, 8, 9]).tolist(), counts.distinct
        ([[0.0, 2.0], [1.0, 1.0], [0.0, 0.0]], 2)
        >>> counts.merge(counts).totals.tolist()
        [2.0, 6.0]
    """

    KIND = "class-counts"

    def __init__(
        self,
        classes: ArrayLike,
        num_features: int = LARGEST,
        *,
        folder: str | Path | None = None,
        block: int = BLOCK,
    ) -> None:
        self.classes = class_labels(classes)
        self.num_features = int(in_range("num_features", num_features, 1, LARGEST))
        self.block = int(in_range("block", block, 1, 2**40))
        if folder is not None and not Path(folder).is_dir():
            raise ValueError(f"folder must be a folder that is there, got {str(folder)!r}")
        self._home = folder
        self._runs: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        self.totals, self.rows = np.zeros((2, self.classes.size))

    def spec(self) -> dict[str, Any]:
        """Classes and number of columns; where runs are kept is not part of what was counted."""
        return {"classes": self.classes.tolist(), "num_features": self.num_features}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """One run: keys are column * number of classes + class."""
        keys, counts = self._whole()
        return {"keys": keys, "counts": counts, "totals": self.totals, "rows": self.rows}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Any]) -> Self:
        """Counts in memory from a spec and one run."""
        made = cls(spec["classes"], spec["num_features"])
        keys = taken(arrays, "keys", np.int64, (None,))
        counts = taken(arrays, "counts", np.float64, keys.shape)
        made.totals = taken(arrays, "totals", np.float64, made.classes.shape)
        made.rows = taken(arrays, "rows", np.float64, made.classes.shape)
        last = made.classes.size * made.num_features
        if keys.size and not ((np.diff(keys) > 0).all() and keys[0] >= 0 and keys[-1] < last):
            raise FormatError("array 'keys' must rise within columns and classes")
        made._runs = [(keys, counts)] if keys.size else []
        return made

    def add(self, batch: Any, weights: ArrayLike | None = None) -> Self:
        """Count rows of known class.

        Args:
            batch: (X, y) with X (n, num_features) dense or sparse; an Arrow table with columns
                "codes" (lists), "label" and perhaps "values"; or a list of (codes, label).
            weights: (n,) of the rows, 0 or more; 1 each if None.

        Raises:
            ValueError: a label, a column or a value is not one that may be.
        """
        keys, counts, rows = events(batch, weights, self.classes, self.num_features)
        self.rows += rows
        self._take(keys, counts)
        self.totals += np.bincount(keys % self.classes.size, counts, self.classes.size)
        return self

    def lookup(self, columns: ArrayLike) -> NDArray[np.float64]:
        """Counts of ascending columns in each class.

        Args:
            columns: (u,) ints, never falling.

        Returns:
            (u, classes).

        Raises:
            ValueError: columns fall.
        """
        wanted = np.asarray(columns, np.int64)
        if (np.diff(wanted) < 0).any():
            raise ValueError("columns must never fall")
        out = np.zeros((wanted.size, self.classes.size))
        for keys, counts in self._runs:
            _answer(keys, counts, wanted, out)
        return out

    @property
    def distinct(self) -> int:
        """Columns that occurred."""
        columns, last, number = self._whole()[0], -1, 0
        for start in range(0, columns.size, BLOCK):
            some = columns[start : start + BLOCK] // self.classes.size
            number += np.count_nonzero(np.diff(some, prepend=last))
            last = some[-1]
        return int(number)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        held = sum(keys.size for keys, _ in self._runs if not self._on_disk(keys.size))
        return ENTRY * held + self.totals.nbytes + self.rows.nbytes

    @property
    def nbytes_on_disk(self) -> int:
        """Bytes of runs in files."""
        return ENTRY * sum(keys.size for keys, _ in self._runs if self._on_disk(keys.size))

    def _absorb(self, other: Self) -> None:
        self._take(*other._whole())
        self.totals += other.totals
        self.rows += other.rows

    def _take(self, keys: NDArray[np.int64], counts: NDArray[np.float64]) -> None:
        if keys.size:
            self._runs.append((keys, counts))
        while len(self._runs) > 1 and self._runs[-2][0].size <= 2 * self._runs[-1][0].size:
            self._merge_last()

    def _whole(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        while len(self._runs) > 1:
            self._merge_last()
        return self._runs[0] if self._runs else (np.zeros(0, np.int64), np.zeros(0))

    def _merge_last(self) -> None:
        (keys_a, counts_a), (keys_b, counts_b) = self._runs[-2:]
        keys, counts = self._space(keys_a.size + keys_b.size)
        size = _join(keys_a, counts_a, keys_b, counts_b, keys, counts)
        if self._home is None:
            keys, counts = keys[:size].copy(), counts[:size].copy()
        self._runs[-2:] = [(keys[:size], counts[:size])]

    def _on_disk(self, size: int) -> bool:
        return self._home is not None and size > self.block

    def _space(self, size: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Room for a run; a file without a name lives as long as it is mapped."""
        if not self._on_disk(size):
            return np.empty(size, np.int64), np.empty(size)
        with TemporaryFile(dir=self._home) as file:
            flat = np.asarray(np.memmap(file, np.int64, "w+", shape=(2 * size,)))
        return flat[:size], flat[size:].view(np.float64)
