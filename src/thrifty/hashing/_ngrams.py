"""N-grams: the kernels that read text laid out by `_layout` and write hashes of its n-grams."""

import numpy as np

from thrifty.core.instructions import load64, trailing_zeros
from thrifty.core.kernels import njit
from thrifty.hashing._layout import HIGH_BITS, LETTER, SPACE, TAIL, UNDERSCORE, UPPER
from thrifty.hashing.keys import hash_bytes, join

__all__ = ["count_rows", "find_tokens", "find_words", "hash_chars", "hash_words"]

NUM_CODES = 2**31 - 1
REACH = np.uint64(0x0101010101010101 * (128 - TAIL))  # lifts marks from TAIL on to the high bit
GATHER = np.uint64(0x0102040810204080)  # the lowest bits of eight bytes to the highest byte


@njit(error_model="numpy")
def find_words(marks, begin, end, bounds):
    """Fill bounds with first and last byte of each word, 64 bytes at a time; how many there are.

    Without parts of identifiers, and without a least length: see `find_tokens`. Reads as many as 63
    marks beyond the end.
    """
    made, carry, i = 0, np.uint64(0), begin
    while i < end:
        bits = _word_bits(marks, i)
        if end - i < 64:
            bits &= (np.uint64(1) << np.uint64(end - i)) - np.uint64(1)
        edges = bits ^ (bits << np.uint64(1) | carry)
        carry = bits >> np.uint64(63)
        while edges:
            bounds[made] = i + trailing_zeros(edges)
            edges &= edges - np.uint64(1)
            made += 1
        i += 64
    if made & 1:
        bounds[made] = end
    return (made + 1) // 2


@njit(forceinline=True, error_model="numpy")
def _word_bits(marks, i):
    """Bit k says whether byte i + k belongs to a word, that is its mark is TAIL or more."""
    bits = np.uint64(0)
    for k in range(8):
        high = (load64(marks, i + 8 * k) + REACH) & HIGH_BITS
        bits |= (((high >> np.uint64(7)) * GATHER) >> np.uint64(56)) << np.uint64(8 * k)
    return bits


@njit(nogil=True, cache=True, error_model="numpy")
def find_tokens(marks, begin, end, min_length, identifiers, first, last, in_line):
    """Fill first, last (byte positions) and in_line (part of longer n-grams or not); the count."""
    count, i = 0, begin
    while i < end:
        while i < end and marks[i] < TAIL:
            i += 1
        start, length = i, 0
        while marks[i] >= TAIL:
            length += marks[i] > TAIL
            i += 1
        if length >= min_length:
            first[count], last[count], in_line[count] = start, i, 1
            count += 1
        if identifiers and length > 1:
            count = _find_parts(marks, start, i, min_length, first, last, in_line, count)
    return count


@njit(error_model="numpy")
def _find_parts(marks, start, end, min_length, first, last, in_line, count):
    whole = count - 1
    part, i, length, previous = start, start, 0, UNDERSCORE
    while i <= end:
        mark = marks[i] if i < end else UNDERSCORE
        if mark == UNDERSCORE or (mark == UPPER and _starts_part(marks, i, previous)):
            if length >= min_length and i - part < end - start:
                first[count], last[count], in_line[count] = part, i, 1
                in_line[whole] = 0
                count += 1
            part, length = (i + 1 if mark == UNDERSCORE else i), 0
        length += mark > TAIL and mark != UNDERSCORE
        previous = mark if mark > TAIL else previous
        i += 1
    return count


@njit(error_model="numpy")
def _starts_part(marks, i, previous):
    if previous != UPPER:
        return previous != UNDERSCORE
    i += 1
    while marks[i] & 1:
        i += 1
    return marks[i] == LETTER


@njit(nogil=True, cache=True, error_model="numpy")
def hash_words(text, first, last, in_line, count, low, high, key, line, out):
    """Hashes of the n-grams of low..high tokens that end at each token; returns how many."""
    made, length = 0, 0
    for t in range(count):
        gram = hash_bytes(text, first[t], last[t] - first[t], key)
        if low == 1:
            out[made] = gram
            made += 1
        if in_line[t]:
            line[length] = gram
            for back in range(1, min(high, length + 1)):
                gram = join(line[length - back], gram)
                if back + 1 >= low:
                    out[made] = gram
                    made += 1
            length += 1
    return made


@njit(nogil=True, cache=True, error_model="numpy")
def hash_chars(text, marks, begin, end, low, high, key, out, made):
    """Hashes of the n-grams of low..high characters inside each word and the spaces around it."""
    i = begin
    while i < end:
        if marks[i] == SPACE:
            i += 1
            continue
        start = i - 1
        while marks[i] != SPACE:
            i += 1
        for n in range(low, high + 1):
            before = made
            made = _slide(text, marks, start, i + 1, n, key, out, made)
            if made == before + 1:
                break
    return made


@njit(error_model="numpy")
def _slide(text, marks, start, stop, n, key, out, made):
    left = right = start
    for _ in range(n):
        right = _after(marks, right) if right < stop else stop
    out[made] = hash_bytes(text, left, right - left, key)
    made += 1
    while right < stop:
        left, right = _after(marks, left), _after(marks, right)
        out[made] = hash_bytes(text, left, right - left, key)
        made += 1
    return made


@njit(forceinline=True, error_model="numpy")
def _after(marks, i):
    i += 1
    while marks[i] & 1:
        i += 1
    return i


@njit(nogil=True, cache=True, error_model="numpy")
def count_rows(text, marks, starts, words, chars, min_length, identifiers, signed, keys):
    """Codes and counts of all n-grams, row by row, in order of first appearance.

    Args:
        words: (low, high) or (0, -1) for none; chars likewise.
        keys: (word key, character key) uint64.

    Returns:
        indptr (rows + 1,) int64, codes int32 and counts float32.
    """
    rows = starts.size - 1
    longest = _longest(starts)
    room = 2 * longest + 2 if identifiers else longest // 2 + 2
    first, last = np.empty(room, np.int64), np.empty(room, np.int64)
    in_line, line = np.empty(room, np.uint8), np.empty(room, np.uint64)
    grams = room * max(words[1], 0) + (3 * longest // 2 + 4) * (chars[1] - chars[0] + 1)
    hashes, table = np.empty(grams, np.uint64), np.zeros(_table_size(grams), np.int64)
    indptr = np.zeros(rows + 1, np.int64)
    codes, counts = np.empty(text.size // 4, np.int32), np.empty(text.size // 4, np.float32)
    used = np.int64(0)
    for row in range(rows):
        begin, end, made = starts[row], starts[row + 1] - 1, np.int64(0)
        if words[1] > 0:
            found = find_tokens(marks, begin, end, min_length, identifiers, first, last, in_line)
            made = hash_words(
                text, first, last, in_line, found, words[0], words[1], keys[0], line, hashes
            )
        if chars[1] > 0:
            made = hash_chars(text, marks, begin, end, chars[0], chars[1], keys[1], hashes, made)
        codes, counts = _with_room(codes, used, made), _with_room(counts, used, made)
        used = _merge(hashes[:made], table, row + 1, signed, codes, counts, used)
        indptr[row + 1] = used
    return indptr, codes[:used].copy(), counts[:used].copy()


@njit(error_model="numpy")
def _longest(starts):
    longest = 0
    for row in range(starts.size - 1):
        longest = max(longest, starts[row + 1] - starts[row])
    return longest


@njit(error_model="numpy")
def _table_size(entries):
    size = 4
    while size < 2 * entries:
        size *= 2
    return size


@njit(error_model="numpy")
def _with_room(array, used, more):
    if used + more <= array.size:
        return array
    wider = np.empty(2 * (used + more), array.dtype)
    for i in range(used):
        wider[i] = array[i]
    return wider


@njit(error_model="numpy")
def _merge(hashes, table, stamp, signed, codes, counts, used):
    """Append the distinct codes of one row; a table entry is a stamp and a place in the row."""
    mask = _table_size(hashes.size) - 1
    base = used
    for h in hashes:
        code = np.int32(((h >> np.uint64(32)) * np.uint64(NUM_CODES)) >> np.uint64(32))
        value = np.float32(1)
        if signed and h & np.uint64(1):
            value = np.float32(-1)
        slot = np.int64(code) & mask
        while table[slot] >> 32 == stamp and codes[base + (table[slot] & 0xFFFFFFFF)] != code:
            slot = (slot + 1) & mask
        if table[slot] >> 32 == stamp:
            counts[base + (table[slot] & 0xFFFFFFFF)] += value
        else:
            table[slot] = np.int64(stamp) << 32 | (used - base)
            codes[used], counts[used] = code, value
            used += 1
    return used
