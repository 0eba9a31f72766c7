"""Ragged: sets and sparse vectors as callers give them, as rows of items, and their codes."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from thrifty.core import IncompatibleError
from thrifty.hashing import MinHash, PooledSimHash
from thrifty.index._set_collisions import distinct
from thrifty.index.bands import Bands

__all__ = ["Ragged", "of_sets", "of_vectors"]

HALF = np.uint64(32)
LONGEST = 1e15  # of a vector


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of items, and the codes of their buckets.

    Args:
        codes: (n, tables) uint32; 0 where a row has no bucket.
        starts: (n + 1,) int64. items: (m,) uint64. values: (m,) float32, or empty: sets.
    """

    codes: NDArray[np.uint32]
    starts: NDArray[np.int64]
    items: NDArray[np.uint64]
    values: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def joined(cls, rows: list["Ragged"]) -> Self:
        """One after the other."""
        names = ("codes", "items", "values")
        codes, items, values = (np.concatenate([getattr(r, n) for r in rows]) for n in names)
        sizes = np.concatenate([np.diff(r.starts) for r in rows])
        return cls(codes, np.append(0, np.cumsum(sizes)), items, values)

    def taken(self, places: NDArray[np.int64] | slice) -> "Ragged":
        """Some rows, in rising order."""
        if isinstance(places, slice):
            return self
        sizes = np.diff(self.starts)
        stays = np.zeros(len(self), np.bool_)
        stays[places] = True
        each = np.repeat(stays, sizes)[: self.items.size]
        starts = np.append(0, np.cumsum(sizes[places]))
        values = self.values[each] if self.values.size else self.values
        return Ragged(self.codes[places], starts, self.items[each], values)


def of_sets(name: str, given: Any, family: MinHash, bands: Bands) -> Ragged:
    """Sets with distinct items, from texts, (indptr, items), or the columns of a sparse matrix.

    Raises:
        TypeError: it is none of these.
        ValueError: indptr does not cut items into rows, or items are not integers.
    """
    if sp.issparse(given):
        matrix = sp.csr_array(given)
        matrix.eliminate_zeros()
        given = matrix.indptr, matrix.indices
    starts, items = _cut(name, given) if isinstance(given, tuple) else family.shingles(given)
    if isinstance(given, tuple):
        cuts, out = np.zeros(starts.size, np.int64), np.empty(items.size, np.uint64)
        starts, items = cuts, out[: distinct(starts, items, cuts, out)]
    codes = (bands.keys(family.of_sets(starts, items)) >> HALF).astype(np.uint32)
    codes[np.diff(starts) == 0] = 0
    return Ragged(codes, starts, items, np.zeros(0, np.float32))


def of_vectors(name: str, given: Any, family: PooledSimHash, bands: Bands) -> Ragged:
    """Vectors of length 1 by their non-zero numbers, from a dense or a sparse matrix.

    Raises:
        IncompatibleError: of another width.
        ValueError: a row is 0 or not finite; it is named.
    """
    if not sp.issparse(given):
        given = np.asarray(given)
        given = np.zeros((0, family.dim)) if given.size == 0 and given.ndim < 2 else given
        if given.ndim == 2 and given.dtype.kind not in "iufb":
            raise ValueError(f"{name} must be numbers, got {given.dtype}")
    if given.ndim != 2 or given.shape[1] != family.dim:
        raise IncompatibleError(f"{name} of shape {given.shape} do not fit dim={family.dim}")
    matrix: Any = sp.csr_array(given).astype(np.float64)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1), np.float64)).ravel()
    bad = ~((lengths > 0) & (lengths <= LONGEST))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"{name} must be finite, at most 1e15 long and not 0, row {row} is not")
    starts = matrix.indptr.astype(np.int64)
    matrix.data /= np.repeat(lengths, np.diff(starts))
    codes = (bands.keys(family(matrix)) >> HALF).astype(np.uint32)
    values = matrix.data.astype(np.float32)
    return Ragged(codes, starts, matrix.indices.astype(np.uint64), values)


def _cut(name: str, given: tuple[Any, ...]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    if len(given) != 2:
        raise ValueError(f"{name} must be texts, a sparse matrix or (indptr, items)")
    starts, items = np.asarray(given[0], np.int64), np.asarray(given[1])
    if items.size and items.dtype.kind not in "iu":
        raise ValueError(f"items must be integers, got {items.dtype}")
    items = items.astype(np.int64).view(np.uint64) if items.dtype != np.uint64 else items
    ends = (starts[0], starts[-1]) if starts.ndim == 1 and starts.size else (-1, -1)
    if ends != (0, items.size) or (np.diff(starts) < 0).any():
        raise ValueError(f"indptr must rise from 0 to {items.size}, got {given[0]!r}")
    return starts, np.ascontiguousarray(items)
