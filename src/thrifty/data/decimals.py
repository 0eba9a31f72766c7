"""Decimals: decimal text to the nearest double and to integers, inside a kernel.

Digits are read eight at a time: one 64-bit word holds eight bytes, arithmetic on the whole word
finds where the digits stop, and three multiplications turn them into a number. Up to 2**53 and a
power of ten within 22 the result is one exact multiplication or division (Clinger 1990); anything
else with up to 19 digits goes through a 128-bit product (Lemire 2021). The few texts that need
more (longer digits close to a tie, underscores, junk) are left to `float` by the caller.

The functions read up to 8 bytes past the last digit: pad the text with `PAD` bytes.
"""

import numpy as np
from numba.cpython.unsafe.numbers import leading_zeros, trailing_zeros, viewer

from thrifty.core.instructions import high
from thrifty.core.kernels import njit

__all__ = [
    "INLINE",
    "KERNEL",
    "PAD",
    "byte",
    "careful_decimal",
    "decimal",
    "digits",
    "digits8",
    "integer",
    "load8",
]

PAD = 16
INLINE = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "forceinline": True,
    "counted": False,
}
KERNEL = {"nogil": True, "cache": True, "error_model": "numpy", "counted": False}

_U = np.uint64
_ZEROS, _LOW7, _PAST9, _HIGH = (_U(b * 0x0101010101010101) for b in (0x30, 0x7F, 0x76, 0x80))
_PAIRS, _QUADS = _U(0x00FF00FF00FF00FF), _U(0x0000FFFF0000FFFF)
_U1, _U3, _U4, _U8, _U16, _U32 = (_U(v) for v in (1, 3, 4, 8, 16, 32))
_BY10, _BY100, _BY10000 = _U(10 * 256 + 1), _U(100 * 65536 + 1), _U(10000 * 2**32 + 1)
_U0, _U10, _HIDDEN, _LOW55 = _U(0), _U(10), _U(1 << 52), _U(2**64 - 1) >> _U(55)
_TEN = np.array([10**n for n in range(9)], dtype=np.uint64)
_ROOM = np.array([10 ** (19 - n) for n in range(9)], dtype=np.uint64)
_EXACT = 10.0 ** np.arange(23)
_LEAST, _MOST = -342, 308
_FAR = 10**12


def _five(q: int) -> int:
    """The top 128 bits of 5**q, rounded up for negative q, with the highest bit set."""
    if q >= 0:
        power = 5**q
        return power << 128 - power.bit_length() if power < 1 << 128 else _top(power)
    power = 5**-q
    bits = (power - 1).bit_length()
    return _top((1 << (bits + 127 if q >= -27 else 2 * bits + 128)) // power + 1)


def _top(number: int) -> int:
    return number >> max(number.bit_length() - 128, 0)


_FIVES = np.array(
    [(v >> 64, v & 2**64 - 1) for v in map(_five, range(_LEAST, _MOST + 1))], dtype=np.uint64
)
_FIVES_HIGH, _FIVES_LOW = (np.ascontiguousarray(column) for column in _FIVES.T)


@njit(**INLINE)
def byte(text, p):
    """text[p] without the test for a negative p."""
    return text[_U(p)]


@njit(**INLINE)
def load8(text, p):
    """Eight bytes as one little-endian word; compiles to one load."""
    i = _U(p)
    word = _U(text[i])
    for k in range(1, 8):
        word |= _U(text[i + _U(k)]) << _U(8 * k)
    return word


@njit(**INLINE)
def digits8(word):
    """(how many leading bytes are digits, 0..8; their number)."""
    word ^= _ZEROS
    stop = (((word & _LOW7) + _PAST9) | word) & _HIGH
    count = trailing_zeros(stop) >> _U3
    half = (_U8 - count) * _U4
    word = (word << half) << half
    word = word * _BY10 >> _U8
    word = (word & _PAIRS) * _BY100 >> _U16
    return np.int64(count), (word & _QUADS) * _BY10000 >> _U32


@njit(**INLINE)
def digits(text, p, mantissa):
    """Append digits to mantissa; (mantissa, end), end -1 if 19 digits do not hold them."""
    while True:
        count, number = digits8(load8(text, p))
        if mantissa >= _ROOM[_U(count)]:
            return mantissa, np.int64(-1)
        mantissa = mantissa * _TEN[_U(count)] + number
        p += count
        if count < 8:
            return mantissa, p


@njit(**INLINE)
def _product(mantissa, q):
    """The upper and middle 64 bits of mantissa times the 128 bits of 5**q."""
    five = _FIVES_HIGH[q - _LEAST]
    upper, middle = high(mantissa, five), mantissa * five
    if upper & _LOW55 == _LOW55:
        more = high(mantissa, _FIVES_LOW[q - _LEAST])
        middle += more
        if more > middle:
            upper += _U1
    return upper, middle


@njit(**KERNEL)
def _nearest(mantissa, q):
    """The double nearest to mantissa * 10**q, ties to even; Lemire 2021, arXiv:2101.11408."""
    if mantissa == _U0 or q < _LEAST:
        return 0.0
    if q > _MOST:
        return np.inf
    zeros = leading_zeros(mantissa)
    high, low = _product(mantissa << zeros, q)
    upper = high >> _U(63)
    m = high >> (upper + _U(9))
    exponent = (217706 * q >> 16) + 1086 + np.int64(upper) - np.int64(zeros)
    if exponent <= 0:
        return _subnormal(m, exponent)
    if low <= _U1 and -4 <= q <= 23 and m & _U3 == _U1 and m << (upper + _U(9)) == high:
        m &= ~_U1
    m = (m + (m & _U1)) >> _U1
    if m >= _HIDDEN << _U1:
        m, exponent = _HIDDEN, exponent + 1
    return np.inf if exponent >= 2047 else _assemble(m, exponent)


@njit(**KERNEL)
def _subnormal(m, exponent):
    """A double below 2**-1022, rounded once."""
    if exponent <= -63:
        return 0.0
    m >>= _U(1 - exponent)
    m = (m + (m & _U1)) >> _U1
    return _assemble(m, np.int64(m >= _HIDDEN))


@njit(**INLINE)
def _assemble(m, exponent):
    """The double with these 53 bits of significand and this biased exponent."""
    return viewer((m & (_HIDDEN - _U1)) | _U(exponent) << _U(52), np.float64)


@njit(**INLINE)
def _exponent(text, p):
    """Read the exponent that follows the e at p; (exponent, end), end -1 if there is none."""
    c = byte(text, p + 1)
    start = p + 2 if c == 43 or c == 45 else p + 1
    end, power = start, 0
    while 48 <= byte(text, end) <= 57:
        power = min(power * 10 + (np.int64(byte(text, end)) - 48), _FAR)
        end += 1
    return (-power if c == 45 else power), (end if end > start else np.int64(-1))


@njit(**INLINE)
def decimal(text, p):
    """Read a decimal of up to 19 digits at p; (number, end), end -1 if it needs more care."""
    c = byte(text, p)
    start = p + 1 if c == 45 or c == 43 else p
    if 48 <= byte(text, start) <= 57 and not 48 <= byte(text, start + 1) <= 57:
        mantissa, end = _U(byte(text, start)) - _U(48), start + 1
        if byte(text, end) == 32:
            number = np.float64(np.int64(mantissa))
            return (-number if c == 45 else number), end
    else:
        mantissa, end = digits(text, start, _U0)
    count, scale = end - start, 0
    if end >= 0 and byte(text, end) == 46:
        point = end + 1
        mantissa, end = digits(text, point, mantissa)
        count, scale = count + end - point, point - end
    if end < 0 or count == 0:
        return 0.0, np.int64(-1)
    if byte(text, end) | 32 == 101:
        power, end = _exponent(text, end)
        scale += power
    if mantissa <= _HIDDEN << _U1 and -22 <= scale <= 22:
        number = np.float64(np.int64(mantissa))
        number = number / _EXACT[_U(-scale)] if scale < 0 else number * _EXACT[_U(scale)]
    else:
        number = _nearest(mantissa, scale)
    return (-number if c == 45 else number), end


@njit(**KERNEL)
def _word(text, p, word):
    """Whether the letters at p are word, in either case."""
    k = 0
    while k < len(word) and byte(text, p + k) | 32 == word[k]:
        k += 1
    return k == len(word)


@njit(**KERNEL)
def _named(text, p):
    """Read nan, inf or infinity at p; (number, end), end -1 if it is none of them."""
    if _word(text, p, b"nan"):
        return np.nan, p + 3
    if _word(text, p, b"infinity"):
        return np.inf, p + 8
    if _word(text, p, b"inf"):
        return np.inf, p + 3
    return 0.0, np.int64(-1)


@njit(**KERNEL)
def _long_digits(text, p):
    """Read digits with a point; (first 19 digits, power of ten, whether cut, end)."""
    mantissa, scale, kept, seen, cut, point = _U0, 0, 0, 0, False, False
    while True:
        c = byte(text, p)
        if c == 46 and not point:
            point = True
        elif not 48 <= c <= 57:
            return mantissa, scale, cut, (p if seen else np.int64(-1))
        elif kept < 19:
            mantissa = mantissa * _U10 + _U(c - 48)
            seen, kept, scale = 1, kept + (mantissa > _U0), scale - point
        else:
            cut, scale = True, scale + (not point)
        p += 1


@njit(**KERNEL)
def careful_decimal(text, p):
    """Read any number `float` takes at p; (number, end), end -1 if `float` must decide."""
    c = byte(text, p)
    start = p + 1 if c == 45 or c == 43 else p
    number, end = _named(text, start)
    if end < 0:
        mantissa, scale, cut, end = _long_digits(text, start)
        if end >= 0 and byte(text, end) | 32 == 101:
            power, end = _exponent(text, end)
            scale += power
        number = _nearest(mantissa, scale)
        if cut and number != _nearest(mantissa + _U1, scale):
            return 0.0, np.int64(-1)
    return (-number if c == 45 else number), end


@njit(**KERNEL)
def integer(text, p):
    """Read an integer as `int` does; (number, at most 10**17 away from 0; end, -1 if none)."""
    c = byte(text, p)
    start = p + 1 if c == 45 or c == 43 else p
    end, number, count, last = start, 0, 0, np.uint8(95)
    while 48 <= byte(text, end) <= 57 or (byte(text, end) == 95 and last != 95):
        last = byte(text, end)
        if last != 95:
            number, count = min(number * 10 + (np.int64(last) - 48), 10**17), count + 1
        end += 1
    if last == 95 or count > 4300:
        return 0, np.int64(-1)
    return (-number if c == 45 else number), end
