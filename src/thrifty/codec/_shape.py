"""Shape: what a static function will hold and weigh, from how often each value comes alone."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._book import LIMIT, Book
from thrifty.codec._windows import window_bytes

__all__ = ["Shape", "entropy_of", "shape_of"]

SIEVES = range(1, 13)  # bits of a fingerprint
SPREADS = 2.0  # standard errors of room for strangers that pass the sieve


class Shape(NamedTuple):
    """A book, and whether a sieve keeps the most frequent value out of the codewords.

    Args:
        book: of the values.
        ranks: in the book, of each distinct value.
        sieve: bits of the fingerprints of the keys of all other values; 0 for no sieve.
        passing: keys of the most frequent value that have a codeword.
        equations: bits of all codewords and checks, at most.
        check: bits a key that tell strangers.
        nbytes: of all arrays.
    """

    book: Book
    ranks: NDArray[np.int64]
    sieve: int
    passing: int
    equations: int
    check: int
    nbytes: int

    @property
    def longest(self) -> int:
        """Bits of the longest codeword and its check."""
        return self.book.longest + self.check


def shape_of(distinct: Any, counts: NDArray[np.int64], check: int = 0) -> Shape:
    """The smallest of all: with a sieve of each strength or none, codes or the values themselves.

    The rule is the size itself, which is exact: fingerprints of b bits cost their windows for the
    rarer values, and spare the codewords of the most frequent one but for one in 2**b.

    Args:
        distinct: values in rising order. counts: (values,) of each.
        check: bits a key that tell strangers; with them there is no sieve.
    """
    found = [_coded(distinct, counts, 0, check), *_plain(distinct, counts, check)]
    if not check and 2 * counts.max() > counts.sum() > counts.max():
        found += [_coded(distinct, counts, sieve, 0) for sieve in SIEVES]
    return min(found, key=lambda shape: shape.nbytes)


def _coded(distinct: Any, counts: NDArray[np.int64], sieve: int, check: int) -> Shape:
    top, passing = int(counts.argmax()), int(counts.max())
    rare = int(counts.sum()) - passing
    if sieve:
        mean = passing * 2.0**-sieve
        spread = SPREADS * math.sqrt(mean * (1 - 2.0**-sieve))
        passing = min(passing, math.ceil(mean + spread))
        counts = counts.copy()
        counts[top] = passing
    book, ranks = Book.of(distinct, counts)
    bits = int((counts * book.lengths[ranks]).sum()) + check * int(counts.sum())
    return _weighed(book, ranks, bits, check, sieve, passing, rare)


def _plain(distinct: Any, counts: NDArray[np.int64], check: int) -> list[Shape]:
    """The shape without a book, where values are whole numbers in a narrow range."""
    if not isinstance(distinct, np.ndarray) or distinct.dtype.kind not in "iu":
        return []
    width = (int(distinct[-1]) - int(distinct[0])).bit_length()
    if not 0 < width <= LIMIT:
        return []
    book, ranks = Book.of(distinct, counts, width)
    bits = (width + check) * int(counts.sum())
    return [_weighed(book, ranks, bits, check)]


def _weighed(
    book: Book,
    ranks: NDArray[np.int64],
    bits: int,
    check: int,
    sieve: int = 0,
    passing: int = 0,
    rare: int = 0,
) -> Shape:
    held = sum(array.nbytes for array in book.arrays().values())
    windows = window_bytes(bits, book.longest + check) + window_bytes(sieve * rare, sieve)
    return Shape(book, ranks, sieve, passing, bits, check, held + windows)


def entropy_of(counts: NDArray[np.int64]) -> float:
    """Bits a key of values that come so often."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0
