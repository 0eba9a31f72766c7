"""Shuffle: the keyed fold, whoever works at it: rows to runs by hash and key, runs to answers.

A run is a table of unique keys that one worker spilled: split by the hash of the key into
`PARTITIONS`, each sorted by key. Where runs end, and what is merged with what, depends on the rows
and the memory alone, so that all engines give the same bytes; they differ in how they carry the
pieces of runs from those who read rows to those who merge.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from thrifty.hashing import hash_column
from thrifty.run.aggregates import Aggregates
from thrifty.run.external_sort import BLOCK, Runs, packed
from thrifty.run.feeds import prepared
from thrifty.run.outcome import Outcome, Work, failure
from thrifty.run.pieces import Partition

__all__ = ["PARTITIONS", "Answers", "KeyedWork", "Shuffle", "reduced", "unpacked"]

PARTITIONS = 16
SLOT = 32_000_000
KEEPING, MERGING, PIECES = 24, 24, 256  # measured: with these the peak keeps to the memory
Run = list[bytes]


class Shuffle:
    """What every worker of a keyed fold must know. It can be sent.

    Args:
        kept: what is kept of each key.
        prepare: what is done to each batch first.
        memory: bytes of all tables that are held by a process.
    """

    kinds = ()

    def __init__(self, kept: Aggregates, prepare: Any, memory: int) -> None:
        self.kept, self.prepare = kept, prepare
        self.slots = max(2, memory // SLOT)
        self.limit = memory // (KEEPING * (self.slots + 1))
        self.most = memory // (MERGING * self.slots * BLOCK)
        self.piece = self.limit if kept.feeds else memory // PIECES  # few rows make few summaries
        self.write: Callable[[Iterator[pa.Table]], Any] = _packed_run
        self.gate: Any = nullcontext()

    def fresh(self) -> list["Share"]:
        """What a partition leaves, as a fold asks for its summaries."""
        return [Share(self)]

    def feed(self, shares: list["Share"], batch: Any) -> None:
        """Combine the rows of a batch by key."""
        for piece in _pieces(batch, self.piece):
            for ready in prepared(self.prepare, piece):
                for table in self.kept.of(ready, self.piece):
                    shares[0].add(table)

    def runs(self, folder: Path) -> Runs:
        """No runs yet, to be merged in a folder."""
        return Runs(folder, self.kept.keys, self.kept.sorted, self.most)


class Share:
    """What one partition of the source leaves: tables of unique keys up to a limit, and runs."""

    def __init__(self, shuffle: Shuffle) -> None:
        self.shuffle = shuffle
        self.runs: list[Any] = []
        self._tables: list[pa.Table] = []
        self._nbytes = 0

    def add(self, table: pa.Table) -> None:
        """Keep a table; beyond the limit combine, and spill what is still more than half of it."""
        self._tables.append(table)
        self._nbytes += sum(map(_size, table.to_batches()))
        if self._nbytes > self.shuffle.limit:
            self._combine(self.shuffle.limit // 2)
        pa.default_memory_pool().release_unused()  # it would keep what this thread has freed

    def end(self) -> None:
        """Spill what is left."""
        if self._tables:
            self._combine(0)

    def _combine(self, most: int) -> None:
        with self.shuffle.gate:
            some, self._tables = self._tables, []
            table = self.shuffle.kept.combined(pa.concat_tables(some)) if some[1:] else some[0]
            self._nbytes = sum(map(_size, table.to_batches()))
            if self._nbytes <= most:
                self._tables = [table]
                return
            self.runs.append(self.shuffle.write(_split(table, self.shuffle.kept.keys)))
            self._nbytes = 0


class KeyedWork(Work):
    """Work whose outcome holds the runs of a partition instead of summaries.

    Args:
        pieces: reads partitions.
        feeds: a `Shuffle`.
    """

    @property
    def shuffle(self) -> Shuffle:
        """What every worker must know."""
        return self.feeds  # type: ignore[return-value]

    def __call__(
        self, partition: Partition, moved: Callable[[int, int], None] | None = None
    ) -> Outcome:
        """Read a partition into runs.

        Raises:
            DataError: rows cannot be used; the message says where they lie.
        """
        outcome = super().__call__(partition, moved)
        outcome.summaries[0].end()  # type: ignore[attr-defined]
        return outcome

    def shuffled(self, partition: Partition) -> tuple[list[list[bytes]], bytes, tuple[int, int]]:
        """The runs of a partition as bytes, by the hash of their keys.

        Returns:
            For each hash a piece of each run; what to tell, or a failure; bytes read, rows fed.
        """
        try:
            outcome = self(partition)
        except Exception as error:
            return [[] for _ in range(PARTITIONS)], failure(error), (0, 0)
        runs = outcome.summaries[0].runs  # type: ignore[attr-defined]
        outcome.summaries = []
        pieces = [[run[at] for run in runs] for at in range(PARTITIONS)]
        return pieces, outcome.to_bytes(), (outcome.nbytes, outcome.rows)


class Answers(Runs):
    """The answers of a keyed fold: one run for each hash.

    Args:
        shuffle: how it is made.
        folder: where it is written.
    """

    def __init__(self, shuffle: Shuffle, folder: Path) -> None:
        super().__init__(folder, shuffle.kept.keys, shuffle.kept.sorted, shuffle.most)
        self.num_rows = 0

    def take(self, streams: Iterable[Iterator[pa.Table]], each: Any = map) -> None:
        """Write the answers of each hash, in order.

        Args:
            streams: tables, sorted by key, for each hash.
            each: applies a function to several streams, as `map`.
        """
        for file, rows in each(self._one, streams):
            self.files.append(file)
            self.num_rows += rows

    def _one(self, stream: Iterator[pa.Table]) -> tuple[Any, int]:
        rows = 0

        def counted() -> Iterator[pa.Table]:
            nonlocal rows
            for table in stream:
                rows += table.num_rows
                yield table

        return self.written([counted()]), rows


def reduced(shuffle: Shuffle, parts: Iterable[tuple[int, list[bytes]]]) -> Iterator[bytes]:
    """In a worker: the answers of one hash, from pieces of runs that are laid on its disk.

    Args:
        shuffle: how it is made.
        parts: the number of a partition of the source with its pieces, in any order.
    """
    with tempfile.TemporaryDirectory(prefix="fold-by-") as folder:
        runs = shuffle.runs(Path(folder))
        numbers = []
        for number, pieces in parts:
            for piece in pieces:
                runs.put(piece)
                numbers.append(number)
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        runs.files = [runs.files[at] for at in order]
        runs.reduce()
        for table in runs.merged(0):
            yield packed(table)


def unpacked(data: bytes) -> pa.Table:
    """Inverse of `packed`."""
    return pa.ipc.open_file(data).read_all()


def _split(table: pa.Table, keys: list[str]) -> Iterator[pa.Table]:
    """A table of unique keys by the hash of the key, then by key."""
    words = np.zeros(table.num_rows, np.uint64)
    for seed, name in enumerate(keys):
        words ^= hash_column(table[name], seed)
    order = [(name, "ascending") for name in ("", *keys)]
    table = table.append_column("", pa.array(words % np.uint64(PARTITIONS))).sort_by(order)
    cuts = np.searchsorted(table[""].to_numpy(), np.arange(PARTITIONS + 1))
    table = table.drop_columns("")
    return (table.slice(a, b - a) for a, b in itertools.pairwise(cuts))


def _packed_run(partitions: Iterator[pa.Table]) -> Run:
    return [packed(table) for table in partitions]


def _pieces(batch: Any, nbytes: int) -> Iterator[Any]:
    """A batch in pieces of about so many bytes; what is no table as it is."""
    if not isinstance(batch, pa.RecordBatch):
        yield batch
        return
    rows = max(1, batch.num_rows * nbytes // max(1, _size(batch)))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def _size(batch: pa.RecordBatch) -> int:
    """Bytes of a batch as it would be sent: the same however it lies in memory."""
    return pa.ipc.get_record_batch_size(batch)
