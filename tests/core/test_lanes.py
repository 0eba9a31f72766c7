"""Lanes: sums that stay in registers are those of a loop; bytes are multiplied as written out."""

import numpy as np
import pytest
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from thrifty.core.kernels import njit
from thrifty.core.lanes import LANES, VNNI, WORDS, called, dot, every_lane, summed

RNG = np.random.default_rng(0)


def _line(builder, data, step):
    """The words of a step."""
    place = builder.gep(data, [builder.mul(step, step.type(LANES))])
    return builder.load(builder.bitcast(place, WORDS.as_pointer()), align=4)


def _added(builder, words, other, step, totals):
    """The lines' sum, and how many bits they have plus the step's number."""
    line = _line(builder, words, step)
    bits = called(builder, "llvm.ctpop.v16i32", WORDS, line)
    number = every_lane(builder, builder.trunc(step, ir.IntType(32)))
    bits = builder.add(bits, number)
    return [builder.add(totals[0], line), builder.add(totals[1], bits)]


def _multiplied(builder, words, other, step, totals):
    """Bytes of the lines times the bytes of one word of the other, and twice as much."""
    line, four = _line(builder, words, step), builder.load(builder.gep(other, [step]))
    once = dot(builder, totals[0], line, every_lane(builder, four))
    twice = dot(builder, totals[1], line, every_lane(builder, four))
    return [once, dot(builder, twice, line, every_lane(builder, four))]


def _kernel(add):
    """A kernel that writes two totals, of lines of words and of words of another array."""

    @intrinsic
    def found(typing, words, other, steps, out):
        def generate(context, builder, signature, arguments):
            data = [
                context.make_array(signature.args[i])(context, builder, arguments[i]).data
                for i in (0, 1, 3)
            ]
            sums = summed(builder, arguments[2], 2, lambda s, t: add(builder, *data[:2], s, t))
            into = builder.bitcast(data[2], WORDS.as_pointer())
            for i, total in enumerate(sums):
                place = builder.gep(into, [ir.IntType(32)(i)])
                builder.store(total, place, align=4)
            return context.get_dummy_value()

        return types.void(words, other, types.intp, out), generate

    return njit(lambda words, other, steps, out: found(words, other, steps, out))


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_totals_are_those_of_a_loop(steps):
    """Two totals, of which each step adds its line and its number."""
    words = RNG.integers(-(2**20), 2**20, (steps, LANES)).astype(np.int32)
    out = np.zeros((2, LANES), np.int32)
    _kernel(_added)(words.ravel(), words.ravel(), steps, out)
    assert out[0].tolist() == words.sum(axis=0).tolist()
    bits = np.bitwise_count(words.view(np.uint32)).sum(axis=0, dtype=int)
    assert out[1].tolist() == (bits + steps * (steps - 1) // 2).tolist()


@pytest.mark.skipif(not VNNI, reason="a processor without VNNI")
def test_bytes_are_multiplied_by_fours():
    """Unsigned bytes of a line times signed ones of a word, the largest of both too."""
    lines = RNG.integers(0, 256, (5, LANES, 4)).astype(np.uint8)
    fours = RNG.integers(-128, 128, (5, 4)).astype(np.int8)
    lines[0], fours[0] = 255, -128
    expected = (lines.astype(int) * fours[:, None].astype(int)).sum(axis=(0, 2))
    out = np.zeros((2, LANES), np.int32)
    _kernel(_multiplied)(lines.view(np.int32).ravel(), fours.view(np.int32).ravel(), 5, out)
    assert out.tolist() == [expected.tolist(), (2 * expected).tolist()]
