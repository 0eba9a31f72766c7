"""Columns: dense, sparse and Arrow rows become the same sparse rows, hashed where room is short."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from thrifty.core import DataError
from thrifty.learn.columns import CODES, Columns, from_arrow

X = np.random.default_rng(0).standard_normal((50, 6)) * [1, 10, 0.1, 5, 1, 0] + 3


def test_dense_columns_are_standardised():
    """Mean 0 and deviation 1; a constant column is 0."""
    rows = Columns.of(X).rows(X).toarray()
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(rows.std(axis=0), [1, 1, 1, 1, 1, 0], atol=1e-6)


def test_sparse_columns_stand_as_they_are():
    """Values, order and number of entries."""
    x = csr_array(random_array((9, 20), density=0.3, rng=np.random.default_rng(1)))
    rows = Columns.of(x).rows(x)
    np.testing.assert_array_equal(rows.indices, x.indices)
    np.testing.assert_allclose(rows.data, x.data, rtol=1e-6)
    assert (rows.dtype, rows.indices.dtype, rows.indptr.dtype) == ("f4", "i4", "i4")


@pytest.mark.parametrize("first", [X, csr_array(X)], ids=["dense", "sparse"])
def test_the_same_numbers_give_the_same_rows_dense_or_sparse(first):
    """What decides is the form of the first rows, not of those asked about."""
    columns = Columns.of(first)
    np.testing.assert_allclose(
        columns.rows(X).toarray(), columns.rows(csr_array(X)).toarray(), rtol=1e-6
    )


def test_nothing_is_standardised_when_rows_stream():
    """A batch does not know the mean of all."""
    columns = Columns.of(X, standardise=False)
    np.testing.assert_allclose(columns.rows(X).toarray(), X, rtol=1e-6)
    assert columns.nbytes == 0
    assert Columns.of(X).nbytes == 2 * 6 * 8


def test_read_only_rows_are_copied():
    """Kernels are compiled for arrays that can be written; a second kind would compile anew."""
    data, codes = np.ones(3, np.float32), np.arange(3, dtype=np.int32)
    for array in (data, codes):
        array.flags.writeable = False
    rows = Columns(3).rows(csr_array((data, codes, [0, 3]), shape=(1, 3)))
    assert rows.data.flags.writeable
    assert rows.indices.flags.writeable


@given(st.lists(st.integers(0, CODES - 1), min_size=1, max_size=50), st.integers(4, 20))
def test_hashed_columns_fit_the_table(codes, bits):
    """Every column has one row of the table, always the same."""
    columns = Columns(CODES, 1 << bits)
    places = columns.reduced(np.array(codes, np.int32))
    assert places.dtype == np.int32
    assert ((places >= 0) & (places < 1 << bits)).all()
    np.testing.assert_array_equal(places, columns.reduced(np.array(codes, np.int64)))


@pytest.mark.parametrize("stride", [1, 2, 64, 1000, 4097])
def test_hashed_columns_are_spread(stride):
    """Regular codes fill the table about evenly: no row holds more than eight of 4,096 in 4,096."""
    columns = Columns(CODES, 4096)
    places = columns.reduced(np.arange(4096) * stride)
    assert np.bincount(places, minlength=4096).max() <= 8


def test_columns_that_share_a_row_add_up():
    """Entries keep their number; where they meet they are summed by the network."""
    x = csr_array(np.ones((1, 64)))
    rows = Columns(64, 16).rows(x)
    assert rows.shape == (1, 16)
    assert rows.nnz == 64
    assert rows.toarray().sum() == 64


def test_a_table_of_numbers_is_dense():
    """Integers, floats and booleans; a null is NaN, for the check of X to see."""
    table = pa.table({"a": [1, 2], "b": [0.5, None], "c": [True, False]})
    np.testing.assert_array_equal(from_arrow(table), [[1, 0.5, 1], [2, np.nan, 0]])
    batch = table.to_batches()[0]
    np.testing.assert_array_equal(from_arrow(batch), from_arrow(table))
    assert from_arrow(X) is X


def test_a_table_of_codes_is_sparse():
    """Lists of codes and values, of any other columns beside."""
    codes = pa.array([[5, CODES - 1], [], [7]], pa.list_(pa.int32()))
    values = pa.array([[1.0, 2.0], [], [3.0]], pa.list_(pa.float32()))
    table = pa.table({"codes": codes, "values": values, "blocks": [1, 2, 3]})
    whole = from_arrow(table)
    assert whole.shape == (3, CODES)
    assert whole.indices.tolist() == [5, CODES - 1, 7]
    assert whole.data.tolist() == [1.0, 2.0, 3.0]
    part = from_arrow(table.slice(2))
    assert part.indices.tolist() == [7]
    assert from_arrow(pa.concat_tables([table, table])).indptr.tolist() == [0, 2, 2, 3, 5, 5, 6]


def test_text_is_refused_by_name():
    """The column and its type are named."""
    with pytest.raises(DataError, match=r"^column 'city' must hold numbers, got string$"):
        from_arrow(pa.table({"age": [1], "city": ["Rome"]}))


def test_codes_without_their_values_are_refused():
    """Each code needs a value."""
    table = pa.table({"codes": [[1, 2]], "values": [[1.0]]})
    with pytest.raises(DataError, match=r"^codes and values must have the same number of entries"):
        from_arrow(table)
