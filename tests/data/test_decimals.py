"""Decimals: every text gives the bits of `float`, or is left to it."""

import random
import struct

import numpy as np
import pytest

from thrifty.core.kernels import njit
from thrifty.data.decimals import PAD, careful_decimal, decimal, integer


@njit
def read_all(text, starts, careful):
    """The numbers at the starts, and where they end."""
    numbers, ends = np.empty(len(starts)), np.empty(len(starts), dtype=np.int64)
    for k in range(len(starts)):
        if careful:
            numbers[k], ends[k] = careful_decimal(text, starts[k])
        else:
            numbers[k], ends[k] = decimal(text, starts[k])
    return numbers, ends


@njit
def read_integer(text):
    """The integer at 0 and its end."""
    return integer(text, 0)


def padded(tokens):
    """Tokens with a blank after each, and room for wide loads."""
    return np.frombuffer(b"".join(t + b" " for t in tokens) + bytes(PAD), dtype=np.uint8)


def left_to_float(tokens, careful):
    """Assert that what is read has the bits of float; the share that was not read."""
    lengths = np.array([len(token) for token in tokens])
    starts = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
    numbers, ends = read_all(padded(tokens), starts, careful)
    read = ends >= 0
    expected = np.array([float(token) for token in tokens])
    np.testing.assert_array_equal(ends[read], (starts + lengths)[read])
    np.testing.assert_array_equal(numbers[read].view("u8"), expected[read].view("u8"))
    return 1 - read.mean()


def any_double(rng):
    """The shortest text of a double of any exponent."""
    return repr(struct.unpack("d", struct.pack("Q", rng.getrandbits(64)))[0])


def near_tie(rng):
    """An integer beside the middle of two doubles, in up to 19 digits."""
    return str((1 << 60) + 128 + 256 * rng.getrandbits(40) + rng.randrange(-1, 2))


def exact_half(rng):
    """A number with a half just where doubles are whole."""
    return f"{(1 << 52) + rng.getrandbits(40)}.5"


def below_normal(rng):
    """A number near or below the least normal double."""
    return f"{rng.getrandbits(63)}e-{rng.randrange(300, 345)}"


def mixed(rng):
    """Whole and fractional parts and exponents of any length that 19 digits hold."""
    whole, part = rng.getrandbits(rng.randrange(30)), rng.getrandbits(rng.randrange(30))
    return f"{rng.choice(('', '-', '+'))}{whole}.{part}e{rng.randrange(-360, 330)}"


def leading_zeros(rng):
    """A small number with many zeros before its 17 digits."""
    return f"-0.{'0' * rng.randrange(40)}{rng.getrandbits(56)}"


KINDS = [any_double, near_tie, exact_half, below_normal, mixed, leading_zeros]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("careful", [False, True])
def test_up_to_19_digits_all_is_read(kind, careful):
    """20,000 texts of each kind have the bits of float, and none of them is left to it."""
    rng = random.Random(1)
    tokens = [t.encode() for t in (kind(rng) for _ in range(20_000)) if "n" not in t]
    assert left_to_float(tokens, careful) == 0


def test_longer_digits_are_read_unless_near_a_tie():
    """With 40 digits nearly all is read by the careful way, and none by the other."""
    rng = random.Random(2)
    tokens = [b"%d.%d" % (rng.getrandbits(66), rng.getrandbits(66)) for _ in range(10_000)]
    assert left_to_float(tokens, careful=True) < 0.02
    assert left_to_float(tokens, careful=False) > 0.9
    ties = [b"%d.%s" % ((1 << 53) + 2 * k + 1, b"0" * 20) for k in range(100)]
    assert left_to_float(ties, careful=True) == 0.5


@pytest.mark.parametrize("careful", [False, True])
def test_edges(careful):
    """The ends of the range of doubles, zeros of both signs, odd but valid forms."""
    texts = """0 -0 +0 00 0.0 -0.0 0e5 0e-400 1e400 -1e400 1e-400 5e-324 2.4703282292062327e-324
    2.4703282292062328e-324 1.7976931348623157e308 1.7976931348623158e308 1.7976931348623159e308
    2.2250738585072014e-308 2.2250738585072011e-308 2.225073858507201e-308 .5 5. +.5e+3 5.e-1 5E5
    9007199254740992 9007199254740993 9007199254740994 1e22 1e23 123456789e-22 123456789e-23
    1e99999999999999999999 1e-99999999999999999999 9999999999999999999 12345678 1234567.8
    00000000000000000000000001 0.00000000000000000000000001"""
    tokens = [text.encode() for text in texts.split()]
    assert left_to_float(tokens, careful) == 0
    assert left_to_float([b"0." + b"0" * 400 + b"1e400", b"0" * 900 + b"7"], careful) == 0


def test_names_are_read_with_care_only():
    """Nan and infinity in any case and sign have the bits of float."""
    tokens = b"nan -nan +NaN inf -INF Infinity -infinity".split()
    assert left_to_float(tokens, careful=True) == 0
    assert left_to_float(tokens, careful=False) == 1


@pytest.mark.parametrize(
    "junk", [b"", b"-", b".", b"e5", b"-.e1", b"1e", b"1e+", b"x", b"na", b"+-1"]
)
def test_junk_is_not_read(junk):
    """What is not a number at all has no end."""
    text, starts = padded([junk]), np.zeros(1, dtype=np.int64)
    assert [read_all(text, starts, careful)[1][0] for careful in (False, True)] == [-1, -1]


@pytest.mark.parametrize(
    "text", [b"0", b"-0", b"+7", b"-12", b"007", b"1_000", b"1_2_3", b"99999999"]
)
def test_integers_are_those_of_int(text):
    """Valid forms give int's number and the end of the token."""
    assert read_integer(padded([text])) == (int(text), len(text))


@pytest.mark.parametrize("text", [b"", b"-", b"_1", b"1_", b"x", b"+-1", b"0" * 4301])
def test_what_int_refuses_is_no_integer(text):
    """Invalid forms, and more digits than int takes, have no end."""
    with pytest.raises(ValueError, match="int"):
        int(text)
    assert read_integer(padded([text]))[1] == -1


def test_large_integers_stay_large():
    """An integer beyond 10**17 is some number of at least that size."""
    assert read_integer(padded([b"9" * 30])) == (10**17, 30)
    assert read_integer(padded([b"-" + b"9" * 30])) == (-(10**17), 31)
