"""Spill: blocks of rows in one file, each found by an index and guarded by a checksum."""

import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import FormatError, SaveError

__all__ = ["INDEX", "Spill"]

INDEX = {
    "part": np.int32, "rows": np.int64, "offset": np.int64, "nbytes": np.int64, "crc": np.uint32,
}  # fmt: skip


class Spill:
    """A file of blocks (Arrow IPC messages), appended to, then read in any order.

    Args:
        path: the file.
        index: of what is in it; None starts it anew.

    Raises:
        FormatError: the file is not as long as the index says.
        SaveError: the disk is full or not writable.
    """

    def __init__(self, path: Path, index: dict[str, NDArray] | None = None) -> None:
        self.path = path
        self.index = index or {name: np.zeros(0, kind) for name, kind in INDEX.items()}
        self.nbytes = int(self.index["nbytes"].sum())
        if index is None:
            path.unlink(missing_ok=True)
            return
        size = path.stat().st_size if path.is_file() else 0
        if size != self.nbytes:
            raise FormatError(f"{path}: {size} bytes where {self.nbytes} are expected")

    def append(self, blocks: Iterable[tuple[int, pa.RecordBatch]]) -> None:
        """Write blocks, each with the number of its partition."""
        added = []
        with self._appending() as file:
            for part, block in blocks:
                data = block.serialize()
                file.write(data)
                added.append((part, len(block), self.nbytes, data.size, zlib.crc32(data)))
                self.nbytes += data.size
        for i, (name, kind) in enumerate(INDEX.items()):
            more = np.array([row[i] for row in added], kind)
            self.index[name] = np.concatenate([self.index[name], more])

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        with self._appending() as file:
            os.fsync(file.fileno())

    def read(self, blocks: Iterable[int], schema: pa.Schema) -> pa.RecordBatch:
        """The rows of some blocks, one after the other.

        Raises:
            FormatError: a block is damaged.
        """
        with open(self.path, "rb", buffering=0) as file:
            found = [self._block(file.fileno(), int(i), schema) for i in blocks]
        return pa.concat_batches(found)

    def _block(self, file: int, i: int, schema: pa.Schema) -> pa.RecordBatch:
        offset, nbytes = int(self.index["offset"][i]), int(self.index["nbytes"][i])
        data = os.pread(file, nbytes, offset)
        if len(data) != nbytes or zlib.crc32(data) != self.index["crc"][i]:
            raise FormatError(f"{self.path}, byte {offset}: a block of rows is damaged")
        return pa.ipc.read_record_batch(pa.py_buffer(data), schema)

    @contextmanager
    def _appending(self) -> Iterator[IO[bytes]]:
        try:
            with open(self.path, "ab") as file:
                yield file
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise SaveError(error.errno or 0, f"cannot write {self.path}: {reason}") from error
