"""Signed: the signatures of all rows and their buckets, on disk, read back piece by piece."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import SaveError
from thrifty.hashing.minhash import EMPTY
from thrifty.index import Bands

__all__ = ["Signed"]

BLOCK = 1 << 18


class Signed:
    """Signatures and bucket keys of rows, written as they come, in a folder.

    A context manager: rows are added inside, and read back afterwards.

    Args:
        folder: where the files go; it and they must be removed by whoever made it.
        bands: of the signatures.
        tables: codes in a signature.
    """

    def __init__(self, folder: str | Path, bands: Bands, tables: int) -> None:
        self.folder, self.bands, self.tables = Path(folder), bands, tables
        self.rows = self.empty = 0
        names = ["codes", *(f"band{j}" for j in range(bands.bands))]
        with ExitStack() as files:
            opened = [files.enter_context(open(self.folder / name, "wb")) for name in names]
            self._files, (self._codes, *self._keys) = files.pop_all(), opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._files.close()

    def add(self, codes: NDArray[np.uint32]) -> None:
        """Append the signatures of some rows; those of empty sets meet nobody."""
        keys = self.bands.keys(codes)
        nothing = codes[:, 0] == EMPTY
        keys[nothing] = 0
        try:
            codes.tofile(self._codes)
            for j, file in enumerate(self._keys):
                np.ascontiguousarray(keys[:, j]).tofile(file)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise SaveError(error.errno, f"cannot write {self.folder}: {reason}") from error
        self.rows += len(codes)
        self.empty += int(nothing.sum())

    def band(self, j: int, part: int, parts: int) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Keys and rows of one band, only the part-th of so many ranges of keys."""
        low, high = (2**64 * edge // parts for edge in (part, part + 1))
        keys, rows = [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)]
        with open(self.folder / f"band{j}", "rb") as file:
            for start in range(0, self.rows, BLOCK):
                block = np.fromfile(file, np.uint64, BLOCK)
                inside = block > max(low - 1, 0)
                inside &= block <= np.uint64(high - 1)
                keys.append(block[inside])
                rows.append((np.flatnonzero(inside) + start).astype(np.int32))
        return np.concatenate(keys), np.concatenate(rows)

    def gather(self, rows: NDArray[np.int32]) -> NDArray[np.uint32]:
        """Signatures of some rows, read one by one: a mapped file would count as memory held."""
        width = 4 * self.tables
        found = np.empty((rows.size, self.tables), np.uint32)
        into = found.data.cast("B")
        with open(self.folder / "codes", "rb", buffering=0) as file:
            for i, row in enumerate(rows.tolist()):
                file.seek(row * width)
                file.readinto(into[i * width : (i + 1) * width])
        return found
