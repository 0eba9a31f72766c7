"""Lists: a column of lists with nothing beside it, each of which is to be completed."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.data import Schema
from thrifty.learn.completion import left_out
from thrifty.models.encoded import list_array
from thrifty.models.featurizer import Featurizer
from thrifty.models.labels import Target

__all__ = ["asked", "inputs_of", "neighbours", "own_outputs", "pairs_of"]

QUESTIONS, A_LIST = 20_000, 10


def inputs_of(schema: Schema, target: Target) -> tuple[Schema, bool]:
    """The columns to read; and whether it is the target's lists themselves, to be completed.

    They are where labels come in lists and no other column says anything (ids and constants do
    not): then an item of a list can be told by its other items alone.

    Example:
        >>> from thrifty.data import Column
        >>> schema = Schema((Column("user", "ignore"), Column("seen", "list")))
        >>> inputs_of(schema, Target(schema["seen"], "many"))[1]
        True
    """
    inputs = schema.without(target.name)
    if inputs.names or target.task != "many":
        return inputs, False
    return Schema((target.column,)), True


def own_outputs(featurizer: Featurizer, target: Target) -> NDArray[np.int32]:
    """(R,) int32: the class that each table row is itself, -1 for none."""
    own = np.full(featurizer.num_rows, -1, np.int32)
    rows = featurizer.rows_of(target.classes.names.cast(pa.string()))
    own[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    return own


def pairs_of(batches: Iterable[pa.RecordBatch]) -> int:
    """Ordered pairs of items that stand in one list, over all encoded lists.

    Example:
        >>> pairs_of([pa.RecordBatch.from_pydict({"labels": [[1, 2, 3], [4]]})])
        6
    """
    sizes = (np.diff(batch["labels"].offsets.to_numpy()).astype(np.int64) for batch in batches)
    return int(sum((size * (size - 1)).sum() for size in sizes))


def neighbours(chunks: Iterable[csr_array], columns: int) -> NDArray[np.int64]:
    """(columns,) int64: the other items of each column's lists, list by list.

    Example:
        >>> neighbours([csr_array(np.array([[1, 1, 1], [0, 1, 1]], np.float32))], 3).tolist()
        [2, 3, 3]
    """
    found = np.zeros(columns, np.int64)
    for rows in chunks:
        sizes = np.diff(rows.indptr)
        found += np.bincount(rows.indices, np.repeat(sizes - 1, sizes), columns).astype(np.int64)
    return found


def asked(
    featurizer: Featurizer, target: Target, rows: csr_array, labels: pa.Array
) -> tuple[csr_array, pa.Array]:
    """Rows to judge by: of a list to be completed up to ten items, each left out in its turn.

    Other rows stand as they are.

    Args:
        rows: weighed features. labels: encoded targets.
    """
    if not featurizer.completes or len(labels) == 0:
        return rows, labels
    most = max(1, min(A_LIST, QUESTIONS // len(labels)))
    own = own_outputs(featurizer, target)
    found, (offsets, ids) = left_out(rows, target.ragged(labels), own, most=most)
    return found, list_array(offsets.astype(np.int32), ids.astype(np.int32))
