"""Sieve: fingerprints of some keys, which all of them pass and few others do."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._signatures import fingerprints
from thrifty.codec._windows import Windows

__all__ = ["Sieve"]


class Sieve(NamedTuple):
    """A static function of fingerprints; a stranger passes with probability 2**-bits.

    Args:
        windows: of the fingerprints.
        key: of the fingerprints.
    """

    windows: Windows
    key: np.uint64

    @classmethod
    def solved(
        cls, rows: NDArray[np.uint64], bits: int, keys: tuple[np.uint64, np.uint64], threads: Any
    ) -> "Sieve | None":
        """That of keys, or None if there is no solution.

        Args:
            rows: (2, n) uint64, sorted.
            bits: of a fingerprint.
            keys: of the places and of the fingerprints.
            threads: None for as many as there are cores.
        """
        rows = np.ascontiguousarray(rows)
        marks = fingerprints(rows, keys[1], bits)
        lengths = np.full(marks.size, bits, np.uint8)
        room = (bits * marks.size, bits)
        windows = Windows.solved(rows, marks, lengths, key=keys[0], room=room, threads=threads)
        return None if windows is None else cls(windows, keys[1])

    @classmethod
    def read(
        cls, arrays: Mapping[str, Any], bits: int, keys: tuple[np.uint64, np.uint64]
    ) -> "Sieve":
        """A sieve from arrays that may be lies; errors as of `Windows.read`."""
        return cls(Windows.read(arrays, "sieve-", bits, keys[0]), keys[1])

    def passes(self, rows: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Whether each key passes."""
        bits = self.windows.longest
        marks = fingerprints(rows, self.key, bits)
        return self.windows(rows) >> np.uint64(64 - bits) == marks
