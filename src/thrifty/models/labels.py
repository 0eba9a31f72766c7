"""Labels: the column to predict as class numbers or standardised numbers, and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thrifty.core import DataError, FormatError, one_of
from thrifty.data import Column, Report, Schema
from thrifty.models._sparse import merge
from thrifty.models.classes import Classes
from thrifty.models.encoded import list_array

__all__ = ["TASKS", "Target"]

TASKS = ("auto", "one", "many", "number")
KIND_OF = {"one": "category", "many": "list", "number": "number"}
FEW = 100
LEFT_OUT = "rows without a target, left out"


class Target:
    """The column to predict.

    Args:
        column: its name, kind and, for lists in texts, separator.
        task: "one" class a row, "many" labels a row, or a "number".
        value: what classes are for people: "text", "int" or "bool".

    Example:
        >>> target = Target(Column("kind", "category"), "one")
        >>> batch = pa.RecordBatch.from_pydict({"kind": ["cat", None, "dog"]})
        >>> labels, kept = target.learn(batch)
        >>> labels.to_pylist(), kept.tolist(), target.num_outputs
        ([[0], [1]], [True, False, True], 2)
    """

    def __init__(self, column: Column, task: str, value: str = "text") -> None:
        one_of("task", task, TASKS[1:])
        one_of("value", value, ("text", "int", "bool"))
        self.task, self.value = task, value
        self.column = replace(column, kind=KIND_OF[task])
        self.classes = Classes()
        self.counts = np.zeros(0, np.int64)
        self.mean, self.scale = 0.0, 1.0
        self._sums = np.zeros(3)

    @classmethod
    def told(
        cls,
        name: str,
        schema: Schema,
        sample: pa.RecordBatch,
        *,
        task: str = "auto",
        separator: str | None = None,
    ) -> "Target":
        """Tell the task from a sample, unless it is given.

        Lists are "many"; fractions, and whole numbers with more than 100 distinct values, are a
        "number", unless they are mostly items of a list beside them; everything else is "one".

        Args:
            name: of the column.
            schema: with that column (`infer(..., keep=[name])`).
            sample: some raw rows.
            task: "auto", or what it is.
            separator: between the labels of a text; makes it "many".

        Raises:
            DataError: no such column, or it has no values.
            ValueError: task is none of those.
        """
        one_of("task", task, TASKS)
        column = schema[name]
        if separator is not None:
            column = replace(column, kind="list", separator=separator)
            task = "many" if task == "auto" else task
        if sample[name].null_count == len(sample):
            raise DataError(f"target {name!r} has no values")
        task = _guessed(column, schema, sample) if task == "auto" else task
        if task == "many" and column.kind != "list":
            column = replace(column, kind="list", separator=None)
        return cls(column, task, _value_of(sample[name]))

    @property
    def name(self) -> str:
        """The column."""
        return self.column.name

    @property
    def num_outputs(self) -> int:
        """Classes, or 1 for a number."""
        return 1 if self.task == "number" else len(self.classes)

    def learn(
        self, batch: pa.RecordBatch, report: Report | None = None
    ) -> tuple[pa.Array, NDArray[np.bool_]]:
        """Encode the target of raw rows; new classes are added.

        Args:
            batch: (n,) raw rows.
            report: where rows without a usable target are counted.

        Returns:
            list<int32> of class numbers or float64, of the rows that are kept, and which (n,) are.

        Raises:
            DataError: the report is strict, and a row has no usable target.
        """
        return self._encode(batch, report, self.classes.add)

    def look_up(
        self, batch: pa.RecordBatch, report: Report | None = None
    ) -> tuple[pa.Array, NDArray[np.bool_]]:
        """As `learn`, but an unknown class is negative and nothing is added."""
        return self._encode(batch, report, self.classes.find)

    def _encode(self, batch: pa.RecordBatch, report: Report | None, number_of: Any) -> Any:
        values = Schema((self.column,)).cast(batch, report)[self.name]
        missing = pc.is_null(values)
        if self.task == "one":
            missing = pc.or_kleene(missing, pc.equal(values, ""))
        kept = ~missing.to_numpy(zero_copy_only=False)
        if report is not None and not kept.all():
            report.add(LEFT_OUT, f"{self.name} is missing", int((~kept).sum()))
        values = values if kept.all() else values.filter(pa.array(kept))
        if self.task == "number":
            return values, kept
        if self.task == "one":
            ends = np.arange(len(values) + 1, dtype=np.int32)
            return list_array(ends, number_of(values)), kept
        return self._many(values, number_of), kept

    def _many(self, lists: pa.Array, number_of: Any) -> pa.Array:
        """Distinct labels of each row."""
        items = lists.flatten()
        whole = np.append(0, np.cumsum(pc.list_value_length(lists).to_numpy()))
        sound = ~pc.is_null(items).to_numpy(zero_copy_only=False)
        ends = np.append(0, np.cumsum(sound))[whole].astype(np.int32)
        numbers = number_of(items.drop_null())
        out_ends = np.zeros(len(ends), np.int64)
        kept, ones = np.empty(len(numbers), np.int32), np.empty(len(numbers), np.float32)
        used = merge(ends, numbers, 0.0, 2**30, out_ends, kept, ones)
        return list_array(out_ends.astype(np.int32), kept[:used])

    def observe(self, labels: pa.Array) -> None:
        """Count encoded targets that are trained on: rows of each class, or mean and spread."""
        if self.task == "number":
            x = labels.to_numpy()
            self._sums = _joined(self._sums, x)
            self.mean = float(self._sums[1])
            self.scale = float(np.sqrt(self._sums[2] / max(1.0, self._sums[0]))) or 1.0
            return
        more = np.bincount(labels.flatten().to_numpy(), minlength=len(self.counts))
        more[: len(self.counts)] += self.counts
        self.counts = more

    def check(self) -> None:
        """Refuse what cannot be learned.

        Raises:
            DataError: no rows, or one class only.
        """
        if self.task == "number" and self._sums[0] == 0:
            raise DataError(f"target {self.name!r} has no values")
        if self.task != "number" and self.num_outputs == 0:
            raise DataError(f"target {self.name!r} has no values")
        if self.task == "one" and self.num_outputs == 1:
            only = self.classes.name(0)
            raise DataError(f"target {self.name!r} has only one class, {only!r}")
        self.counts = np.pad(self.counts, (0, len(self.classes) - len(self.counts)))

    def ragged(self, labels: pa.Array) -> Any:
        """Encoded targets as the learner reads them: (offsets, ids), or standardised float32."""
        if self.task == "number":
            return ((labels.to_numpy() - self.mean) / self.scale).astype(np.float32)
        offsets = labels.offsets.to_numpy().astype(np.int64)
        return offsets - offsets[0], labels.flatten().to_numpy()

    def value_of(self, number: int) -> Any:
        """A class as people wrote it: text, int or bool."""
        name = self.classes.name(number)
        if self.value == "bool":
            return name == "true"
        return int(name) if self.value == "int" else name

    @property
    def nbytes(self) -> int:
        """Bytes of the class names and counts."""
        return self.classes.nbytes + self.counts.nbytes

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Header and arrays; `from_state` is the inverse."""
        header = {
            "column": vars(self.column), "task": self.task, "value": self.value,
            "mean": self.mean, "scale": self.scale, "sums": self._sums.tolist(),
        }  # fmt: skip
        return header, {"counts": self.counts, **self.classes.arrays()}

    @classmethod
    def from_state(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> "Target":
        """Inverse of `state`.

        Raises:
            FormatError: header or arrays are not of `state`.
        """
        try:
            self = cls(Column(**header["column"]), header["task"], header["value"])
            self.mean, self.scale = float(header["mean"]), float(header["scale"])
            self._sums = np.array(header["sums"], np.float64)
            self.classes = Classes.from_arrays(arrays["text"], arrays["offsets"])
            self.counts = arrays["counts"]
        except (KeyError, TypeError, ValueError, pa.ArrowInvalid) as error:
            raise FormatError(f"not the state of a target: {error!r}") from error
        return self


def _guessed(column: Column, schema: Schema, sample: pa.RecordBatch) -> str:
    if column.kind == "list":
        return "many"
    if column.kind != "number":
        return "one"
    values = Schema((column,)).cast(sample)[column.name].drop_null().to_numpy()
    whole = bool(np.all(values == np.floor(values)))
    if not whole:
        return "number"
    names = {str(int(value)) for value in values}
    return "one" if len(names) <= FEW or _are_items(names, schema, sample) else "number"


def _are_items(names: set[str], schema: Schema, sample: pa.RecordBatch) -> bool:
    """Whether half of the names or more are items of one list column."""
    lists = Schema(tuple(column for column in schema.columns if column.kind == "list"))
    found = (set(items.flatten().to_pylist()) for items in lists.cast(sample).columns)
    return any(2 * len(names & items) >= len(names) for items in found)


def _value_of(array: pa.Array) -> str:
    kind = array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_floating(kind):
        x = array.drop_null().to_numpy() if not pa.types.is_nested(array.type) else array.flatten()
        x = np.asarray(x)
        return "int" if np.all(x == np.floor(x)) else "text"
    return "int" if pa.types.is_integer(kind) else "text"


def _joined(sums: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Count, mean and squared distances from the mean, with more values (Chan et al. 1983)."""
    if len(x) == 0:
        return sums
    count, mean, squares = sums
    total, apart = count + len(x), float(x.mean()) - mean
    more = float(((x - x.mean()) ** 2).sum()) + apart**2 * count * len(x) / total
    return np.array([total, mean + apart * len(x) / total, squares + more])
