"""LeanCodec: its laws, its grids against slow formulas, packed rows, and what is refused."""

import hashlib

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec import Encoded, LeanCodec
from thrifty.core import FormatError, record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(LeanCodec).laws for law in LAWS[name]]
MADE = [(4, "codebook", None), (3, "codebook", 4), (2, "affine", None), (8, "affine", 3)]


@pytest.mark.parametrize("made", MADE, ids=str)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, made):
    """The laws the record names hold."""
    law(lambda: LeanCodec(*made))


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("form", ["codebook", "affine"])
def test_every_weight_is_the_nearest_value_of_its_row(bits, form):
    """Codes read bit by bit from the bytes, as the docstring says, give what decode gives."""
    x = np.random.default_rng(bits).standard_normal((5, 37)).astype(np.float32)
    small = LeanCodec(bits, form).encode(x)
    arrays = small.arrays()
    if form == "codebook":
        grid = arrays["codebook"][:, 0].astype(np.float64)
    else:
        grid = arrays["low"].astype(np.float64) + arrays["scale"] * np.arange(2.0**bits)
    grid = grid * arrays["unit"][0]
    loose = np.unpackbits(arrays["codes"], axis=1, count=37 * bits, bitorder="little")
    codes = loose.reshape(5, 37, bits) @ (1 << np.arange(bits))
    np.testing.assert_allclose(small.decode(), np.take_along_axis(grid, codes, 1), rtol=1e-6)
    nearest = abs(x[:, :, None] - grid[:, None]).min(axis=2)
    np.testing.assert_allclose(abs(x - small.decode()), nearest, atol=1e-6)


def test_four_bits_of_even_columns_are_in_the_low_half():
    """The byte that a matrix product by packed codes reads."""
    x = np.array([[0, 15, 7, 1]], np.float32)
    assert LeanCodec(4, "affine").encode(x).arrays()["codes"].tolist() == [[0xF0, 0x17]]


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn]
)
def test_every_float_dtype_returns_even_at_its_ends(dtype):
    """The largest numbers of a dtype stay finite, the least stay near."""
    for size in (float(ml_dtypes.finfo(dtype).max), float(ml_dtypes.finfo(dtype).tiny)):
        x = (np.linspace(-1, 1, 24).reshape(4, 6) * size).astype(dtype)
        back = LeanCodec(4).encode(x).decode()
        assert back.dtype == x.dtype
        np.testing.assert_allclose(back.astype(float) / size, x.astype(float) / size, atol=0.07)


def test_axes_after_the_first_are_columns():
    """A convolution's weights are one row an output channel."""
    x = np.random.default_rng(0).standard_normal((6, 3, 5, 5)).astype(np.float32)
    small = LeanCodec(4).encode(x)
    assert small.arrays()["codebook"].shape == (6, 1, 16)
    assert (small.decode() == LeanCodec(4).encode(x.reshape(6, 75)).decode().reshape(x.shape)).all()


def test_the_codebook_of_a_short_row_holds_it():
    """A row of at most 2**bits different values comes back but for float16's rounding."""
    x = np.repeat(np.random.default_rng(1).standard_normal((3, 8)), 9, axis=1).astype(np.float32)
    np.testing.assert_allclose(LeanCodec(3).encode(x).decode(), x, rtol=2**-10)


def test_arguments_out_of_range_are_refused():
    """Bits, form and group by name; integers and what is not finite too."""
    with pytest.raises(ValueError, match=r"^bits must be in 1\.\.8, got 9$"):
        LeanCodec(9)
    with pytest.raises(ValueError, match=r"^form must be one of codebook, affine, got 'lean'$"):
        LeanCodec(4, "lean")
    with pytest.raises(ValueError, match=r"^group must be in 1\.\.2147483648, got 0$"):
        LeanCodec(4, group=0)
    with pytest.raises(TypeError, match=r"^x must be of floats, got int64$"):
        LeanCodec().encode(np.arange(4))
    with pytest.raises(ValueError, match=r"^x must be finite, got nan$"):
        LeanCodec().encode(np.array([1.0, np.nan]))


def test_a_unit_that_is_none_is_refused():
    """A scale of everything that is not above 0."""
    made = LeanCodec().encode(np.ones((2, 2), np.float32))
    arrays = made.arrays() | {"unit": np.array([-1.0])}
    with pytest.raises(FormatError, match=r"^unit must be above 0 and finite, got -1\.0$"):
        Encoded(made.codec, made.shape, made.dtype, arrays).decode()


def test_bytes_stay_as_they_are():
    """Files that were written are read for good."""
    x = (np.arange(30, dtype=np.float32).reshape(3, 10) ** 2) / 64
    data = LeanCodec(3, group=5).encode(x).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "d8ab740e2e9cd4c3"
    assert Encoded.from_bytes(data).codec == LeanCodec(3, group=5)
