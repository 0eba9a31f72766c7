"""Checked: vectors, filters and ids as callers give them, to what kernels take, or refused."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError
from thrifty.core.kernels import njit
from thrifty.index._parts import id_numbers
from thrifty.index._scoring import frozen

__all__ = ["checked_filter", "checked_vectors", "held_as", "once"]

LARGEST = np.float32(1e15)  # of a number: squares of 65,536 such still fit
BLOCK = 1 << 22  # numbers that are checked at once


def checked_vectors(
    name: str, vectors: ArrayLike, dim: int, metric: str, whose: object
) -> NDArray[np.float32]:
    """Vectors as (n, dim) float32, of length 1 if the metric is cosine.

    Raises:
        IncompatibleError: of another width.
        ValueError: one is not finite, too large, or 0 where the metric is cosine; its row is named.
    """
    given = np.asarray(vectors)
    if given.size == 0 and given.ndim < 2:
        given = np.zeros((0, dim), np.float32)
    if given.ndim != 2 or given.shape[1] != dim:
        raise IncompatibleError(f"{name} of shape {given.shape} do not fit {whose!r}")
    if given.dtype.kind not in "iufb":
        raise ValueError(f"{name} must be numbers, got {given.dtype}")
    out, step = np.empty(given.shape, np.float32), max(1, BLOCK // dim)
    for start in range(0, len(given), step):
        with np.errstate(over="ignore", invalid="ignore"):
            block = frozen(np.asarray(given[start : start + step], dtype=np.float32))
        row, null = _copy(block, out[start : start + step], metric == "cosine")
        if null:
            raise ValueError(f"{name} must not be 0 for cosine, row {start + row} is")
        if row >= 0:
            says = f"must be finite and at most 1e15 in size, row {start + row} is not"
            raise ValueError(f"{name} {says}")
    return out


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _copy(rows, out, scaled):
    """Copy rows, of length 1 if asked for; the first that cannot be, and whether it is 0."""
    for i in range(rows.shape[0]):
        row, mine, total, top = rows[i], out[i], 0.0, np.float32(0)
        for t in range(row.size):
            total += np.float64(row[t]) * np.float64(row[t])
        for t in range(row.size):
            top = max(top, abs(row[t]))
        if not (top <= LARGEST and total < np.inf):
            return i, False
        if scaled and total == 0:
            return i, True
        factor = 1 / np.sqrt(total) if scaled else 1.0
        for t in range(row.size):
            mine[t] = row[t] * factor
    return -1, False


def checked_filter(filter: ArrayLike | None) -> NDArray[np.bool_] | NDArray[np.int64] | None:
    """A filter as bool by id or as ids.

    Raises:
        TypeError: it is neither.
        ValueError: it is not of one dimension, or an id is negative.
    """
    if filter is None:
        return None
    given = np.asarray(filter)
    if given.dtype == np.bool_ and given.ndim == 1:
        return given
    return id_numbers("filter", given)


def held_as(rows: NDArray[np.float32], dtype: str) -> NDArray:
    """A copy of rows as float32 or float16.

    Raises:
        ValueError: a number is too large for float16; its row is named.
    """
    held = np.empty(rows.shape, dtype)
    step = max(1, BLOCK // rows.shape[1])
    for start in range(0, len(rows), step):
        with np.errstate(over="ignore"):
            held[start : start + step] = rows[start : start + step]
        bad = ~np.isfinite(held[start : start + step]).all(axis=1)
        if bad.any():
            row = start + int(bad.argmax())
            raise ValueError(f"vectors must be at most 65504 in size for float16, row {row} is not")
    return held


def once(ids: NDArray[np.int64]) -> None:
    """Refuse ids that are there twice.

    Raises:
        ValueError: one is.
    """
    if (ids[1:] > ids[:-1]).all():
        return
    ordered = np.sort(ids)
    twice = ordered[1:] == ordered[:-1]
    if twice.any():
        raise ValueError(f"ids must be there once, got {ordered[1:][twice][0]} twice")
