"""Product: sums of looked-up bytes, 32 rows at a time, by shuffles in registers where they exist.

A block holds 32 rows of codes of 4 bits. For each group of four subvectors stand 64 bytes: byte
`4 * i + j` is subvector j of row i in its low and of row `i + 16` in its high half. So one load and
one shuffle answer 64 lookups, and one dot product with ones adds four of them for each of 16 rows.
After the groups stand the least offset and the step of one, both float32, and 32 bytes, an offset
in steps for each row.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from thrifty.core.kernels import njit
from thrifty.core.lanes import WORDS, called, dot, every_lane, summed
from thrifty.core.machine import has_instructions

__all__ = ["BEST", "GROUP", "LANES", "LOOKUPS", "SPAN", "lookups", "lookups_plain"]

LANES, GROUP = 32, 64  # rows of a block; bytes of a group of four subvectors
SPAN = 8  # bytes of a block's least offset and step
BYTE, WORD, SIZE, REAL = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
REALS, BYTES = ir.VectorType(REAL, 16), ir.VectorType(BYTE, 64)
HALF, SHORTS, EIGHT = (ir.VectorType(ir.IntType(b), 256 // b) for b in (8, 16, 32))
NEEDS = {"avx512": ("avx512f", "avx512bw", "avx512vbmi", "avx512vnni"), "avx2": ("avx2",)}


def _usable() -> tuple[str, ...]:
    """Which ways what is compiled here may take, the best first."""
    return (*(name for name, needs in NEEDS.items() if has_instructions(*needs)), "plain")


def _nibbles(builder, codes, extra):
    """Low and high halves of the bytes of 16 words, with more bits set in each byte."""
    low, more = ir.Constant(WORDS, [0x0F0F0F0F] * 16), ir.Constant(WORDS, [extra] * 16)
    high = builder.lshr(codes, ir.Constant(WORDS, [4] * 16))
    return [builder.or_(builder.and_(half, low), more) for half in (codes, high)]


def _wide_sums(builder, codes, table, totals):
    """Add 64 lookups of one group to each total: a permutation of bytes and a dot product."""
    table = builder.load(builder.bitcast(table, BYTES.as_pointer()), align=1)
    ones, added = ir.Constant(BYTES, [1] * 64), []
    for places, total in zip(_nibbles(builder, codes, 0x30201000), totals, strict=True):
        places = builder.bitcast(places, BYTES)
        found = called(builder, "llvm.x86.avx512.permvar.qi.512", BYTES, table, places)
        added.append(dot(builder, total, found, ones))
    return added


def _part(builder, vector, which):
    """The first or the second eight of 16 words."""
    lanes = ir.Constant(EIGHT, [8 * which + i for i in range(8)])
    return builder.shuffle_vector(vector, ir.Constant(WORDS, ir.Undefined), lanes)


def _narrow_sums(builder, codes, table, totals):
    """As `_wide_sums`: a shuffle for each subvector, in which a set high bit finds 0."""
    table = builder.bitcast(table, ir.VectorType(BYTE, 16).as_pointer())
    tables = []
    for j in range(4):
        four = builder.load(builder.gep(table, [SIZE(j)]), align=1)
        tables.append(builder.shuffle_vector(four, four, _lanes(list(range(16)) * 2)))
    added = []
    for places, total in zip(_nibbles(builder, codes, 0), totals, strict=True):
        parts = [_narrow_part(builder, _part(builder, places, w), tables) for w in range(2)]
        both = builder.shuffle_vector(*parts, _lanes(range(16)))
        added.append(builder.add(total, both))
    return added


def _narrow_part(builder, places, tables):
    """Sums of four lookups for eight rows."""
    found = ir.Constant(HALF, None)
    for j, table in enumerate(tables):
        others = ir.Constant(EIGHT, [0x80808080 & ~(0x80 << 8 * j)] * 8)
        index = builder.bitcast(builder.or_(places, others), HALF)
        found = builder.or_(found, called(builder, "llvm.x86.avx2.pshuf.b", HALF, table, index))
    ones = ir.Constant(HALF, [1] * 32)
    pairs = called(builder, "llvm.x86.avx2.pmadd.ub.sw", SHORTS, found, ones)
    ones = ir.Constant(SHORTS, [1] * 16)
    return called(builder, "llvm.x86.avx2.pmadd.wd", EIGHT, pairs, ones)


def _lanes(numbers):
    return ir.Constant(ir.VectorType(WORD, len(list(numbers))), list(numbers))


def _totals(builder, codes, table, groups, add):
    """Totals over all groups of a block."""

    def more(step, totals):
        shift = builder.mul(step, SIZE(GROUP))
        place = builder.bitcast(builder.gep(codes, [shift]), WORDS.as_pointer())
        return add(builder, builder.load(place, align=1), builder.gep(table, [shift]), totals)

    return summed(builder, groups, 2, more)


def _scored(builder, totals, offsets, numbers, out):
    """Store scores, and say in a bit each which are above the least."""
    span = builder.bitcast(offsets, REAL.as_pointer())
    low, step = (builder.load(builder.gep(span, [WORD(i)]), align=1) for i in range(2))
    base = every_lane(builder, builder.fadd(numbers[0], low))
    scale, step, least = (every_lane(builder, number) for number in (numbers[1], step, numbers[2]))
    mask, kind = WORD(0), ir.VectorType(BYTE, 16).as_pointer()
    offsets = builder.bitcast(builder.gep(offsets, [SIZE(SPAN)]), kind)
    out = builder.bitcast(out, REALS.as_pointer())
    for half, total in enumerate(totals):
        offset = builder.load(builder.gep(offsets, [WORD(half)]), align=1)
        offset = builder.uitofp(builder.zext(offset, WORDS), REALS)
        score = builder.fadd(base, builder.fmul(scale, builder.sitofp(total, REALS)))
        score = builder.fadd(score, builder.fmul(step, offset))
        builder.store(score, builder.gep(out, [WORD(half)]), align=1)
        above = builder.bitcast(builder.fcmp_ordered(">", score, least), ir.IntType(16))
        mask = builder.or_(mask, builder.shl(builder.zext(above, WORD), WORD(16 * half)))
    return mask


def _vectored(add):
    """The intrinsic that scores a block by this way of looking up."""

    def found(typing, codes, start, tables, first, groups, numbers, out):
        def generate(context, builder, signature, arguments):
            data = [
                context.make_array(signature.args[i])(context, builder, arguments[i]).data
                for i in (0, 2, 6)
            ]
            codes, table = (
                builder.gep(data[0], [arguments[1]]),
                builder.gep(data[1], [arguments[3]]),
            )
            totals = _totals(builder, codes, table, arguments[4], add)
            offsets = builder.gep(codes, [builder.mul(arguments[4], SIZE(GROUP))])
            three = [builder.extract_value(arguments[5], i) for i in range(3)]
            return _scored(builder, totals, offsets, three, data[2])

        given = (codes, types.intp, tables, types.intp, types.intp, numbers, out)
        return types.uint32(*given), generate

    return intrinsic(found)


_wide, _narrow = _vectored(_wide_sums), _vectored(_narrow_sums)


@njit(error_model="numpy")
def lookups_plain(codes, start, tables, first, groups, numbers, out):
    """Scores of a block's 32 rows, and a bit for each that is above the least.

    Args:
        codes: uint8, of which the block begins at `start`.
        tables: uint8, 16 for each subvector, of which the query's begin at `first`.
        groups: of four subvectors, at least 1.
        numbers: three float32: base, scale and least; a score is base + scale * (sum of what was
            looked up) + the row's offset.
        out: (32,) float32, the scores.
    """
    base, scale, least = numbers
    span, above = start + groups * GROUP, np.uint32(0)
    low, step = codes[span : span + SPAN].view(np.float32)
    base += low
    for i in range(LANES):
        out[i] = np.float32(0)
    for m in range(4 * groups):
        place, table = start + m // 4 * GROUP + m % 4, tables[first + 16 * m : first + 16 * m + 16]
        for i in range(16):
            code = codes[place + 4 * i]
            out[i] += np.float32(table[code & 15])
            out[i + 16] += np.float32(table[code >> 4])
    for i in range(LANES):
        out[i] = base + scale * out[i] + step * np.float32(codes[span + SPAN + i])
        above |= np.uint32(out[i] > least) << np.uint32(i)
    return above


@njit(error_model="numpy")
def _lookups_wide(codes, start, tables, first, groups, numbers, out):
    return _wide(codes, start, tables, first, groups, numbers, out)


@njit(error_model="numpy")
def _lookups_narrow(codes, start, tables, first, groups, numbers, out):
    return _narrow(codes, start, tables, first, groups, numbers, out)


LOOKUPS = {
    name: {"avx512": _lookups_wide, "avx2": _lookups_narrow, "plain": lookups_plain}[name]
    for name in _usable()
}
BEST = next(iter(LOOKUPS))
lookups = LOOKUPS[BEST]
