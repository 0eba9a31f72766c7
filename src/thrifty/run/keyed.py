"""Keyed folds: an answer for each key, in bounded memory however many keys there are."""

import importlib
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from thrifty.core import Summary, in_range, method, one_of, parse_bytes, whole
from thrifty.data.report import Report
from thrifty.run._shuffle import Answers, KeyedWork, Shuffle
from thrifty.run.aggregates import Aggregates
from thrifty.run.external_sort import aligned, merge_sorted
from thrifty.run.fold import ENGINES, cores
from thrifty.run.outcome import Outcome
from thrifty.run.pieces import pieces

__all__ = ["Keyed", "fold_by"]

LEAST = 8_000_000
Progress = Callable[[int, int], None]


class Keyed:
    """The answers of `fold_by`, on disk until it is closed or forgotten.

    Args:
        runs: a run for each hash, sorted by key.
        kept: what the answers are.
        folder: removed with this.
    """

    def __init__(self, runs: Answers, kept: Aggregates, folder: Any) -> None:
        self._runs, self._kept, self.num_rows = runs, kept, runs.num_rows
        self.keys = kept.keys
        self.close = weakref.finalize(self, folder.cleanup)

    def __enter__(self) -> "Keyed":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        return self._runs.nbytes

    def batches(self, *, sort: bool = False) -> Iterator[pa.Table]:
        """The answers, some at a time; it can be called again.

        Args:
            sort: by key over all; else by key within each of 16 partitions by the key's hash.
        """
        streams = self.streams()
        if sort:
            yield from merge_sorted(streams, self.keys, self._kept.sorted)
        else:
            for stream in streams:
                yield from stream

    def streams(self) -> list[Iterator[pa.Table]]:
        """The answers of each partition, by key."""
        return [self._runs.run(at, 0) for at in range(len(self._runs))]

    def to_table(self) -> pa.Table:
        """All answers, sorted by key."""
        found = list(self.batches())
        order = [(name, "ascending") for name in self.keys]
        return pa.concat_tables(found).sort_by(order) if found else pa.table({})

    def summaries(self, name: str, *, sort: bool = False) -> Iterator[tuple[Any, Summary]]:
        """Each key with its summary: a key of several columns is a tuple.

        Args:
            name: of the answer.
            sort: as for `batches`.

        Raises:
            ValueError: the answer of this name is no summary.
        """
        kind = self._kept.kinds[one_of("name", name, tuple(self._kept.kinds))]
        for table in self.batches(sort=sort):
            columns = [table[key].to_pylist() for key in self.keys]
            keys = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
            for key, state in zip(keys, table[name], strict=True):
                yield key, kind.from_bytes(state.as_py())

    def join(self, other: "Keyed") -> Iterator[pa.Table]:
        """Keys that both have, with the answers of both, a block of each in memory at a time.

        Raises:
            ValueError: their keys have other names, or an answer of both the same.
        """
        mine, theirs = self._kept.names[len(self.keys) :], other._kept.names[len(other.keys) :]
        if self.keys != other.keys or set(mine) & set(theirs):
            told = f"{self._kept.names} and {other._kept.names}"
            raise ValueError(f"names must be the same keys and other answers, got {told}")
        for pair in zip(self.streams(), other.streams(), strict=False):
            for left, right in aligned(pair, self.keys):
                if left is not None and right is not None:
                    yield from _met(left, right, self.keys, theirs)


@method(
    source="Dean and Ghemawat 2004, MapReduce (OSDI): combiner, shuffle by hash, sort; Knuth 1998, "
    "The art of computer programming 3, section 5.4.1: merges of runs",
    memory="at most `memory` a process beside the block that each thread reads",
    time="O(rows), and each key is sorted, written and merged once a run it is in; of a summary "
    "about 0.1 ms each time",
    error="none",
    exact="a dictionary from keys to answers",
    laws=("keyed",),
    evidence=("keyed", "keyed_engines"),
)
def fold_by(
    source: Any,
    key: str | Sequence[str],
    into: Mapping[str, Any],
    *,
    memory: int | str = "64 MB",
    prepare: Callable[[Any], Any] | None = None,
    engine: str = "threads",
    threads: int | None = None,
    folder: str | Path | None = None,
    progress: Progress | None = None,
    report: Report | None = None,
) -> Keyed:
    """Fold the rows of each key, and keep no more in memory than is named.

    Each worker combines the rows of its blocks by key; what outgrows its share of the memory is
    split by the hash of the key, sorted and spilled, and in the end the runs of each of 16 hashes
    are merged, a block of each at a time. Threads spill to disk; Ray and Spark carry the pieces
    to the workers that merge a hash. Word counts, inverted indexes, group-by and sketches of
    any number of keys; of two results a join.

    Where runs end and in which order they are merged depends on the source and `memory` alone:
    every engine and any number of threads give the same bytes, floats and summaries included,
    and a worker that dies is replaced without a trace.

    Args:
        source: as for `fold`.
        key: a column, or several.
        into: for each answer's name "count" (of rows); a pair of a column and one of "count" (of
            values that are not null), "sum", "min", "max", "any", "all", "list", "distinct"; or
            what an empty summary is fed, as for `fold`: the summary, or a function that makes it.
        memory: bytes that each process holds, at least 8 MB; a list, or the summary of a key, is
            held whole, and beside it a worker of Ray or Spark holds what its partition leaves.
        prepare: as for `fold`: texts to words, rows to other rows.
        engine: "threads", "ray" or "spark".
        threads: how many work at it, 1..64; None is one a core. No more combine and merge at a time
            than one for each 32 MB of the memory, and two. For Ray and Spark: of the local
            cluster that is started if there is none.
        folder: where runs are written; None is the system's for temporary files.
        progress: called as progress(bytes_done, rows_done) while it reads.
        report: where skipped rows are counted.

    Raises:
        DataError: rows cannot be used, or a column is not there.
        ValueError: memory or threads is out of range, or into asks for what is not known.
        TypeError: source is of no such kind, or what makes a summary makes none.
        SaveError: the disk is full or not writable.
        ModuleNotFoundError: the engine is not installed.
        RuntimeError: Spark finds no Java.

    Example:
        >>> from thrifty.run import fold_by
        >>> rows = [{"word": "a", "doc": 0}, {"word": "b", "doc": 0}, {"word": "b", "doc": 1}]
        >>> found = fold_by(rows, "word", {"n": "count", "docs": ("doc", "distinct")})
        >>> found.to_table().to_pylist()
        [{'word': 'a', 'n': 1, 'docs': [0]}, {'word': 'b', 'n': 2, 'docs': [0, 1]}]
        >>> from thrifty.sketch import HyperLogLog
        >>> found = fold_by(rows, "word", {"docs": ("doc", HyperLogLog(p=10))}, memory="8 MB")
        >>> {word: round(docs.count()) for word, docs in found.summaries("docs", sort=True)}
        {'a': 1, 'b': 2}
    """
    workers = cores() if threads is None else whole("threads", threads, 1, 64)
    room = int(in_range("memory", parse_bytes(memory), LEAST, 2**62))
    run = importlib.import_module(f"thrifty.run.on_{one_of('engine', engine, ENGINES)}")
    kept = Aggregates([key] if isinstance(key, str) else key, into)
    cut = pieces(source, None if prepare else kept.columns, min(room // 16, 32_000_000))
    shuffle = Shuffle(kept, prepare, room)
    work = KeyedWork(cut, shuffle)  # type: ignore[arg-type]
    home: Any = tempfile.TemporaryDirectory(prefix="fold-by-", dir=folder)
    try:
        answers = Answers(shuffle, Path(home.name))
        total = Outcome([], report=Report(work.strict))
        total.report.merge(cut.report)
        for outcome in run.keyed(work, cut.partitions(), workers, progress, answers):
            total.absorb(outcome)
    except BaseException:
        home.cleanup()
        raise
    if report is not None:
        report.merge(total.report)
    if progress is not None:
        progress(total.nbytes, total.rows)
    return Keyed(answers, kept, home)


def _met(
    left: pa.Table, right: pa.Table, keys: list[str], answers: list[str]
) -> Iterator[pa.Table]:
    """Rows of the keys in both, the answers of the right beside the left."""
    numbered = [t.select(keys).append_column(n, pa.array(range(len(t)))) for n, t in
                ((" left", left), (" right", right))]  # fmt: skip
    both = numbered[0].join(numbered[1], keys, join_type="inner", use_threads=False)
    both = both.sort_by(" left")
    if both.num_rows:
        met = left.take(both[" left"])
        for name in answers:
            met = met.append_column(name, right[name].take(both[" right"]))
        yield met
