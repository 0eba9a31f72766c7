"""Svmlight kernel: the state machine that turns lines of svmlight text into columns of arrays."""

import numpy as np
from numba.cpython.unsafe.numbers import trailing_zeros

from thrifty.core.kernels import njit
from thrifty.data.decimals import (
    INLINE,
    KERNEL,
    byte,
    careful_decimal,
    decimal,
    digits,
    digits8,
    integer,
    load8,
)

__all__ = [
    "AT", "BAD", "BEFORE", "FULL", "GOT", "INDEX", "LABEL", "LABELS", "LARGEST", "LINE", "NO_COLON",
    "NUMBERS", "ORDER", "POSITION", "QID", "RANGE", "ROWS", "UNSURE", "VALUE", "last_newline",
    "parse_rows", "token_end",
]  # fmt: skip

LARGEST = 2**31 - 1
# what can be wrong with a token; FULL is not an error: the caller makes room and calls again
LABEL, VALUE, QID, NO_COLON, INDEX, RANGE, ORDER, FULL = range(1, 9)
# places in the state; GOT and BEFORE belong to the last error, whose token starts at AT
POSITION, LINE, ROWS, NUMBERS, LABELS, UNSURE, BAD, AT, GOT, BEFORE = range(10)
_U0, _U3, _U4, _U8, _U9, _U15, _U16, _U255 = (np.uint64(v) for v in (0, 3, 4, 8, 9, 15, 16, 255))
_TO_COLON, _HIGH = (np.uint64(v * 0x0101010101010101) for v in (0x80 - 58, 0x80))
_SHAPE, _BRIEF = np.uint64(0xF0FF), np.uint64(0x303A)  # a colon and a digit


@njit(**INLINE)
def _blank(c):
    return c == 32 or (9 <= c <= 13 and c != 10)


@njit(**INLINE)
def _stops(c):
    """Whether c ends a token: white space, a newline or the start of a comment."""
    return c == 32 or 9 <= c <= 13 or c == 35


@njit(**INLINE)
def _skip(text, p):
    while _blank(byte(text, p)):
        p += 1
    return p


@njit(**KERNEL)
def _next_line(text, p):
    while byte(text, p) != 10:
        p += 1
    return p + 1


@njit(**KERNEL)
def token_end(text, p, comma):
    """Where the token that p is in ends; comma says whether a comma ends it, too."""
    while not (_stops(byte(text, p)) or (comma and byte(text, p) == 44)):
        p += 1
    return p


@njit(**KERNEL)
def _colon(text, p):
    """The first colon of the token at p, or -1."""
    end = token_end(text, p, False)
    while p < end:
        if byte(text, p) == 58:
            return p
        p += 1
    return np.int64(-1)


@njit(**KERNEL)
def _leave(text, p, kind, slot, comma, unsure, state):
    """Note a token for Python to decide; its end, or -FULL if there is no room for the note."""
    n = state[UNSURE]
    if n == len(unsure):
        return np.int64(-FULL)
    end = token_end(text, p, comma)
    unsure[n, 0], unsure[n, 1], unsure[n, 2] = kind, slot, p
    unsure[n, 3], unsure[n, 4], unsure[n, 5] = end, state[ROWS], state[LINE]
    state[UNSURE] = n + 1
    return end


@njit(**KERNEL)
def _careful(text, p, kind, slot, comma, unsure, state):
    """Read a number that the fast way does not; (number, end)."""
    number, end = careful_decimal(text, p)
    if end >= 0 and (_stops(byte(text, end)) or (comma and byte(text, end) == 44)):
        return number, end
    return 0.0, _leave(text, p, kind, slot, comma, unsure, state)


@njit(**KERNEL)
def _fail(code, at, got, before, state):
    """Note what went wrong; the negative code."""
    state[AT], state[GOT], state[BEFORE] = at, got, before
    return np.int64(-code)


@njit(**INLINE)
def _one_label(text, p, labels, unsure, state):
    """Read the label of a row; where it ends."""
    n = state[LABELS]
    labels[n], end = decimal(text, p)
    if end < 0 or not _stops(byte(text, end)):
        labels[n], end = _careful(text, p, LABEL, n, False, unsure, state)
    state[LABELS] = n + 1
    return end


@njit(**KERNEL)
def _many_labels(text, p, labels, unsure, state):
    """Read labels joined by commas, none if the first token is a feature; where they end."""
    if _colon(text, p) >= 0:
        return p
    while True:
        n = state[LABELS]
        labels[n], end = _careful(text, p, LABEL, n, True, unsure, state)
        state[LABELS] = n + 1
        if end < 0 or byte(text, end) != 44:
            return end
        p = end + 1


@njit(**KERNEL)
def _query(text, p, wanted, queries, has_query, unsure, state):
    """Read qid:number if it is at p; where it ends, or p if it is not there."""
    row = state[ROWS]
    if wanted:
        has_query[row], queries[row] = False, 0
    if not (byte(text, p) == 113 and byte(text, p + 1) == 105 and byte(text, p + 2) == 100):
        return p
    colon = _colon(text, p)
    if colon < 0:
        return _fail(NO_COLON, p, 0, 0, state)
    if not wanted:
        return token_end(text, p, False)
    has_query[row] = True
    queries[row], end = integer(text, colon + 1)
    if end >= 0 and _stops(byte(text, end)) and abs(queries[row]) < 10**17:
        return end
    return _leave(text, colon + 1, QID, row, False, unsure, state)


@njit(**KERNEL)
def _careful_index(text, p, state):
    """Read an index that the fast way does not; (index, its colon or a negative code)."""
    colon = _colon(text, p)
    if colon < 0:
        return np.int64(0), _fail(NO_COLON, p, 0, 0, state)
    index, end = integer(text, p)
    if end != colon:
        return np.int64(0), _fail(INDEX, p, 0, 0, state)
    return index, end


@njit(**INLINE)
def _brief(text, p, n, before, indices, values):
    """Read features like 123:1, each from one word, as far as they go; (p, n, before)."""
    while True:
        word = load8(text, p)
        colon = trailing_zeros((word + _TO_COLON) & _HIGH) >> _U3
        count, number = digits8(word)
        half = colon * _U4
        rest = (word >> half) >> half
        index, digit, after = np.int64(number), rest >> _U8 & _U15, rest >> _U16 & _U255
        brief = count == np.int64(colon) and rest & _SHAPE == _BRIEF and digit <= _U9
        if not (brief and index > before and count > 0 and after in (32, 10)):
            return p, n, before
        slot, before = np.uint64(n), index
        indices[slot], values[slot] = index, np.float64(np.int64(digit))
        n, p = n + 1, p + np.int64(colon) + 2
        if after == 10:
            return p, n, before
        p += 1


@njit(**INLINE)
def _features(text, p, first, n, indices, values, unsure, state):
    """Read the features of a row into place n and on; (end of line or negative code, n)."""
    before, brief = first - 1, True
    while True:
        if brief:
            p, n, before = _brief(text, p, n, before, indices, values)
        p = _skip(text, p)
        c = byte(text, p)
        if c == 10 or c == 35:
            return p, n
        number, colon = digits(text, p, _U0)
        index = np.int64(number)
        if colon == p or colon < 0 or byte(text, colon) != 58 or number > LARGEST:
            index, colon = _careful_index(text, p, state)
            if colon < 0:
                return colon, n
        if index <= before or index > LARGEST:
            code = RANGE if index < first or index > LARGEST else ORDER
            return _fail(code, p, index, before, state), n
        slot, before = np.uint64(n), index
        indices[slot] = index
        values[slot], end = decimal(text, colon + 1)
        if end < 0 or not _stops(byte(text, end)):
            values[slot], end = _careful(text, colon + 1, VALUE, n, False, unsure, state)
            if end < 0:
                return end, n
        n, p, brief = n + 1, end, end == colon + 2


@njit(**KERNEL)
def _spoil(code, line, bad, state):
    """Count a bad row and keep what the first few need for their message."""
    n = state[BAD]
    if n < len(bad):
        bad[n, 0], bad[n, 1], bad[n, 2] = line, code, state[AT]
        bad[n, 3], bad[n, 4] = state[GOT], state[BEFORE]
    state[BAD] = n + 1


@njit(**INLINE)
def _row(
    text, p, n, first, multilabel, wants_query,
    labels, queries, has_query, indices, values, unsure, state,
):  # fmt: skip
    """Read one row whose numbers go to n and on; (end of its text or negative code, n)."""
    if multilabel:
        p = _many_labels(text, p, labels, unsure, state)
    else:
        p = _one_label(text, p, labels, unsure, state)
    if p >= 0:
        p = _skip(text, p)
        if wants_query or byte(text, p) == 113:
            p = _query(text, p, wants_query, queries, has_query, unsure, state)
    if p < 0:
        return p, n
    return _features(text, p, first, n, indices, values, unsure, state)


@njit(**KERNEL)
def parse_rows(
    text, size, first, strict, multilabel, wants_query,
    labels, label_ends, queries, has_query, row_ends, indices, values, unsure, bad, state,
):  # fmt: skip
    """Parse whole lines from state[POSITION] on; 0, or the code of what stopped it.

    Room must be there for the worst case: a row for 2 bytes of text, a number for 3, a label for
    2 (with multilabel for 1). A bad row leaves no trace but in `bad`; with strict the first one
    ends the parse. Tokens that `float` or `int` must decide are listed in `unsure`.

    Args:
        text: (>= size + PAD,) uint8; text[size - 1] is a newline.
        first: the least index allowed, 0 or 1.
        label_ends, row_ends: (rows + 1,) int32, element 0 is 0.
        unsure: (n, 6) int64: kind, place, start, end, row, line.
        bad: (n, 5) int64: line, code, start, the index there, the index before.
        state: (10,) int64: see the names above; carries on where the last call ended.
    """
    while state[POSITION] < size:
        p = start = _skip(text, state[POSITION])
        n_labels, n_unsure = state[LABELS], state[UNSURE]
        if byte(text, p) != 10 and byte(text, p) != 35:
            p, n = _row(
                text, p, state[NUMBERS], first, multilabel, wants_query,
                labels, queries, has_query, indices, values, unsure, state,
            )  # fmt: skip
            if p >= 0:
                state[ROWS] += 1
                state[NUMBERS] = row_ends[state[ROWS]] = n
                if multilabel:
                    label_ends[state[ROWS]] = state[LABELS]
            else:
                state[LABELS], state[UNSURE] = n_labels, n_unsure
                if p == -FULL:
                    return FULL
                _spoil(-p, state[LINE], bad, state)
                if strict:
                    return -p
                p = start
        state[POSITION] = _next_line(text, p)
        state[LINE] += 1
    return 0


@njit(**KERNEL)
def last_newline(text, start, stop):
    """The place after the last newline of text[start:stop], or 0."""
    for p in range(stop, start, -1):
        if text[p - 1] == 10:
            return p
    return 0
