"""Triton kernel of coded exponents: one lane a stream, eight elements written at a time."""

from types import SimpleNamespace
from typing import Any

import torch

try:
    import triton
    import triton.language as tl
except ImportError:  # an extra of torch's own packages for GPUs
    triton, tl = None, SimpleNamespace(constexpr=int)

__all__ = ["launch", "there"]

STREAM, STREAMS, WINDOWS, LANES = 2048, 32, 2048, 32


def there() -> bool:
    """Whether Triton is installed."""
    return triton is not None


def _jit(function: Any) -> Any:
    return function if triton is None else triton.jit(function)


@_jit
def _symbol(word, count, table):
    """The first symbol of each word, and the word without it."""
    entry = tl.load(table + (word >> 53).to(tl.int64)).to(tl.int32)
    length = entry >> 8
    return entry & 255, word << length.to(tl.uint64), count - length


@_jit
def _two(words, last, place, word, count, table):
    """Two symbols; before them the word takes in 32 bits where it has fewer."""
    few = count < 32
    found = tl.load(words + tl.minimum(place, last), mask=few, other=0).to(tl.uint32)
    found = (found >> 24) | ((found >> 8) & 0xFF00) | ((found << 8) & 0xFF0000) | (found << 24)
    shift = tl.where(few, 32 - count, 0).to(tl.uint64)
    word = word | (found.to(tl.uint64) << shift)
    place += few.to(tl.int64)
    count += tl.where(few, 32, 0)
    one, word, count = _symbol(word, count, table)
    two, word, count = _symbol(word, count, table)
    return one, two, place, word, count


@_jit
def _kernel(
    words, starts, tables, uses, low, out, size, streams, last, most,
    LOW: tl.constexpr, LENGTH: tl.constexpr, BLOCK: tl.constexpr, WINDOWS: tl.constexpr,
    LANES: tl.constexpr,
):  # fmt: skip
    """Streams of a program's lanes, which have at most `most` elements.

    LOW is the bits of what was not coded: 8, 4 or 0.
    """
    lane = tl.program_id(0).to(tl.int64) * LANES + tl.arange(0, LANES)
    mine = tl.minimum(lane, streams - 1)
    start = tl.load(starts + mine)
    table = tables + tl.load(uses + mine // BLOCK) * WINDOWS
    place, inside = start >> 5, (start & 31).to(tl.int32)
    found = tl.load(words + tl.minimum(place, last)).to(tl.uint32)
    found = (found >> 24) | ((found >> 8) & 0xFF00) | ((found << 8) & 0xFF0000) | (found << 24)
    word = found.to(tl.uint64) << (32 + inside).to(tl.uint64)
    count, place = 32 - inside, place + 1
    eight = tl.arange(0, 8)[None, :]
    for step in range(0, most, 8):
        a, b, place, word, count = _two(words, last, place, word, count, table)
        c, d, place, word, count = _two(words, last, place, word, count, table)
        e, f, place, word, count = _two(words, last, place, word, count, table)
        g, h, place, word, count = _two(words, last, place, word, count, table)
        even = tl.join(tl.join(a, e), tl.join(c, g))
        odd = tl.join(tl.join(b, f), tl.join(d, h))
        symbols = tl.reshape(tl.join(even, odd), (LANES, 8))
        index = (lane * LENGTH + step)[:, None] + eight
        inside_array = index < size
        if LOW == 8:
            rest = tl.load(low + index, mask=inside_array, other=0).to(tl.int32)
            value = (symbols << 7) | (rest >> 1) | ((rest & 1) << 15)
        elif LOW == 4:
            both = tl.load(low + index // 2, mask=inside_array, other=0).to(tl.int32)
            rest = (both >> ((index & 1) * 4).to(tl.int32)) & 15
            value = (symbols << 3) | (rest >> 1) | ((rest & 1) << 7)
        else:
            value = symbols
        tl.store(out + index, value.to(out.dtype.element_ty), mask=inside_array)


def launch(
    words: torch.Tensor, starts: torch.Tensor, tables: torch.Tensor, uses: torch.Tensor,
    low: torch.Tensor, bits: int, out: torch.Tensor,
) -> None:  # fmt: skip
    """Decode all streams of an array on the device that holds them.

    Args:
        words: int32, the coded bits, whole words. starts: (streams,) int64, first bits.
        tables: (codes, 2**11) int16, symbol and 256 times its bits. uses: (blocks,) int64.
        low: uint8, what was not coded. bits: of it in an element: 8, 4 or 0.
        out: int16 where bits is 8, else uint8; written.
    """
    size, streams = out.numel(), starts.numel()
    _kernel[((streams + LANES - 1) // LANES,)](
        words, starts, tables, uses, low, out, size, streams, words.numel() - 1, min(size, STREAM),
        LOW=bits, LENGTH=STREAM, BLOCK=STREAMS, WINDOWS=WINDOWS, LANES=LANES,
    )  # fmt: skip
