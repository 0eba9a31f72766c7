"""Aggregates: what is kept of the rows of a key, in a form that can be combined."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from thrifty.core import one_of
from thrifty.data.report import missing_column

__all__ = ["HOWS", "Aggregates"]

HOWS = {
    "count": "sum", "sum": "sum", "min": "min", "max": "max", "any": "any", "all": "all",
    "list": "list", "distinct": "distinct",
}  # fmt: skip
LISTS = ("list", "distinct")


class Aggregates:
    """Named answers for each key, from columns of the rows.

    Args:
        keys: names of the columns that are the key.
        into: for each name "count" (of rows) or a pair of a column and one of "count" (of values
            that are not null), "sum", "min", "max", "any", "all", "list" (of all values, in no
            order) and "distinct" (each value once, in no order).

    Raises:
        ValueError: a word is not one of these, a name is that of a key, or there is none.

    Example:
        >>> rows = pa.RecordBatch.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> kept = Aggregates(["k"], {"n": "count", "v": ("v", "sum")})
        >>> parts = [kept.of(rows), kept.of(rows.slice(1))]
        >>> kept.combined(pa.concat_tables(parts)).sort_by("k").to_pylist()
        [{'k': 'a', 'n': 3, 'v': 7}, {'k': 'b', 'n': 2, 'v': 4}]
    """

    def __init__(self, keys: Sequence[str], into: Mapping[str, Any]) -> None:
        self.keys = list(keys)
        if not into:
            raise ValueError("into must name at least one answer, got {}")
        self.parts: list[tuple[str, str | None, str]] = []
        for name, what in into.items():
            column, how = (None, what) if isinstance(what, str) else what
            one_of(f"into[{name!r}]", how, tuple(HOWS) if column is not None else ("count",))
            if name in self.keys:
                raise ValueError(f"names of into must not be those of keys, got {name!r}")
            self.parts.append((name, column, how))
        self.names = [*self.keys, *(name for name, _, _ in self.parts)]
        columns = (column for _, column, _ in self.parts if column is not None)
        self.columns = list(dict.fromkeys([*self.keys, *columns]))

    def of(self, batch: pa.RecordBatch | pa.Table) -> pa.Table:
        """One row a key of a batch.

        Raises:
            DataError: a column is not there.
        """
        for name in self.columns:
            if name not in batch.schema.names:
                raise missing_column(name, batch.schema.names)
        table = pa.table([_decoded(batch[name]) for name in self.columns], names=self.columns)
        asked = [([], "count_all") if c is None else (c, how) for _, c, how in self.parts]
        return self._grouped(table, asked)

    def combined(self, table: pa.Table) -> pa.Table:
        """One row a key, of several tables put together."""
        asked = [("", "list") if how in LISTS else (name, HOWS[how]) for name, _, how in self.parts]
        numbered = table.append_column("", pa.array(np.arange(table.num_rows)))
        found = self._grouped(numbered, asked)
        for at, (name, _, how) in enumerate(self.parts, start=len(self.keys)):
            if how in LISTS:
                joined = _joined(table[name].combine_chunks(), found.column(at).combine_chunks())
                joined = _distinct(joined) if how == "distinct" else joined
                found = found.set_column(at, name, joined)
        return found

    def sorted(self, table: pa.Table) -> pa.Table:
        """One row a key, of several tables put together, by key."""
        return self.combined(table).sort_by([(name, "ascending") for name in self.keys])

    def _grouped(self, table: pa.Table, asked: list[tuple[Any, str]]) -> pa.Table:
        unique = list(dict.fromkeys((str(c), how) for c, how in asked))
        found = table.group_by(self.keys, use_threads=False).aggregate(
            list({(str(c), how): (c, how) for c, how in asked}.values())
        )
        at = [len(self.keys) + unique.index((str(c), how)) for c, how in asked]
        return found.select([*range(len(self.keys)), *at]).rename_columns(self.names)


def _decoded(column: Any) -> Any:
    return column.cast(column.type.value_type) if pt.is_dictionary(column.type) else column


def _joined(lists: pa.ListArray, groups: pa.ListArray) -> pa.ListArray:
    """The lists of each group of rows as one list."""
    ordered = lists.take(groups.flatten())
    ends = np.append(0, np.cumsum(pc.list_value_length(ordered).to_numpy()))
    offsets = np.append(0, np.cumsum(pc.list_value_length(groups).to_numpy()))
    return pa.ListArray.from_arrays(pa.array(ends[offsets], pa.int32()), ordered.flatten())


def _distinct(lists: pa.ListArray) -> pa.ListArray:
    """Each value of a list once."""
    pairs = pa.table([pc.list_parent_indices(lists), lists.flatten()], names=["at", "value"])
    once = pairs.group_by(["at", "value"], use_threads=False).aggregate([]).sort_by("at")
    ends = np.searchsorted(once["at"].to_numpy(), np.arange(len(lists) + 1))
    values = once["value"].combine_chunks()
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)
