"""LogFormat: its laws, every number and tie, edges and golden bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.codec.grids import by_hand, grid_of, hard_numbers
from thrifty.codec import LogFormat, quantize
from thrifty.core import record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(LogFormat).laws if name == "codec" for law in LAWS[name]]
INSIDE = hnp.arrays(np.float32, hnp.array_shapes(max_side=9), elements=st.floats(-4, 4, width=32))


@pytest.mark.parametrize(
    ("made", "rounding"), [((4, 0, -3), "nearest"), ((12, 6, 20), "stochastic")], ids=str
)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, made, rounding):
    """The laws the record names hold."""
    law(lambda: LogFormat(made[0], made[1], top=made[2], rounding=rounding, seed=1))


@pytest.mark.parametrize("law", LAWS["unbiased"], ids=lambda law: law.__name__)
def test_rounding_by_chance_is_right_on_average(law):
    """Of the numbers themselves, not of their logarithms."""
    law(lambda seed: LogFormat(6, 1, top=2, rounding="stochastic", seed=seed), INSIDE)


@pytest.mark.parametrize("mode", ["nearest", "zero"])
@pytest.mark.parametrize("made", [(2, 0), (5, 0), (6, 3), (8, 6), (10, 4)])
def test_every_number_and_every_tie(made, mode):
    """Numbers of the grid stay, those between go where the slow way puts them."""
    form = LogFormat(*made, top=3, rounding=mode)
    numbers, codes = grid_of(form)
    x = hard_numbers(numbers)
    rounded, wanted = form.quantized(x), by_hand(x, numbers, codes, mode)
    near_tie = np.abs(np.abs(rounded - x) - np.abs(wanted - x)) <= 1e-15 * np.abs(x)
    assert ((rounded == wanted) | (near_tie & (mode == "nearest"))).all()
    np.testing.assert_array_equal(form.codes(numbers), codes)
    np.testing.assert_array_equal(form.encode(x).decode(), rounded)


def test_numbers_beyond_the_range():
    """The largest, and zero."""
    x = np.array([np.inf, -1e30, 1e-30, -1e-30, -0.0], np.float32)
    assert quantize(x, LogFormat(5, 1)).tolist() == [1, -1, 0, 0, 0]


def test_refusals():
    """NaN, and what float64 has not."""
    with pytest.raises(ValueError, match=r"^x must be without NaN, which .* have not$"):
        LogFormat(5, 1).encode(np.array([np.nan], np.float32))
    with pytest.raises(ValueError, match=r"^smallest number must be at least 2\*\*-1000, got "):
        LogFormat(12, 0)
    with pytest.raises(TypeError, match=r"^fraction must be a whole number in 0\.\.6, got 0\.5$"):
        LogFormat(8, 0.5)


def test_golden_bytes():
    """What is written to disk does not change."""
    x = np.linspace(-9, 9, 100, dtype=np.float32)
    data = b"".join(LogFormat(bits, 2, top=4).encode(x).to_bytes() for bits in (4, 7, 11))
    assert hashlib.sha256(data).hexdigest()[:16] == "33024eef3e7c830c"
