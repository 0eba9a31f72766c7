"""Profile twins: hashes on which equal rows, and nearly equal rows, meet."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thrifty.hashing import MinHash, hash_column, mix64

__all__ = ["near_hashes", "row_hashes"]

CODES = 8
Words = NDArray[np.uint64]


def row_hashes(batch: pa.RecordBatch, seed: int = 0) -> Words:
    """One hash a row: equal rows have equal ones, others hardly ever.

    Args:
        batch: rows of columns that `hash_column` takes, or lists of them.
        seed: of the hashes.

    Example:
        >>> batch = pa.RecordBatch.from_pydict({"a": [1, 1, 2], "b": ["x", "x", "x"]})
        >>> one, two, three = row_hashes(batch)
        >>> bool(one == two), bool(one == three)
        (True, False)
    """
    total = np.zeros(batch.num_rows, np.uint64)
    for column in batch.columns:
        total = mix64(total ^ _words(column, seed), seed)
    return total


def near_hashes(batch: pa.RecordBatch, texts: Sequence[str] = (), seed: int = 0) -> Words:
    """One hash a row, on which two rows agree with the eighth power of their similarity.

    Similarity is the overlap (Jaccard) of the words of the text columns, or, where there are none,
    of the values of all columns.

    Args:
        batch: rows.
        texts: names of the columns of text, strings.
        seed: of the hashes.

    Example:
        >>> words = "the quick brown fox jumps over the lazy dog near the old river bank today"
        >>> batch = pa.RecordBatch.from_pydict({"a": [words, words.replace(" ", ", "), "other"]})
        >>> one, two, three = near_hashes(batch, ["a"])
        >>> bool(one == two), bool(one == three)
        (True, False)
    """
    if texts:
        columns = [batch[name] for name in texts]
        joined = pc.binary_join_element_wise(*columns, " ", null_handling="replace")
        codes = MinHash(CODES, words=1, seed=seed)(joined)
    else:
        codes = _codes_of_values(batch, seed)
    total = np.zeros(batch.num_rows, np.uint64)
    for pair in np.ascontiguousarray(codes).view(np.uint64).T:
        total = mix64(total ^ pair, seed)
    return total


def _codes_of_values(batch: pa.RecordBatch, seed: int) -> NDArray[np.uint32]:
    values = [mix64(_words(column, seed), i) for i, column in enumerate(batch.columns)]
    items = np.column_stack(values) if values else np.zeros((batch.num_rows, 0), np.uint64)
    indptr = np.arange(batch.num_rows + 1, dtype=np.int64) * items.shape[1]
    return MinHash(CODES, words=1, seed=seed).of_sets(indptr, items.reshape(-1))


def _words(column: pa.Array, seed: int) -> Words:
    """A hash of each value; of a list, of its items in any order."""
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        return hash_column(column, seed)
    items = mix64(hash_column(column.flatten(), seed), seed)
    ends = np.cumsum(pc.fill_null(pc.list_value_length(column), 0).to_numpy())
    running = np.append(np.uint64(0), np.cumsum(items, dtype=np.uint64))
    return np.diff(running[np.append(0, ends)])
