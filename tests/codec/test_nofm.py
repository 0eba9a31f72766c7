"""NOfM: its laws, the size of 2:4, arrays that are of its pattern, and what is refused."""

import hashlib

import numpy as np
import pytest

from thrifty.codec import Encoded, NOfM
from thrifty.codec.masks import n_of_m
from thrifty.core import FormatError, record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(NOfM).laws for law in LAWS[name]]


@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 1), (3, 5), (1, 256)])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, n, m):
    """The laws the record names hold."""
    law(lambda: NOfM(n, m))


@pytest.mark.parametrize("dtype", ["float16", "float32", "bfloat16"])
def test_two_of_four_takes_nine_sixteenths_of_half_precision(dtype):
    """2 values and 4 bits of 4 elements, to the byte."""
    import ml_dtypes

    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    x = np.random.default_rng(0).standard_normal((64, 128)).astype(kind)
    small = NOfM().encode(x)
    assert small.nbytes == x.size // 4 * (2 * kind.itemsize) + x.size // 8
    mask = n_of_m(np.abs(x.astype(np.float32)))
    assert (small.decode() == np.where(mask, x, np.zeros((), kind))).all()


@pytest.mark.parametrize("width", [1, 5, 8, 11])
def test_an_array_of_the_pattern_comes_back_whole(width):
    """To the bit, NaN and infinities too, short last groups too."""
    x = np.random.default_rng(width).standard_normal((9, width)).astype(np.float32)
    x[0, 0], x[1, -1] = np.nan, -np.inf
    x[~n_of_m(np.nan_to_num(np.abs(x), nan=np.inf))] = 0
    assert NOfM().encode(x).decode().tobytes() == x.tobytes()


def test_patterns_out_of_range_are_refused():
    """N and m by name."""
    with pytest.raises(ValueError, match=r"^n must be in 1\.\.4, got 5$"):
        NOfM(5, 4)
    with pytest.raises(TypeError, match=r"^m must be a whole number in 1\.\.256, got 4\.0$"):
        NOfM(2, 4.0)


def test_a_place_outside_its_group_is_refused():
    """Only groups that are no power of two can hold such."""
    made = NOfM(1, 5).encode(np.ones(5, np.float32))
    arrays = made.arrays() | {"places": np.array([7], np.uint8)}
    with pytest.raises(FormatError, match=r"^places must be below 5, got 7$"):
        Encoded(made.codec, made.shape, made.dtype, arrays).decode()


def test_bytes_are_stable():
    """Golden: the bytes of a fixed array do not move between versions."""
    x = (np.arange(60) % 7 - 3).reshape(5, 12).astype(np.float32)
    found = hashlib.sha256(NOfM().encode(x).to_bytes()).hexdigest()[:16]
    assert found == "f734ca72f9bc07c7"
