"""Aggregates: what is kept of the rows of a key, in a form that can be combined."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from thrifty.core import Summary, one_of
from thrifty.data.report import missing_column
from thrifty.run.feeds import Feeds

__all__ = ["HOWS", "Aggregates"]

HOWS = {
    "count": "sum", "sum": "sum", "min": "min", "max": "max", "any": "any", "all": "all",
    "list": "list", "distinct": "distinct",
}  # fmt: skip
LISTS = ("list", "distinct")
SUMMARY = "summary"
ALL = 2**62


class Aggregates:
    """Named answers for each key, from columns of the rows.

    Args:
        keys: names of the columns that are the key.
        into: for each name "count" (of rows); a pair of a column and one of "count" (of values
            that are not null), "sum", "min", "max", "any", "all", "list" (of all values, in
            order) and "distinct" (each value once, as they came first); or, as for `fold`, what
            an empty summary is fed, the summary itself or what makes it: it is kept as bytes.

    Raises:
        TypeError: what makes a summary makes none.
        ValueError: a word is not one of these, a name is that of a key, or there is none.

    Example:
        >>> rows = pa.RecordBatch.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> kept = Aggregates(["k"], {"n": "count", "v": ("v", "sum")})
        >>> parts = [*kept.of(rows), *kept.of(rows.slice(1))]
        >>> kept.combined(pa.concat_tables(parts)).sort_by("k").to_pylist()
        [{'k': 'a', 'n': 3, 'v': 7}, {'k': 'b', 'n': 2, 'v': 4}]
    """

    def __init__(self, keys: Sequence[str], into: Mapping[str, Any]) -> None:
        self.keys = list(keys)
        if not into:
            raise ValueError("into must name at least one answer, got {}")
        parts = {name: _part(name, what) for name, what in into.items()}
        for name in parts:
            if name in self.keys:
                raise ValueError(f"names of into must not be those of keys, got {name!r}")
        self.parts = [(name, *part[:2]) for name, part in parts.items()]
        fed = {name: part[2] for name, part in parts.items() if part[1] == SUMMARY}
        self.feeds: Any = Feeds(fed, None, None) if fed else None
        self.names = [*self.keys, *parts]
        self.columns = self._needed()

    @property
    def kinds(self) -> dict[str, type[Summary]]:
        """Of the answers that are summaries."""
        return dict(zip(self.feeds.parts, self.feeds.kinds, strict=True)) if self.feeds else {}

    def of(self, batch: pa.RecordBatch | pa.Table, most: int = ALL) -> Iterator[pa.Table]:
        """One row a key of a batch; with summaries, tables of about `most` bytes of them.

        Raises:
            DataError: a column is not there.
        """
        names = batch.schema.names if self.columns is None else self.columns
        for name in [*self.keys, *names]:
            if name not in batch.schema.names:
                raise missing_column(name, batch.schema.names)
        table = pa.table([_decoded(batch[name]) for name in names], names=names)
        asked = [_first(column, how) for _, column, how in self.parts]
        if self.feeds is None:
            yield self._grouped(table, asked)
        elif table.num_rows:
            yield from self._fed(table, self._grouped(_numbered(table), asked), most)

    def combined(self, table: pa.Table) -> pa.Table:
        """One row a key, of several tables put together, in their order."""
        asked = [
            ("", "list") if how in (*LISTS, SUMMARY) else (name, HOWS[how])
            for name, _, how in self.parts
        ]
        found = self._grouped(_numbered(table), asked)
        for at, (name, _, how) in enumerate(self.parts, start=len(self.keys)):
            if how in (*LISTS, SUMMARY):
                rows, values = (
                    t.column(i).combine_chunks() for t, i in ((found, at), (table, name))
                )
                found = found.set_column(at, name, self._joined(name, how, values, rows))
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

    def _needed(self) -> list[str] | None:
        """The columns to read; None is all."""
        if self.feeds and self.feeds.columns is None:
            return None
        plain = [column for _, column, how in self.parts if column is not None and how != SUMMARY]
        fed = self.feeds.columns if self.feeds else []
        return list(dict.fromkeys([*self.keys, *plain, *fed]))

    @cached_property
    def _blanks(self) -> list[Summary]:
        return self.feeds.fresh() if self.feeds else []

    def _fed(self, table: pa.Table, found: pa.Table, most: int) -> Iterator[pa.Table]:
        """The groups that were found, with summaries of their rows."""
        names = list(self.feeds.parts)
        groups = found[names[0]].combine_chunks()
        ordered = table.take(groups.flatten()).combine_chunks().to_batches()[0]
        held: list[list[bytes]] = []
        size = start = 0
        for low, high in itertools.pairwise(_ends(groups)):
            some = [blank.copy() for blank in self._blanks]
            self.feeds.feed(some, ordered.slice(low, high - low))
            held.append([one.to_bytes() for one in some])
            size += sum(map(len, held[-1]))
            if size >= most or start + len(held) == len(groups):
                part = found.slice(start, len(held))
                for name, column in zip(names, zip(*held, strict=True), strict=True):
                    part = part.set_column(part.schema.get_field_index(name), name, _bytes(column))
                yield part
                held, size, start = [], 0, start + len(held)

    def _joined(self, name: str, how: str, values: pa.Array, groups: pa.ListArray) -> pa.Array:
        if how == SUMMARY:
            return _absorbed(self.kinds[name], values, groups)
        joined = _joined(values, groups)
        return _distinct(joined) if how == "distinct" else joined


def _part(name: str, what: Any) -> tuple[str | None, str, Any]:
    """Column, how, and of summaries what they are fed."""
    if isinstance(what, str):
        return None, one_of(f"into[{name!r}]", what, ("count",)), None
    if isinstance(what, Summary):
        return None, SUMMARY, what
    column, how = what[:2]
    made = how() if callable(how) else how
    if isinstance(made, Summary):
        return None, SUMMARY, (column, made, *what[2:])
    if callable(how):
        raise TypeError(f"into[{name!r}] must make a summary, got {made!r}")
    return column, one_of(f"into[{name!r}]", how, tuple(HOWS)), None


def _first(column: str | None, how: str) -> tuple[Any, str]:
    """What is asked of rows."""
    if how == SUMMARY:
        return "", "list"
    return ([], "count_all") if column is None else (column, how)


def _numbered(table: pa.Table) -> pa.Table:
    return table.append_column("", pa.array(np.arange(table.num_rows)))


def _bytes(states: Sequence[bytes]) -> pa.Array:
    return pa.array(states, pa.large_binary())


def _ends(lists: pa.ListArray) -> list[int]:
    return np.append(0, np.cumsum(pc.list_value_length(lists).to_numpy())).tolist()


def _absorbed(kind: type[Summary], states: pa.Array, groups: pa.ListArray) -> pa.Array:
    """The summaries of each group of rows as one, taken in by the first in their order."""
    ordered = states.take(groups.flatten())
    found = []
    for low, high in itertools.pairwise(_ends(groups)):
        data = ordered[low].as_py()
        if high - low > 1:
            one = kind.from_bytes(data)
            for at in range(low + 1, high):
                one.absorb(kind.from_bytes(ordered[at].as_py()))
            data = one.to_bytes()
        found.append(data)
    return _bytes(found)


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
