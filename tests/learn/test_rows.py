"""Rows: each kernel against the slow formula; bfloat16 rounds to nearest, and fairly by chance."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from thrifty.learn.rows import (
    add_bag,
    gather_rows,
    group_columns,
    step_bag,
    step_rows,
    to_bfloat16,
    to_float32,
)
from thrifty.learn.tile import Scratch, cut

ROWS, COLUMNS, DIM = 9, 14, 5
NOISE = np.uint64(12345)


def bits(numbers):
    """Float32 numbers as bfloat16 bits, by the kernel."""
    out = np.empty(np.shape(numbers), np.uint16)
    to_bfloat16(np.ascontiguousarray(numbers, np.float32).reshape(-1), out.reshape(-1))
    return out


def numbers(table):
    """A stored table as float32, by the formula."""
    if table.dtype == np.float32:
        return table.copy()
    return (table.astype(np.uint32) << 16).view(np.float32)


def case(storage, seed=0):
    """A tile, its groups, a table and a gradient."""
    rng = np.random.default_rng(seed)
    rows = csr_array(random_array((ROWS, COLUMNS), density=0.3, rng=rng, dtype=np.float32))
    tile = next(cut(rows, None, ROWS))
    groups = Scratch().group(tile)
    table = rng.standard_normal((COLUMNS, DIM)).astype(np.float32)
    table = table if storage == "float32" else bits(table)
    parts = groups.columns, groups.starts, groups.rows, groups.order
    return rows.toarray(), parts, tile.values, table, rng.standard_normal((ROWS, DIM), np.float32)


@pytest.mark.parametrize("storage", ["float32", "bfloat16"])
def test_a_bag_is_a_sparse_product(storage):
    """What is added is X @ table."""
    x, parts, values, table, grad = case(storage)
    out = grad.copy()
    add_bag(table, *parts, values, out)
    np.testing.assert_allclose(out, grad + x @ numbers(table), rtol=1e-5, atol=1e-6)


def adagrad(table, squares, gradient, rate):
    """The formula of one row-wise step; rows without gradient stand."""
    moved = (gradient**2).sum(axis=1) > 0
    squares = squares + (gradient**2).mean(axis=1)
    step = rate * gradient / np.sqrt(squares)[:, None]
    return np.where(moved[:, None], table - step, table), squares


def test_a_step_back_through_a_bag_is_row_wise_adagrad():
    """The gradient of a table row is X.T @ grad; its squares grow by their mean."""
    x, parts, values, table, grad = case("float32")
    squares = np.full(COLUMNS, 0.01, np.float32)
    expected, sums = adagrad(table, squares, x.T @ grad, 0.3)
    step_bag(table, squares, *parts, values, grad, np.float32(0.3), NOISE)
    np.testing.assert_allclose(table, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(squares, sums, rtol=1e-4)


def test_a_step_on_rows_is_row_wise_adagrad():
    """Only the named rows move, each by its own scale; a gradient of 0 moves nothing."""
    _, _, _, table, _ = case("float32")
    ids = np.array([1, 4, 7, 13], np.int32)
    grad = np.random.default_rng(2).standard_normal((4, DIM), np.float32)
    grad[2] = 0.0
    squares = np.full(COLUMNS, 0.01, np.float32)
    whole = np.zeros_like(table)
    whole[ids] = grad
    expected, sums = adagrad(table, squares, whole, 0.3)
    step_rows(table, squares, ids, grad, np.float32(0.3), NOISE)
    np.testing.assert_allclose(table, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(squares, sums, rtol=1e-5)


@pytest.mark.parametrize("storage", ["float32", "bfloat16"])
def test_gathered_rows_are_the_rows(storage):
    """In the order asked for, repeated or not."""
    table = case(storage)[3]
    ids = np.array([3, 0, 3], np.int32)
    out = np.empty((3, DIM), np.float32)
    gather_rows(table, ids, out)
    np.testing.assert_array_equal(out, numbers(table)[ids])


def test_bfloat16_rounds_to_nearest():
    """No error above half a step of 8 bits, and what fits returns exactly."""
    x = np.random.default_rng(0).standard_normal(10_000).astype(np.float32) * 100
    back = np.empty_like(x)
    to_float32(bits(x), back)
    assert (np.abs(back / x - 1) <= 2.0**-8).all()
    np.testing.assert_array_equal(back, numbers(bits(x)))
    np.testing.assert_array_equal(bits(back), bits(x))
    kept = np.array([0.0, 1.0, -2.5, 1.0 + 2**-7], np.float32)
    np.testing.assert_array_equal(numbers(bits(kept)), kept)


def test_steps_below_the_grid_are_not_lost_on_average():
    """A step of 1/10 of the grid moves rows by that much on average (four standard errors)."""
    count, dim, grid = 4000, 4, 2.0**-7
    table = bits(np.ones((count, dim)))
    grad = np.full((count, dim), -1.0, np.float32)
    squares = np.zeros(count, np.float32)
    rate = np.float32(0.1 * grid)
    step_rows(table, squares, np.arange(count, dtype=np.int32), grad, rate, NOISE)
    moved = numbers(table) - 1.0
    assert set(np.unique(moved)) == {0.0, grid}
    error = grid * np.sqrt(0.1 * 0.9 / moved.size)
    assert abs(moved.mean() - 0.1 * grid) < 4 * error


def test_the_noise_is_a_seed():
    """Equal noise rounds alike, another one otherwise."""
    tables = []
    for noise in (1, 1, 2):
        table = bits(np.ones((50, DIM)))
        grad = np.ones((50, DIM), np.float32)
        ids = np.arange(50, dtype=np.int32)
        step_rows(table, np.ones(50, "f4"), ids, grad, np.float32(1e-3), np.uint64(noise))
        tables.append(table)
    np.testing.assert_array_equal(tables[0], tables[1])
    assert (tables[0] != tables[2]).any()


def test_columns_that_collide_in_the_scratch_stay_apart():
    """Many columns in a scratch as small as allowed: each is found again."""
    codes = np.random.default_rng(0).permutation(2**20)[:1000].astype(np.int32)
    codes = np.concatenate([codes, codes])
    indptr = np.array([0, 1000, 2000], np.int64)
    slots, marks = np.zeros(4096, np.int32), np.zeros(4096, np.int32)
    columns, rows, order = (np.empty(2000, np.int32) for _ in range(3))
    starts = np.empty(2001, np.int32)
    scratch = slots, marks, np.int32(1)
    found = group_columns(codes, indptr, *scratch, columns, starts, rows, order)
    assert found == 1000
    np.testing.assert_array_equal(columns[:1000], codes[:1000])
    np.testing.assert_array_equal(np.diff(starts[:1001]), 2)
    np.testing.assert_array_equal(rows.reshape(1000, 2), [[0, 1]] * 1000)
