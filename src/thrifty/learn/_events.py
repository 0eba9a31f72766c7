"""Events: rows with a class each, as sorted counts of pairs of a column and a class."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse

__all__ = ["Events", "class_labels", "events"]

Events = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


def class_labels(classes: ArrayLike) -> NDArray[Any]:
    """The classes, sorted: numbers, bools or strings, each once."""
    labels = np.asarray(classes)
    found = np.unique(labels.astype(str) if labels.dtype.kind == "O" else labels)
    if found.dtype.kind not in "biufU" or found.size == 0 or labels.ndim != 1:
        raise ValueError(f"classes must be a list of numbers or strings, got {classes!r}")
    return found


def events(
    batch: Any, weights: ArrayLike | None, classes: NDArray[Any], num_features: int
) -> Events:
    """Counts of a batch.

    Args:
        batch: (X, y); an Arrow table with columns "codes" (lists), "label" and perhaps "values"; or
            a list of pairs (codes, label).
        weights: (n,) of the rows, 0 or more; 1 each if None.
        classes: sorted labels.
        num_features: columns there are.

    Returns:
        keys: (m,) int64, ascending, each once: column * len(classes) + class.
        counts: (m,) float64.
        rows: (len(classes),) float64, weight of the rows of each class.
    """
    x, y = _parted(batch, num_features)
    ids = _ids(y, classes)
    heavy = np.ones(len(ids)) if weights is None else np.asarray(weights, np.float64)
    if heavy.shape != ids.shape or not (np.isfinite(heavy) & (heavy >= 0)).all():
        raise ValueError(f"weights must be {len(ids)} finite numbers of at least 0")
    each = np.diff(x.indptr)
    values = x.data.astype(np.float64) * np.repeat(heavy, each)
    _check(x, values, num_features)
    keys = x.indices.astype(np.int64) * len(classes) + np.repeat(ids, each)
    rows = np.bincount(ids, heavy, len(classes))
    keys, counts = summed(keys[values > 0], values[values > 0])
    return keys, counts, rows.astype(np.float64)


def summed(
    keys: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each key once, ascending, with the sum of its values."""
    if keys.size == 0:
        return keys, values
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    return keys[starts], np.add.reduceat(values[order], starts)


def _parted(batch: Any, num_features: int) -> tuple[csr_array, Any]:
    if isinstance(batch, (pa.Table, pa.RecordBatch)):
        return _arrow_rows(batch, num_features), batch.column("label").to_pylist()
    if isinstance(batch, tuple) and len(batch) == 2:
        x = batch[0] if issparse(batch[0]) else np.atleast_2d(np.asarray(batch[0]))
        return csr_array(x), batch[1]
    lengths = [len(codes) for codes, _ in batch]
    flat = np.array([code for codes, _ in batch for code in codes], np.int64)
    return _rows(flat, np.ones(flat.size), lengths, num_features), [y for _, y in batch]


def _arrow_rows(table: Any, num_features: int) -> csr_array:
    codes, named = table.column("codes"), table.schema.names
    flat = pc.list_flatten(codes).to_numpy(zero_copy_only=False)
    values = np.ones(flat.size)
    if "values" in named:
        values = pc.list_flatten(table.column("values")).to_numpy(zero_copy_only=False)
    lengths = pc.fill_null(pc.list_value_length(codes), 0).to_numpy(zero_copy_only=False)
    return _rows(flat, values, lengths, num_features)


def _rows(flat: Any, values: Any, lengths: Any, num_features: int) -> csr_array:
    if values.size != flat.size:
        raise ValueError(f"values must be as many as codes, {flat.size}, got {values.size}")
    if flat.size and (flat.min() < 0 or flat.max() >= num_features):
        raise ValueError(f"codes must be in 0..{num_features - 1}, got {flat.min()}..{flat.max()}")
    ends = np.append(0, np.cumsum(lengths)).astype(np.int64)
    return csr_array((values, flat.astype(np.int64), ends), shape=(len(lengths), num_features))


def _ids(y: Any, classes: NDArray[Any]) -> NDArray[np.int64]:
    labels = np.asarray(y)
    if labels.size == 0:
        return np.zeros(0, np.int64)
    if classes.dtype.kind == "U":
        labels = labels.astype(str)
    elif labels.dtype.kind not in "biuf":
        raise ValueError(
            f"labels must be numbers as the classes are, got {labels.flat[0].item()!r}"
        )
    found = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    wrong = classes[found] != labels
    if wrong.any():
        bad = labels[wrong][0].item()
        raise ValueError(f"labels must be among the {len(classes)} classes, got {bad!r}")
    return found.astype(np.int64)


def _check(x: csr_array, values: NDArray[np.float64], num_features: int) -> None:
    if x.shape[0] and x.shape[1] != num_features:
        raise ValueError(f"X must have {num_features} columns, got {x.shape[1]}")
    if not np.isfinite(values).all() or (values < 0).any():
        bad = values[~(np.isfinite(values) & (values >= 0))][0]
        raise ValueError(f"values must be finite and at least 0, got {bad}")
