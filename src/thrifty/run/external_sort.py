"""External sort: sorted runs of rows on disk, and merges of them a few blocks at a time."""

import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from thrifty.core import SaveError

__all__ = ["Runs", "aligned", "merge_sorted", "packed"]

BLOCK = 1 << 17
Combine = Callable[[pa.Table], pa.Table]
OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class Runs:
    """Tables of unique keys, each sorted by key and cut into partitions, kept on disk.

    Args:
        folder: where the files are written.
        keys: names of the columns that are the key.
        combine: makes one table of unique keys, sorted, of the rows of several.
        most: runs that are merged at a time; more are merged in rounds.

    Example:
        >>> import tempfile
        >>> runs = Runs(Path(tempfile.mkdtemp()), ["k"], lambda table: table.sort_by("k"), most=2)
        >>> for keys in ([1, 4], [2, 9], [3, 8], [5, 6]):
        ...     runs.add([pa.table({"k": keys})])
        >>> [k for table in runs.merged(0) for k in table["k"].to_pylist()]
        [1, 2, 3, 4, 5, 6, 8, 9]
    """

    def __init__(self, folder: Path, keys: Sequence[str], combine: Combine, most: int) -> None:
        self.folder, self.keys, self.combine, self.most = folder, list(keys), combine, max(2, most)
        self.files: list[tuple[Path, list[range]]] = []

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path, _ in self.files)

    def __len__(self) -> int:
        return len(self.files)

    def add(self, partitions: Iterable[pa.Table | Iterable[pa.Table]]) -> None:
        """Write a run: for each partition a table, or tables one after the other.

        Raises:
            SaveError: the disk is full or not writable.
        """
        self.files.append(self.written(partitions))

    def written(
        self, partitions: Iterable[pa.Table | Iterable[pa.Table]]
    ) -> tuple[Path, list[range]]:
        """Write a run that is not yet one of these: its file, and the blocks of each partition.

        Raises:
            SaveError: the disk is full or not writable.
        """
        path = self.folder / f"{uuid.uuid4().hex}.arrow"
        with _told(path), pa.OSFile(str(path), "wb") as file:
            return path, _write(file, partitions)

    def put(self, data: bytes) -> None:
        """A run of one partition, as `packed` gave it.

        Raises:
            SaveError: the disk is full or not writable.
        """
        path = self.folder / f"{uuid.uuid4().hex}.arrow"
        count = 0
        if data:
            count = pa.ipc.open_file(data).num_record_batches
            with _told(path):
                path.write_bytes(data)
        self.files.append((path, [range(count)]))

    def clear(self) -> None:
        """Remove all files."""
        for path, _ in self.files:
            path.unlink(missing_ok=True)
        self.files = []

    def run(self, number: int, partition: int) -> Iterator[pa.Table]:
        """The blocks of a partition of a run."""
        path, blocks = self.files[number]
        return _read(path, blocks[partition])

    def merged(self, partition: int) -> Iterator[pa.Table]:
        """The rows of a partition of all runs, sorted and combined."""
        streams = [self.run(number, partition) for number in range(len(self.files))]
        return merge_sorted(streams, self.keys, self.combine)

    def reduce(self, each: Callable[..., Iterable[Any]] = map) -> None:
        """Merge neighbours until there are few enough to be merged at once; order is kept.

        What is merged with what depends on the number of runs and `most` alone.

        Args:
            each: applies a function to several groups, as `map`.

        Raises:
            SaveError: the disk is full or not writable.
        """
        while len(self.files) > self.most:
            self.files = list(each(self._joined, list(_groups(self.files, self.most))))

    def _joined(self, some: list[tuple[Path, list[range]]]) -> tuple[Path, list[range]]:
        """Neighbours as one run."""
        if len(some) == 1:
            return some[0]
        done = self.written(
            merge_sorted([_read(path, b[at]) for path, b in some], self.keys, self.combine)
            for at in range(len(some[0][1]))
        )
        for path, _ in some:
            path.unlink(missing_ok=True)
        return done


def _groups(files: list[Any], most: int) -> Iterator[list[Any]]:
    """Neighbours to be merged, no more of them than needed."""
    over, at = len(files) - most, 0
    while at < len(files):
        size = min(most, max(over, 0) + 1)
        yield files[at : at + size]
        over, at = over - size + 1, at + size


def merge_sorted(
    streams: Sequence[Iterator[pa.Table]], keys: Sequence[str], combine: Combine
) -> Iterator[pa.Table]:
    """Merge streams of tables into one.

    Args:
        streams: each sorted by key, every key once.
        keys: names of the columns that are the key.
        combine: makes one table of unique keys, sorted, of the rows of several.

    Yields:
        Tables, sorted by key one after the other, every key once.
    """
    for slices in aligned(streams, keys):
        yield combine(pa.concat_tables([table for table in slices if table is not None]))


def aligned(
    streams: Sequence[Iterator[pa.Table]], keys: Sequence[str]
) -> Iterator[list[pa.Table | None]]:
    """Cut streams at common keys, two blocks of each in memory at a time.

    Args:
        streams: each sorted by key, every key once.
        keys: names of the columns that are the key.

    Yields:
        For each stream its rows up to some key, or None if it has none there; all rows of a key
        come together.
    """
    heads = [_Head(stream, list(keys)) for stream in streams]
    while True:
        for head in heads:
            head.fill()
        if all(head.table is None for head in heads):
            return
        lasts = [head.last for head in heads if head.coming is not None]
        yield [head.until(min(lasts)) if lasts else head.rest() for head in heads]


class _Head:
    """The first block of a stream that is not used up, and the one that comes after it."""

    def __init__(self, stream: Iterator[pa.Table], keys: list[str]) -> None:
        self.stream, self.keys = (table for table in stream if table.num_rows), keys
        self.table: pa.Table | None = None
        self.coming = next(self.stream, None)
        self.last: tuple[Any, ...] = ()

    def fill(self) -> None:
        """Go on to the next block where the first is used up."""
        if self.table is None and self.coming is not None:
            self.table = self.coming.combine_chunks()
            self.coming = next(self.stream, None)
            self.last = self._key(self.table.num_rows - 1)

    def rest(self) -> pa.Table | None:
        """Take the block."""
        taken, self.table = self.table, None
        return taken

    def until(self, frontier: tuple[Any, ...]) -> pa.Table | None:
        """Take the rows up to a key, and with it."""
        if self.table is None:
            return None
        if self.last <= frontier:
            return self.rest()
        low, high = 0, self.table.num_rows - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._key(middle) <= frontier else (low, middle)
        taken, self.table = self.table.slice(0, low), self.table.slice(low)
        return taken if low else None

    def _key(self, row: int) -> tuple[Any, ...]:
        table: Any = self.table
        return tuple(_ordered(table[name][row]) for name in self.keys)


def _ordered(value: pa.Scalar) -> tuple[int, Any]:
    """A value that compares as Arrow sorts: numbers, then NaN, then null."""
    if not value.is_valid:
        return (2, 0)
    plain = value.value if pt.is_temporal(value.type) else value.as_py()
    return (1, 0) if plain != plain else (0, plain)


def packed(table: pa.Table) -> bytes:
    """A run of one partition in memory; of no rows, nothing."""
    if not table.num_rows:
        return b""
    sink = pa.BufferOutputStream()
    _write(sink, [table])
    return sink.getvalue().to_pybytes()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Trouble with a file, as what it is."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise SaveError(error.errno or 0, f"cannot write {path}: {reason}") from error


def _write(file: Any, partitions: Iterable[pa.Table | Iterable[pa.Table]]) -> list[range]:
    blocks: list[range] = []
    count, writer = 0, None
    for partition in partitions:
        start = count
        for table in [partition] if isinstance(partition, pa.Table) else partition:
            writer = writer or pa.ipc.new_file(file, table.schema, options=OPTIONS)
            rows = max(1, int(BLOCK * table.num_rows / max(1, table.nbytes)))
            for batch in table.combine_chunks().to_batches(max_chunksize=rows):
                writer.write_batch(batch)
                count += 1
        blocks.append(range(start, count))
    if writer is not None:
        writer.close()
    return blocks


def _read(path: Path, blocks: range) -> Iterator[pa.Table]:
    if not blocks:
        return
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file) as reader:
        for at in blocks:
            yield pa.Table.from_batches([reader.get_batch(at)])
