"""Lanes: sixteen words in a register, for kernels written in the compiler's own instructions.

A kernel that keeps its sums in registers over a loop, or multiplies bytes four at a time, is
written with llvmlite; what such kernels share stands here. The room's `__init__` leaves this file
out, so that errors and budgets load without Numba.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from thrifty.core.machine import has_instructions

__all__ = ["LANES", "VNNI", "WORDS", "called", "dot", "every_lane", "summed"]

LANES = 16
WORD = ir.IntType(32)
WORDS = ir.VectorType(WORD, LANES)
VNNI = has_instructions("avx512vnni", "avx512f")  # whether `dot` may be used


def called(builder: Any, name: str, result: Any, *given: Any) -> Any:
    """A call of one of the compiler's instructions by its name.

    Args:
        builder: of the function. name: as "llvm.x86.avx512.vpdpbusd.512". result: its type.
        given: values.
    """
    kind = ir.FunctionType(result, [value.type for value in given])
    known = builder.module.globals.get(name)
    return builder.call(known or ir.Function(builder.module, kind, name), given)


def every_lane(builder: Any, value: Any) -> Any:
    """A vector of sixteen times one value."""
    nothing = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
    first = builder.insert_element(nothing, value, WORD(0))
    return builder.shuffle_vector(first, nothing, ir.Constant(WORDS, None))


def dot(builder: Any, total: Any, line: Any, fours: Any) -> Any:
    """Sixteen totals plus four products of bytes each, by VNNI.

    Args:
        builder: of the function. total: sixteen int32. line: sixteen times four uint8.
        fours: sixteen times four int8.
    """
    return called(builder, "llvm.x86.avx512.vpdpbusd.512", WORDS, total, line, fours)


def summed(
    builder: Any, steps: Any, count: int, add: Callable[[Any, Sequence[Any]], Sequence[Any]]
) -> Sequence[Any]:
    """Totals over so many steps: a loop that keeps all of them in registers.

    Args:
        builder: of the function; it goes on behind the loop.
        steps: an integer value, at least 1.
        count: of totals, sixteen int32 each, which begin at 0.
        add: called once, with the number of the step and the totals before it; the totals after.
    """
    before, size = builder.block, steps.type
    loop, after = (builder.append_basic_block(name) for name in ("steps", "after"))
    builder.branch(loop)
    builder.position_at_end(loop)
    step, totals = builder.phi(size), [builder.phi(WORDS) for _ in range(count)]
    sums = add(step, totals)
    following = builder.add(step, size(1))
    step.add_incoming(size(0), before)
    step.add_incoming(following, builder.block)
    for total, found in zip(totals, sums, strict=True):
        total.add_incoming(ir.Constant(WORDS, None), before)
        total.add_incoming(found, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, steps), loop, after)
    builder.position_at_end(after)
    return sums
