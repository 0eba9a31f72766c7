"""Lines: eight bits of a cache line, one in each word, set or looked up at once."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["line_holds", "mark_line"]

LANES = 8
EIGHT = ir.VectorType(ir.IntType(64), LANES)
SHIFTS, LOW, ONES = ([16 + 6 * lane for lane in range(LANES)], [63] * LANES, [1] * LANES)


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
