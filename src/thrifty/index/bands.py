"""Bands: signatures cut into bands, so that similar rows meet in a bucket and others seldom do."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, in_range
from thrifty.core.kernels import njit
from thrifty.hashing.keys import join, key_of

__all__ = ["Bands"]


@njit(nogil=True, cache=True, error_model="numpy")
def _keys(codes, bands, rows, keys):
    for i in range(codes.shape[0]):
        row = codes[i]
        for band in range(bands):
            key = key_of(np.uint64(band))
            for j in range(band * rows, (band + 1) * rows):
                key = join(key, np.uint64(row[j]))
            keys[i, band] = key | np.uint64(1)


@dataclass(frozen=True)
class Bands:
    """Cut a signature into bands; rows whose codes agree on a whole band share its bucket.

    Leskovec, Rajaraman and Ullman 2014, Mining of massive datasets, chapter 3: rows whose codes
    agree with probability s share a bucket with probability 1 - (1 - s**rows)**bands, a step that
    is the steeper the more codes there are.

    Args:
        bands: how many, at least 1.
        rows: codes in a band, at least 1.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> bands = Bands.for_threshold(0.8, 128)
        >>> bands, bool(bands.found(0.8) >= 0.95), bool(bands.found(0.4) < 0.05)
        (Bands(bands=18, rows=7), True, True)
    """

    bands: int
    rows: int

    def __post_init__(self) -> None:
        in_range("bands", self.bands, 1, 65536)
        in_range("rows", self.rows, 1, 65536)

    @classmethod
    def for_threshold(cls, threshold: float, tables: int, *, recall: float = 0.95) -> Self:
        """The longest bands, so the fewest buckets shared in vain, that still find what they must.

        Args:
            threshold: the least similarity that is to be found, 0.01..1.
            tables: codes in a signature.
            recall: share of the pairs of exactly that similarity that must share a bucket,
                0.5..0.9999; where no bands of the signature reach it, single codes come nearest.

        Raises:
            ValueError: an argument outside its range.
        """
        in_range("threshold", threshold, 0.01, 1)
        in_range("tables", tables, 1, 65536)
        in_range("recall", recall, 0.5, 0.9999)
        sizes = (cls(tables // rows, rows) for rows in range(tables, 0, -1))
        fitting = (bands for bands in sizes if bands.found(threshold) >= recall)
        return next(fitting, cls(tables, 1))

    def found(self, similarity: ArrayLike) -> NDArray[np.float64]:
        """Probability that two rows of this similarity share a bucket of at least one band."""
        same = np.clip(np.asarray(similarity, np.float64), 0, 1) ** self.rows
        return 1 - (1 - same) ** self.bands

    def keys(self, codes: ArrayLike) -> NDArray[np.uint64]:
        """The bucket of each row in each band.

        Args:
            codes: (n, tables) uint32, tables at least bands * rows.

        Returns:
            (n, bands) uint64, all odd; equal in a column where the codes of that band are equal.

        Raises:
            IncompatibleError: codes that are too short.
        """
        held = np.ascontiguousarray(codes, np.uint32)
        if held.ndim != 2 or held.shape[1] < self.bands * self.rows:
            raise IncompatibleError(f"codes of shape {held.shape} do not fit {self!r}")
        keys = np.empty((len(held), self.bands), np.uint64)
        _keys(held, self.bands, self.rows, keys)
        return keys
