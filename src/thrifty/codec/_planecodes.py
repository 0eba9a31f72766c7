"""Plane codes: which prefix code each block of a plane has, and the arrays that say so."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from thrifty.codec._bitstreams import BLOCK, STREAM, STREAMS, TAIL, WINDOW, encode, stream_bits
from thrifty.codec._planes import block_counts
from thrifty.codec.huffman import checked_lengths, lengths_of
from thrifty.core import FormatError
from thrifty.core.summary import taken

__all__ = ["PlaneCode", "coded", "entropy_bits", "pays", "plan_of", "read_code"]

FRESH, MOST_SHIFT, LEAST = 256, 15, 32
Arrays = dict[str, np.ndarray]


class PlaneCode(NamedTuple):
    """What there is to know of a coded plane beside its bits.

    Args:
        lengths: (codes, 256) uint8.
        uses: (blocks,) int64, which code.
        starts: (streams,) int64, first bit of each.
        nbytes: of the bits, with the tail.
        side: the arrays that are stored beside the bits.
    """

    lengths: np.ndarray
    uses: np.ndarray
    starts: np.ndarray
    nbytes: int
    side: Arrays


def entropy_bits(counts: np.ndarray) -> np.ndarray:
    """Bits that an ideal code of each row takes for its symbols.

    Args:
        counts: (rows, symbols), how often each comes.
    """
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return -(counts * np.log2(np.where(counts > 0, share, 1))).sum(axis=1)


def pays(coded: float, raw: float) -> bool:
    """Whether a plane is coded at all: codes that save next to nothing only take time."""
    return coded < raw - raw // LEAST


def plan_of(values: np.ndarray, raw: int) -> PlaneCode | None:
    """The codes of a plane, or None where they would save less than one byte in 32.

    A plane of one symbol has no codes.

    Args:
        values: (n,) uint8, at least one.
        raw: bytes without codes.
    """
    counts = block_counts(values)
    symbols = np.flatnonzero(counts.any(axis=0)).astype(np.uint8)
    if symbols.size == 1:
        empty = np.zeros(0, np.int64)
        code = PlaneCode(np.zeros((0, 256), np.uint8), empty, empty, 0, {"symbols": symbols})
        return code if raw > 1 else None
    if not pays(entropy_bits(counts).sum() / 8, raw):
        return None
    lengths, fresh = _codes(counts, 4 * symbols.size)
    uses = np.cumsum(fresh) - 1
    side = {"symbols": symbols, "codes": _halves(lengths[:, symbols])}
    side |= _sizes(stream_bits(values, lengths, uses), fresh)
    starts, nbytes = _starts(side["blocks"], side["streams"])
    total = nbytes + sum(array.nbytes for array in side.values())
    return PlaneCode(lengths, uses, starts, nbytes, side) if pays(total, raw) else None


def _codes(counts: np.ndarray, record: int) -> tuple[np.ndarray, np.ndarray]:
    """Lengths of all codes, and which blocks have a new one: where it saves more than `record`."""
    lengths, fresh = [], np.zeros(len(counts), np.int64)
    least = entropy_bits(counts)
    for block, found in enumerate(counts):
        before = np.inf
        if lengths and (lengths[-1][found > 0] > 0).all():
            before = np.dot(lengths[-1], found)
        if before > least[block] + record:
            made = lengths_of(found, WINDOW).astype(np.int64)
            if before > np.dot(made, found) + record:
                lengths.append(made)
                fresh[block] = 1
    return np.array(lengths, np.uint8), fresh


def _halves(lengths: np.ndarray) -> np.ndarray:
    """Lengths two in a byte, the first one lower."""
    even = np.pad(lengths, ((0, 0), (0, lengths.shape[1] % 2)))
    return even[:, 0::2] | even[:, 1::2] << 4


def _sizes(bits: np.ndarray, fresh: np.ndarray) -> Arrays:
    """Bits of every stream: the least of its block, and above it a byte of 1, 2, 4 or more bits."""
    full = np.pad(bits, (0, -bits.size % STREAMS), mode="edge").reshape(-1, STREAMS)
    low = full.min(axis=1)
    above = full - low[:, None]
    shift = (above.max(axis=1)[:, None] > 255 << np.arange(MOST_SHIFT)).sum(axis=1)
    streams = -(-above >> shift[:, None]).astype(np.int64)
    blocks = np.stack([low, shift + FRESH * fresh], axis=1)
    return {
        "blocks": blocks.astype(np.uint16),
        "streams": streams.ravel()[: bits.size].astype(np.uint8),
    }


def _starts(blocks: np.ndarray, streams: np.ndarray) -> tuple[np.ndarray, int]:
    """The first bit of every stream, and bytes in all."""
    low, shift = blocks[:, 0].astype(np.int64), blocks[:, 1].astype(np.int64) % FRESH
    bits = np.zeros((len(blocks), STREAMS), np.int64)
    bits.ravel()[: streams.size] = streams
    bits = low[:, None] + (bits << shift[:, None])
    bits.ravel()[streams.size :] = 0
    ends = np.cumsum(bits, axis=1)
    after = np.cumsum((ends[:, -1] + 7) // 8)
    begins = 8 * np.append(0, after[:-1])
    return (begins[:, None] + ends - bits).ravel()[: streams.size], int(after[-1]) + TAIL


def coded(values: np.ndarray, plan: PlaneCode) -> Arrays:
    """The arrays of a plane, as planned."""
    if not plan.nbytes:
        return dict(plan.side)
    bits = np.zeros(plan.nbytes, np.uint8)
    encode(values, plan.lengths, plan.uses, plan.starts, bits)
    return plan.side | {"bits": bits}


def read_code(arrays: Mapping[str, np.ndarray], size: int, width: int) -> PlaneCode:
    """The codes of a plane that was read, whose symbols and bits may be lies.

    Args:
        arrays: of the plane, by name.
        size: elements, at least one.
        width: bits of a symbol.

    Raises:
        FormatError: it cannot have been written here.
    """
    symbols = taken(arrays, "symbols", np.uint8, (None,))
    rising = (symbols[1:] > symbols[:-1]).all()  # one that came twice would have two codes
    if not (symbols.size and rising and symbols[-1] < 1 << width):
        raise FormatError(f"symbols must rise below {1 << width}, got {symbols[:8].tolist()}")
    if symbols.size == 1:
        empty = np.zeros(0, np.int64)
        return PlaneCode(np.zeros((0, 256), np.uint8), empty, empty, 0, {"symbols": symbols})
    lengths = _lengths(symbols, taken(arrays, "codes", np.uint8, (None, (symbols.size + 1) // 2)))
    blocks = taken(arrays, "blocks", np.uint16, (-(-size // BLOCK), 2))
    streams = taken(arrays, "streams", np.uint8, (-(-size // STREAM),))
    bits = taken(arrays, "bits", np.uint8, (None,))
    fresh, shift = np.divmod(blocks[:, 1].astype(np.int64), FRESH)
    uses = np.cumsum(fresh) - 1
    if fresh.max() > 1 or not fresh[0] or uses[-1] >= len(lengths) or shift.max() > MOST_SHIFT:
        raise FormatError(f"blocks must name one of {len(lengths)} codes each, got others")
    starts, nbytes = _starts(blocks, streams)
    if nbytes != bits.size:
        raise FormatError(f"array 'bits' must have {nbytes} bytes, got {bits.size}")
    return PlaneCode(lengths, uses, starts, nbytes, {})


def _lengths(symbols: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Lengths of all codes, checked: a damaged one would lead out of its table."""
    halves = np.stack([codes & 15, codes >> 4], axis=2).reshape(len(codes), -1)
    lengths = np.zeros((len(codes), 256), np.uint8)
    lengths[:, symbols] = halves[:, : symbols.size]
    checked_lengths(lengths[:, symbols], WINDOW)
    return lengths
