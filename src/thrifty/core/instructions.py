"""Instructions: what processors do with words and memory that Numba has no name for.

All are for use in kernels. None checks bounds, and none is slower than the loop it stands for. The
room's `__init__` leaves this file out, so that errors and budgets load without Numba.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import DTypeLike, NDArray

__all__ = [
    "aligned",
    "high",
    "leading_zeros",
    "load64",
    "ones",
    "prefetch",
    "prefetch_rows",
    "store64",
    "swap_bytes",
    "trailing_zeros",
]

LINE = 64  # bytes of a cache line
WORD, WIDE, FLAG, BIT = ir.IntType(64), ir.IntType(128), ir.IntType(32), ir.IntType(1)
PLACE = ir.IntType(8).as_pointer()


def _ask(builder, place, *how):
    """Ask for the cache line of a place, to read (0) or write (1), and how long to keep it (3)."""
    kind = ir.FunctionType(ir.VoidType(), [PLACE, FLAG, FLAG, FLAG])
    call = builder.module.declare_intrinsic("llvm.prefetch", [PLACE], kind)
    builder.call(call, [builder.bitcast(place, PLACE), *map(FLAG, how), FLAG(1)])


def _word_at(context, builder, signature, arguments):
    """A pointer to the eight bytes of an array from an index on."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.bitcast(builder.gep(array.data, [arguments[1]]), WORD.as_pointer())


@intrinsic
def prefetch(typing, array, index):
    """Ask for the cache line of an item before it is needed; changes nothing but the time."""

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        _ask(builder, builder.gep(array.data, [arguments[1]]), 1, 3)
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


def prefetch_rows(lines: int, keep: int = 3) -> Any:
    """What asks, in a kernel, for the first lines of a table's row: `ask(table, row)`.

    Args:
        lines: of 64 bytes, from the row's beginning on.
        keep: how near the lines are kept, 0 (not) to 3 (in all caches).

    Example:
        >>> from thrifty.core.kernels import njit
        >>> ask = prefetch_rows(4)
        >>> @njit
        ... def first(table, row):
        ...     ask(table, row)
        ...     return table[row, 0]
        >>> first(np.eye(3), 0)
        1.0
    """

    @intrinsic
    def ask(typing, table, row):
        """Ask for a row of a table before it is needed; changes nothing but the time."""

        def generate(context, builder, signature, arguments):
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            stride = builder.extract_value(array.strides, 0)
            start = builder.gep(
                builder.bitcast(array.data, PLACE), [builder.mul(arguments[1], stride)]
            )
            for line in range(lines):
                _ask(builder, builder.gep(start, [ir.Constant(stride.type, LINE * line)]), 0, keep)
            return context.get_dummy_value()

        return types.void(table, types.intp), generate

    return ask


@intrinsic
def load64(typing, data, index):
    """Eight bytes of a uint8 array from any index on, as one uint64; no bounds check."""

    def generate(context, builder, signature, arguments):
        return builder.load(_word_at(context, builder, signature, arguments), align=1)

    return types.uint64(data, types.intp), generate


@intrinsic
def store64(typing, data, index, value):
    """Write a uint64 to eight bytes of a uint8 array, from any index on; no bounds check."""

    def generate(context, builder, signature, arguments):
        place = _word_at(context, builder, signature, arguments)
        builder.store(arguments[2], place, align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, types.uint64), generate


@intrinsic
def high(typing, a, b):
    """Upper 64 bits of the 128-bit product of two uint64."""

    def generate(context, builder, signature, arguments):
        left, right = (builder.zext(value, WIDE) for value in arguments)
        return builder.trunc(builder.lshr(builder.mul(left, right), WIDE(64)), WORD)

    return types.uint64(types.uint64, types.uint64), generate


@intrinsic
def swap_bytes(typing, word):
    """A uint64 with its bytes in the opposite order."""

    def generate(context, builder, signature, arguments):
        return builder.bswap(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic
def ones(typing, word):
    """Number of one bits of a uint64."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic
def leading_zeros(typing, word):
    """Zero bits before the first one of a uint64 that is not 0."""

    def generate(context, builder, signature, arguments):
        return builder.ctlz(arguments[0], BIT(1))

    return types.uint64(types.uint64), generate


@intrinsic
def trailing_zeros(typing, word):
    """Zero bits behind the last one of a uint32 or uint64 that is not 0: that bit's place."""

    def generate(context, builder, signature, arguments):
        found = builder.cttz(arguments[0], BIT(1))
        return found if found.type == WORD else builder.zext(found, WORD)

    return types.int64(types.uint32 if word == types.uint32 else types.uint64), generate


def aligned(size: int, dtype: DTypeLike) -> NDArray[np.generic]:
    """Zeros of one dimension that begin at a cache line.

    Args:
        size: number of items.
        dtype: of a width that divides 64 bytes.

    Example:
        >>> aligned(3, np.float32).ctypes.data % 64
        0
    """
    width = np.dtype(dtype).itemsize
    room = np.zeros(size + LINE // width, dtype)
    start = -room.ctypes.data % LINE // width
    return room[start : start + size]
