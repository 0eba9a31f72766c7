"""Groups: its laws, the plain formula, sizes, clipping, edges and golden bytes."""

import hashlib

import numpy as np
import pytest

from thrifty.codec import Groups
from thrifty.codec.packing import unpack
from thrifty.core import record_of
from thrifty.laws import LAWS

RECORD = record_of(Groups)
LAW_CASES = [law for name in RECORD.laws if name != "unbiased" for law in LAWS[name]]
MADE = [
    {"bits": 8, "group": 4},
    {"bits": 3, "group": 64, "clip": "mse"},
    {"bits": 2, "group": 2, "symmetric": True, "rounding": "stochastic", "seed": 4},
]


@pytest.mark.parametrize("keywords", MADE, ids=str)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, keywords):
    """The laws the record names hold."""
    law(lambda: Groups(**keywords))


@pytest.mark.parametrize(("bits", "symmetric"), [(2, True), (4, False)])
@pytest.mark.parametrize("law", LAWS["unbiased"], ids=lambda law: law.__name__)
def test_rounding_by_chance_is_right_on_average(law, bits, symmetric):
    """Also at both ends of the range."""
    law(lambda seed: Groups(bits, 4, symmetric=symmetric, rounding="stochastic", seed=seed))


def plainly(x, bits, symmetric):
    """Codes, scale and zero of one group, in float64."""
    low, high = min(x.min(), 0.0), max(x.max(), 0.0)
    most = 2 ** (bits - 1) - 1 if symmetric else 2**bits - 1
    step = max(-low, high) / most if symmetric else (high - low) / most
    step = (np.ceil(np.frexp(step)[0] * 256) * 2.0 ** (np.frexp(step)[1] - 8)) if step else 0.0
    zero = 2 ** (bits - 1) if symmetric else np.rint(-low / step) if step else 0
    scaled = x / step if step else x
    return np.clip(np.rint(scaled) + zero, int(symmetric), 2**bits - 1), step, zero


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bits", range(2, 9))
def test_agrees_with_the_plain_formula(bits, symmetric):
    """Codes, scales and zeros are those of the formula, short last groups too."""
    x = np.random.default_rng(bits).standard_normal((7, 21)).astype(np.float32)
    x[2, :8] = 0
    x[3] = np.abs(x[3])
    arrays = Groups(bits, 8, symmetric=symmetric).encode(x).arrays()
    codes = unpack(arrays["codes"], bits, 21)
    for row in range(7):
        for group in range(3):
            part = slice(8 * group, min(8 * group + 8, 21))
            wanted, step, zero = plainly(x[row, part].astype(np.float64), bits, symmetric)
            assert codes[row, part].tolist() == wanted.tolist()
            scale = (arrays["scales"][row, group].astype(np.uint32) << 16).view(np.float32)
            assert scale == step
            assert symmetric or arrays["zeros"][row, group] == zero


def test_size_of_four_bits():
    """Half a byte a number, and two bytes (three if not symmetric) for each 64."""
    x = np.zeros((16, 128), np.float32)
    assert Groups(4, 64, symmetric=True).encode(x).nbytes == 16 * (64 + 2 * 2)
    assert Groups(4, 64).encode(x).nbytes == 16 * (64 + 3 * 2)


def test_clipping_lessens_the_squared_error():
    """Of rows with an outlier each by a good part, and never is it more."""
    x = np.random.default_rng(0).standard_normal((64, 256)).astype(np.float32)
    x[:, 0] *= 5
    plain, clipped = (
        np.square(Groups(4, 256, clip=clip).encode(x).decode() - x).sum(axis=1)
        for clip in ("none", "mse")
    )
    assert (clipped <= plain * 1.0001).all()
    assert clipped.sum() < 0.9 * plain.sum()


@pytest.mark.parametrize("size", [1e-45, 1e-38, 3.4028235e38])
@pytest.mark.parametrize("bits", [2, 8])
@pytest.mark.parametrize("symmetric", [False, True])
def test_smallest_and_largest_numbers(size, bits, symmetric):
    """Nothing becomes infinite, and the bound holds."""
    x = np.array([size, -size, size / 2, 0], np.float32)
    codec = Groups(bits, 4, symmetric=symmetric)
    error = np.abs(codec.encode(x).decode().astype(np.float64) - x)
    assert (error <= codec.bound(x) + np.abs(x) * 2.0**-22).all()


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf, 1e300])
def test_what_is_not_finite_is_refused(bad):
    """NaN, infinities and what float32 has not."""
    with pytest.raises(ValueError, match=r"^x must be finite in float32$"):
        Groups().encode(np.array([1, bad, 2]))


def test_refusals():
    """Arguments out of range, and arrays of whole numbers."""
    with pytest.raises(ValueError, match=r"^bits must be in 2\.\.8, got 9$"):
        Groups(9)
    with pytest.raises(ValueError, match=r"^clip must be one of none, mse, got 'max'$"):
        Groups(clip="max")
    with pytest.raises(
        TypeError, match=r"^group must be a whole number in 1\.\.1048576, got 6\.5$"
    ):
        Groups(4, 6.5)
    with pytest.raises(TypeError, match=r"^x must be of floats, got int8$"):
        Groups().encode(np.zeros(3, np.int8))


@pytest.mark.parametrize("shape", [(1, 100_000), (3, 40_001), (90_000, 1), (5000, 24)])
def test_large_arrays_are_as_their_rows(shape):
    """However an array is cut to tiles, every row is encoded as it is alone."""
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    small = Groups(3, 8, symmetric=True).encode(x)
    for row in (0, shape[0] // 2, shape[0] - 1):
        alone = Groups(3, 8, symmetric=True).encode(x[row])
        assert (alone.arrays()["codes"][0] == small.arrays()["codes"][row]).all()
        assert (alone.decode() == small.decode()[row]).all()


def test_golden_bytes():
    """What is written to disk does not change."""
    x = np.linspace(-1, 2, 60, dtype=np.float32).reshape(4, 15)
    data = b"".join(Groups(bits, 4, clip="mse").encode(x).to_bytes() for bits in range(2, 9))
    assert hashlib.sha256(data).hexdigest()[:16] == "5a63b37adb4255cb"
