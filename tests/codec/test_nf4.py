"""NF4: its laws, the published levels, the plain formula, scales in a byte, edges, golden bytes."""

import hashlib

import numpy as np
import pytest

from thrifty.codec import NF4, Groups
from thrifty.codec.nf4 import LEVELS
from thrifty.codec.packing import unpack
from thrifty.core import record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(NF4).laws if name == "codec" for law in LAWS[name]]
PUBLISHED = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0,
]  # fmt: skip


@pytest.mark.parametrize(("rounding", "double"), [("stochastic", True), ("zero", False)])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, double, rounding):
    """The laws the record names hold."""
    law(lambda: NF4(3, double=double, rounding=rounding, seed=1))


@pytest.mark.parametrize("law", LAWS["unbiased"], ids=lambda law: law.__name__)
def test_rounding_by_chance_is_right_on_average(law):
    """Where the scales are kept whole."""
    law(lambda seed: NF4(4, double=False, rounding="stochastic", seed=seed))


def test_levels_are_the_published_ones():
    """Those of the paper's appendix, to float32's last bits."""
    np.testing.assert_allclose(LEVELS, PUBLISHED, rtol=0, atol=2e-7)


def by_hand(x, scale, mode):
    """The level each number goes to, by looking at all sixteen."""
    share = (x / scale).astype(np.float64)[:, None]
    if mode == "nearest":
        return np.abs(share - LEVELS).argmin(axis=1)
    inside = (np.abs(LEVELS) <= np.abs(share)) & (np.sign(LEVELS) * np.sign(share) >= 0)
    return np.where(inside, np.abs(LEVELS), -1).argmax(axis=1)


@pytest.mark.parametrize("mode", ["nearest", "zero"])
def test_agrees_with_the_plain_formula(mode):
    """The nearest level, or the nearest of those toward zero, of every number."""
    x = np.random.default_rng(0).standard_normal((9, 64)).astype(np.float32)
    codes = unpack(NF4(64, double=False, rounding=mode).encode(x).arrays()["codes"], 4, 64)
    for row, found in zip(x, codes, strict=True):
        assert found.tolist() == by_hand(row, np.abs(row).max(), mode).tolist()


def test_scales_are_groups_of_eight_bits():
    """What is kept of the scales is what `Groups` makes of them."""
    x = np.random.default_rng(1).standard_normal((4, 640)).astype(np.float32)
    whole = NF4(2, double=False).encode(x).arrays()["scales"]
    arrays = NF4(2).encode(x).arrays()
    for name, array in Groups(8, 256).encode(whole).arrays().items():
        np.testing.assert_array_equal(arrays[f"scale_{name}"], array)
    assert sorted(arrays) == ["codes", "scale_codes", "scale_scales", "scale_zeros"]


def test_sizes():
    """4.5 bits a number, and 4.13 with the scales in a byte, of rows of 16,384."""
    x = np.zeros((2, 16384), np.float32)
    assert NF4(double=False).encode(x).nbytes * 8 / x.size == 4.5
    assert NF4().encode(x).nbytes * 8 / x.size == 4 + 8 / 64 + 24 / (64 * 256)


@pytest.mark.parametrize("size", [1e-45, 1e-38, 3.4028235e38])
@pytest.mark.parametrize("double", [False, True])
def test_smallest_and_largest_numbers(size, double):
    """Nothing becomes infinite, and the bound holds."""
    x = np.array([size, -size, size / 2, 0], np.float32)
    codec = NF4(4, double=double)
    error = np.abs(codec.encode(x).decode().astype(np.float64) - x)
    assert (error <= codec.bound(x) + np.abs(x) * 2.0**-22).all()


def test_refusals():
    """What is not finite, blocks out of range, whole numbers."""
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match=r"^x must be finite in float32$"):
            NF4().encode(np.array([1, bad], np.float32))
    with pytest.raises(ValueError, match=r"^block must be in 1\.\.1048576, got 0$"):
        NF4(0)
    with pytest.raises(TypeError, match=r"^x must be of floats, got uint8$"):
        NF4().encode(np.zeros(4, np.uint8))


def test_golden_bytes():
    """What is written to disk does not change."""
    x = np.linspace(-1, 2, 200, dtype=np.float32).reshape(2, 100)
    data = NF4(8).encode(x).to_bytes() + NF4(8, double=False).encode(x).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "ea96d213241f4948"
