"""Blocks: the words of a column, a cache's worth at a time, without those of nulls."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import DTypeLike, NDArray

from thrifty.core import in_range
from thrifty.hashing._columns import Column, chunks
from thrifty.hashing.keys import hash_column

__all__ = ["ROWS", "answered", "checked_weights", "hash_blocks", "weighted_blocks"]

ROWS = 65_536
Words = NDArray[np.uint64]


def hash_blocks(column: Column, seed: int = 0, rows: int = ROWS) -> Iterator[Words]:
    """Hash the values of a column that are not null, block by block.

    Args:
        column: as for `hash_column`; a scalar is a column of one, None one of a null.
        seed: which hash function of the family, 0..2**64 - 1.
        rows: rows of the column a block, nulls counted, at least 1.

    Returns:
        (at most rows,) uint64 each, never empty: `hash_column` of the column without nulls, cut.

    Raises:
        TypeError: the column holds lists, structs or other values without a hash.
        ValueError: seed or rows is out of range.

    Example:
        >>> blocks = list(hash_blocks(["a", None, "b", "c"], rows=2))
        >>> [len(block) for block in blocks]
        [1, 2]
        >>> np.concatenate(blocks).tolist() == hash_column(["a", "b", "c"]).tolist()
        True
    """
    for words, _ in _blocks(chunks(column), seed, in_range("rows", rows, 1, 2**62)):
        if len(words):
            yield words


def weighted_blocks(
    column: Column,
    weights: Any = None,
    seed: int = 0,
    *,
    dtype: DTypeLike = np.int64,
    least: float | None = None,
    rows: int = ROWS,
    name: str = "weights",
) -> Iterator[tuple[Words, NDArray[Any]]]:
    """Hash a column block by block, and cut its weights in step: a null takes its weight along.

    All weights are checked before the first block is given.

    Args:
        column: as for `hash_blocks`.
        weights: one a row, or one number for all; None for 1 each.
        seed: as for `hash_blocks`.
        dtype: of the weights in each block: int64 or float64.
        least: the smallest weight that is allowed; None where negative ones are.
        rows: as for `hash_blocks`.
        name: what the weights are called, for the error.

    Returns:
        Pairs of words and weights, of one length, C-contiguous.

    Raises:
        TypeError: as for `hash_blocks`, or the weights are not numbers.
        ValueError: as for `hash_blocks`, or the weights are not as `checked_weights` wants them.

    Example:
        >>> [(words.size, w.tolist()) for words, w in weighted_blocks(["a", None, "b"], [5, 6, 7])]
        [(2, [5, 7])]
    """
    parts, rows = chunks(column), in_range("rows", rows, 1, 2**62)
    length = sum(len(part) for part in parts)
    given = None if weights is None else checked_weights(weights, length, dtype, least, name)
    ones = np.ones(min(rows, length), dtype) if given is None else np.zeros(0, dtype)
    start = 0
    for words, valid in _blocks(parts, seed, rows):
        end = start + (len(words) if valid is None else len(valid))
        if len(words):
            cut = ones[: len(words)] if given is None else given[start:end]
            yield words, cut if valid is None or given is None else cut[valid]
        start = end


def answered(
    column: Column,
    answer: Callable[[Words], NDArray[Any]],
    missing: Any,
    seed: int = 0,
    *,
    rows: int = ROWS,
) -> NDArray[Any]:
    """Answer for every value of a column by its word, and for every null alike.

    Args:
        column: as for `hash_blocks`.
        answer: gives (m, ...) answers to (m,) words; m may be 0.
        missing: the answer for a null.
        seed: as for `hash_blocks`.
        rows: as for `hash_blocks`.

    Returns:
        (n, ...) answers, in the order of the column, of the dtype that `answer` gives.

    Raises:
        TypeError: as for `hash_blocks`.
        ValueError: as for `hash_blocks`.

    Example:
        >>> answered(["a", None, "b"], lambda words: words > 0, False).tolist()
        [True, False, True]
    """
    parts = [answer(np.zeros(0, np.uint64))]
    for words, valid in _blocks(chunks(column), seed, in_range("rows", rows, 1, 2**62)):
        found = answer(words)
        if valid is not None:
            whole = np.full((len(valid), *found.shape[1:]), missing, found.dtype)
            whole[valid] = found
            found = whole
        parts.append(found)
    return np.concatenate(parts)


def checked_weights(
    weights: Any,
    length: int,
    dtype: DTypeLike = np.int64,
    least: float | None = None,
    name: str = "weights",
) -> NDArray[Any]:
    """Weights of rows as one array of a dtype, if they are what they must be.

    Args:
        weights: (length,) numbers as Arrow or NumPy array or list, or one number for all.
        length: number of rows.
        dtype: int64 or float64.
        least: the smallest that is allowed; None where negative ones are.
        name: what they are called, for the error.

    Returns:
        (length,) of that dtype, C-contiguous.

    Raises:
        TypeError: they are not numbers.
        ValueError: another number of them, null, NaN, infinite or below `least`; or for int64
            not whole, or 2**63 and beyond.

    Example:
        >>> checked_weights([1.0, 2.0], 2).tolist()
        [1, 2]
        >>> checked_weights([1, -2], 2, least=0)
        Traceback (most recent call last):
        ValueError: weights must be at least 0, got -2
    """
    if isinstance(weights, (pa.Array, pa.ChunkedArray)):
        if weights.null_count:
            raise ValueError(f"{name} must be without nulls, got {weights.null_count}")
        weights = weights.to_numpy()
    found = np.asarray(weights)
    if found.dtype.kind not in "biuf" and found.size:
        raise TypeError(f"{name} must be numbers, got {found.dtype}")
    if found.ndim > 1 or (found.ndim and len(found) != length):
        raise ValueError(f"{name} must be {length}, one a row, got {found.shape}")
    _check_range(found, np.dtype(dtype), least, name)
    wide = np.broadcast_to(found, (length,)) if found.ndim == 0 else found
    return np.ascontiguousarray(wide, dtype=dtype)


def _check_range(
    weights: NDArray[Any], dtype: np.dtype[Any], least: float | None, name: str
) -> None:
    if not np.isfinite(weights).all():
        raise ValueError(f"{name} must be finite, got {weights[~np.isfinite(weights)].flat[0]}")
    if least is not None and weights.size and weights.min() < least:
        raise ValueError(f"{name} must be at least {least}, got {weights.min()}")
    if dtype.kind != "i" or not weights.size:
        return
    if weights.dtype.kind == "f" and (odd := weights[np.floor(weights) != weights]).size:
        raise ValueError(f"{name} must be whole, got {odd.flat[0]}")
    for end in (weights.min(), weights.max()):
        if not -(2.0**63) <= end < 2.0**63:
            raise ValueError(f"{name} must be below 2**63, got {end}")


def _blocks(
    parts: list[pa.Array], seed: int, rows: int
) -> Iterator[tuple[Words, NDArray[np.bool_] | None]]:
    """Words of what is not null in each cut of so many rows, and where that is; None for all."""
    for part in parts:
        if isinstance(part, pa.DictionaryArray):
            yield from _coded_blocks(part, seed, rows)
            continue
        for start in range(0, len(part), rows):
            cut = part.slice(start, rows)
            if not cut.null_count:
                yield hash_column(cut, seed), None
                continue
            valid = cut.is_valid().to_numpy(zero_copy_only=False)
            yield hash_column(cut.drop_null(), seed), valid


def _coded_blocks(
    part: pa.DictionaryArray, seed: int, rows: int
) -> Iterator[tuple[Words, NDArray[np.bool_]]]:
    """The same of a dictionary column, each of its entries hashed once."""
    entries = chunks(part.dictionary)[0]
    words = np.append(hash_column(entries, seed), np.uint64(0))
    there = np.append(entries.is_valid().to_numpy(zero_copy_only=False), False)
    for start in range(0, len(part), rows):
        codes = part.indices.slice(start, rows).cast(pa.int64())
        places = pc.fill_null(codes, len(entries)).to_numpy()
        valid = there[places]
        yield words[places[valid]], valid
