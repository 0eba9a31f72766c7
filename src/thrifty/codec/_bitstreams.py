"""Bitstreams: bytes as prefix codes in streams that are decoded eight at a time, and back.

A stream is 2,048 symbols, a block 32 streams, which have one code and begin at a whole byte. A
window of 11 bits is looked up in a table that gives up to six symbols and the bits of all of them;
eight streams advance in one loop, because each waits for its own last lookup. A stream writes on
past its end, and past the last stream of a damaged file none reads.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from thrifty.codec.huffman import fill_codes
from thrifty.core.instructions import store64, swap_bytes
from thrifty.core.kernels import njit

__all__ = [
    "BLOCK", "STEP", "STREAM", "STREAMS", "TAIL", "WINDOW", "decode", "encode", "fill_table",
    "stream_bits",
]  # fmt: skip

WINDOW = 11  # bits of the longest code, and of what is looked up
STREAM, STREAMS = 2048, 32
BLOCK = STREAM * STREAMS
TAIL = 8  # bytes after the last stream, for loads of a whole word
TOGETHER, LOOKUPS = 8, 5  # streams in one loop, and lookups of one word: 5 * 11 <= 56 bits
MOST = 6  # symbols of one lookup
ROW = STREAM + 64  # room for what a stream writes past its end
STEP, ROOM = TOGETHER * STREAM, TOGETHER * ROW
WORD = ir.IntType(64)
NAMES, UNIT, FULL = (1 << 48) - 1, 1 << 61, MOST << 61  # of an entry: its symbols, their number


@intrinsic
def _advance(typing, bits, last, table, rows, places, ends):
    """Decode eight streams until all have come to their end.

    Args:
        bits: uint8, of all streams. last: where the last whole word begins.
        table: (2**11,) uint64: six symbols, their bits from bit 48, their number from bit 61.
        rows: uint8, where symbols go.
        places: (16,) int64, the bit at which each stream stands, then where its symbols go.
        ends: (8,) int64, where the symbols of each end.
    """

    def generate(context, builder, signature, arguments):
        data = [
            context.make_array(kind)(context, builder, argument).data
            for kind, argument in zip(signature.args, arguments, strict=True)
            if isinstance(kind, types.Array)
        ]
        _loop(builder, arguments[1], *data)
        return context.get_dummy_value()

    return types.void(bits, types.int64, table, rows, places, ends), generate


def _loop(builder, last, bits, table, rows, places, ends):
    """The loop of `_advance`: places are kept in registers, as far as there are any."""
    held = [builder.load(builder.gep(places, [WORD(i)])) for i in range(2 * TOGETHER)]
    until = [builder.load(builder.gep(ends, [WORD(i)])) for i in range(TOGETHER)]
    before = builder.block
    loop, after = (builder.append_basic_block(name) for name in ("lookups", "after"))
    builder.branch(loop)
    builder.position_at_end(loop)
    now = [builder.phi(WORD) for _ in held]
    words = [_word(builder, bits, last, place) for place in now[:TOGETHER]]
    outs = list(now[TOGETHER:])
    for _ in range(LOOKUPS):
        for i in range(TOGETHER):
            words[i], outs[i] = _lookup(builder, table, rows, words[i], outs[i])
    more = ir.Constant(ir.IntType(1), 0)
    for i in range(TOGETHER):
        used = builder.cttz(words[i], ir.Constant(ir.IntType(1), 1))
        under = builder.icmp_signed("<", outs[i], until[i])
        more = builder.or_(more, under)
        for phi, start, value in (
            (now[i], held[i], builder.add(now[i], used)),
            (now[TOGETHER + i], held[TOGETHER + i], builder.select(under, outs[i], until[i])),
        ):
            phi.add_incoming(start, before)
            phi.add_incoming(value, loop)
    builder.cbranch(more, loop, after)
    builder.position_at_end(after)


def _word(builder, bits, last, place):
    """56 bits or more from a place on, and below them a mark that shows how many were used."""
    byte = builder.lshr(place, WORD(3))
    byte = builder.select(builder.icmp_unsigned("<", byte, last), byte, last)
    at = builder.bitcast(builder.gep(bits, [byte]), WORD.as_pointer())
    word = builder.bswap(builder.load(at, align=1))
    return builder.or_(builder.shl(word, builder.and_(place, WORD(7))), WORD(1))


def _lookup(builder, table, rows, word, out):
    """Write the symbols that begin the word; the word without them, and where the next go."""
    window = builder.lshr(word, WORD(64 - WINDOW))
    entry = builder.load(builder.gep(table, [window]))
    builder.store(entry, builder.bitcast(builder.gep(rows, [out]), WORD.as_pointer()), align=1)
    used = builder.and_(builder.lshr(entry, WORD(48)), WORD(63))
    return builder.shl(word, used), builder.add(out, builder.lshr(entry, WORD(61)))


@njit(nogil=True, cache=True, error_model="numpy")
def fill_table(lengths, table):
    """The symbols that every window begins with, of a complete code.

    Windows of a bits stand from 2**a on, so that those of 11 bits are the last half. The windows
    that begin with a symbol of l bits stand together, in the order of codes; each has that symbol
    and then those of its other a - l bits. An entry that is full gives way to its first symbol.

    Args:
        lengths: (256,) uint8. table: (2 * 2**11,) uint64, written.
    """
    order = np.empty(256, np.uint64)
    used = _order(lengths, order)
    if used == 1:
        names = order[0] * np.uint64(0x010101010101)
        table[:] = names | np.uint64(MOST << 48) | np.uint64(FULL)
        return
    table[:2] = 0
    needed = _needed(lengths, order[:used])
    for bits in range(1, WINDOW + 1):
        size, place = 1 << bits, 1 << bits
        for i in range(used if needed[bits] else 0):
            length = np.int64(lengths[order[i]])
            if length > bits:
                break
            rest = size >> length
            one = order[i] | np.uint64(length) << np.uint64(48) | np.uint64(UNIT)
            _prepend(one, table[rest : 2 * rest], table[place : place + rest])
            place += rest
        table[place : 2 * size] = 0


@njit(error_model="numpy")
def _prepend(one, rest, entries):
    """Entries of one symbol and the rest; slices, so that several are made at a time."""
    for i in range(entries.size):
        names = rest[i] & np.uint64(NAMES)
        joined = (rest[i] - names + one) | names << np.uint64(8)
        entries[i] = one if rest[i] >= np.uint64(FULL) else joined


@njit(error_model="numpy")
def _needed(lengths, order):
    """Which numbers of bits are left in a window after some symbols."""
    needed = np.zeros(WINDOW + 1, np.bool_)
    needed[WINDOW] = True
    for bits in range(WINDOW, 0, -1):
        for symbol in order:
            length = np.int64(lengths[symbol])
            if length > bits:
                break
            needed[bits - length] |= needed[bits]
    return needed


@njit(error_model="numpy")
def _order(lengths, order):
    """Symbols that have a code, in the order of codes; how many."""
    ends = np.zeros(257, np.int64)
    for length in lengths:
        ends[length + 1] += 1
    ends[1] = 0
    for length in range(1, WINDOW + 1):
        ends[length + 1] += ends[length]
    for symbol in range(lengths.size):
        length = lengths[symbol]
        if length:
            order[ends[length]] = symbol
            ends[length] += 1
    return ends[WINDOW]


@njit(nogil=True, cache=True, error_model="numpy")
def decode(bits, starts, lengths, uses, low, first, out):
    """Decode the symbols of whole blocks, and join them with what was not coded.

    Args:
        bits: (nbytes,) uint8, with 8 bytes at its end that no stream has.
        starts: (streams,) int64, the first bit of each; all are within `bits`.
        lengths: (codes, 256) uint8, complete codes of at most 11 bits.
        uses: (blocks,) int64, which code.
        low: uint8, the other half of each element: bytes where `out` is uint16, two in a byte
            where it is uint8; empty if there is none, and `out` is the symbols.
        first: the element that `out` begins with, at a multiple of `STEP`.
        out: up to the last element or to a multiple of `STEP`; written. Where there is an
            other half, the elements are turned by one bit.
    """
    table, rows = np.zeros(2 << WINDOW, np.uint64), np.zeros(ROOM, np.uint8)
    places, ends = np.zeros(2 * TOGETHER, np.int64), np.zeros(TOGETHER, np.int64)
    code = -1
    for begin in range(0, out.size, STEP):
        place = first + begin
        if uses[place // BLOCK] != code:
            code = uses[place // BLOCK]
            fill_table(lengths[code], table)
        for i in range(TOGETHER):
            stream, here = place // STREAM + i, begin + i * STREAM
            size = min(max(out.size - here, 0), STREAM)
            places[i] = starts[stream] if size else 0
            places[TOGETHER + i] = i * ROW
            ends[i] = i * ROW + size
        _advance(bits, bits.size - TAIL, table[1 << WINDOW :], rows, places, ends)
        for i in range(TOGETHER):
            here = begin + i * STREAM
            size = ends[i] - i * ROW
            if size:
                other = low[here // (3 - out.itemsize) :] if low.size else low
                _join(rows[i * ROW : ends[i]], other, out[here : here + size])


@njit(error_model="numpy")
def _join(symbols, low, out):
    if out.itemsize == 2:
        for i in range(out.size):
            up, rest = np.uint16(symbols[i]), np.uint16(low[i])
            out[i] = np.uint16(up << 7) | np.uint16(rest >> 1) | np.uint16(rest << 15)
    elif low.size == 0:
        for i in range(out.size):
            out[i] = symbols[i]
    else:
        for i in range(out.size // 2):
            pair = low[i]
            out[2 * i] = _turned(symbols[2 * i], pair & np.uint8(15))
            out[2 * i + 1] = _turned(symbols[2 * i + 1], pair >> np.uint8(4))
        if out.size % 2:
            end = out.size - 1
            out[end] = _turned(symbols[end], low[end // 2] & np.uint8(15))


@njit(error_model="numpy")
def _turned(symbol, rest):
    """Four bits above four others, turned so that the lowest is highest."""
    return np.uint8(symbol << 3) | np.uint8(rest >> 1) | np.uint8(rest << 7)


@njit(nogil=True, cache=True, error_model="numpy")
def stream_bits(symbols, lengths, uses):
    """Bits of each stream.

    Args:
        symbols: (n,) uint8. lengths: (codes, 256) uint8. uses: (blocks,) int64, which code.
    """
    counts = np.zeros((symbols.size + STREAM - 1) // STREAM, np.int64)
    for stream in range(counts.size):
        mine, total = lengths[uses[stream // STREAMS]], 0
        for symbol in symbols[stream * STREAM : (stream + 1) * STREAM]:
            total += mine[symbol]
        counts[stream] = total
    return counts


@njit(nogil=True, cache=True, error_model="numpy")
def encode(symbols, lengths, uses, starts, bits):
    """Write the code of every symbol, the first bit highest.

    Args:
        symbols, lengths, uses: as of `stream_bits`.
        starts: (streams,) int64, the first bit of each, in order.
        bits: uint8, zeros; written.
    """
    codes, code = np.zeros(256, np.uint32), -1
    for stream in range(starts.size):
        if uses[stream // STREAMS] != code:
            code = uses[stream // STREAMS]
            fill_codes(lengths[code], codes)
        mine, place = lengths[code], starts[stream]
        count, place = np.uint64(place & 7), place >> 3
        word = np.uint64(bits[place]) << np.uint64(56)
        for symbol in symbols[stream * STREAM : (stream + 1) * STREAM]:
            count += np.uint64(mine[symbol])
            word |= np.uint64(codes[symbol]) << (np.uint64(64) - count)
            if count >= np.uint64(48):
                store64(bits, place, swap_bytes(word))
                place, word, count = place + 6, word << np.uint64(48), count - np.uint64(48)
        store64(bits, place, swap_bytes(word))
