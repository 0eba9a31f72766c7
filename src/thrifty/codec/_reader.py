"""Reader: from signatures of keys to the ranks of their values."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._book import Steps, read_codewords
from thrifty.codec._sieve import Sieve
from thrifty.codec._windows import Windows

__all__ = ["Reader"]

ROWS = 65_536
Signatures = NDArray[np.uint64]
Ranks = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Reader(NamedTuple):
    """All that reading takes.

    Args:
        steps: of the codewords.
        top: rank of the most frequent value.
        check: bits that tell strangers.
        marks: key of what is checked.
        codes: windows of codewords and checks; None where there is one value and no check.
        sieve: that keys of other values pass; None for no sieve.
    """

    steps: Steps
    top: int
    check: int
    marks: np.uint64
    codes: Windows | None
    sieve: Sieve | None

    def ranks(self, rows: Signatures) -> tuple[Ranks, Flags]:
        """Ranks of the values of keys, and whether they are keys it knows."""
        ranks, known = np.full(rows.shape[1], self.top), np.ones(rows.shape[1], np.bool_)
        for start in range(0, ranks.size, ROWS):
            part = slice(start, start + ROWS)
            self._read(np.ascontiguousarray(rows[:, part]), ranks[part], known[part])
        return ranks, known

    def _read(self, rows: Signatures, ranks: Ranks, known: Flags) -> None:
        if self.sieve is not None:
            coded = np.flatnonzero(self.sieve.passes(rows))
            found, flags = np.empty(coded.size, np.int64), np.empty(coded.size, np.bool_)
            self._decode(np.ascontiguousarray(rows[:, coded]), found, flags)
            ranks[coded] = found
        elif self.codes is not None:
            self._decode(rows, ranks, known)

    def _decode(self, rows: Signatures, ranks: Ranks, known: Flags) -> None:
        assert self.codes is not None
        how = (self.check, rows, self.marks)
        read_codewords(self.codes(rows), *self.steps, *how, ranks, known)
