"""Mix: shuffle more rows than memory holds, every epoch anew, through files on disk."""

import base64
import binascii
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import (
    FormatError,
    IncompatibleError,
    SaveError,
    in_range,
    load,
    method,
    parse_bytes,
    save,
)
from thrifty.data.gather import gather

__all__ = ["Mixer"]

KIND, VERSION = "mixed-rows", 1
ROWS, MANIFEST = "rows.bin", "manifest.thrifty"
ADDING, LOADING, CHUNK = 0.3, 0.35, 0.1
MOST_PENDING = 32_000_000
INDEX = {
    "part": np.int32, "rows": np.int64, "offset": np.int64, "nbytes": np.int64, "crc": np.uint32,
}  # fmt: skip


@method(
    source="Sanders 1998, Random permutations on distributed, external and hierarchical memory",
    memory="at most `memory`",
    time="each row is written once, and read once an epoch",
    error="none while nbytes <= 0.35 * memory * partitions; beyond, see evidence",
    exact="rng.permutation(rows)",
    laws=("order",),
    evidence=("mix",),
)
class Mixer:
    """Keep rows on disk and give them in a new random order each epoch, in bounded memory.

    Rows are scattered at random over partitions as they come, in blocks. An epoch takes the
    partitions in random order, as many at a time as memory holds, and permutes their rows
    together. As each partition is a random sample of all rows, a file that is sorted by its target
    or by time gives chunks like those of a shuffled file. A partition that does not fit is
    taken by random blocks.

    Args:
        folder: where the rows are spilled; made if it is not there.
        memory: bytes this may hold, as "64 MB" or an int, at least 1 MB.
        seed: of the scattering and of every epoch's order.
        partitions: how many, 1..4096; about 3 * expected bytes / memory, or more.

    Raises:
        ValueError: memory or partitions is out of range.

    Example:
        >>> import tempfile
        >>> mixer = Mixer(tempfile.mkdtemp(), memory="1 MB")
        >>> mixer.add(pa.RecordBatch.from_pydict({"x": list(range(1000))}))
        >>> mixer.finish()
        >>> one, two = ([x for b in mixer.epoch(e) for x in b["x"].to_pylist()] for e in (0, 1))
        >>> sorted(one) == list(range(1000)) == sorted(two), one == two
        (True, False)
        >>> mixer.remove()
    """

    def __init__(
        self, folder: str | Path, *, memory: int | str, seed: int = 0, partitions: int = 64
    ) -> None:
        self.memory = parse_bytes(memory)
        in_range("memory", self.memory, 1_000_000, 2**62)
        self.partitions = in_range("partitions", partitions, 1, 4096)
        self.folder, self.seed, self.schema = Path(folder), seed, None
        self.finished = False
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / MANIFEST).unlink(missing_ok=True)
        (self.folder / ROWS).write_bytes(b"")
        self._blocks: list[tuple[int, int, int, int, int]] = []
        self._pending: list[pa.RecordBatch] = []
        self._pending_nbytes, self._written, self._flushes = 0, 0, 0

    @classmethod
    def open(cls, folder: str | Path, *, memory: int | str | None = None) -> "Mixer":
        """Reopen what `finish` completed.

        Args:
            folder: as given when it was made.
            memory: None keeps the one it was made with; another gives other orders.

        Raises:
            FormatError: it was never finished, or is damaged.
        """
        folder = Path(folder)
        if not (folder / MANIFEST).is_file():
            raise FormatError(f"{folder}: no finished mix of rows here")
        header, arrays = load(folder / MANIFEST, kind=KIND, version=VERSION)
        mixer = cls.__new__(cls)
        mixer.folder, mixer.finished, mixer._index = folder, True, arrays
        try:
            mixer.memory = parse_bytes(header["memory"] if memory is None else memory)
            mixer.seed, mixer.partitions = int(header["seed"]), int(header["partitions"])
            mixer.schema = _schema_of(header["schema"])
            mixer._written = int(arrays["nbytes"].sum())
        except (KeyError, TypeError, binascii.Error, pa.ArrowInvalid) as error:
            raise FormatError(f"{folder / MANIFEST}: damaged: {error}") from error
        in_range("memory", mixer.memory, 1_000_000, 2**62)
        size = (folder / ROWS).stat().st_size if (folder / ROWS).is_file() else 0
        if size != mixer._written:
            raise FormatError(f"{folder / ROWS}: {size} bytes where {mixer._written} are expected")
        return mixer

    def add(self, batch: pa.RecordBatch) -> None:
        """Scatter the rows of a batch; all batches have one schema.

        Raises:
            ValueError: the mixer is finished.
            IncompatibleError: the schema is not that of the batches before.
            SaveError: the disk is full or not writable.
        """
        if self.finished:
            raise ValueError("mixer must be unfinished to add rows, got a finished one")
        self.schema = self.schema or batch.schema.remove_metadata()
        if not batch.schema.equals(self.schema):
            raise IncompatibleError(f"cannot mix rows of {batch.schema} with {self.schema}")
        step = max(1, int(batch.num_rows * self._room / max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, step):
            self._pending.append(batch.slice(start, step))
            self._pending_nbytes += self._pending[-1].nbytes
            if self._pending_nbytes >= self._room:
                self._flush()

    def finish(self) -> None:
        """Write what is pending and the manifest; only then can the rows be read or reopened.

        Raises:
            SaveError: the disk is full or not writable.
        """
        self._flush()
        with self._appending() as file:
            os.fsync(file.fileno())
        columns = zip(*self._blocks, strict=True) if self._blocks else ((),) * len(INDEX)
        self._index = {
            name: np.array(values, dtype=kind)
            for (name, kind), values in zip(INDEX.items(), columns, strict=True)
        }
        header = {
            "memory": self.memory, "seed": self.seed, "partitions": self.partitions,
            "schema": _schema_text(self.schema or pa.schema([])),
        }  # fmt: skip
        save(self.folder / MANIFEST, kind=KIND, version=VERSION, header=header, arrays=self._index)
        self.finished = True

    @property
    def num_rows(self) -> int:
        """Rows added so far."""
        if self.finished:
            return int(self._index["rows"].sum())
        return sum(block[1] for block in self._blocks) + sum(b.num_rows for b in self._pending)

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        return self._written

    def epoch(
        self, number: int, *, chunk_rows: int = 4096, start_chunk: int = 0
    ) -> Iterator[pa.RecordBatch]:
        """All rows once, in an order that only seed, epoch number, memory and chunk_rows decide.

        Args:
            number: of the epoch, from 0.
            chunk_rows: about how many rows a chunk has, at least 1; fewer where rows are so long
                that a chunk would take more than a tenth of the memory.
            start_chunk: leave out that many chunks, to go on where a pass was broken off.

        Raises:
            ValueError: the mixer is not finished, or an argument is out of range.
            FormatError: the rows on disk are damaged.
        """
        if not self.finished:
            raise ValueError("mixer must be finished before an epoch, got an unfinished one")
        in_range("number", number, 0, 2**31)
        in_range("chunk_rows", chunk_rows, 1, 2**31)
        in_range("start_chunk", start_chunk, 0, 2**62)
        return self._epoch(number, self._chunk_rows(chunk_rows), start_chunk)

    def num_chunks(self, number: int, *, chunk_rows: int = 4096) -> int:
        """How many chunks `epoch` gives with the same arguments."""
        groups = self._groups(np.random.default_rng([self.seed, number]))
        return sum(len(self._cuts(group, self._chunk_rows(chunk_rows))) - 1 for group in groups)

    def remove(self) -> None:
        """Delete the rows and the manifest, and the folder if nothing else is in it."""
        for name in (MANIFEST, ROWS):
            (self.folder / name).unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    @property
    def _room(self) -> int:
        return min(MOST_PENDING, int(ADDING * self.memory))

    def _flush(self) -> None:
        """Write the pending rows, scattered over the partitions: one block to each."""
        if not self._pending:
            return
        pending, self._pending, self._pending_nbytes = self._pending, [], 0
        batch = pa.concat_batches(pending)
        del pending
        rng = np.random.default_rng([self.seed, self._flushes, 1])
        self._flushes += 1
        parts = rng.integers(0, self.partitions, batch.num_rows, dtype=np.uint16)
        order = np.argsort(parts, kind="stable")
        cuts = np.searchsorted(parts[order], np.arange(self.partitions + 1))
        batch = gather(batch, order)
        with self._appending() as file:
            for part in np.flatnonzero(np.diff(cuts)):
                block = batch.slice(cuts[part], cuts[part + 1] - cuts[part])
                data = block.serialize()
                file.write(data)
                crc = zlib.crc32(data)
                self._blocks.append((int(part), len(block), self._written, data.size, crc))
                self._written += data.size

    @contextmanager
    def _appending(self) -> Iterator[IO[bytes]]:
        try:
            with open(self.folder / ROWS, "ab") as file:
                yield file
        except OSError as error:
            message = f"cannot write {self.folder / ROWS}: {os.strerror(error.errno or 0)}"
            raise SaveError(error.errno or 0, message) from error

    def _chunk_rows(self, chunk_rows: int) -> int:
        a_row = max(1.0, self.nbytes / max(1, self.num_rows))
        return max(1, min(chunk_rows, int(CHUNK * self.memory / a_row)))

    def _epoch(self, number: int, chunk_rows: int, skip: int) -> Iterator[pa.RecordBatch]:
        groups = self._groups(np.random.default_rng([self.seed, number]))
        for at, group in enumerate(groups):
            cuts = self._cuts(group, chunk_rows)
            if skip < len(cuts) - 1:
                rows = self._load(group)
                order = np.random.default_rng([self.seed, number, at]).permutation(rows.num_rows)
                for start, stop in zip(cuts[skip:-1], cuts[skip + 1 :], strict=True):
                    yield gather(rows, order[start:stop])
                del rows
            skip = max(0, skip - (len(cuts) - 1))

    def _cuts(self, group: NDArray[np.int64], chunk_rows: int) -> NDArray[np.int64]:
        """Where a group's rows are cut into chunks of nearly one length."""
        rows = int(self._index["rows"][group].sum())
        return np.linspace(0, rows, max(1, round(rows / chunk_rows)) + 1).astype(np.int64)

    def _groups(self, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """Blocks to load together: whole partitions, or random blocks of one that is too large."""
        limit, nbytes = LOADING * self.memory, self._index["nbytes"]
        groups: list[list[int]] = []
        room = 0.0
        for part in rng.permutation(self.partitions):
            blocks = np.flatnonzero(self._index["part"] == part)
            whole = nbytes[blocks].sum() <= limit
            for unit in [blocks] if whole else rng.permutation(blocks)[:, None]:
                need = float(nbytes[unit].sum())
                if not groups or need > room:
                    groups.append([])
                    room = limit
                groups[-1].extend(unit)
                room -= need
        return [np.sort(np.array(group, dtype=np.int64)) for group in groups if group]

    def _load(self, group: NDArray[np.int64]) -> pa.RecordBatch:
        with open(self.folder / ROWS, "rb", buffering=0) as file:
            return pa.concat_batches([self._block(file.fileno(), int(i)) for i in group])

    def _block(self, file: int, i: int) -> pa.RecordBatch:
        offset, nbytes = int(self._index["offset"][i]), int(self._index["nbytes"][i])
        data = os.pread(file, nbytes, offset)
        if len(data) != nbytes or zlib.crc32(data) != self._index["crc"][i]:
            raise FormatError(f"{self.folder / ROWS}, byte {offset}: a block of rows is damaged")
        return pa.ipc.read_record_batch(pa.py_buffer(data), self.schema)


def _schema_text(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize()).decode()


def _schema_of(text: str) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
