"""Ray: partitions read and fed by tasks of a Ray cluster; a task whose worker dies is run again."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from thrifty.data.report import missing_column
from thrifty.run._shuffle import PARTITIONS, Answers, KeyedWork, Shuffle, reduced, unpacked
from thrifty.run.outcome import GROUP, Outcome, Work
from thrifty.run.pieces import ROWS, Partition

__all__ = ["keyed", "outcomes", "outcomes_of"]

GLANCE = 0.1
RETRIES = 4
Progress = Callable[[int, int], None]


def outcomes(
    work: Work, partitions: Iterator[Partition], threads: int, progress: Progress | None
) -> Iterator[Outcome]:
    """The outcomes of groups of neighbouring partitions, in order.

    Groups are merged in tasks too. About twice as many tasks are under way as there are cores.

    Args:
        work: what to do with a partition.
        partitions: in order; taken as there is room for them.
        threads: cores of the local cluster that is started where there is none.
        progress: called as progress(bytes_done, rows_done) when partitions are done.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        DataError: rows cannot be used.
    """
    return _outcomes(_Run(_cluster(threads), work, progress), partitions)


def _outcomes(run: "_Run", partitions: Iterator[Partition]) -> Iterator[Outcome]:
    try:
        for partition in partitions:
            run.submit(partition)
            while run.is_full():
                run.wait()
            yield from run.ready()
        run.close()
        while run.groups:
            run.wait()
            yield from run.ready()
    finally:
        run.cancel()


def keyed(
    work: KeyedWork,
    partitions: Iterator[Partition],
    threads: int,
    progress: Progress | None,
    answers: Answers,
) -> Iterator[Outcome]:
    """A keyed fold: pieces of runs are objects of Ray, and a task merges those of one hash.

    Args:
        work: what to do with a partition.
        partitions: in order; taken as there is room for them.
        threads: cores of the local cluster that is started where there is none.
        progress: called as progress(bytes_done, rows_done) when partitions are done.
        answers: where the answers of each hash are written.

    Yields:
        What there is to tell of each partition, in order.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        DataError: rows cannot be used.
    """  # fmt: skip
    run = _KeyedRun(_cluster(threads), work, progress)
    yield from _outcomes(run, partitions)
    answers.take(run.merged())


def outcomes_of(
    work: Work, source: Any, threads: int, progress: Progress | None
) -> Iterator[Outcome]:
    """The outcomes of the blocks of a Ray Dataset, in order.

    Args:
        work: what to do with rows.
        source: the Dataset.
        threads: not used: its cluster is there.
        progress: called as progress(bytes_done, rows_done) when blocks are done.

    Raises:
        DataError: a column is not there, or rows cannot be used.
    """
    columns = work.feeds.columns
    for name in columns or ():
        if name not in source.columns():
            raise missing_column(name, source.columns())
    source = source if columns is None else source.select_columns(columns)
    how = {"batch_size": None, "batch_format": "pyarrow", "zero_copy_batch": True}
    options = source.context.execution_options
    before, options.preserve_order = options.preserve_order, True
    nbytes = done = 0
    try:
        for row in source.map_batches(_block, fn_args=[work], **how).iter_rows():
            outcome = Outcome.from_bytes(row["outcome"], work.feeds.kinds)
            nbytes, done = nbytes + outcome.nbytes, done + outcome.rows
            yield outcome
            if progress is not None:
                progress(nbytes, done)
    finally:
        options.preserve_order = before


class _Run:
    """Tasks under way, and the groups they make."""

    def __init__(self, ray: Any, work: Work, progress: Progress | None) -> None:
        self.ray, self.work, self.progress = ray, work, progress
        self.room = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._sent = ray.put(work)
        self._task = ray.remote(num_returns=2, max_retries=RETRIES)(_partition)
        self._join = ray.remote(max_retries=RETRIES)(_join)
        self._group: list[Any] = []
        self.groups: deque[Any] = deque()
        self._running: list[Any] = []
        self._nbytes = self._rows = 0

    def submit(self, partition: Partition) -> None:
        """Start a task; the sixteenth closes its group."""
        data, done = self._task.remote(self._sent, partition.packed())
        self._group.append(data)
        self._running.append(done)
        if len(self._group) == GROUP:
            self.close()

    def close(self) -> None:
        """The group is whole: join it where its parts are."""
        if self._group:
            self.groups.append(self._join.remote(self._sent, *self._group))
            self._group = []

    def is_full(self) -> bool:
        """Whether a new task would only wait."""
        return len(self._running) >= self.room

    def wait(self) -> None:
        """Until a task is done, or a moment."""
        if not self._running:
            self.ray.wait([self.groups[0]], timeout=GLANCE)
            return
        ready, self._running = self.ray.wait(self._running, num_returns=1, timeout=GLANCE)
        for nbytes, rows in self.ray.get(ready):
            self._nbytes, self._rows = self._nbytes + nbytes, self._rows + rows
            if self.progress is not None:
                self.progress(self._nbytes, self._rows)

    def ready(self) -> Iterator[Outcome]:
        """The groups that are done, as far as all before them are."""
        while self.groups and self._is_done(self.groups[0]):
            yield Outcome.from_bytes(self.ray.get(self.groups.popleft()), self.work.feeds.kinds)

    def _is_done(self, task: Any) -> bool:
        return bool(self.ray.wait([task], timeout=0)[0])

    def cancel(self) -> None:
        """Stop what is still under way."""
        for task in [*self._running, *self.groups]:
            self.ray.cancel(task)


class _KeyedRun(_Run):
    """Tasks of a keyed fold under way, and the pieces of runs that they left."""

    def __init__(self, ray: Any, work: KeyedWork, progress: Progress | None) -> None:
        super().__init__(ray, work, progress)
        self._shuffle = ray.put(work.shuffle)
        self._map = ray.remote(num_returns=PARTITIONS + 2, max_retries=RETRIES)(_shuffled)
        self._merge = ray.remote(num_returns="streaming", max_retries=RETRIES)(_merged)
        self._pieces: list[list[Any]] = []

    def submit(self, partition: Partition) -> None:
        """Start a task."""
        *pieces, told, done = self._map.remote(self._sent, partition.packed())
        self._pieces.append(pieces)
        self.groups.append(told)
        self._running.append(done)

    def merged(self) -> Iterator[Iterator[pa.Table]]:
        """The answers of each hash."""
        tasks = [
            self._merge.remote(self._shuffle, list(p)) for p in zip(*self._pieces, strict=True)
        ]
        try:
            for task in tasks:
                yield (unpacked(self.ray.get(block)) for block in task)
        finally:
            for task in tasks:
                self.ray.cancel(task)


def _cluster(threads: int) -> Any:
    """Ray, connected: to the cluster in use, that of RAY_ADDRESS, or a local one."""
    try:
        import ray
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        message = "engine 'ray' needs Ray: pip install 'thrifty[ray]'"
        raise ModuleNotFoundError(message, name="ray") from error
    if not ray.is_initialized():
        local: dict[str, Any] = {
            "num_cpus": threads,
            "include_dashboard": False,
            "log_to_driver": False,
        }
        ray.init(**({} if os.environ.get("RAY_ADDRESS") else local))
    return ray


def _partition(work: Work, partition: Partition) -> tuple[bytes, tuple[int, int]]:
    """In a worker: the outcome of a partition, and bytes and rows for the progress."""
    data, nbytes, rows = work.sent(partition)
    return data, (nbytes, rows)


def _shuffled(work: KeyedWork, partition: Partition) -> tuple[Any, ...]:
    """In a worker: pieces of the runs of a partition for each hash, and what there is to tell."""
    pieces, told, done = work.shuffled(partition)
    return (*pieces, told, done)


def _merged(shuffle: Shuffle, several: list[Any]) -> Iterator[bytes]:
    """In a worker: the answers of one hash, its pieces taken one by one."""
    import ray

    yield from reduced(shuffle, enumerate(map(ray.get, several)))


def _join(work: Work, *several: bytes) -> bytes:
    """In a worker: the outcomes of neighbours as one."""
    return work.sent_on(several)


def _block(table: pa.Table, work: Work) -> pa.Table:
    """In a worker: the outcome of a block of a Dataset, as a table of one row."""
    batches = table.to_batches(max_chunksize=ROWS)
    data, _, _ = work.sent(Partition(batches, table.nbytes))
    return pa.table({"outcome": pa.array([data], pa.large_binary())})
