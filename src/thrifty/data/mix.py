"""Mix: shuffle more rows than memory holds, every epoch anew, through files on disk."""

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import (
    FormatError,
    IncompatibleError,
    in_range,
    load,
    method,
    parse_bytes,
    save,
)
from thrifty.data._spill import INDEX, Spill
from thrifty.data.gather import gather

__all__ = ["Mixer"]

KIND, VERSION = "mixed-rows", 1
ROWS, MANIFEST = "rows.bin", "manifest.thrifty"
ADDING, LOADING, CHUNK = 0.25, 0.3, 0.1
MOST_PENDING = 32_000_000
BLOCK = 1 << 15


@method(
    source="Sanders 1998, Random permutations on distributed, external and hierarchical memory",
    memory="at most `memory`",
    time="each row is written once, and read once an epoch",
    error="none while nbytes <= 0.3 * memory * partitions; beyond, see evidence",
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
        partitions: how many, 1..4096; rows of 0.3 * memory * partitions bytes come perfectly
            mixed. None is what keeps blocks at 32 kB: enough for 3.6 GB through 40 MB.

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
        self,
        folder: str | Path,
        *,
        memory: int | str,
        seed: int = 0,
        partitions: int | None = None,
    ) -> None:
        self.folder, self.seed, self.finished = Path(folder), seed, False
        self.memory = int(in_range("memory", parse_bytes(memory), 1_000_000, 2**62))
        usual = min(1024, max(16, self._room // BLOCK))
        self.partitions = int(
            in_range("partitions", usual if partitions is None else partitions, 1, 4096)
        )
        self.schema: pa.Schema | None = None
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / MANIFEST).unlink(missing_ok=True)
        self._spill = Spill(self.folder / ROWS)
        self._pending: list[pa.RecordBatch] = []
        self._pending_nbytes = self._flushes = 0

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
        header, index = load(folder / MANIFEST, kind=KIND, version=VERSION)
        mixer = cls.__new__(cls)
        mixer.folder, mixer.finished = folder, True
        mixer._pending, mixer._pending_nbytes = [], 0
        try:
            mixer.seed, mixer.partitions = int(header["seed"]), int(header["partitions"])
            mixer.schema = _schema_of(header["schema"])
            kept = header["memory"] if memory is None else memory
            mixer._spill = Spill(folder / ROWS, {name: index[name] for name in INDEX})
        except (KeyError, TypeError, binascii.Error, pa.ArrowInvalid) as error:
            raise FormatError(f"{folder / MANIFEST}: damaged: {error}") from error
        mixer.memory = int(in_range("memory", parse_bytes(kept), 1_000_000, 2**62))
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
        self._spill.sync()
        header = {
            "memory": self.memory, "seed": self.seed, "partitions": self.partitions,
            "schema": _schema_text(self.schema or pa.schema([])),
        }  # fmt: skip
        arrays = self._spill.index
        save(self.folder / MANIFEST, kind=KIND, version=VERSION, header=header, arrays=arrays)
        self.finished = True

    @property
    def num_rows(self) -> int:
        """Rows added so far."""
        return int(self._spill.index["rows"].sum()) + sum(map(len, self._pending))

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        return self._spill.nbytes

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
        size = self._chunk_rows(chunk_rows)
        return sum(len(self._cuts(group, size)) - 1 for group in self._groups(number))

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
        self._spill.append(
            (int(part), batch.slice(cuts[part], cuts[part + 1] - cuts[part]))
            for part in np.flatnonzero(np.diff(cuts))
        )

    def _chunk_rows(self, chunk_rows: int) -> int:
        a_row = max(1.0, self.nbytes / max(1, self.num_rows))
        return max(1, min(chunk_rows, int(CHUNK * self.memory / a_row)))

    def _epoch(self, number: int, chunk_rows: int, skip: int) -> Iterator[pa.RecordBatch]:
        for at, group in enumerate(self._groups(number)):
            cuts = self._cuts(group, chunk_rows)
            if skip < len(cuts) - 1:
                rows = self._spill.read(group, self.schema or pa.schema([]))
                order = np.random.default_rng([self.seed, number, at]).permutation(len(rows))
                for start, stop in zip(cuts[skip:-1], cuts[skip + 1 :], strict=True):
                    yield gather(rows, order[start:stop])
                del rows
            skip = max(0, skip - (len(cuts) - 1))

    def _cuts(self, group: NDArray[np.int64], chunk_rows: int) -> NDArray[np.int64]:
        """Where a group's rows are cut into chunks of nearly one length."""
        rows = int(self._spill.index["rows"][group].sum())
        return np.linspace(0, rows, max(1, round(rows / chunk_rows)) + 1).astype(np.int64)

    def _groups(self, number: int) -> list[NDArray[np.int64]]:
        """Blocks to load together: whole partitions, or random blocks of one that is too large."""
        rng = np.random.default_rng([self.seed, number])
        limit, nbytes = LOADING * self.memory, self._spill.index["nbytes"]
        by_part = np.argsort(self._spill.index["part"], kind="stable")
        counts = np.bincount(self._spill.index["part"], minlength=self.partitions)
        blocks = np.split(by_part, np.cumsum(counts)[:-1])
        groups: list[list[NDArray[np.int64]]] = []
        room = 0.0
        for part in rng.permutation(self.partitions):
            whole = nbytes[blocks[part]].sum() <= limit
            for unit in [blocks[part]] if whole else rng.permutation(blocks[part])[:, None]:
                need = float(nbytes[unit].sum())
                if not groups or need > room:
                    groups.append([])
                    room = limit
                groups[-1].append(unit)
                room -= need
        joined = [np.sort(np.concatenate(group)) for group in groups]
        return [group for group in joined if len(group)]


def _schema_text(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize()).decode()


def _schema_of(text: str) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
