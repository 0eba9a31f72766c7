"""Spill: the first pass: rows are read once, encoded, counted, and mixed on disk or held out."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import DataError
from thrifty.data import Mixer, Source
from thrifty.hashing import mix64
from thrifty.models.featurizer import Featurizer
from thrifty.models.labels import Target

__all__ = ["Spill", "encoded", "few_rows", "from_bytes", "to_bytes"]

MOST_HELD, LEAST_HELD = 20_000, 20
AHEAD = 2
Progress = Callable[[int, int], None]
Pair = tuple[pa.RecordBatch, NDArray[np.bool_]]


def encoded(
    source: Source,
    featurizer: Featurizer,
    target: Target,
    *,
    threads: int = 1,
    progress: Progress | None = None,
) -> Iterator[Pair]:
    """Encoded rows of a source, in order, with their labels as column "labels".

    Args:
        source: where the rows are.
        featurizer: encodes them, with more than one thread beside the reading.
        target: gives the labels and takes in new classes; rows without a label are left out.
        threads: to use.
        progress: as for `Source.batches`.

    Yields:
        The rows that are kept, and which rows of the batch that was read they are.

    Raises:
        DataError: the source is strict, and a row cannot be used.
    """
    names = [n for n in source.schema.names if n in {*featurizer.schema.names, target.name}]
    ahead: deque[tuple[pa.Array, NDArray[np.bool_], Future[pa.RecordBatch]]] = deque()
    batches = source.batches(names, progress=progress)
    report = source.report
    with ThreadPoolExecutor(1) as pool:
        for batch in batches:
            labels, kept = target.learn(batch, report)
            batch = batch if kept.all() else batch.filter(pa.array(kept))
            ahead.append((labels, kept, pool.submit(featurizer.encode, batch, report)))
            while len(ahead) >= (AHEAD if threads > 1 else 1):
                yield _with_labels(*ahead.popleft())
        while ahead:
            yield _with_labels(*ahead.popleft())


def _with_labels(labels: pa.Array, kept: NDArray[np.bool_], rows: Future[pa.RecordBatch]) -> Pair:
    done = rows.result()
    return pa.RecordBatch.from_arrays([*done.columns, labels], [*done.schema.names, "labels"]), kept


class Spill:
    """Rows on their way: some are held out, the others are counted and mixed.

    Which rows are held out depends on their number in the file and the seed alone. Where more are
    held out than there is room for, the share is halved, and what is too much is trained on.

    Args:
        featurizer: counts features of training rows.
        target: counts classes of training rows.
        mixer: takes the training rows.
        share: of rows that are held out, 0..0.5.
        most_bytes: of held-out rows.
        seed: of the choice.
    """

    def __init__(
        self,
        featurizer: Featurizer,
        target: Target,
        mixer: Mixer,
        *,
        share: float,
        most_bytes: int,
        seed: int = 0,
    ) -> None:
        self.featurizer, self.target, self.mixer = featurizer, target, mixer
        self.share, self.most_bytes, self.seed = share, most_bytes, seed
        self.rows, self._number = 0, 0
        self._held: list[tuple[NDArray[np.float64], pa.RecordBatch]] = []
        self.again = False

    def add(self, rows: pa.RecordBatch, kept: NDArray[np.bool_]) -> None:
        """Take encoded rows with labels; see `encoded`.

        Raises:
            SaveError: the disk is full or not writable.
        """
        numbers = np.arange(self._number, self._number + len(kept))[kept]
        self._number += len(kept)
        chance = (mix64(numbers, self.seed) >> np.uint64(11)) / float(1 << 53)
        self._split(chance, rows)
        while self._too_much():
            self.share /= 2
            held, self._held = self._held, []
            for part in held:
                self._split(*part)

    def _split(self, chance: NDArray[np.float64], rows: pa.RecordBatch) -> None:
        out = chance < self.share
        if out.any():
            self._held.append((chance[out], rows.filter(pa.array(out))))
        rest = rows if not out.any() else rows.filter(pa.array(~out))
        if len(rest):
            self.train(rest)

    def train(self, rows: pa.RecordBatch) -> None:
        """Count rows and pass them to the mixer."""
        self.featurizer.observe(rows)
        self.target.observe(rows["labels"])
        self.mixer.add(rows)
        self.rows += len(rows)

    def _too_much(self) -> bool:
        count = sum(len(rows) for _, rows in self._held)
        nbytes = sum(rows.nbytes for _, rows in self._held)
        return count > LEAST_HELD and (count > MOST_HELD or nbytes > self.most_bytes)

    def finish(self) -> pa.RecordBatch:
        """End the pass; the held-out rows.

        With too few rows to hold some out, training rows are judged by: `again` is then True.

        Raises:
            DataError: there are no rows, or one class only.
            SaveError: the disk is full or not writable.
        """
        if self.rows == 0 and not self._held:
            raise DataError(f"no row with a target {self.target.name!r} to learn from")
        held = [rows for _, rows in self._held]
        count = sum(len(rows) for rows in held)
        if count < LEAST_HELD and self.share:
            for rows in held:
                self.train(rows)
            held = []
        self.target.check()
        self.mixer.finish()
        if not held:
            self.again = True
            first = next(self.mixer.epoch(0, chunk_rows=1000))
            return first.slice(0, 1000)
        return pa.concat_batches(held)


def to_bytes(rows: pa.RecordBatch) -> NDArray[np.uint8]:
    """Rows as the bytes of an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_batch(rows)
    return np.frombuffer(sink.getvalue(), np.uint8)


def from_bytes(data: NDArray[np.uint8]) -> pa.RecordBatch:
    """Inverse of `to_bytes`."""
    return next(iter(pa.ipc.open_stream(pa.py_buffer(data))))


def few_rows(pairs: Iterable[Pair], most_bytes: int) -> pa.RecordBatch:
    """The first rows of another file to judge by, as many as there is room for.

    Args:
        pairs: from `encoded`.
        most_bytes: that they may take.

    Raises:
        DataError: there are none.
    """
    found, nbytes = [], 0
    for rows, _ in pairs:
        if len(rows):
            found.append(rows)
            nbytes += rows.nbytes
        if nbytes > most_bytes or sum(len(rows) for rows in found) > MOST_HELD:
            break
    if not found:
        raise DataError("no row with a target in the validation file")
    return pa.concat_batches(found).slice(0, MOST_HELD)
