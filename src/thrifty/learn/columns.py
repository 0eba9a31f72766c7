"""Columns: what people hand over as X, as sparse rows for the learner."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from thrifty.core import DataError

__all__ = ["CODES", "Columns", "from_arrow"]

CODES = 2**31 - 1  # width of a hashed feature space
ODD = np.uint64(0x9E3779B97F4A7C15)


class Columns:
    """Makes sparse rows for a table of a fixed number of columns.

    Dense input is standardised if the first rows seen were dense; sparse input stands as it is.
    Where the table has fewer rows than X has columns, columns share rows by multiply-shift hashing.

    Args:
        num_features: columns of X.
        num_columns: rows of the table; num_features, or a smaller power of two.
        mean, scale: (num_features,) float64 of dense columns, or None to leave values as they are.

    Example:
        >>> columns = Columns.of(np.array([[1.0, 10.0], [3.0, 30.0]]))
        >>> columns.rows(np.array([[2.0, 30.0]])).toarray().tolist()
        [[0.0, 1.0]]
    """

    def __init__(
        self,
        num_features: int,
        num_columns: int | None = None,
        mean: NDArray[np.float64] | None = None,
        scale: NDArray[np.float64] | None = None,
    ) -> None:
        self.num_features = num_features
        self.num_columns = num_features if num_columns is None else num_columns
        self.mean, self.scale = mean, scale

    @classmethod
    def of(cls, x: Any, *, standardise: bool = True) -> "Columns":
        """Columns as the rows `x` have them: dense ones by their mean and standard deviation."""
        if issparse(x) or not standardise:
            return cls(x.shape[1])
        mean, scale = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
        return cls(x.shape[1], None, mean, np.where(scale > 0, scale, 1.0))

    @property
    def nbytes(self) -> int:
        """Bytes of mean and scale."""
        return sum(array.nbytes for array in self.arrays().values())

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Mean and scale by name, where there are any."""
        if self.mean is None or self.scale is None:
            return {}
        return {"mean": self.mean, "scale": self.scale}

    def rows(self, x: Any) -> csr_array:
        """Rows (n, num_columns) of x, a dense array or a sparse matrix of num_features columns.

        Entries keep their order and number, also where columns share a row of the table.
        """
        if issparse(x) and self.mean is None:
            codes, values, indptr = x.indices, x.data, x.indptr
        else:
            dense = x.toarray() if issparse(x) else np.asarray(x)
            if self.mean is not None and self.scale is not None:
                dense = (dense - self.mean) / self.scale
            count, width = dense.shape
            codes = np.tile(np.arange(width, dtype=np.int32), count)
            values, indptr = dense.reshape(-1), np.arange(0, dense.size + 1, max(width, 1))
        ends = indptr.astype(np.int32 if indptr[-1] < 2**31 else np.int64)
        parts = np.require(values, np.float32, "W"), self.reduced(codes), ends
        return csr_array(parts, shape=(x.shape[0], self.num_columns))

    def reduced(self, codes: NDArray[Any]) -> NDArray[np.int32]:
        """Table rows of columns; themselves where the table has room for all."""
        if self.num_columns == self.num_features:
            return np.require(codes, np.int32, "W")
        bits = self.num_columns.bit_length() - 1
        words = codes.astype(np.uint64) * ODD
        return (words >> np.uint64(32) >> np.uint64(32 - bits)).astype(np.int32)


def from_arrow(table: Any) -> Any:
    """The rows of an Arrow table; anything else comes back as it is.

    Args:
        table: a pyarrow Table or RecordBatch: the list columns "codes" and "values" (a hashed
            feature space of 2**31 - 1 columns), or columns of numbers and booleans.

    Returns:
        A CSR matrix, or a dense (n, columns) float64 array; nulls become NaN.

    Raises:
        DataError: a column is neither; the message names it.
    """
    if not isinstance(table, (pa.Table, pa.RecordBatch)):
        return table
    if {"codes", "values"} <= set(table.column_names):
        return _from_codes(table)
    for field in table.schema:
        kind = field.type
        if not (
            pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        ):
            raise DataError(f"column {field.name!r} must hold numbers, got {kind}")
    columns = [
        pa.chunked_array(column).cast(pa.float64()).to_numpy() if isinstance(column, pa.Array)
        else column.cast(pa.float64()).to_numpy()
        for column in table.columns
    ]  # fmt: skip
    return np.stack(columns, axis=1) if columns else np.empty((table.num_rows, 0))


def _from_codes(table: Any) -> csr_array:
    batch = table.combine_chunks() if isinstance(table, pa.Table) else table
    columns = [batch.column(name) for name in ("codes", "values")]
    codes, values = (
        column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        for column in columns
    )
    lengths = np.diff(codes.offsets.to_numpy())
    if not np.array_equal(lengths, np.diff(values.offsets.to_numpy())):
        raise DataError("codes and values must have the same number of entries in each row")
    ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    parts = values.flatten().to_numpy().astype(np.float32), codes.flatten().to_numpy(), ends
    return csr_array(parts, shape=(len(lengths), CODES))
