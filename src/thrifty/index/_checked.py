"""Checked: vectors, filters and ids as callers give them, to what kernels take, or refused."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError
from thrifty.index._parts import id_numbers

__all__ = ["checked_filter", "checked_vectors", "held_as", "once"]

LARGEST = 1e15  # of a number: squares of 65,536 such still fit
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
    out = np.empty(given.shape, np.float32) if metric == "cosine" else None
    step = max(1, BLOCK // dim)
    for start in range(0, len(given), step):
        block = given[start : start + step]
        with np.errstate(invalid="ignore"):
            bad = ~(np.abs(block) <= LARGEST).all(axis=1)
        if bad.any():
            row = start + int(bad.argmax())
            raise ValueError(f"{name} must be finite and at most 1e15 in size, row {row} is not")
        if out is not None:
            out[start : start + step] = _scaled(name, block, start)
    return np.asarray(given, dtype=np.float32) if out is None else out


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


def _scaled(name: str, block: NDArray, start: int) -> NDArray[np.float64]:
    wide = block.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    if not lengths.all():
        row = start + int((lengths == 0).argmax())
        raise ValueError(f"{name} must not be 0 for cosine, row {row} is")
    return wide / lengths[:, None]


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
