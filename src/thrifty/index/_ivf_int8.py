"""Int8: products of byte codes with two queries, 32 rows at a time, by VNNI where there is it.

A block holds 32 rows, four numbers of each after the other: `[groups, 32, 4]` uint8, so that one
instruction multiplies four numbers of sixteen rows and no sum runs across a register.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from thrifty.core.kernels import njit
from thrifty.core.lanes import VNNI, WORDS, dot, every_lane, summed

__all__ = ["LANES", "dots", "dots_plain"]

LANES = 32  # rows of a block
WORD, LONG = ir.IntType(32), ir.IntType(64)


def _sums(builder, row, words, groups):
    """Sums over all groups of a block for each query."""

    def add(step, totals):
        place = builder.gep(row, [builder.mul(step, ir.Constant(step.type, 4 * LANES))])
        place = builder.bitcast(place, WORDS.as_pointer())
        rows = [builder.load(builder.gep(place, [WORD(half)]), align=1) for half in range(2)]
        fours = [every_lane(builder, builder.load(builder.gep(word, [step]))) for word in words]
        return [dot(builder, t, rows[i % 2], fours[i // 2]) for i, t in enumerate(totals)]

    return summed(builder, groups, 2 * len(words), add)


@intrinsic
def _vnni(typing, codes, start, query, first, second, groups, least, less, out):
    """As `dots_plain`."""

    def generate(context, builder, signature, arguments):
        data = [
            context.make_array(signature.args[i])(context, builder, arguments[i]).data
            for i in (0, 2, 8)
        ]
        words = [builder.gep(data[1], [arguments[i]]) for i in (3, 4)]
        limits = [every_lane(builder, arguments[i]) for i in (6, 7)]
        into, mask = builder.bitcast(data[2], WORDS.as_pointer()), LONG(0)
        sums = _sums(builder, builder.gep(data[0], [arguments[1]]), words, arguments[5])
        for i, total in enumerate(sums):
            above = builder.icmp_signed(">", total, limits[i // 2])
            bits = builder.zext(builder.bitcast(above, ir.IntType(16)), LONG)
            mask = builder.or_(mask, builder.shl(bits, LONG(16 * i)))
        with builder.if_then(builder.icmp_unsigned("!=", mask, LONG(0))):
            for i, total in enumerate(sums):
                builder.store(total, builder.gep(into, [WORD(i)]), align=1)
        return mask

    given = [codes, types.intp, query, *3 * [types.intp], *2 * [types.int32], out]
    return types.uint64(*given), generate


@njit(error_model="numpy")
def _products(rows, four, out):
    a, b = np.int32(np.int8(four)), np.int32(np.int8(four >> 8))
    c, d = np.int32(np.int8(four >> 16)), np.int32(four >> 24)
    for i in range(LANES):
        j = 4 * i
        out[i] += a * rows[j] + b * rows[j + 1] + c * rows[j + 2] + d * rows[j + 3]


@njit(error_model="numpy")
def dots_plain(codes, start, query, first, second, groups, least, less, out):
    """Products of a block's 32 rows with two queries, and a bit for each that is above a limit.

    Two, because loading the rows takes as long as multiplying them.

    Args:
        codes: uint8, of which the block begins at `start`.
        query: int32, four int8 each, of which the queries begin at `first` and `second`.
        groups: of four numbers, at least 1.
        least, less: int32, the limits of the first query and of the second.
        out: (64,) int32, the products of the first, then of the second; of no use if none is above.
    """
    for i in range(2 * LANES):
        out[i] = 0
    for g in range(groups):
        begin = start + g * 4 * LANES
        rows = codes[begin : begin + 4 * LANES]
        _products(rows, query[first + g], out[:LANES])
        if second != first:
            _products(rows, query[second + g], out[LANES:])
    above = np.uint64(0)
    for i in range(LANES):
        above |= np.uint64(out[i] > least) << np.uint64(i)
        above |= np.uint64(out[LANES + i] > less) << np.uint64(LANES + i)
    return above


@njit(error_model="numpy")
def _dots_vnni(codes, start, query, first, second, groups, least, less, out):
    return _vnni(codes, start, query, first, second, groups, least, less, out)


dots = _dots_vnni if VNNI else dots_plain
