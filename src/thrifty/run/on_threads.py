"""Threads: partitions read and fed by threads of this process; kernels run without the GIL."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from thrifty.run._shuffle import PARTITIONS, Answers, KeyedWork
from thrifty.run.outcome import Outcome, Work, merged
from thrifty.run.pieces import Partition

__all__ = ["keyed", "outcomes"]

GLANCE = 0.1
SHORTEST, LONGEST = 1e-4, 1e-3
_Box = list[Outcome | BaseException]
Progress = Callable[[int, int], None]


class _Stopped(Exception):
    """The fold was broken off."""


class _Watch:
    """What all threads have done, and whether they are to stop."""

    def __init__(self) -> None:
        self.nbytes = self.rows = 0
        self.stopped = False
        self._told = time.monotonic()
        self._lock = threading.Lock()

    def moved(self, nbytes: int, rows: int) -> None:
        if self.stopped:
            raise _Stopped
        with self._lock:
            self.nbytes, self.rows = self.nbytes + nbytes, self.rows + rows

    def tell(self, progress: Progress | None) -> None:
        """Say how far all are, ten times a second."""
        if progress is not None and time.monotonic() - self._told >= GLANCE:
            self._told = time.monotonic()
            progress(self.nbytes, self.rows)


def outcomes(
    work: Work, partitions: Iterator[Partition], threads: int, progress: Progress | None
) -> Iterator[Outcome]:
    """The outcomes of groups of neighbouring partitions, in order.

    At most `threads` + 1 partitions are in work or wait for one before them, so with the one
    that takes in the others no more than `threads` + 2 outcomes are held here.

    Args:
        work: what to do with a partition.
        partitions: in order; taken as they are needed, by this thread.
        threads: how many work at it; 1 is this thread alone.
        progress: called in this thread as progress(bytes_done, rows_done), ten times a second.
    """
    return merged(_singles(work, partitions, threads, progress))


def _singles(
    work: Work, partitions: Iterator[Partition], threads: int, progress: Progress | None
) -> Iterator[Outcome]:
    """As `outcomes`, but of each partition alone."""
    watch = _Watch()
    if threads == 1:
        return _here(work, partitions, watch, progress)
    return _pooled(work, partitions, threads, watch, progress)


def keyed(
    work: KeyedWork,
    partitions: Iterator[Partition],
    threads: int,
    progress: Progress | None,
    answers: Answers,
) -> Iterator[Outcome]:
    """A keyed fold: runs are files in the folder of the answers.

    Args:
        work: what to do with a partition.
        partitions: in order; taken as they are needed, by this thread.
        threads: how many read; as many as the memory has room for combine and merge.
        progress: called in this thread as progress(bytes_done, rows_done), ten times a second.
        answers: where the answers of each hash are written.

    Yields:
        What there is to tell of each partition, in order.
    """  # fmt: skip
    shuffle = work.shuffle
    runs = shuffle.runs(answers.folder)
    shuffle.write, shuffle.gate = runs.written, threading.BoundedSemaphore(shuffle.slots)
    for outcome in _singles(work, partitions, threads, progress):
        runs.files.extend(outcome.summaries.pop().runs)  # type: ignore[attr-defined]
        yield outcome
    with ThreadPoolExecutor(min(threads, shuffle.slots)) as pool:
        runs.reduce(pool.map)
        answers.take(map(runs.merged, range(PARTITIONS)), pool.map)
    runs.clear()


def _here(
    work: Work, partitions: Iterator[Partition], watch: _Watch, progress: Progress | None
) -> Iterator[Outcome]:
    def moved(nbytes: int, rows: int) -> None:
        watch.moved(nbytes, rows)
        if progress is not None and rows:
            progress(watch.nbytes, watch.rows)

    for partition in partitions:
        yield work(partition, moved)


def _pooled(
    work: Work, partitions: Iterator[Partition], threads: int, watch: _Watch,
    progress: Progress | None,
) -> Iterator[Outcome]:  # fmt: skip
    waiting: deque[_Box] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="fold")
    try:
        for partition in partitions:
            waiting.append([])
            pool.submit(_fill, waiting[-1], work, partition, watch)
            if len(waiting) > threads:
                yield _first(waiting, watch, progress)
        while waiting:
            yield _first(waiting, watch, progress)
    finally:
        watch.stopped = True
        pool.shutdown(wait=True, cancel_futures=True)


def _fill(box: _Box, work: Work, partition: Partition, watch: _Watch) -> None:
    """Work at a partition, and leave the outcome, or what went wrong, in its box."""
    try:
        box.append(work(partition, watch.moved))
    except BaseException as error:
        box.append(error)


def _first(waiting: deque[_Box], watch: _Watch, progress: Progress | None) -> Outcome:
    """The oldest outcome, once it is there.

    It is looked for without a lock: Ctrl-C that comes between taking one and letting it go would
    leave it taken, and the thread that needs it would hold up the end for ever.
    """
    pause = SHORTEST
    while not waiting[0]:
        time.sleep(pause)
        pause = min(2 * pause, LONGEST)
        watch.tell(progress)
    watch.tell(progress)
    found = waiting.popleft()[0]
    if isinstance(found, BaseException):
        raise found
    return found
