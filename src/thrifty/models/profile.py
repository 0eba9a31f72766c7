"""Profile: what is in each column of files of any size, with bounds, in one pass."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic as clock
from typing import Any

import pyarrow as pa

from thrifty.core import DataError, parse_bytes, whole
from thrifty.data import Schema, Source, infer, open
from thrifty.data.kinds import kind_of
from thrifty.models.profile_ask import Ask
from thrifty.models.profile_plan import sizes_for
from thrifty.models.profile_state import TableProfile
from thrifty.run import fold

__all__ = ["profile"]

SAMPLE = 5000
Progress = Callable[[Mapping[str, Any]], None]


def profile(
    source: Any,
    *,
    memory: int | str = "64 MB",
    types: str | Mapping[str, str] | None = None,
    by: str | None = None,
    distinct: str | None = None,
    time: str | None = None,
    window: str | None = None,
    engine: str | None = None,
    threads: int | None = None,
    seed: int = 0,
    strict: bool = False,
    progress: Progress | None = None,
) -> TableProfile:
    """Profile a table in one pass.

    Args:
        source: files (a path, glob, folder or list), a `data.Source`, or an Arrow table or anything
            that exports one.
        memory: for the state of the profile, whatever the size of the table.
        types: kinds of columns that are known, as "age=number,tags=list:|".
        by: a column; the rows of each of its values are counted.
        distinct: a column whose distinct values are counted in each group and window.
        time: a column of dates; with window, distinct values are counted as it slides.
        window: its length, as "28d", "12h" or "30min".
        engine, threads: as for `run.fold`.
        seed: of the sketches; profiles merge only if it agrees.
        strict: raise at the first row that cannot be used.
        progress: called with phase, fraction and rows_per_second now and then.

    Returns:
        A summary that merges with profiles of other parts that have the same schema and sizes.

    Raises:
        BudgetError: the memory cannot hold the smallest sketches.
        DataError: a column is not there, time is no date, or strict and a value cannot be read.
        ValueError: an argument is out of range, or window without time and distinct.

    Example:
        >>> table = pa.table({"age": [7.0, 8.0, None], "city": ["a", "b", "a"]})
        >>> found = profile(table, memory="8 MB")
        >>> found.rows, found.columns["age"].counts["missing"], found.columns["city"].kind
        (3, 1, 'category')
    """
    opened = _opened(source, strict)
    schema = _schema(opened, types)
    workers = whole("threads", threads, 1, 1024) if threads else 2
    kinds = [column.kind for column in schema.columns]
    ask = Ask(by, distinct, time, window).checked(schema)
    sizes = sizes_for(
        parse_bytes(memory), kinds, threads=workers, groups=by is not None,
        windows=window is not None,
    )  # fmt: skip
    empty = TableProfile(schema, sizes, ask=ask, seed=seed)
    if sizes.directions:
        empty.look(opened.sample() if isinstance(opened, Source) else _some(opened))
    shown = None if progress is None else _shown(opened, progress)
    found = fold(
        opened, empty, columns=schema.names, engine=engine, threads=workers, progress=shown
    )
    if strict:
        _refuse_unreadable(found)
    return found


def _opened(source: Any, strict: bool) -> Source | pa.Table:
    if isinstance(source, (Source, pa.Table)):
        return source
    if hasattr(source, "__arrow_c_stream__"):
        return pa.table(source)
    return open(source, strict=strict)


def _schema(source: Source | pa.Table, types: str | Mapping[str, str] | None) -> Schema:
    """Kinds of all columns, also of those a model would ignore; no reasons, so profiles merge."""
    if isinstance(source, Source):
        told = infer(source, overrides=types)
        ignored = [column.name for column in told.columns if column.kind == "ignore"]
        again = infer(source, keep=ignored) if ignored else told
        found = [again[c.name] if c.kind == "ignore" else c for c in told.columns]
        return Schema(tuple(replace(column, reason="") for column in found))
    some, columns = _some(source), []
    for name in some.column_names:
        sample = some[name].combine_chunks()
        column = kind_of(name, sample)
        column = column if column.kind != "ignore" else kind_of(name, sample, keep=True)
        columns.append(replace(column, reason=""))
    return Schema(tuple(columns)).override(types)


def _some(table: pa.Table) -> pa.Table:
    """About 5,000 rows, spread over the table."""
    step = max(1, len(table) // SAMPLE)
    return table.take(list(range(0, len(table), step))) if len(table) else table


def _shown(source: Source | pa.Table, progress: Progress) -> Callable[[int, int], None]:
    """What `fold` reports, in the words of a progress line."""
    total, start = max(1, source.nbytes), clock()

    def told(nbytes: int, rows: int) -> None:
        seconds = max(1e-9, clock() - start)
        share = min(1.0, nbytes / total)
        left = seconds * (1 - share) / share if share > 0.01 else None
        progress(
            {"phase": "profiling", "fraction": share, "rows_per_second": rows / seconds,
             "seconds_left": left}
        )  # fmt: skip

    return told


def _refuse_unreadable(found: TableProfile) -> None:
    for name, column in found.columns.items():
        if count := column.counts["unreadable"]:
            told = f"{count:,} values of column {name!r} are no {column.kind}"
            raise DataError(f"{told}; without --strict they count as missing")
