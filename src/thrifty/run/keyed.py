"""Keyed folds: an answer for each key, in bounded memory however many keys there are."""

import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from thrifty.core import in_range, method, parse_bytes, whole
from thrifty.data.report import Report
from thrifty.run._shuffle import Shuffle
from thrifty.run.aggregates import Aggregates
from thrifty.run.external_sort import Runs, aligned, merge_sorted
from thrifty.run.fold import cores
from thrifty.run.pieces import pieces

__all__ = ["Keyed", "fold_by"]

LEAST = 8_000_000
Progress = Callable[[int, int], None]


class Keyed:
    """The answers of `fold_by`, on disk until it is closed or forgotten.

    Args:
        runs: one run, its partitions sorted by key.
        kept: what the answers are.
        num_rows: how many keys.
        folder: removed with this.
    """

    def __init__(self, runs: Runs, kept: Aggregates, num_rows: int, folder: Any) -> None:
        self._runs, self._kept, self.num_rows = runs, kept, num_rows
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
    memory="at most `memory` beside the block that each thread reads",
    time="O(rows), and each key is sorted, written and merged once a run it is in",
    error="none",
    exact="a dictionary from keys to answers",
    laws=("keyed",),
    evidence=("keyed",),
)
def fold_by(
    source: Any,
    key: str | Sequence[str],
    into: Mapping[str, Any],
    *,
    memory: int | str = "64 MB",
    prepare: Callable[[Any], Any] | None = None,
    threads: int | None = None,
    folder: str | Path | None = None,
    progress: Progress | None = None,
    report: Report | None = None,
) -> Keyed:
    """Fold the rows of each key, and keep no more in memory than is named.

    Each thread combines the rows of its blocks by key; what outgrows its share of the memory is
    split by the hash of the key, sorted and written to disk, and in the end the runs of each
    partition are merged, a block of each at a time. Word counts, inverted indexes and group-by
    of any size; of two results a join.

    Args:
        source: as for `fold`.
        key: a column, or several.
        into: for each answer's name "count" (of rows), or a pair of a column and one of "count" (of
            values that are not null), "sum", "min", "max", "any", "all", "list", "distinct".
        memory: bytes that are held, at least 8 MB; a list is held whole.
        prepare: as for `fold`: texts to words, rows to other rows.
        threads: how many work at it, 1..64; None is one a core.
        folder: where runs are written; None is the system's for temporary files.
        progress: called as progress(bytes_done, rows_done) while it reads.
        report: where skipped rows are counted.

    Raises:
        DataError: rows cannot be used, or a column is not there.
        ValueError: memory or threads is out of range, or into asks for what is not known.
        SaveError: the disk is full or not writable.

    Example:
        >>> from thrifty.run import fold_by
        >>> rows = [{"word": "a", "doc": 0}, {"word": "b", "doc": 0}, {"word": "b", "doc": 1}]
        >>> found = fold_by(rows, "word", {"n": "count", "docs": ("doc", "distinct")})
        >>> found.to_table().to_pylist()
        [{'word': 'a', 'n': 1, 'docs': [0]}, {'word': 'b', 'n': 2, 'docs': [0, 1]}]
    """
    workers = cores() if threads is None else whole("threads", threads, 1, 64)
    room = int(in_range("memory", parse_bytes(memory), LEAST, 2**62))
    kept = Aggregates([key] if isinstance(key, str) else key, into)
    cut = pieces(source, None if prepare else kept.columns, min(room // 16, 32_000_000))
    home: Any = tempfile.TemporaryDirectory(prefix="fold-by-", dir=folder)
    try:
        run = Shuffle(kept, prepare, Path(home.name), room, workers)
        run.read(cut, progress)
        done = run.finish()
    except BaseException:
        home.cleanup()
        raise
    if report is not None:
        report.merge(run.report)
    return Keyed(done, kept, run.num_keys, home)


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
