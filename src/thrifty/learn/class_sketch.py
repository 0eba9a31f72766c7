"""Class sketch: about how often each column occurs in each class, in memory that is named."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import LinearSummary, budget_for, in_range, method, one_of, taken
from thrifty.core.kernels import njit
from thrifty.hashing.keys import mix, seed_key
from thrifty.learn._events import class_labels, events

__all__ = ["ClassSketch"]

STORAGE = {"float64": np.float64, "float32": np.float32}
LARGEST = 2**31 - 1
HALF = np.uint64(32)
LOW = np.uint64(2**32 - 1)


@njit(forceinline=True, error_model="numpy")
def _bucket(word, row, width):
    """The counter of a hashed column in a row: two halves of one hash, stepped."""
    mixed = ((word & LOW) + np.uint64(row) * ((word >> HALF) | np.uint64(1))) & LOW
    return np.int64((mixed * np.uint64(width)) >> HALF)


@njit(nogil=True, cache=True, error_model="numpy")
def _count(keys, counts, table, key):
    """Add the counts of (column, class) to table (depth, width, classes)."""
    depth, width, num_classes = table.shape
    for i in range(keys.size):
        column = keys[i] // num_classes
        label = keys[i] - column * num_classes
        word = mix(np.uint64(column) + key)
        for row in range(depth):
            table[row, _bucket(word, row, width), label] += counts[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _least(columns, table, key, out):
    """Of each column and class the least counter."""
    depth, width, num_classes = table.shape
    for i in range(columns.size):
        word, best = mix(np.uint64(columns[i]) + key), out[i]
        best[:] = table[0, _bucket(word, 0, width)]
        for row in range(1, depth):
            mine = table[row, _bucket(word, row, width)]
            for label in range(num_classes):
                best[label] = min(best[label], mine[label])


@method(
    source="Cormode and Muthukrishnan 2005, doi:10.1016/j.jalgor.2003.12.001; one hash for all "
    "classes, whose counters lie side by side",
    memory="8 * depth * width * classes bytes, 4 in float32",
    time="O(depth) an entry, O(depth * classes) a column looked up",
    error="never below the count; above it by more than e / width of the class's total with "
    "probability at most exp(-depth)",
    exact="ClassCounts",
    laws=("summary", "merge", "linear", "budget"),
    evidence=("naive_bayes",),
)
class ClassSketch(LinearSummary):
    """Count columns by class in a count-min table whose size does not grow.

    Args:
        classes: labels there may be: numbers, bools or strings.
        num_features: columns there are, 1..2**31 - 1.
        width: counters of a row and class, 1..2**31 - 1.
        depth: rows, 1..16; the least of their counters answers.
        storage: "float64", or "float32", which counts whole numbers only to 2**24.
        seed: which hash function of the family, 0..2**64 - 1.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> sketch = ClassSketch(["ham", "spam"], 1000, width=64)
        >>> sketch = sketch.add([([7, 7, 8], "spam"), ([8], "ham")])
        >>> bool((sketch.lookup([7, 8]) >= [[0, 2], [1, 1]]).all()), sketch.nbytes
        (True, 2080)
    """

    KIND = "class-sketch"

    def __init__(
        self,
        classes: ArrayLike,
        num_features: int = LARGEST,
        *,
        width: int = 1 << 16,
        depth: int = 2,
        storage: str = "float64",
        seed: int = 0,
    ) -> None:
        self.classes = class_labels(classes)
        self.num_features = int(in_range("num_features", num_features, 1, LARGEST))
        self.width = int(in_range("width", width, 1, LARGEST))
        self.depth = int(in_range("depth", depth, 1, 16))
        self.storage = one_of("storage", storage, tuple(STORAGE))
        self.seed, self._key = seed, seed_key(seed)
        shape = (self.depth, self.width, self.classes.size)
        self._table = np.zeros(shape, STORAGE[storage])
        self.totals, self.rows = np.zeros((2, self.classes.size))

    @classmethod
    def within(
        cls,
        budget: int | str,
        classes: ArrayLike,
        num_features: int = LARGEST,
        *,
        depth: int = 2,
        storage: str = "float64",
        seed: int = 0,
    ) -> Self:
        """The widest sketch of at most so many bytes.

        Raises:
            BudgetError: the budget cannot hold one counter a row and class.
            ValueError: another argument is out of range.
        """
        one_of("storage", storage, tuple(STORAGE))
        number = class_labels(classes).size
        each = int(in_range("depth", depth, 1, 16)) * number * np.dtype(STORAGE[storage]).itemsize
        room = budget_for("a class sketch", budget, 16 * number + each) - 16 * number
        width = min(room // each, LARGEST)
        return cls(classes, num_features, width=width, depth=depth, storage=storage, seed=seed)

    def spec(self) -> dict[str, Any]:
        """Everything it was made with."""
        names = ("num_features", "width", "depth", "storage", "seed")
        return {"classes": self.classes.tolist()} | {name: getattr(self, name) for name in names}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Counters, and what each class has in all."""
        return {"table": self._table, "totals": self.totals, "rows": self.rows}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Any]) -> Self:
        """A sketch from its spec and counters."""
        classes = class_labels(spec["classes"])
        shape = (int(spec["depth"]), int(spec["width"]), classes.size)
        kind = STORAGE[one_of("storage", spec["storage"], tuple(STORAGE))]
        table = taken(arrays, "table", kind, shape)
        small = dict(spec) | {"width": 1}
        made = cls(**small)
        made.width = int(in_range("width", shape[1], 1, LARGEST))
        made._table = np.ascontiguousarray(table)
        made.totals = taken(arrays, "totals", np.float64, classes.shape)
        made.rows = taken(arrays, "rows", np.float64, classes.shape)
        return made

    def add(self, batch: Any, weights: ArrayLike | None = None) -> Self:
        """Count rows of known class; arguments and errors as of `ClassCounts.add`.

        Raises:
            ValueError: a label, a column or a value is not one that may be.
        """
        keys, counts, rows = events(batch, weights, self.classes, self.num_features)
        _count(keys, counts, self._table, self._key)
        self.rows += rows
        self.totals += np.bincount(keys % self.classes.size, counts, self.classes.size)
        return self

    def lookup(self, columns: ArrayLike) -> NDArray[np.float64]:
        """Estimated counts of columns in each class, (u, classes)."""
        wanted = np.ascontiguousarray(columns, np.int64)
        out = np.empty((wanted.size, self.classes.size))
        _least(wanted, self._table, self._key, out)
        return out

    def error_bound(self, confidence: float = 0.95) -> NDArray[np.float64]:
        """How far a count may be too high, by class: exceeded with probability 1 - confidence.

        Raises:
            ValueError: confidence is outside 0..1.
        """
        miss = 1 - in_range("confidence", confidence, 0, 1)
        share = miss ** (1 / self.depth) * self.width
        return np.minimum(self.totals / max(share, 1e-300), self.totals)

    @property
    def distinct(self) -> int:
        """Columns that occurred, estimated from the counters that nobody touched."""
        empty = max(1, int((~self._table[0].any(axis=1)).sum()))
        return round(self.width * np.log(self.width / empty))
