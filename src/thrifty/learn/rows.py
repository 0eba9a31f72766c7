"""Rows: the kernels of a wide network: group a tile's features, sum rows in, push gradients back.

A *tile* is a few hundred examples trained together. Its features are grouped once (each distinct
row of the table is read once forward and once backward, however many examples hold it), so a step
moves `distinct rows` instead of `all features`, and every product is a dense one.

Tables are float32, or bfloat16 held as uint16 (half the bytes; updates are rounded stochastically,
so that small steps are not lost on average).
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from thrifty.core.instructions import prefetch_rows
from thrifty.core.kernels import njit

__all__ = [
    "add_bag",
    "gather_rows",
    "group_columns",
    "step_bag",
    "step_rows",
    "to_bfloat16",
    "to_float32",
]

AHEAD = 8
prefetch = prefetch_rows(8, keep=2)

kernel = njit(
    nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"}
)


@intrinsic
def widen(typing_context, word):
    """A table's stored number as float32: itself, or bfloat16 bits moved up."""
    if word not in (types.float32, types.uint16):
        raise TypingError(f"a table holds float32 or uint16, not {word}")

    def build(context, builder, signature, args):
        if signature.args[0] == types.float32:
            return args[0]
        wide = builder.zext(args[0], ir.IntType(32))
        return builder.bitcast(builder.shl(wide, ir.Constant(ir.IntType(32), 16)), ir.FloatType())

    return types.float32(word), build


@intrinsic
def narrow(typing_context, number, noise, like):
    """A float32 as a table stores it; bfloat16 is rounded up with the probability noise / 2**16."""

    def build(context, builder, signature, args):
        if signature.args[2] == types.float32:
            return args[0]
        word = ir.IntType(32)
        low = builder.and_(builder.trunc(args[1], word), ir.Constant(word, 0xFFFF))
        bits = builder.add(builder.bitcast(args[0], word), low)
        return builder.trunc(builder.lshr(bits, ir.Constant(word, 16)), ir.IntType(16))

    return like(types.float32, noise, like), build


@kernel
def group_columns(codes, indptr, slots, marks, stamp, columns, starts, rows, order):
    """Group the entries of a tile by column.

    Args:
        codes: (nnz,) int32 columns of the tile.
        indptr: (b + 1,) int64 row bounds into codes.
        slots, marks: (2**m,) int32 open-addressing scratch, 2**m > 2 * nnz.
        stamp: a number not used with this scratch before.
        columns: (nnz,) int32 out, the distinct columns.
        starts: (nnz + 1,) int32 out, bounds of each column's entries.
        rows, order: (nnz,) int32 out, example and entry number, grouped by column.

    Returns:
        The number of distinct columns.
    """
    mask = np.uint32(slots.size - 1)
    nnz = codes.size
    distinct = 0
    for i in range(nnz):
        place = (np.uint32(codes[i]) * np.uint32(2654435769)) >> np.uint32(7) & mask
        while marks[place] == stamp and columns[slots[place]] != codes[i]:
            place = (place + np.uint32(1)) & mask
        if marks[place] != stamp:
            marks[place] = stamp
            slots[place] = distinct
            columns[distinct] = codes[i]
            starts[distinct + 1] = 0
            distinct += 1
        rows[i] = slots[place]
        starts[slots[place] + 1] += 1
    starts[0] = 0
    for j in range(distinct):
        starts[j + 1] += starts[j]
    group = rows.copy()
    for b in range(indptr.size - 1):
        for i in range(indptr[b], indptr[b + 1]):
            place = starts[group[i]]
            starts[group[i]] = place + 1
            rows[place] = b
            order[place] = i
    for j in range(distinct, 0, -1):
        starts[j] = starts[j - 1]
    starts[0] = 0
    return distinct


@kernel
def add_bag(table, columns, starts, rows, order, values, out):
    """out[b] += sum of values[i] * table[column of i] over the entries i of example b."""
    dim = table.shape[1]
    for j in range(columns.size):
        if j + AHEAD < columns.size:
            prefetch(table, columns[j + AHEAD])
        row = table[columns[j]]
        for e in range(starts[j], starts[j + 1]):
            value = values[order[e]]
            target = out[rows[e]]
            for k in range(dim):
                target[k] += value * widen(row[k])


@kernel
def step_bag(table, squares, columns, starts, rows, order, values, grad, rate, noise):
    """One row-wise Adagrad step on every table row that the tile touched.

    Args:
        table: (R, d) float32 or uint16. squares: (R,) float32, mean squared gradient so far.
        grad: (b, d) float32, the gradient of the loss by the bag's output.
        rate: learning rate. noise: uint64 seed of the rounding, used by bfloat16 tables.
    """
    dim = table.shape[1]
    buffer = np.empty(dim, np.float32)
    for j in range(columns.size):
        if j + AHEAD < columns.size:
            prefetch(table, columns[j + AHEAD])
        first = starts[j]
        value, source = values[order[first]], grad[rows[first]]
        for k in range(dim):
            buffer[k] = value * source[k]
        for e in range(first + 1, starts[j + 1]):
            value, source = values[order[e]], grad[rows[e]]
            for k in range(dim):
                buffer[k] += value * source[k]
        _step_row(table, squares, columns[j], buffer, rate, noise)


@kernel
def gather_rows(table, ids, out):
    """out[i] = table[ids[i]], as float32."""
    for i in range(ids.size):
        row, target = table[ids[i]], out[i]
        for k in range(row.size):
            target[k] = widen(row[k])


@kernel
def step_rows(table, squares, ids, grad, rate, noise):
    """One row-wise Adagrad step: row ids[i] of table moves against grad[i]."""
    for i in range(ids.size):
        _step_row(table, squares, ids[i], grad[i], rate, noise)


@njit(
    nogil=True,
    error_model="numpy",
    fastmath={"contract", "reassoc", "nsz", "arcp"},
    forceinline=True,
)
def _step_row(table, squares, at, grad, rate, noise):
    row, total = table[at], np.float32(0.0)  # a row as an argument would cost a count of its uses
    for k in range(row.size):
        total += grad[k] * grad[k]
    if total == 0.0:
        return
    squares[at] += total / np.float32(row.size)
    scale = rate / np.sqrt(squares[at])
    seed = (np.uint64(at) * np.uint64(0x9E3779B97F4A7C15)) ^ noise
    for k in range(row.size):
        word = (seed + np.uint64(k)) * np.uint64(0xD1B54A32D192ED03)
        row[k] = narrow(widen(row[k]) - scale * grad[k], word >> np.uint64(40), row[k])


@kernel
def to_float32(table, out):
    """A stored table as float32, flat arrays of equal length."""
    for i in range(table.size):
        out[i] = widen(table[i])


@kernel
def to_bfloat16(table, out):
    """A flat float32 array as bfloat16 bits in uint16, rounded to nearest."""
    for i in range(table.size):
        out[i] = narrow(table[i], np.uint64(0x8000), out[i])
