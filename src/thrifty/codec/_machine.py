"""Machine: floats as bits and back, for use in kernels."""

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

__all__ = ["as_float", "as_int", "exponent_of", "is_negative", "power_of_two"]

PARTS = {types.float32: (32, 23, 127, 0xFF), types.float64: (64, 52, 1023, 0x7FF)}


def _parts(kind):
    """Bits of the word, bits of the mantissa, bias and mask of the exponent of a float type."""
    if kind not in PARTS:
        raise TypingError(f"x must be float32 or float64, not {kind}")
    return PARTS[kind]


def _word_of(builder, signature, args):
    width, low, bias, mask = _parts(signature.args[0])
    word = ir.IntType(width)
    return builder.bitcast(args[0], word), word, low, bias, mask


@intrinsic
def as_int(typing, x):
    """The bits of a float32 as int32."""

    def build(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), build


@intrinsic
def as_float(typing, bits):
    """The float32 of these bits, an int32."""

    def build(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), build


@intrinsic
def exponent_of(typing, x):
    """The exponent of a float's leading bit, int32; that of zero and subnormals is one too low."""

    def build(context, builder, signature, args):
        bits, word, low, bias, mask = _word_of(builder, signature, args)
        field = builder.and_(builder.lshr(bits, word(low)), word(mask))
        narrow = builder.trunc(field, ir.IntType(32)) if word.width == 64 else field
        return builder.sub(narrow, ir.IntType(32)(bias))

    _parts(x)
    return types.int32(x), build


@intrinsic
def power_of_two(typing, exponent, like):
    """2 to the exponent, an int32 within the normal numbers, of the type of `like`."""

    def build(context, builder, signature, args):
        width, low, bias, _ = _parts(signature.args[1])
        word = ir.IntType(width)
        field = builder.add(args[0], ir.IntType(32)(bias))
        wide = builder.zext(field, word) if width == 64 else field
        kind = ir.DoubleType() if width == 64 else ir.FloatType()
        return builder.bitcast(builder.shl(wide, word(low)), kind)

    _parts(like)
    return like(types.int32, like), build


@intrinsic
def is_negative(typing, x):
    """1 if the sign bit is set, else 0, as int32."""

    def build(context, builder, signature, args):
        bits, word, *_ = _word_of(builder, signature, args)
        sign = builder.lshr(bits, word(word.width - 1))
        return builder.trunc(sign, ir.IntType(32)) if word.width == 64 else sign

    _parts(x)
    return types.int32(x), build
