"""Bigrams: the words of texts and which follow which, as hashes, with their places for names."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.hashing import _ngrams
from thrifty.hashing._columns import Column, chunks
from thrifty.hashing._texts import lay_out, text_blocks
from thrifty.hashing.keys import hash_bytes, join, seed_key

__all__ = ["Bigrams", "bigrams", "tally"]

Words = NDArray[np.uint64]
Counts = NDArray[np.int64]


@njit(nogil=True, cache=True, error_model="numpy")
def _hash_tokens(text, marks, first, last, row, key, out, follows):
    """Hashes of tokens, and whether only white space is between one and the next of its row."""
    for t in range(out.size):
        out[t] = hash_bytes(text, first[t], last[t] - first[t], key)
        near = t + 1 < out.size and row[t] == row[t + 1]
        if near:
            for place in range(last[t], first[t + 1]):
                near = near and marks[place] == 0
        follows[t] = near


@njit(nogil=True, cache=True, error_model="numpy")
def _join(a, b, out):
    for i in range(out.size):
        out[i] = join(a[i], b[i])


@dataclass(frozen=True)
class Bigrams:
    """The words of some texts and the pairs of neighbours among them.

    Args:
        words: (n,) hashes in the order of the text.
        at: (m,) places in words of the first of each pair.
        pairs: (m,) hashes of the pairs.
        text, first, last: bytes in lower case, and where each word begins and ends.
        rows: (n,) the text each word stands in, ascending.
        num_rows: texts there are.
    """

    words: Words
    at: NDArray[np.int64]
    pairs: Words
    text: NDArray[np.uint8]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    rows: NDArray[np.int64]
    num_rows: int

    def word(self, place: int) -> str:
        """A word in lower case."""
        part = self.text[self.first[place] : self.last[place]]
        return part.tobytes().decode(errors="replace")


def bigrams(column: Column, seed: int = 0) -> Iterator[Bigrams]:
    """Words and pairs of a text column, about a megabyte at a time; rows stand alone.

    Raises:
        TypeError: the column is not of text.
    """
    key = seed_key(seed)
    for chunk in chunks(column):
        for block in text_blocks(chunk):
            yield _of_block(*lay_out(*block), key)


def _of_block(text: Any, marks: Any, starts: Any, key: np.uint64) -> Bigrams:
    first, last = np.empty((2, text.size), np.int64)
    in_line = np.empty(text.size, np.uint8)
    span = (int(starts[0]), int(starts[-1]) - 1)
    count = _ngrams.find_tokens(marks, *span, 1, False, first, last, in_line)
    first, last = first[:count].copy(), last[:count].copy()
    words, follows = np.empty(count, np.uint64), np.empty(count, bool)
    row = np.searchsorted(starts, first, side="right")
    _hash_tokens(text, marks, first, last, row, key, words, follows)
    at = np.flatnonzero(follows)
    pairs = np.empty(at.size, np.uint64)
    _join(words[at], words[at + 1], pairs)
    return Bigrams(words, at, pairs, text, first, last, row - 1, len(starts) - 1)


def tally(keys: Words, counts: Counts | None = None) -> tuple[Words, Counts, NDArray[np.int64]]:
    """Each key once, ascending, with the sum of its counts (1 each if None) and its first place."""
    if keys.size == 0:
        return keys, np.zeros(0, np.int64), np.zeros(0, np.int64)
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    if counts is None:
        sums = np.diff(np.append(starts, keys.size))
    else:
        sums = np.add.reduceat(counts[order], starts)
    return ranked[starts], sums, order[starts]
