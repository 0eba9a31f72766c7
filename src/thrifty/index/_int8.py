"""Int8: products of byte codes with a query, 32 rows at a time, by VNNI where there is it.

A block holds 32 rows, four numbers of each after the other: `[groups, 32, 4]` uint8, so that one
instruction multiplies four numbers of sixteen rows and no sum runs across a register.
"""

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from thrifty.core.kernels import njit

__all__ = ["LANES", "VNNI", "dots", "dots_plain"]

LANES = 32  # rows of a block
INSTRUCTION = "llvm.x86.avx512.vpdpbusd.512"
WORD = ir.IntType(32)
VECTOR = ir.VectorType(WORD, 16)
NOTHING = ir.Constant(VECTOR, ir.Undefined)


def _has_vnni() -> bool:
    """Whether what is compiled here may use the instruction: an unknown one ends the process."""
    if numba.config.CPU_NAME or not llvm.get_process_triple().startswith("x86_64"):
        return False
    features = llvm.get_host_cpu_features()
    return bool(features.get("avx512vnni") and features.get("avx512f"))


VNNI = _has_vnni()


def _every_lane(builder, word):
    """A vector of one word."""
    first = builder.insert_element(NOTHING, word, WORD(0))
    return builder.shuffle_vector(first, NOTHING, ir.Constant(VECTOR, None))


def _sums(builder, row, words, groups):
    """Two vectors of sums over all groups of a block: a loop with both kept in registers."""
    kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
    known = builder.module.globals.get(INSTRUCTION)
    multiply = known or ir.Function(builder.module, kind, INSTRUCTION)
    before, size = builder.block, groups.type
    loop, after = (builder.append_basic_block(name) for name in ("groups", "after"))
    builder.branch(loop)
    builder.position_at_end(loop)
    step, totals = builder.phi(size), [builder.phi(VECTOR) for _ in range(2)]
    four = _every_lane(builder, builder.load(builder.gep(words, [step])))
    place = builder.gep(row, [builder.mul(step, ir.Constant(size, 4 * LANES))])
    place = builder.bitcast(place, VECTOR.as_pointer())
    for half, total in enumerate(totals):
        held = builder.load(builder.gep(place, [WORD(half)]), align=1)
        more = builder.call(multiply, [total, held, four])
        total.add_incoming(ir.Constant(VECTOR, None), before)
        total.add_incoming(more, loop)
        totals[half] = more
    following = builder.add(step, ir.Constant(size, 1))
    step.add_incoming(ir.Constant(size, 0), before)
    step.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, groups), loop, after)
    builder.position_at_end(after)
    return totals


@intrinsic
def _vnni(typing, codes, start, query, first, groups, least, out):
    """As `dots_plain`."""

    def generate(context, builder, signature, arguments):
        data = [
            context.make_array(signature.args[i])(context, builder, arguments[i]).data
            for i in (0, 2, 6)
        ]
        row, words = builder.gep(data[0], [arguments[1]]), builder.gep(data[1], [arguments[3]])
        limit = _every_lane(builder, arguments[5])
        into, mask = builder.bitcast(data[2], VECTOR.as_pointer()), WORD(0)
        for half, total in enumerate(_sums(builder, row, words, arguments[4])):
            builder.store(total, builder.gep(into, [WORD(half)]), align=1)
            above = builder.bitcast(builder.icmp_signed(">", total, limit), ir.IntType(16))
            mask = builder.or_(mask, builder.shl(builder.zext(above, WORD), WORD(16 * half)))
        return mask

    given = (codes, types.intp, query, types.intp, types.intp, types.int32, out)
    return types.uint32(*given), generate


@njit(error_model="numpy")
def dots_plain(codes, start, query, first, groups, least, out):
    """Products of a block's 32 rows with a query, and a bit for each that is above `least`.

    Args:
        codes: uint8, of which the block begins at `start`.
        query: int32, four int8 each, of which the query begins at `first`.
        groups: of four numbers, at least 1.
        least: int32.
        out: (32,) int32, the products.
    """
    for i in range(LANES):
        out[i] = 0
    for g in range(groups):
        four = query[first + g]
        a, b = np.int32(np.int8(four)), np.int32(np.int8(four >> 8))
        c, d = np.int32(np.int8(four >> 16)), np.int32(four >> 24)
        begin = start + g * 4 * LANES
        rows = codes[begin : begin + 4 * LANES]
        for i in range(LANES):
            j = 4 * i
            out[i] += a * rows[j] + b * rows[j + 1] + c * rows[j + 2] + d * rows[j + 3]
    above = np.uint32(0)
    for i in range(LANES):
        above |= np.uint32(out[i] > least) << np.uint32(i)
    return above


@njit(error_model="numpy")
def _dots_vnni(codes, start, query, first, groups, least, out):
    return _vnni(codes, start, query, first, groups, least, out)


dots = _dots_vnni if VNNI else dots_plain
