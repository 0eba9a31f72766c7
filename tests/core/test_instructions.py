"""Instructions: each is the loop that it stands for, on every word."""

import numpy as np
import pytest

from thrifty.core import instructions
from thrifty.core.instructions import (
    aligned,
    high,
    leading_zeros,
    load64,
    ones,
    prefetch,
    prefetch_rows,
    store64,
    swap_bytes,
    trailing_zeros,
)
from thrifty.core.kernels import njit

RNG = np.random.default_rng(0)
RANDOM = RNG.integers(1, 2**64, 200, dtype=np.uint64)
WORDS = np.append(np.uint64(1) << np.arange(64, dtype=np.uint64), RANDOM)
ask = prefetch_rows(3, keep=1)


@njit
def _of_words(words, out):
    for i in range(words.size):
        word = words[i]
        out[0, i], out[1, i] = ones(word), leading_zeros(word)
        out[2, i], out[3, i] = trailing_zeros(word), swap_bytes(word)
        out[4, i] = high(word, words[words.size - 1 - i])


def test_words():
    """Bits, zeros on either side, bytes in the opposite order, the high half of products."""
    out = np.zeros((5, WORDS.size), np.uint64)
    _of_words(WORDS, out)
    numbers = [int(word) for word in WORDS]
    assert out[0].tolist() == [n.bit_count() for n in numbers]
    assert out[1].tolist() == [64 - n.bit_length() for n in numbers]
    assert out[2].tolist() == [(n & -n).bit_length() - 1 for n in numbers]
    assert out[3].tolist() == WORDS.byteswap().tolist()
    assert out[4].tolist() == [a * b >> 64 for a, b in zip(numbers, numbers[::-1], strict=True)]


def test_trailing_zeros_of_half_a_word():
    """A uint32 is taken as it is."""
    kernel = njit(lambda words: [trailing_zeros(word) for word in words])
    words = np.uint32(1) << np.arange(32, dtype=np.uint32)
    assert kernel(words) == list(range(32))


@njit
def _moved(data, out, start, to):
    prefetch(data, start)
    store64(out, to, load64(data, start))


@pytest.mark.parametrize(("start", "to"), [(0, 0), (1, 3), (8, 5), (7, 8)])
def test_bytes_are_loaded_and_stored_at_any_place(start, to):
    """Eight of them, and none beside."""
    data, out = np.arange(1, 17, dtype=np.uint8), np.zeros(16, np.uint8)
    _moved(data, out, start, to)
    expected = np.zeros(16, np.uint8)
    expected[to : to + 8] = data[start : start + 8]
    assert out.tolist() == expected.tolist()


@njit
def _total(table, rows):
    total = 0.0
    for i in range(rows.size):
        ask(table, rows[i])
        total += table[rows[i], 1]
    return total


def test_rows_asked_for_are_as_they_were():
    """Of any stride and number; a row may be shorter than what is asked for."""
    table = np.arange(60.0).reshape(20, 3)
    rows = np.array([0, 19, 7], np.int32)
    assert _total(table, rows) == table[rows, 1].sum()
    assert _total(table[::2], rows // 2) == table[::2][rows // 2, 1].sum()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.float32])
def test_aligned_begins_at_a_line(dtype):
    """Zeros, as many as asked for, none too."""
    for size in (0, 1, 1000):
        found = aligned(size, dtype)
        assert (found.size, found.dtype, found.any()) == (size, dtype, False)
        assert size == 0 or found.ctypes.data % 64 == 0


def test_all_are_named():
    """Whoever adds one tests it here."""
    assert set(instructions.__all__) <= globals().keys()
