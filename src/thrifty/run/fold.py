"""Fold: a whole source into one summary, partition by partition, on threads, Ray or Spark."""

import importlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from thrifty.core import method, one_of, parse_bytes, whole
from thrifty.data.report import Report
from thrifty.data.source import Source
from thrifty.run.feeds import Feeds
from thrifty.run.outcome import Outcome, Work, joined
from thrifty.run.pieces import HeldPieces, pieces

__all__ = ["cores", "fold"]

ENGINES = ("threads", "ray", "spark")
Progress = Callable[[int, int], None]


@method(
    source="Dean and Ghemawat 2004, MapReduce (OSDI); Zaharia et al. 2012, Resilient distributed "
    "datasets (NSDI)",
    memory="threads + 3 times the summaries, and a block of rows a thread",
    time="one pass; a merge a partition",
    error="none beside the summary's own",
    exact="into.add of all rows, one batch after the other",
    laws=("fold",),
    evidence=("fold",),
)
def fold(
    source: Any,
    into: Any,
    *,
    columns: str | Sequence[str] | None = None,
    prepare: Callable[[Any], Any] | None = None,
    engine: str | None = None,
    threads: int | None = None,
    partition: int | str | None = None,
    progress: Progress | None = None,
    report: Report | None = None,
) -> Any:
    """Add all rows of a source to a summary, in one pass.

    The source is cut into partitions; each is read and added to an empty copy, and the copies are
    merged in the order of the partitions, 16 neighbours at a time. Partitions and merges
    depend on the source alone, so every engine and any number of threads give the same bytes,
    and a worker that dies is replaced without a trace.

    Args:
        source: a path, glob, folder, list of paths or `data.Source`; an Arrow table, batch, reader,
            array or data set; a pandas or polars frame; an iterable of batches, of rows
            (dicts) or of values; a Spark DataFrame or a Ray Dataset.
        into: an empty summary, which does not change; or many by name: a mapping to `Each`,
            (column, summary), or a summary whose column has that name.
        columns: names to read; one summary is fed that column, or the batch of a list of them. None
            feeds the only column, or the batch if there are several.
        prepare: called with every batch in the worker; it returns the batch to feed, None for
            nothing, or an iterator of batches: map, filter and flatmap. One summary is then
            fed what it returns.
        engine: "threads", "ray" or "spark"; None is where the source is, else threads.
        threads: how many work at it, 1..1024; None is one a core. For Ray and Spark: of the local
            cluster that is started if there is none.
        partition: bytes of a partition, about, as "32 MB" or an int; None is a 32nd of
            the files within 4..32 MB. A row group of Parquet is never cut, nor a packed file.
        progress: called as progress(bytes_done, rows_done) while it goes on.
        report: where skipped rows are counted; a `data.Source` gets them as its `report` too.

    Returns:
        The summary, or a dict of them by the names of `into`.

    Raises:
        DataError: rows cannot be used; the message names the file and the place in it.
        TypeError: source or into is of no such kind.
        ValueError: an argument is out of range.
        ModuleNotFoundError: the engine is not installed.
        RuntimeError: Spark finds no Java.

    Example:
        >>> import numpy as np
        >>> from thrifty.sketch import CoMoments
        >>> rows = np.random.default_rng(0).normal(size=(100_000, 2))
        >>> one, two = (fold(rows, CoMoments(2), threads=n, partition="100 kB") for n in (1, 2))
        >>> one == two, int(one.counts()[0, 0])
        (True, 100000)
    """
    workers = cores() if threads is None else whole("threads", threads, 1, 1024)
    nbytes = None if partition is None else parse_bytes(partition, "partition")
    feeds, home = Feeds(into, columns, prepare), _home(source)
    engine = one_of("engine", engine or home or "threads", ENGINES)
    if home not in (None, engine):
        raise ValueError(f"engine must be {home!r} for a source that is there, got {engine!r}")
    if home:
        cut = HeldPieces([], None, None, name=f"{home.title()} rows")
    else:
        cut = pieces(source, feeds.columns, nbytes)
    work = Work(cut, feeds)
    run = importlib.import_module(f"thrifty.run.on_{engine}")
    if home:
        found = run.outcomes_of(work, source, workers, progress)
    else:
        found = run.outcomes(work, work.pieces.partitions(), workers, progress)
    total = _total(found, work)
    if isinstance(source, Source):
        source.report = total.report
    if report is not None:
        report.merge(total.report)
    if progress is not None:
        progress(total.nbytes, total.rows)
    return feeds.answer(total.summaries)


def _total(found: Iterator[Outcome], work: Work) -> Outcome:
    """All outcomes taken in by an empty one, in order."""
    total = Outcome(work.feeds.fresh(), report=Report(work.strict))
    total.report.merge(work.pieces.report)
    return joined(itertools.chain([total], found))


def _home(source: Any) -> str | None:
    """The engine a source lives in, by where its class is defined: nothing is imported."""
    module = type(source).__module__
    homes = {"pyspark.": "spark", "ray.data": "ray"}
    return next((name for start, name in homes.items() if module.startswith(start)), None)


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
