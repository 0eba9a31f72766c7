"""Multiply: products of packed codes with vectors of int8, sixteen rows at a time, by VNNI.

Sixteen rows of a matrix stand side by side: a line of 64 bytes holds four columns of each row (8
bits a code) or eight (4 bits; columns 4..7 in the high halves). One instruction then multiplies
four columns of all sixteen rows, and no sum runs across a register.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from thrifty.core.lanes import LANES, WORDS, dot, every_lane, summed

__all__ = [
    "add_scaled",
    "dots_of_bytes",
    "dots_of_halves",
    "four_of_bytes",
    "four_of_halves",
]

BYTE, SIZE, REAL = ir.IntType(8), ir.IntType(64), ir.FloatType()
REALS = ir.VectorType(REAL, LANES)
SHORTS, BYTES = ir.VectorType(ir.IntType(16), LANES), ir.VectorType(BYTE, LANES)


def _data(context, builder, signature, arguments, i):
    return context.make_array(signature.args[i])(context, builder, arguments[i]).data


def _at(builder, data, place, kind):
    """A pointer to what lies at a place of an array."""
    return builder.bitcast(builder.gep(data, [place]), kind.as_pointer())


def _lines(builder, line, bits):
    """The unsigned bytes to multiply of a line: the line itself, or its low and high halves."""
    if bits == 8:
        return [line]
    low = ir.Constant(WORDS, [0x0F0F0F0F] * LANES)
    high = builder.lshr(line, ir.Constant(WORDS, [4] * LANES))
    return [builder.and_(line, low), builder.and_(high, low)]


def _sums(builder, codes, words, steps, bits):
    """Sums over so many lines for each vector."""

    def add(step, totals):
        line = builder.load(_at(builder, codes, builder.mul(step, SIZE(64)), WORDS), align=1)
        first, sums = builder.mul(step, SIZE(8 // bits)), list(totals)
        for part, four in enumerate(_lines(builder, line, bits)):
            place = builder.add(first, SIZE(part))
            for i, mine in enumerate(words):
                word = builder.load(builder.gep(mine, [place]))
                sums[i] = dot(builder, sums[i], four, every_lane(builder, word))
        return sums

    return summed(builder, steps, len(words), add)


def _dots(vectors, bits):
    """The intrinsic for so many vectors and bits a code."""

    def found(typing, codes, start, words, first, stride, steps, out):
        """Sums of products of 16 rows with each vector, into `out`, 16 int32 a vector."""

        def generate(context, builder, signature, arguments):
            data = [_data(context, builder, signature, arguments, i) for i in (0, 2, 6)]
            mine = [builder.gep(data[1], [arguments[3]])]
            for _ in range(vectors - 1):
                mine.append(builder.gep(mine[-1], [arguments[4]]))
            lines = builder.gep(data[0], [arguments[1]])
            for i, total in enumerate(_sums(builder, lines, mine, arguments[5], bits)):
                builder.store(total, _at(builder, data[2], SIZE(LANES * i), WORDS), align=1)
            return context.get_dummy_value()

        given = (codes, types.intp, words, types.intp, types.intp, types.intp, out)
        return types.void(*given), generate

    return intrinsic(found)


dots_of_bytes, dots_of_halves = _dots(1, 8), _dots(1, 4)
four_of_bytes, four_of_halves = _dots(4, 8), _dots(4, 4)


@intrinsic
def add_scaled(typing, sums, place, scales, zeros, where, scale, total, out, into):
    """Add `scales * scale * (sums - zeros * total)` of 16 rows to `out` from `into` on.

    Args:
        sums: int32, from `place`. scales: uint16, the upper bits of float32, and zeros: uint8, from
            `where`. scale: of the vector; total: the sum of its numbers. out: float32.
    """

    def generate(context, builder, signature, arguments):
        data = [_data(context, builder, signature, arguments, i) for i in (0, 2, 3, 7)]
        place, where, scale, total, into = (arguments[i] for i in (1, 4, 5, 6, 8))
        kinds, places = (WORDS, SHORTS, BYTES, REALS), (place, where, where, into)
        ends = [_at(builder, *each) for each in zip(data, places, kinds, strict=True)]
        found, steps, middle, before = (builder.load(end, align=1) for end in ends)
        wide = builder.shl(builder.zext(steps, WORDS), ir.Constant(WORDS, [16] * LANES))
        steps = builder.fmul(builder.bitcast(wide, REALS), every_lane(builder, scale))
        middle = builder.uitofp(builder.zext(middle, WORDS), REALS)
        moved = builder.fmul(middle, every_lane(builder, total))
        found = builder.fsub(builder.sitofp(found, REALS), moved)
        builder.store(builder.fadd(before, builder.fmul(steps, found)), ends[3], align=1)
        return context.get_dummy_value()

    reals = (types.float32, types.float32)
    given = (sums, types.intp, scales, zeros, types.intp, *reals, out, types.intp)
    return types.void(*given), generate
