"""Masks: which elements of an array stay, by their scores."""

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import in_range, whole

__all__ = ["largest", "largest_of_rows", "n_of_m", "pattern"]

MOST_M = 256
AT_ONCE = 1 << 20


def largest(scores: ArrayLike, count: int) -> NDArray[np.bool_]:
    """The elements of the largest scores, exactly `count` of them; of equal ones the first.

    A mask of fewer is inside a mask of more.

    Args:
        scores: of any shape, real numbers.
        count: 0..scores.size.

    Returns:
        bool, of the shape of `scores`.

    Raises:
        TypeError: `count` is not a whole number.
        ValueError: `count` is out of its range, or a score is NaN.

    Example:
        >>> largest([[3, 1], [1, 2]], 3).tolist()
        [[True, True], [False, True]]
    """
    found = _numbers(scores)
    flat = found.ravel()
    whole("count", count, 0, flat.size)
    if count in (0, flat.size):
        return np.full(found.shape, count > 0)
    least = np.partition(flat, flat.size - count)[flat.size - count]
    mask = flat > least
    mask[np.flatnonzero(flat == least)[: count - np.count_nonzero(mask)]] = True
    return mask.reshape(found.shape)


def largest_of_rows(scores: ArrayLike, count: int) -> NDArray[np.bool_]:
    """The elements of the largest scores of each row, exactly `count` of each.

    Args:
        scores: (rows, columns) real numbers.
        count: 1..columns.

    Returns:
        bool, of the shape of `scores`.

    Raises:
        TypeError: `count` is not a whole number.
        ValueError: `count` is out of its range, or a score is NaN.

    Example:
        >>> largest_of_rows([[3, 1, 2], [0, 5, 0]], 1).tolist()
        [[True, False, False], [False, True, False]]
    """
    found = _numbers(scores)
    whole("count", count, 1, found.shape[1])
    mask = np.zeros(found.shape, np.bool_)
    step = max(1, AT_ONCE // max(1, found.shape[1]))
    for low in range(0, len(found), step):
        some = found[low : low + step]
        first = found.shape[1] - count
        places = np.argpartition(some, first, axis=1)[:, first:]
        np.put_along_axis(mask[low : low + step], places, True, axis=1)
    return mask


def n_of_m(scores: ArrayLike, n: int = 2, m: int = 4) -> NDArray[np.bool_]:
    """The n largest scores of each m neighbours of the last axis; of equal ones the first.

    The last group of a row whose length m does not divide is of what is left.

    Args:
        scores: of any shape, real numbers.
        n: kept of each group, 1..m.
        m: of a group, 1..256.

    Returns:
        bool, of the shape of `scores`.

    Raises:
        TypeError: `n` or `m` is not a whole number.
        ValueError: one is out of its range, or a score is NaN.

    Example:
        >>> n_of_m([5, 1, 2, 3, 0, 7]).tolist()
        [True, False, False, True, True, True]
    """
    found = _numbers(scores)
    whole("m", m, 1, MOST_M)
    whole("n", n, 1, m)
    width = found.shape[-1] if found.ndim else 1
    rows = found.reshape(-1, width) if width else found.reshape(0, 1)
    groups = np.full((len(rows), -(-width // m) * m), -np.inf)
    groups[:, :width] = rows
    order = np.argsort(-groups.reshape(-1, m), axis=1, kind="stable")
    mask = np.zeros(order.shape, np.bool_)
    np.put_along_axis(mask, order[:, :n], True, axis=1)
    return mask.reshape(groups.shape)[:, :width].reshape(found.shape)


def pattern(keep: float | str) -> float | tuple[int, int]:
    """What a share such as 0.1, or a pattern such as "2:4", asks to be kept.

    Raises:
        TypeError: it is neither a number nor a text.
        ValueError: it is no share in 0..1 and no pattern n:m with 1 <= n <= m <= 256.

    Example:
        >>> pattern("2:4"), pattern(0.25)
        ((2, 4), 0.25)
    """
    if not isinstance(keep, str):
        return float(in_range("keep", keep, 0, 1))
    found = re.fullmatch(r"(\d{1,3}):(\d{1,3})", keep)
    n, m = (int(part) for part in found.groups()) if found else (0, 0)
    if not 1 <= n <= m <= MOST_M:
        raise ValueError(f"keep must be a share in 0..1 or a pattern such as '2:4', got {keep!r}")
    return n, m


def _numbers(scores: ArrayLike) -> NDArray[np.floating]:
    found = np.asarray(scores)
    if found.dtype not in (np.float32, np.float64):
        found = found.astype(np.float64)
    if np.isnan(found).any():
        raise ValueError("scores must be numbers, got NaN")
    return found
