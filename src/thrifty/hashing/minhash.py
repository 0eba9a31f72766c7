"""MinHash: codes on which sets agree as often as they overlap."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, in_range, method
from thrifty.core.kernels import njit
from thrifty.hashing._columns import Column, chunks
from thrifty.hashing._ngrams import find_words, hash_chars
from thrifty.hashing._texts import CHARS, lay_out, text_blocks
from thrifty.hashing.keys import hash_bytes, join, mix, seed_key

__all__ = ["EMPTY", "MinHash"]

EMPTY = np.uint32(0xFFFFFFFF)
NOTHING = np.uint64(0xFFFFFFFFFFFFFFFF)
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@njit(nogil=True, cache=True, error_model="numpy")
def _fold(items, key, mins):
    """The least permuted item of each bin of the permutation's range; NOTHING where it is empty."""
    bins = np.uint64(mins.size)
    mins[:] = NOTHING
    for item in items:
        place = mix(item + key)
        b = np.int64(((place >> HALF) * bins) >> HALF)
        mins[b] = min(mins[b], place)


@njit(nogil=True, cache=True, error_model="numpy")
def _densify(mins, order, rank, filled, codes):
    """Codes of one set: an empty bin takes the item of the first full bin in an order of its own.

    With many full bins it walks its order; with few it looks which of them comes first: the same.
    """
    full = 0
    for b in range(mins.size):
        if mins[b] != NOTHING:
            filled[full] = b
            full += 1
    if full == 0:
        codes[:] = EMPTY
        return
    few = full * full < mins.size
    for b in range(mins.size):
        pick = b
        if mins[b] == NOTHING:
            pick = _nearest(filled[:full], rank[b]) if few else _first(mins, order[b])
        codes[b] = min(np.uint32(mins[pick] & LOW), np.uint32(EMPTY - 1))


@njit(error_model="numpy")
def _first(mins, order):
    for b in order:
        if mins[b] != NOTHING:
            return np.int64(b)
    return np.int64(0)


@njit(error_model="numpy")
def _nearest(filled, rank):
    best = filled[0]
    for b in filled:
        if rank[b] < rank[best]:
            best = b
    return np.int64(best)


@njit(nogil=True, cache=True, error_model="numpy")
def _sign_sets(indptr, items, key, order, rank, codes):
    mins, filled = np.empty(codes.shape[1], np.uint64), np.empty(codes.shape[1], np.int64)
    for row in range(codes.shape[0]):
        _fold(items[indptr[row] : indptr[row + 1]], key, mins)
        _densify(mins, order, rank, filled, codes[row])


@njit(nogil=True, cache=True, error_model="numpy")
def _shingle(text, marks, starts, words, chars, keys, indptr):
    """Hashes of all shingles, row by row; a text with fewer words than a shingle is one shingle."""
    longest = 0
    for row in range(starts.size - 1):
        longest = max(longest, starts[row + 1] - starts[row])
    bounds, line = np.empty(longest + 2, np.int64), np.empty(longest // 2 + 1, np.uint64)
    made, out = 0, np.empty(2 * text.size + 64, np.uint64)
    for row in range(starts.size - 1):
        begin, end = starts[row], starts[row + 1] - 1
        if words:
            found = find_words(marks, begin, end, bounds)
            for t in range(found):
                start = bounds[2 * t]
                line[t] = hash_bytes(text, start, bounds[2 * t + 1] - start, keys[0])
            made = _join_words(line, found, min(words, found), out, made)
        if chars:
            made = hash_chars(text, marks, begin, end, chars, chars, keys[1], out, made)
        indptr[row + 1] = made
    return out[:made]


@njit(error_model="numpy")
def _join_words(line, found, size, out, made):
    for t in range(found - size + 1 if size else 0):
        gram = line[t]
        for i in range(t + 1, t + size):
            gram = join(gram, line[i])
        out[made + t] = gram
    return made + (found - size + 1 if size else 0)


@method(
    source="Shrivastava 2017, Optimal densification for fast and accurate minwise hashing, "
    "arXiv:1703.04664; Broder 1997, doi:10.1109/SEQUEN.1997.666900",
    memory="4 * tables bytes a row; 4 * tables**2 for the orders of the bins",
    time="O(bytes + tables) a row: one permutation, whatever the number of codes",
    error="standard error of a similarity at most sqrt(jaccard * (1 - jaccard) / tables) for sets "
    "much larger than tables, no bias",
    exact="Jaccard similarity of sets of shingles",
    laws=("hashing",),
    evidence=("minhash",),
)
class MinHash:
    """Hash sets, or texts as the sets of their shingles, by the least of a random order.

    One permutation of all shingles is cut into `tables` bins; a code is the least permuted shingle
    of its bin. A bin that no shingle fell into borrows the one of another bin, in an order that
    depends on the bin alone, so that the chance that two sets share a code stays their Jaccard
    similarity. The empty set has a code of its own, `EMPTY`.

    Args:
        tables: codes a set, 1..1024.
        words: words in a shingle, 1..8, or None; a shorter text is one shingle.
        chars: characters in a shingle, 1..16, or None; they stay inside a word and the space on
            either side. With both, the shingles of both make one set.
        seed: of the permutation, 0..2**64 - 1; codes are the same on every machine.

    Raises:
        ValueError: an argument outside its range, or both words and chars are None.
        IncompatibleError: codes of another width.

    Example:
        >>> family = MinHash(512, words=1, seed=1)
        >>> few, many = " ".join(map(str, range(60))), " ".join(map(str, range(100)))
        >>> similarity = family.similarity(family(few), family(many))[0]
        >>> bool(abs(similarity - 0.6) < 4 * np.sqrt(0.6 * 0.4 / 100))
        True
    """

    def __init__(
        self,
        tables: int = 128,
        *,
        words: int | None = 3,
        chars: int | None = None,
        seed: int = 0,
    ) -> None:
        self.tables = int(in_range("tables", tables, 1, 1024))
        if words is None and chars is None:
            raise ValueError("words must be a number where chars is None, got None")
        self.words = words if words is None else int(in_range("words", words, 1, 8))
        self.chars = chars if chars is None else int(in_range("chars", chars, 1, 16))
        self.seed = seed
        self._key = seed_key(seed)
        self._order, self._rank = _orders(self.tables, int(self._key))

    def __repr__(self) -> str:
        names = ("words", "chars", "seed")
        rest = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"MinHash({self.tables}, {rest})"

    def __call__(self, column: Column) -> NDArray[np.uint32]:
        """Codes of each text; empty and null texts are the empty set.

        Args:
            column: pyarrow strings, plain, chunked or dictionary, or a list of str and None.

        Returns:
            (n, tables) uint32.

        Raises:
            TypeError: the column is not of text.
        """
        parts = [self.of_sets(*self._shingled(*block)) for block in _blocks(column)]
        return np.concatenate([np.zeros((0, self.tables), np.uint32), *parts])

    def of_sets(self, indptr: ArrayLike, items: ArrayLike) -> NDArray[np.uint32]:
        """Codes of sets of integers.

        Args:
            indptr: (n + 1,) int64; row i is items indptr[i]..indptr[i + 1], repeats do not matter.
            items: (m,) uint64, or other integers; negative ones count as their two's complement.

        Returns:
            (n, tables) uint32.

        Raises:
            ValueError: indptr does not cut items into rows.
        """
        cuts, held = np.asarray(indptr, np.int64), _unsigned(items)
        ends = (cuts[0], cuts[-1]) if cuts.ndim == 1 and cuts.size else (-1, -1)
        if ends != (0, held.size) or (np.diff(cuts) < 0).any():
            raise ValueError(f"indptr must rise from 0 to {held.size}, got {indptr!r}")
        codes = np.empty((cuts.size - 1, self.tables), np.uint32)
        _sign_sets(cuts, held, self._key, self._order, self._rank, codes)
        return codes

    def shingles(self, column: Column) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """The sets themselves, as 64-bit hashes: what `similarity` estimates the overlap of.

        Returns:
            indptr: (n + 1,) int64; row i is hashes indptr[i]..indptr[i + 1].
            hashes: (m,) uint64, distinct in a row and sorted; the same for every seed.
        """
        rows = [
            np.unique(hashes[start:end])
            for indptr, hashes in (self._shingled(*block) for block in _blocks(column))
            for start, end in pairwise(indptr)
        ]
        sizes = np.cumsum([0, *(row.size for row in rows)])
        return sizes, np.concatenate([np.zeros(0, np.uint64), *rows])

    def similarity(self, a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
        """Estimated Jaccard similarity: the share of codes that are equal.

        Args:
            a: (..., tables) codes of this family.
            b: (..., tables) codes of this family; leading axes broadcast.

        Returns:
            float64 of the leading axes' shape.

        Raises:
            IncompatibleError: codes of another width.
        """
        a, b = np.asarray(a), np.asarray(b)
        for codes in (a, b):
            if codes.shape[-1:] != (self.tables,):
                raise IncompatibleError(f"codes of shape {codes.shape} do not fit {self!r}")
        return (a == b).mean(axis=-1)

    def collision(self, similarity: ArrayLike) -> NDArray[np.float64]:
        """Probability that two sets of this Jaccard similarity share a code: the similarity."""
        return np.clip(np.asarray(similarity, dtype=np.float64), 0, 1)

    @property
    def nbytes(self) -> int:
        """Bytes held by the orders of the bins."""
        return self._order.nbytes + self._rank.nbytes

    def _shingled(
        self, data: np.ndarray, offsets: np.ndarray
    ) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        indptr = np.zeros(offsets.size, np.int64)
        keys = (seed_key(0), seed_key(0, CHARS))
        sizes = (self.words or 0, self.chars or 0)
        return indptr, _shingle(*lay_out(data, offsets), *sizes, keys, indptr)


def _orders(tables: int, seed: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """For each bin an order of all bins, and the place of each bin in it."""
    rng = np.random.default_rng([seed, 0x3173])
    order = np.tile(np.arange(tables, dtype=np.uint16), (tables, 1))
    order = rng.permuted(order, axis=1)
    return order, np.argsort(order, axis=1).astype(np.uint16)


def _blocks(column: Column) -> list[tuple[np.ndarray, np.ndarray]]:
    return [block for chunk in chunks(column) for block in text_blocks(chunk)]


def _unsigned(items: ArrayLike) -> NDArray[np.uint64]:
    array = np.atleast_1d(np.asarray(items))
    if array.size and array.dtype.kind not in "iub":
        raise ValueError(f"items must be integers, got {array.dtype}")
    wide = array if array.dtype == np.uint64 else array.astype(np.int64).view(np.uint64)
    return np.ascontiguousarray(wide)
