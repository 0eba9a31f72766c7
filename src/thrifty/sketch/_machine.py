"""Machine: instructions that Numba has no word for, and arrays that begin at a cache line."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import DTypeLike, NDArray

from thrifty.hashing._machine import prefetch

__all__ = ["aligned", "leading_zeros", "line_holds", "mark_line", "prefetch"]

LINE, LANES = 64, 8
EIGHT = ir.VectorType(ir.IntType(64), LANES)
SHIFTS, LOW, ONES = ([16 + 6 * lane for lane in range(LANES)], [63] * LANES, [1] * LANES)


@intrinsic
def leading_zeros(typing, word):
    """Zero bits before the first one of a uint64 that is not 0."""

    def generate(context, builder, signature, arguments):
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


def _line_and_bits(context, builder, signature, arguments):
    """Where the line of 8 words is, and one bit in each word: 6 bits of a uint64 say which."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    line = builder.bitcast(builder.gep(array.data, [arguments[1]]), EIGHT.as_pointer())
    word = ir.Constant(EIGHT, ir.Undefined)
    for lane in range(LANES):
        word = builder.insert_element(word, arguments[2], ir.Constant(ir.IntType(32), lane))
    lanes = builder.and_(builder.lshr(word, ir.Constant(EIGHT, SHIFTS)), ir.Constant(EIGHT, LOW))
    return line, builder.shl(ir.Constant(EIGHT, ONES), lanes)


@intrinsic
def mark_line(typing, table, place, bits):
    """Set one bit in each of 8 words of a uint64 array, the one that 6 of the bits say."""

    def generate(context, builder, signature, arguments):
        line, mask = _line_and_bits(context, builder, signature, arguments)
        builder.store(builder.or_(builder.load(line, align=8), mask), line, align=8)
        return context.get_dummy_value()

    return types.void(table, types.intp, types.uint64), generate


@intrinsic
def line_holds(typing, table, place, bits):
    """Whether all bits are set that `mark_line` would set."""

    def generate(context, builder, signature, arguments):
        line, mask = _line_and_bits(context, builder, signature, arguments)
        missing = builder.and_(builder.not_(builder.load(line, align=8)), mask)
        unset = builder.icmp_unsigned("!=", missing, ir.Constant(EIGHT, [0] * LANES))
        lanes = builder.bitcast(unset, ir.IntType(LANES))
        return builder.icmp_unsigned("==", lanes, ir.Constant(ir.IntType(LANES), 0))

    return types.boolean(table, types.intp, types.uint64), generate


def aligned(size: int, dtype: DTypeLike) -> NDArray[np.generic]:
    """Zeros of one dimension that begin at a cache line.

    Args:
        size: number of items.
        dtype: of a width that divides 64 bytes.
    """
    width = np.dtype(dtype).itemsize
    room = np.zeros(size + LINE // width, dtype)
    start = -room.ctypes.data % LINE // width
    return room[start : start + size]
