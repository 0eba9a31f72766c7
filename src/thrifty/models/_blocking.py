"""Blocking: pairs of records worth a look, from rare words and from bands of signatures."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.hashing import MinHash, hash_column
from thrifty.index import Bands

__all__ = ["candidate_pairs", "compare_sets", "jaccard"]

WHOLE = MinHash(40, words=None, chars=3)
BANDS = Bands(10, 4)
WORDS = MinHash(1, words=1)
MISSING, SAME = -1, 3
CLOSE, LOOSE = 0.5, 0.25


@njit(nogil=True, cache=True, error_model="numpy")
def _emit(order, keys, rows, most, out):
    """Pairs of rows of each bucket of at most so many rows, as smaller << 32 | larger."""
    made, i = 0, 0
    while i < order.size:
        end = i + 1
        while end < order.size and keys[order[end]] == keys[order[i]]:
            end += 1
        if end - i <= most:
            for a in range(i, end):
                for b in range(i, a):
                    x, y = np.int64(rows[order[a]]), np.int64(rows[order[b]])
                    out[made] = min(x, y) << 32 | max(x, y)
                    made += 1
        i = end
    return made


def candidate_pairs(
    columns: list[pa.Array], *, per_row: float, most: int
) -> tuple[NDArray[np.int64], bool]:
    """Pairs that share a rare word or value of a field, or a band of the signature of all fields.

    Args:
        columns: (n,) texts of each field.
        per_row: pairs a row that each field may give: its commonest words are left out.
        most: pairs that are held, at most.

    Returns:
        Pairs as smaller << 32 | larger, distinct and sorted; and whether there were too many.
    """
    found = np.zeros(0, np.int64)
    for keys, rows in _keys(columns):
        pairs = _pairs(keys, rows, int(per_row * max(1, len(columns[0]))))
        found = np.union1d(found, pairs)
        if found.size > most:
            return found[:most], True
    return found, False


def _keys(columns: list[pa.Array]) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int32]]]:
    """Keys and rows: words and whole values field by field, then bands."""
    for column in columns:
        indptr, words = WORDS.shingles(column)
        rows = np.arange(len(column), dtype=np.int32)
        yield words, np.repeat(rows, np.diff(indptr))
        some = pc.not_equal(column, "").to_numpy(zero_copy_only=False)
        yield hash_column(column)[some], rows[some]
    parts = [WHOLE.shingles(column) for column in columns]
    n = len(columns[0])
    rows = np.concatenate([np.repeat(np.arange(n), np.diff(indptr)) for indptr, _ in parts])
    order = np.argsort(rows, kind="stable")
    indptr = np.searchsorted(rows[order], np.arange(n + 1))
    codes = WHOLE.of_sets(indptr, np.concatenate([grams for _, grams in parts])[order])
    some = np.flatnonzero(np.diff(indptr) > 0).astype(np.int32)
    keys = BANDS.keys(codes[some])
    yield keys.ravel(), np.repeat(some, BANDS.bands)


def _pairs(keys: NDArray[np.uint64], rows: NDArray[np.int32], room: int) -> NDArray[np.int64]:
    """Pairs of the rarest keys that give no more than so many."""
    order = np.argsort(keys, kind="stable")
    _, sizes = np.unique(keys, return_counts=True)
    by_size = np.bincount(sizes) if sizes.size else np.zeros(1, np.int64)
    size = np.arange(by_size.size)
    pairs = np.cumsum(by_size * size * (size - 1) // 2)
    most = int(np.searchsorted(pairs, room, side="right")) - 1
    out = np.empty(int(pairs[most]), np.int64)
    made = _emit(order, keys, rows, most, out)
    return np.unique(out[:made])


@njit(nogil=True, cache=True, error_model="numpy")
def compare_sets(pairs, indptr, grams, whole, out):
    """Agreement of a field for each pair: 3 the same, 2 close, 1 loose, 0 other, -1 missing.

    Args:
        pairs: (m,) int64 as smaller << 32 | larger.
        indptr, grams: sorted n-grams of the field of each row.
        whole: (n,) uint64, equal where the field is, 0 where there is none.
        out: (m,) int8.
    """
    for p in range(pairs.size):
        i, j = pairs[p] >> 32, pairs[p] & 0xFFFFFFFF
        if whole[i] == 0 or whole[j] == 0:
            out[p] = MISSING
        elif whole[i] == whole[j]:
            out[p] = SAME
        else:
            overlap = jaccard(grams[indptr[i] : indptr[i + 1]], grams[indptr[j] : indptr[j + 1]])
            out[p] = 2 if overlap >= CLOSE else 1 if overlap >= LOOSE else 0


@njit(error_model="numpy")
def jaccard(a, b):
    """Overlap of two sorted arrays of distinct values: shared over all."""
    i, j, both = 0, 0, 0
    while i < a.size and j < b.size:
        both += a[i] == b[j]
        x, y = a[i], b[j]
        i += x <= y
        j += y <= x
    return both / max(1, a.size + b.size - both)
