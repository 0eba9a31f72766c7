"""Layout: rows of text in one buffer, in lower case, with a mark beside every byte.

A space stands before, between and after the rows. An odd mark is a byte inside a character; marks
from TAIL on make up words.
"""

import functools
import unicodedata

import numpy as np

from thrifty.core.instructions import load64
from thrifty.core.kernels import njit

__all__ = [
    "DIGIT",
    "HIGH_BITS",
    "LETTER",
    "SEPARATOR",
    "SPACE",
    "TAIL",
    "UNDERSCORE",
    "UPPER",
    "lay_out",
    "tables",
]

SPACE, SEPARATOR_TAIL, SEPARATOR, TAIL = 0, 1, 2, 3
LETTER, UPPER, DIGIT, UNDERSCORE = 4, 6, 8, 10
HIGH_BITS = np.uint64(0x8080808080808080)
RUN = 16


@functools.cache
def tables() -> tuple[np.ndarray, np.ndarray]:
    """Lower case (uint16) and mark (uint8) of every character below 65,536.

    Categories are those of Unicode 3.2, which every Python has; characters that are newer count as
    letters, and so does every character from 65,536 on.
    """
    pairs = [_lower_and_mark(chr(code)) for code in range(65_536)]
    lower, marks = zip(*pairs, strict=True)
    return np.array(lower, np.uint16), np.array(marks, np.uint8)


def _lower_and_mark(char: str) -> tuple[int, int]:
    category = unicodedata.ucd_3_2_0.category(char)
    if char.isspace():
        return ord(" "), SPACE
    if char == "_":
        return ord(char), UNDERSCORE
    if category[0] in "PSZ" or category in ("Cc", "Cf"):
        return ord(char), SEPARATOR
    if category not in ("Lu", "Lt"):
        return ord(char), DIGIT if "0" <= char <= "9" else LETTER
    small = char.lower()
    fits = len(small.encode()) == len(char.encode()) and len(small) == 1
    return ord(small if fits else char), UPPER


@njit(nogil=True, cache=True, error_model="numpy")
def lay_out(data, offsets, lower, kinds, text, marks, starts):
    """Copy row i of data to text[starts[i]:starts[i + 1] - 1] in lower case, and mark it."""
    text[0], marks[0] = 32, SPACE
    place = np.int64(1)
    for row in range(starts.size - 1):
        starts[row] = place
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            byte = data[i]
            if byte < 0x80:
                step = max(1, _ascii_run(data, i, end))
                if step >= RUN:
                    stop = place + step
                    _lay_out_ascii(data[i : i + step], text[place:stop], marks[place:stop])
                else:
                    step = 1
                    text[place], marks[place] = lower[byte], kinds[byte]
            else:
                step = _lay_out_wide(data, i, end, lower, kinds, text, marks, place)
            i += step
            place += step
        text[place], marks[place] = 32, SPACE
        place += 1
    starts[starts.size - 1] = place
    text[place:], marks[place:] = 32, SPACE


@njit(error_model="numpy")
def _ascii_run(data, i, end):
    """Bytes below 128 from here on, by eights; a short run is read byte by byte."""
    start = i
    while i + 8 <= end and load64(data, i) & HIGH_BITS == 0:
        i += 8
    return i - start


@njit(error_model="numpy")
def _lay_out_ascii(data, text, marks):
    """As the tables say, without them, so that many bytes are read at once."""
    for i in range(data.size):
        byte = data[i]
        upper = (byte >= 65) & (byte <= 90)
        small = (byte >= 97) & (byte <= 122)
        digit = (byte >= 48) & (byte <= 57)
        space = ((byte >= 9) & (byte <= 13)) | ((byte >= 28) & (byte <= 32))
        mark = np.uint8(SEPARATOR)
        mark = np.uint8(LETTER) if small else mark
        mark = np.uint8(UPPER) if upper else mark
        mark = np.uint8(DIGIT) if digit else mark
        mark = np.uint8(UNDERSCORE) if byte == 95 else mark
        marks[i] = np.uint8(SPACE) if space else mark
        plain = np.uint8(32) if space else byte
        text[i] = np.uint8(byte + np.uint8(32)) if upper else plain


@njit(error_model="numpy")
def _lay_out_wide(data, i, end, lower, kinds, text, marks, place):
    lead = np.int64(data[i])
    step = 1 + (lead >= 0xC0) + (lead >= 0xE0)
    if lead < 0xC0 or lead >= 0xF0 or i + step > end:
        text[place], marks[place] = lead, LETTER if lead >= 0xC0 else TAIL
        return 1
    code = lead & (0x1F if step == 2 else 0x0F)
    for j in range(i + 1, i + step):
        code = code << 6 | (np.int64(data[j]) & 0x3F)
    kind = kinds[code]
    code = np.int64(lower[code])
    for j in range(place + step - 1, place, -1):
        text[j], marks[j] = 32 if kind == SPACE else 0x80 | (code & 0x3F), _tail(kind)
        code >>= 6
    text[place], marks[place] = 32 if kind == SPACE else code | (0xC0 if step == 2 else 0xE0), kind
    return step


@njit(error_model="numpy")
def _tail(kind):
    if kind == SPACE:
        return SPACE
    return SEPARATOR_TAIL if kind == SEPARATOR else TAIL
