"""Exact: pairs that look alike, compared shingle by shingle in a second pass over the texts."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import BudgetError, format_bytes
from thrifty.core.kernels import njit
from thrifty.hashing import MinHash
from thrifty.models._blocking import jaccard

__all__ = ["exact_pairs"]


@njit(nogil=True, cache=True, error_model="numpy")
def _overlaps(left, right, indptr, hashes, out):
    for p in range(left.size):
        i, j = left[p], right[p]
        a, b = hashes[indptr[i] : indptr[i + 1]], hashes[indptr[j] : indptr[j + 1]]
        out[p] = jaccard(a, b)


def exact_pairs(
    source: Any, text: str, family: MinHash, pairs: NDArray[np.int64], *, room: int
) -> NDArray[np.float64]:
    """Jaccard similarity of the shingles of pairs of rows, read again.

    Args:
        source: the rows, in the order in which they were counted.
        text: the column.
        family: whose shingles they are.
        pairs: (m,) as smaller << 32 | larger.
        room: bytes that the shingles of all their rows may take.

    Returns:
        (m,) float64.

    Raises:
        BudgetError: they take more.
    """
    ends = np.stack([pairs >> 32, pairs & 0xFFFFFFFF])
    rows, places = np.unique(ends, return_inverse=True)
    sizes, parts, seen, held = [np.zeros(1, np.int64)], [np.zeros(0, np.uint64)], 0, 0
    for batch in source.batches([text]):
        inside = rows[np.searchsorted(rows, seen) : np.searchsorted(rows, seen + len(batch))]
        if inside.size:
            indptr, hashes = family.shingles(batch[text].take(pa.array(inside - seen)))
            sizes.append(np.diff(indptr))
            parts.append(hashes)
            held += hashes.nbytes
        seen += len(batch)
        if held > room:
            least = format_bytes(room, up=True)
            message = f"memory must hold more than {least} for the shingles of similar rows"
            raise BudgetError(message, 8 * room)
    found, (left, right) = np.empty(pairs.size), places.reshape(2, -1)
    _overlaps(left, right, np.cumsum(np.concatenate(sizes)), np.concatenate(parts), found)
    return found
