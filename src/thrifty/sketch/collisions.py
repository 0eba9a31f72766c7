"""Collisions: how many buckets of a hash table hold more than one key, before it is built."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import in_range

__all__ = ["expected_collisions"]

Reals = NDArray[np.float64]


def expected_collisions(
    hashes: ArrayLike, sizes: ArrayLike, weights: ArrayLike | None = None
) -> Reals:
    """The expected number of buckets with two keys or more, for each size of a table.

    The number of keys in a bucket is Poisson binomial: a key that may have one of several hashes is
    in a bucket with the weight of those that lead there. A bucket collides with the chance
    1 - P(0) - P(1), and both follow from sums over keys, so that a size takes one pass.

    Args:
        hashes: (n,) hashes of n keys, or (n, c): c for each, of which one will be chosen; integers
            from 0 on.
        sizes: (m,) numbers of buckets, from 1 on; a hash goes into bucket `hash % size`.
        weights: (n, c) chances of a key's hashes, each row adding up to 1; equal if None.

    Returns:
        (m,) expected numbers.

    Raises:
        TypeError: hashes or sizes are not integers.
        ValueError: hashes are not (n, c) or negative, a size is below 1, or weights are no chances.

    Example:
        >>> expected_collisions([3, 8, 9], sizes=[5, 7]).tolist()
        [1.0, 0.0]
        >>> expected_collisions([[0, 1], [0, 1]], sizes=[2]).tolist()
        [0.5]
    """
    table = _integers("hashes", hashes)
    table = table[:, None] if table.ndim == 1 else table
    chances = np.full(table.shape, 1 / max(table.shape[1], 1))
    if weights is not None:
        chances = np.asarray(weights, np.float64)
        sums = chances.sum(axis=1) if chances.shape == table.shape else np.zeros(1)
        if not (chances >= 0).all() or not np.allclose(sums, 1):
            raise ValueError(f"weights must be {table.shape} chances, each row adding up to 1")
    counts = _integers("sizes", sizes)
    return np.array([_expected(table, chances, in_range("size", int(n), 1, 2**31)) for n in counts])


def _expected(table: NDArray[np.int64], chances: Reals, size: int) -> float:
    """The expected number of colliding buckets of one size."""
    rows = np.repeat(np.arange(len(table)), table.shape[1])
    keys, places = np.unique(rows * size + (table % size).reshape(-1), return_inverse=True)
    p = np.minimum(np.bincount(places, chances.reshape(-1), len(keys)), 1.0)
    _, buckets = np.unique(keys % size, return_inverse=True)
    sure = p > 1 - 1e-12
    certain = np.bincount(buckets, sure)
    unsure = np.where(sure, 0.0, p)
    none = np.exp(np.bincount(buckets, np.log1p(-unsure)))
    one = none * np.bincount(buckets, unsure / (1 - unsure))
    free = np.where(certain == 0, none + one, np.where(certain == 1, none, 0.0))
    return float((1 - free).clip(min=0.0).sum())


def _integers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got {array.dtype}")
    if array.ndim not in (1, 2) or (name == "sizes" and array.ndim != 1):
        raise ValueError(f"{name} must be rows of numbers, got shape {array.shape}")
    if array.size and (array.min() < 0 or array.max() >= 2**63):
        raise ValueError(f"{name} must be from 0 to 2**63 - 1, got {array.min()}..{array.max()}")
    return array.astype(np.int64)
