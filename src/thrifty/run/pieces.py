"""Pieces: any source of rows as partitions that are read alone, the same whoever reads them."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.types as pt

from thrifty.data.files import Part
from thrifty.data.report import Report, missing_column
from thrifty.data.source import Source
from thrifty.data.source import open as open_source

__all__ = ["HeldPieces", "Partition", "Pieces", "pieces"]

ROWS = 1 << 16
SMALL, USUAL, LARGE = 4_000_000, 16_000_000, 32_000_000
Columns = Sequence[str] | None
Moved = Callable[[int], None]
VIEWS = ((pt.is_string_view, pa.large_string()), (pt.is_binary_view, pa.large_binary()))


class Partition(NamedTuple):
    """What one worker reads at a time: parts of files, fragments, or batches themselves."""

    items: Iterable[Any]
    nbytes: int

    def packed(self) -> "Partition":
        """The same, its batches as bytes of their own rows, ready to be sent."""
        items = [_packed(i) if isinstance(i, pa.RecordBatch) else i for i in self.items]
        return Partition(tuple(items), self.nbytes)


class Pieces(Protocol):
    """A source as partitions; it and they can be sent to another machine."""

    report: Report

    def partitions(self) -> Iterator[Partition]:
        """The partitions in order; what they are depends on the source alone."""
        ...

    def read(self, partition: Partition, report: Report, moved: Moved) -> Iterator[tuple[str, Any]]:
        """The batches of a partition, each with the name of where it lies."""
        ...


def pieces(source: Any, columns: Columns, nbytes: int | None = None) -> Pieces:
    """Cut a source into partitions.

    Args:
        source: a path, glob, folder, list of paths or `Source`; an Arrow table, batch, reader, data
            set or array; whatever exports an Arrow stream (pandas, polars); an iterable of
            batches, of rows (dicts) or of values.
        columns: names to read, of what has columns; None is all.
        nbytes: of a partition, about; smaller parts are put together. None is a 32nd of the files
            within 4..32 MB, and 16 MB of what is in memory.

    Raises:
        DataError: a column is not there, or the files cannot be used.
        TypeError: it is none of these.
    """
    if isinstance(source, (str, os.PathLike)) or _is_paths(source):
        source = open_source(source)
    if isinstance(source, Source):
        return FilePieces(source, columns, nbytes)
    if isinstance(source, pads.Dataset):
        return DatasetPieces(source, columns, nbytes)
    if isinstance(source, pa.RecordBatchReader):
        return HeldPieces(source, columns, nbytes)
    if isinstance(source, (pa.Array, np.ndarray)) or hasattr(source, "__arrow_c_stream__"):
        return HeldPieces([source], columns, nbytes)
    if isinstance(source, Iterable) and not isinstance(source, (dict, bytes)):
        return HeldPieces(source, columns, nbytes)
    kinds = "a path, an Arrow source, a data frame or an iterable of batches or rows"
    raise TypeError(f"source must be {kinds}, got {source!r}")


class FilePieces:
    """Files: byte ranges of text, row groups of Parquet."""

    def __init__(self, source: Source, columns: Columns, nbytes: int | None) -> None:
        self.source = source
        self.nbytes = nbytes or min(max(source.nbytes // 32, SMALL), LARGE)
        self.columns = _checked(columns, source.schema.names)
        self.report = source.fresh_report()

    def partitions(self) -> Iterator[Partition]:
        """Parts of about `nbytes`, in order."""
        parts = self.source.pieces(self.nbytes)
        return _grouped(((part, max(0, part.nbytes)) for part in parts), self.nbytes)

    def read(self, partition: Partition, report: Report, moved: Moved) -> Iterator[tuple[str, Any]]:
        """The batches of the parts."""
        for part in partition.items:
            name = _name_of(part)
            for batch in self.source.read(part, self.columns, report, moved):
                yield name, batch


class DatasetPieces:
    """An Arrow data set: its fragments, one row group each where they have them."""

    def __init__(self, source: pads.Dataset, columns: Columns, nbytes: int | None) -> None:
        self.schema, self.nbytes, self.report = source.schema, nbytes or LARGE, Report()
        self.columns = _checked(columns, source.schema.names)
        self._dataset = source

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_dataset": None}

    def partitions(self) -> Iterator[Partition]:
        """Fragments of about `nbytes`, in order."""
        return _grouped(_fragments(self._dataset), self.nbytes)

    def read(self, partition: Partition, report: Report, moved: Moved) -> Iterator[tuple[str, Any]]:
        """The batches of the fragments."""
        how = {"columns": self.columns, "batch_size": ROWS, "use_threads": False}
        for fragment in partition.items:
            name = getattr(fragment, "path", "") or "data set"
            for batch in fragment.to_batches(schema=self.schema, **how):
                if batch.num_rows:
                    yield name, _plain(batch)
        moved(partition.nbytes)


class HeldPieces:
    """What is in memory or comes one by one: batches, arrays, rows, values."""

    def __init__(
        self,
        source: Iterable[Any],
        columns: Columns,
        nbytes: int | None,
        name: str = "rows in memory",
    ) -> None:
        self.name, self.columns = name, columns
        self.nbytes, self.report = nbytes or USUAL, Report()
        self._source = source

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_source": None}

    def partitions(self) -> Iterator[Partition]:
        """Batches of about `nbytes` together, in order."""
        tables = (self._own(_as_arrow(batch)) for batch in _batches(self._source))
        sliced = (part for table in tables for part in _slices(table))
        return _grouped(((part, _size(part)) for part in sliced), self.nbytes)

    def read(self, partition: Partition, report: Report, moved: Moved) -> Iterator[tuple[str, Any]]:
        """The batches."""
        for item in partition.items:
            batch = _unpacked(item) if isinstance(item, bytes) else item
            yield self.name, batch
            moved(_size(batch))

    def _own(self, batch: Any) -> Any:
        if self.columns is None:
            return batch
        names = _checked(self.columns, batch.column_names if isinstance(batch, pa.Table) else [])
        return batch.select(names)


def _is_paths(source: Any) -> bool:
    listed = isinstance(source, (list, tuple)) and len(source) > 0
    return listed and all(isinstance(path, (str, os.PathLike)) for path in source)


def _checked(columns: Columns, names: list[str]) -> list[str]:
    for name in names if columns is None else columns:
        if name not in names:
            raise missing_column(name, names)
    return names if columns is None else list(columns)


def _name_of(part: Part) -> str:
    group = "" if part.row_group is None else f", row group {part.row_group}"
    return f"{part.file.name}{group}"


def _grouped(items: Iterable[tuple[Any, int]], nbytes: int) -> Iterator[Partition]:
    """Neighbours together until they hold `nbytes`."""
    held: list[Any] = []
    total = 0
    for item, size in items:
        held.append(item)
        total += size
        if total >= nbytes:
            yield Partition(tuple(held), total)
            held, total = [], 0
    if held:
        yield Partition(tuple(held), total)


def _fragments(dataset: pads.Dataset) -> Iterator[tuple[Any, int]]:
    for fragment in dataset.get_fragments():
        if not isinstance(fragment, pads.ParquetFileFragment):
            yield fragment, _file_size(fragment)
            continue
        for piece in fragment.split_by_row_group():
            yield piece, sum(group.total_byte_size for group in piece.row_groups)


def _file_size(fragment: Any) -> int:
    if isinstance(fragment, pads.FileFragment):
        return max(0, fragment.filesystem.get_file_info(fragment.path).size or 0)
    return 0


def _from_stream(source: Any) -> Any:
    if isinstance(source, (pa.Table, pa.ChunkedArray)):
        return source
    try:
        return pa.table(source)
    except pa.ArrowInvalid:
        return pa.chunked_array(source)


def _batches(source: Iterable[Any]) -> Iterator[Any]:
    """Batches as they come; rows and values gathered to batches."""
    for batched, items in itertools.groupby(source, _is_batch):
        if batched:
            yield from items
            continue
        while some := list(itertools.islice(items, ROWS)):
            yield pa.RecordBatch.from_pylist(some) if isinstance(some[0], dict) else some


def _is_batch(item: Any) -> bool:
    return hasattr(item, "__len__") and not isinstance(item, (str, bytes, dict, tuple))


def _as_arrow(batch: Any) -> Any:
    """Arrow data and data frames as a table, an array as its column "value"; others as they are."""
    if isinstance(batch, pa.RecordBatch):
        return pa.Table.from_batches([batch])
    if isinstance(batch, pa.Array):
        batch = pa.chunked_array([batch])
    elif hasattr(batch, "__arrow_c_stream__"):
        batch = _from_stream(batch)
    return pa.table({"value": batch}) if isinstance(batch, pa.ChunkedArray) else batch


def _slices(batch: Any) -> Iterator[Any]:
    """A batch in pieces of at most `ROWS` rows."""
    if isinstance(batch, pa.Table):
        yield from (_plain(b) for b in batch.to_batches(max_chunksize=ROWS) if b.num_rows)
    else:
        yield from (batch[i : i + ROWS] for i in range(0, len(batch), ROWS))


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Text in Arrow's newer layout as plain text."""
    types = [next((to for is_view, to in VIEWS if is_view(f.type)), f.type) for f in batch.schema]
    if types == batch.schema.types:
        return batch
    return batch.cast(pa.schema(list(zip(batch.schema.names, types, strict=True))))


def _packed(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _unpacked(data: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(data) as stream:
        return stream.read_next_batch()


def _size(batch: Any) -> int:
    """Bytes of a batch; of a list, a guess that every list of so many values shares."""
    nbytes = getattr(batch, "nbytes", None)
    return 64 * len(batch) if nbytes is None else int(nbytes)
