"""Reader: from signatures of keys to the ranks of their values, for many keys or for one."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._book import Steps, read_codewords
from thrifty.codec._sieve import Sieve
from thrifty.codec._signatures import seed_keys, sign_text, signature_of
from thrifty.codec._windows import Windows, look_up
from thrifty.core.kernels import njit

__all__ = ["Reader"]

ROWS = 65_536
Signatures = NDArray[np.uint64]
Ranks = NDArray[np.int64]
Flags = NDArray[np.bool_]


@njit(nogil=True, cache=True, error_model="numpy")
def _one(rows, bits, entries, bases, pad, key, steps, check, marks):
    """Rank of one key, or -1 where it is no key."""
    window, out = np.empty(1, np.uint64), np.empty(1, np.int64)
    known = np.ones(1, np.bool_)
    quick, bounds, starts, symbols = steps
    look_up(rows, bits, entries, bases, pad, key, window)
    read_codewords(window, quick, bounds, starts, symbols, check, rows, marks, out, known)
    return out[0] if known[0] else -1


@njit(nogil=True, cache=True, error_model="numpy")
def _one_text(data, keys, bits, entries, bases, pad, key, steps, check, marks):
    """As `_one`, of the bytes of a text."""
    rows = np.empty((2, 1), np.uint64)
    sign_text(data, keys[0], keys[1], rows)
    return _one(rows, bits, entries, bases, pad, key, steps, check, marks)


class Reader(NamedTuple):
    """All that reading takes.

    Args:
        steps: of the codewords.
        top: rank of the most frequent value.
        check: bits that tell strangers.
        marks: key of what is checked.
        codes: windows of codewords and checks; None where there is one value and no check.
        sieve: that keys of other values pass; None for no sieve.
        held: what reading one key takes.
    """

    steps: Steps
    top: int
    check: int
    marks: np.uint64
    codes: Windows | None
    sieve: Sieve | None
    held: tuple[Any, ...]

    @classmethod
    def of(
        cls,
        steps: Steps,
        top: int,
        check: int,
        marks: np.uint64,
        codes: Windows | None,
        sieve: Sieve | None,
    ) -> "Reader":
        """A reader of these; see the class."""
        held: tuple[Any, ...] = ()
        if codes is not None:
            held = (*codes[:3], codes.longest - 1, codes.key, tuple(steps), check, marks)
        return cls(steps, top, check, marks, codes, sieve, held)

    def ranks(self, rows: Signatures) -> tuple[Ranks, Flags]:
        """Ranks of the values of keys, and whether they are keys it knows."""
        ranks, known = np.full(rows.shape[1], self.top), np.ones(rows.shape[1], np.bool_)
        for start in range(0, ranks.size, ROWS):
            part = slice(start, start + ROWS)
            self._read(np.ascontiguousarray(rows[:, part]), ranks[part], known[part])
        return ranks, known

    def rank(self, key: Any, seed: int) -> int:
        """Rank of the value of one key, or -1 if it is found to be a stranger."""
        if self.codes is None:
            return self.top
        if isinstance(key, str):
            key = key.encode()
        if isinstance(key, bytes) and self.sieve is None:
            return _one_text(np.frombuffer(key, np.uint8), seed_keys(seed), *self.held)
        row = signature_of(key, seed)
        if self.sieve is not None and not self.sieve.passes(row)[0]:
            return self.top
        return _one(row, *self.held)

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
