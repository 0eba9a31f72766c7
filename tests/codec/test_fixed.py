"""FixedPoint: its laws, every number and tie of small words, ranges, edges and golden bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.codec.grids import by_hand, grid_of, hard_numbers
from thrifty.codec import FixedPoint, quantize
from thrifty.core import record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(FixedPoint).laws if name == "codec" for law in LAWS[name]]
INSIDE = hnp.arrays(np.float32, hnp.array_shapes(max_side=9), elements=st.floats(-7, 7, width=32))


@pytest.mark.parametrize(
    ("made", "rounding"), [((8, 4), "stochastic"), ((30, 9), "nearest")], ids=str
)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, made, rounding):
    """The laws the record names hold."""
    law(lambda: FixedPoint(*made, rounding=rounding, seed=3))


@pytest.mark.parametrize("law", LAWS["unbiased"], ids=lambda law: law.__name__)
def test_rounding_by_chance_is_right_on_average(law):
    """Within the range."""
    law(lambda seed: FixedPoint(6, 2, rounding="stochastic", seed=seed), INSIDE)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", ["nearest", "zero"])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize(("word", "fraction"), [(2, 0), (3, 5), (8, 4), (8, -3), (12, 96)])
def test_every_number_and_every_tie(word, fraction, symmetric, mode, dtype):
    """Numbers of the grid stay, those between go where the slow way puts them."""
    form = FixedPoint(word, fraction, symmetric=symmetric, rounding=mode)
    numbers, codes = grid_of(form)
    if symmetric:
        numbers, codes = numbers[1:], codes[1:]
    x = hard_numbers(numbers).astype(dtype)
    np.testing.assert_array_equal(form.quantized(x), by_hand(x, numbers, codes, mode).astype(dtype))
    np.testing.assert_array_equal(form.codes(numbers), codes)
    np.testing.assert_array_equal(form.encode(x).decode(), form.quantized(x))


@pytest.mark.parametrize("word", [24, 25, 31, 32])
def test_wide_words(word):
    """Words wider than a table are as Python's own rounding has them."""
    form = FixedPoint(word, 20)
    x = np.random.default_rng(0).normal(0, 100, 1000)
    wanted = [np.clip(round(v * 2**20), -(2 ** (word - 1)), 2 ** (word - 1) - 1) / 2**20 for v in x]
    assert form.encode(x).decode().tolist() == wanted


def test_infinities_become_the_ends():
    """Of either range."""
    x = np.array([np.inf, -np.inf, 3e38, -3e38], np.float32)
    assert quantize(x, FixedPoint(8, 4)).tolist() == [7.9375, -8, 7.9375, -8]
    assert quantize(x, FixedPoint(8, 4, symmetric=True)).tolist() == [7.9375, -7.9375] * 2


def test_size():
    """So many bits each, rounded up to a byte."""
    assert FixedPoint(3, 1).encode(np.zeros(11, np.float32)).nbytes == 5


def test_refusals():
    """NaN, words and fractions out of range, whole numbers."""
    for bad in (np.nan, -np.nan):
        with pytest.raises(ValueError, match=r"^x must be without NaN, which fixed point has not$"):
            FixedPoint(8, 4).encode(np.array([0, bad], np.float32))
    with pytest.raises(ValueError, match=r"^word must be in 2\.\.32, got 1$"):
        FixedPoint(1, 0)
    with pytest.raises(ValueError, match=r"^fraction must be in -64\.\.96, got 97$"):
        FixedPoint(8, 97)
    with pytest.raises(TypeError, match=r"^x must be of floats, got int64$"):
        FixedPoint(8, 4).encode(np.arange(3))


def test_golden_bytes():
    """What is written to disk does not change."""
    x = np.linspace(-9, 9, 100, dtype=np.float32)
    data = b"".join(
        FixedPoint(word, 3, rounding="stochastic", seed=1).encode(x).to_bytes()
        for word in (3, 8, 13, 32)
    )
    assert hashlib.sha256(data).hexdigest()[:16] == "53b36de9aed3b6be"
