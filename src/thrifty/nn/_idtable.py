"""Id table: rows of ids that codes of embedding rows are learned from, checked."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import whole
from thrifty.hashing import mix64

__all__ = ["codes_apart", "id_table"]


def id_table(rows: ArrayLike, num_ids: int, pieces: int) -> NDArray[np.int64]:
    """The rows (n, fields) as ids below `num_ids`; `pieces` are codes an id.

    Raises:
        ValueError: rows are no table of ids, or a number is outside its range.
        TypeError: a number that is not whole.
    """
    table = np.asarray(rows)
    if table.ndim != 2 or table.dtype.kind not in "iu" or not table.size:
        raise ValueError(f"rows must be a table of ids, got {table.dtype} {table.shape}")
    whole("num_ids", num_ids, 1, 2**40)
    if table.min() < 0 or table.max() >= num_ids:
        found = f"{table.min()}..{table.max()}"
        raise ValueError(f"rows must be of ids in 0..{num_ids - 1}, got {found}")
    whole("pieces", pieces, 1, 1024)
    return table.astype(np.int64)


def codes_apart(num_ids: int, pieces: int, seed: int) -> NDArray[np.uint16]:
    """Codes (num_ids, pieces) of ids that have nothing in common."""
    return mix64(np.arange(num_ids * pieces), seed).astype(np.uint16).reshape(num_ids, pieces)
