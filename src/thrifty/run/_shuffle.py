"""Shuffle: rows combined by key in memory, split by hash and sorted on disk, then merged."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pyarrow as pa

from thrifty.data.report import Report
from thrifty.hashing import hash_column
from thrifty.run.aggregates import Aggregates
from thrifty.run.external_sort import BLOCK, Runs
from thrifty.run.feeds import prepared
from thrifty.run.on_threads import singles
from thrifty.run.outcome import Work
from thrifty.run.pieces import Pieces

__all__ = ["Shuffle"]

PARTITIONS = 16
KEEPING, MERGING, PIECES = 24, 24, 256  # measured: with these the peak keeps to the memory
Progress = Callable[[int, int], None]


class Share:
    """What one thread keeps: tables of unique keys, up to a limit."""

    def __init__(self, shuffle: "Shuffle", limit: int) -> None:
        self.shuffle, self.limit = shuffle, limit
        self.tables: list[pa.Table] = []
        self.nbytes = 0

    def add(self, table: pa.Table) -> None:
        """Keep a table; beyond the limit combine, and spill what is still more than half of it."""
        self.tables.append(table)
        self.nbytes += table.nbytes
        if self.nbytes > self.limit:
            table, self.tables = pa.concat_tables(self.tables), []
            table = self.shuffle.kept.combined(table)
            self.nbytes = table.nbytes
            if self.nbytes > self.limit // 2:
                self.shuffle.spill(table)
                self.nbytes = 0
            else:
                self.tables = [table]
        pa.default_memory_pool().release_unused()  # it would keep what this thread has freed

    def end(self) -> None:
        """Spill what is left."""
        if self.tables:
            self.shuffle.spill(self.shuffle.kept.combined(pa.concat_tables(self.tables)))
        self.tables = []


class Shuffle:
    """The two phases of a keyed fold, on threads.

    Args:
        kept: what is kept of each key.
        prepare: what is done to each batch first.
        folder: where runs are written.
        memory: bytes of all tables that are held.
        threads: how many work at it.
    """

    def __init__(
        self, kept: Aggregates, prepare: Any, folder: Path, memory: int, threads: int
    ) -> None:
        self.kept, self.prepare, self.threads = kept, prepare, threads
        most = memory // (MERGING * threads * BLOCK)
        self.runs = Runs(folder, kept.keys, kept.sorted, most)
        self.report = Report()
        self.num_keys, self.piece = 0, memory // PIECES
        self._shares: SimpleQueue[Share] = SimpleQueue()
        for _ in range(threads + 1):
            self._shares.put(Share(self, memory // (KEEPING * (threads + 1))))

    def fresh(self) -> list[Share]:
        """The share of a worker, as a fold asks for its summaries."""
        return [self._shares.get()]

    def feed(self, shares: list[Share], batch: Any) -> None:
        """Combine the rows of a batch by key."""
        for piece in _pieces(batch, self.piece):
            for ready in prepared(self.prepare, piece):
                shares[0].add(self.kept.of(ready))

    def read(self, cut: Pieces, progress: Progress | None) -> None:
        """First phase: all rows to sorted runs."""
        work = Work(cut, self)  # type: ignore[arg-type]
        self.report.merge(cut.report)
        nbytes = rows = 0
        for outcome in singles(work, cut.partitions(), self.threads, progress):
            self._shares.put(outcome.summaries[0])  # type: ignore[arg-type]
            self.report.merge(outcome.report)
            nbytes, rows = nbytes + outcome.nbytes, rows + outcome.rows
        for _ in range(self.threads + 1):
            self._shares.get().end()
        if progress is not None:
            progress(nbytes, rows)

    def spill(self, table: pa.Table) -> None:
        """Write a table of unique keys as a run: by the hash of the key, then by key."""
        words = np.zeros(table.num_rows, np.uint64)
        for seed, name in enumerate(self.kept.keys):
            words ^= hash_column(table[name], seed)
        order = [(name, "ascending") for name in ("", *self.kept.keys)]
        table = table.append_column("", pa.array(words % np.uint64(PARTITIONS)))
        table = table.sort_by(order)
        cuts = np.searchsorted(table[""].to_numpy(), np.arange(PARTITIONS + 1))
        table = table.drop_columns("")
        self.runs.add(table.slice(a, b - a) for a, b in itertools.pairwise(cuts))

    def finish(self) -> Runs:
        """Second phase: the runs of each partition to one."""
        self.runs.reduce()
        done = Runs(self.runs.folder, self.kept.keys, self.kept.sorted, self.runs.most)
        with ThreadPoolExecutor(self.threads) as pool:
            found = pool.map(lambda at: self._merge(done, at), range(PARTITIONS))
            for file, rows in found:
                done.files.append(file)
                self.num_keys += rows
        self.runs.clear()
        return done

    def _merge(self, done: Runs, at: int) -> tuple[Any, int]:
        rows = 0

        def counted() -> Iterator[pa.Table]:
            nonlocal rows
            for table in self.runs.merged(at):
                rows += table.num_rows
                yield table

        file = done.written([counted()])
        return file, rows


def _pieces(batch: Any, nbytes: int) -> Iterator[Any]:
    """A batch in pieces of about so many bytes; what is no table as it is."""
    if not isinstance(batch, pa.RecordBatch):
        yield batch
        return
    rows = max(1, batch.num_rows * nbytes // max(1, batch.nbytes))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
