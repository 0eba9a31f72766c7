"""Spark: partitions read and fed by tasks of a Spark cluster; a task that dies is run again."""

import gc
import itertools
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from thrifty.data.report import missing_column
from thrifty.run._shuffle import PARTITIONS, Answers, KeyedWork, Shuffle, reduced, unpacked
from thrifty.run.outcome import GROUP, Outcome, Work, merged
from thrifty.run.pieces import ROWS, Partition

__all__ = ["keyed", "outcomes", "outcomes_of"]

GLANCE = 0.1
FAILURES = 4
LOCAL = {
    "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false",
    "spark.driver.maxResultSize": "0",
}  # fmt: skip
Progress = Callable[[int, int], None]
NO_JAVA = (
    "engine 'spark' needs Java 17 or newer, and none is found on PATH or in JAVA_HOME: install one "
    "(apt install openjdk-17-jre-headless, dnf install java-17-openjdk-headless, brew install "
    "openjdk@17 or conda install openjdk=17) or let JAVA_HOME name it"
)


def outcomes(
    work: Work, partitions: Iterator[Partition], threads: int, progress: Progress | None
) -> Iterator[Outcome]:
    """The outcomes of groups of neighbouring partitions, in order.

    A task is a partition, or a group of them where there are groups enough for all cores.

    Args:
        work: what to do with a partition.
        partitions: in order; all are listed before the first is read.
        threads: cores of the local session that is started where there is none.
        progress: called as progress(bytes_done, rows_done) ten times a second.

    Raises:
        ModuleNotFoundError: PySpark is not installed.
        RuntimeError: there is no Java.
        DataError: rows cannot be used.
    """
    context = _session(threads).sparkContext
    listed = [partition.packed() for partition in partitions]
    groups = -(-len(listed) // GROUP)
    whole = groups >= 2 * context.defaultParallelism
    size = GROUP if whole else 1
    tasks = [listed[at : at + size] for at in range(0, len(listed), size)]
    if tasks:
        done = _Done(context)
        numbered = context.parallelize(list(enumerate(tasks)), len(tasks))
        found = _collected(numbered.map(partial(_task, work, done.parts)), work, done, progress)
        yield from found if whole else merged(found)


def keyed(
    work: KeyedWork,
    partitions: Iterator[Partition],
    threads: int,
    progress: Progress | None,
    answers: Answers,
) -> Iterator[Outcome]:
    """A keyed fold: Spark shuffles pieces of runs, and a task merges those of one hash.

    Args:
        work: what to do with a partition.
        partitions: in order; all are listed before the first is read.
        threads: cores of the local session that is started where there is none.
        progress: called as progress(bytes_done, rows_done) ten times a second.
        answers: where the answers of each hash are written.

    Yields:
        What there is to tell of each partition, in order.

    Raises:
        ModuleNotFoundError: PySpark is not installed.
        RuntimeError: there is no Java.
        DataError: rows cannot be used.
    """  # fmt: skip
    context = _session(threads).sparkContext
    from pyspark import StorageLevel

    listed = [(at, partition.packed()) for at, partition in enumerate(partitions)]
    done = _Done(context)
    tasks = context.parallelize(listed, max(1, len(listed)))
    pieces = tasks.flatMap(partial(_shuffled, work, done.parts)).partitionBy(PARTITIONS + 1, int)
    told = partial(context.runJob, pieces, list, [PARTITIONS])
    for _, (_, data) in sorted(_watched(told, done, progress)):
        yield Outcome.from_bytes(data, ())
    merged = pieces.mapPartitionsWithIndex(partial(_merged, work.shuffle))
    merged.persist(StorageLevel.DISK_ONLY)
    try:
        _watched(lambda: [merged.count()], done, progress)
        each = itertools.groupby(merged.toLocalIterator(), itemgetter(0))
        answers.take((unpacked(data) for _, data in blocks if data) for _, blocks in each)
    finally:
        merged.unpersist()


def outcomes_of(
    work: Work, source: Any, threads: int, progress: Progress | None
) -> Iterator[Outcome]:
    """The outcomes of the partitions of a Spark DataFrame, in order.

    Args:
        work: what to do with rows.
        source: the DataFrame.
        threads: not used: its session is there.
        progress: called as progress(bytes_done, rows_done) ten times a second.

    Raises:
        DataError: a column is not there, or rows cannot be used.
    """
    names = source.columns if work.feeds.columns is None else work.feeds.columns
    for name in names:
        if name not in source.columns:
            raise missing_column(name, source.columns)
    chosen = source.select([f"`{name.replace('`', '``')}`" for name in names])
    plain = chosen.toDF(*[f"c{i}" for i in range(len(names))])  # mapInArrow knows no dots in names
    done = _Done(source.sparkSession.sparkContext)
    rows = plain.mapInArrow(partial(_batches, work, names, done.parts), "at int, outcome binary")
    yield from merged(_collected(rows.rdd.map(_pair), work, done, progress))


class _Done:
    """Bytes and rows of the tasks that are done."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.parts = context.accumulator(0), context.accumulator(0)

    def tell(self, progress: Progress) -> None:
        nbytes, rows = self.parts
        progress(nbytes.value, rows.value)


def _collected(pairs: Any, work: Work, done: _Done, progress: Progress | None) -> Iterator[Outcome]:
    """Outcomes in the order of their numbers."""
    found = _watched(pairs.collect, done, progress)
    return (Outcome.from_bytes(data, work.feeds.kinds) for _, data in sorted(found))


def _watched(job: Callable[[], list[Any]], done: _Done, progress: Progress | None) -> list[Any]:
    """Run a job; in a thread where there is someone to tell in this one how far it is."""
    if progress is None:
        return job()
    from pyspark import InheritableThread

    found: list[Any] = []
    failed: list[BaseException] = []

    def collect() -> None:
        try:
            found.extend(job())
        except BaseException as error:
            failed.append(error)

    thread: threading.Thread = InheritableThread(target=collect)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(GLANCE)
            done.tell(progress)
    except BaseException:
        done.context.cancelAllJobs()
        thread.join()
        raise
    if failed:
        raise failed[0]
    return found


def _session(threads: int) -> Any:
    """The session in use, or a local one."""
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("pyspark", "py4j"):
            raise
        message = "engine 'spark' needs PySpark: pip install 'thrifty[spark]'"
        raise ModuleNotFoundError(message, name="pyspark") from error
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    builder = SparkSession.builder.appName("thrifty")
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # spark-submit has a master and a Java of its own
        _check_java()
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.master(f"local[{threads},{FAILURES}]")
        for name, value in LOCAL.items():
            builder = builder.config(name, value)
    return builder.getOrCreate()


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if not (home and Path(home, "bin", "java").exists()) and shutil.which("java") is None:
        raise RuntimeError(NO_JAVA)


def _settle() -> None:
    """A worker of PySpark collects garbage after every task: spare it what was loaded for good."""
    if not gc.get_freeze_count():
        gc.freeze()


def _counted(parts: Any, nbytes: int, rows: int) -> None:
    parts[0].add(nbytes)
    parts[1].add(rows)


def _task(work: Work, parts: Any, numbered: tuple[int, list[Partition]]) -> tuple[int, bytes]:
    """In a worker: the outcome of neighbouring partitions, with their number."""
    _settle()
    at, partitions = numbered
    several = []
    for partition in partitions:
        data, nbytes, rows = work.sent(partition)
        several.append(data)
        _counted(parts, nbytes, rows)
    return at, several[0] if len(several) == 1 else work.sent_on(several)


def _shuffled(
    work: KeyedWork, parts: Any, numbered: tuple[int, Partition]
) -> Iterator[tuple[int, tuple[int, Any]]]:
    """In a worker: for each hash pieces of the runs of a partition, then what there is to tell."""
    _settle()
    at, partition = numbered
    pieces, told, done = work.shuffled(partition)
    _counted(parts, *done)
    return ((number, (at, data)) for number, data in enumerate([*pieces, told]))


def _merged(
    shuffle: Shuffle, number: int, parts: Iterator[tuple[int, Any]]
) -> Iterator[tuple[int, bytes]]:
    """In a worker: the answers of one hash, with its number; at first nothing."""
    _settle()
    if number < PARTITIONS:
        yield number, b""
        for data in reduced(shuffle, (pieces for _, pieces in parts)):
            yield number, data


def _batches(
    work: Work, names: list[str], parts: Any, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """In a worker: the outcome of a partition of a DataFrame, with its number."""
    from pyspark import TaskContext

    _settle()
    named = (batch.rename_columns(names) for batch in batches)
    sliced = (batch.slice(i, ROWS) for batch in named for i in range(0, len(batch), ROWS))
    data, nbytes, rows = work.sent(Partition(sliced, 0))
    _counted(parts, nbytes, rows)
    context = TaskContext.get()
    arrays = [pa.array([context.partitionId() if context else 0], pa.int32()), pa.array([data])]
    yield pa.RecordBatch.from_arrays(arrays, ["at", "outcome"])


def _pair(row: Any) -> tuple[int, bytes]:
    return row.at, bytes(row.outcome)
