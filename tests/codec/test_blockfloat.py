"""BlockFloat: its laws, the plain formulas, microscaling, edges and golden bytes."""

import hashlib

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec import BlockFloat, FixedPoint, FloatFormat, Groups, LogFormat
from thrifty.codec.blockfloat import MICROSCALING
from thrifty.core import record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(BlockFloat).laws if name == "codec" for law in LAWS[name]]
ELEMENTS = [
    FixedPoint(8, 6),
    FixedPoint(5, -2, symmetric=True, rounding="stochastic"),
    LogFormat(6, 2, rounding="stochastic", seed=1),
]


@pytest.mark.parametrize("element", ELEMENTS, ids=repr)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, element):
    """The laws the record names hold."""
    law(lambda: BlockFloat(element, 4))


@pytest.mark.parametrize("law", LAWS["unbiased"], ids=lambda law: law.__name__)
def test_rounding_by_chance_is_right_on_average(law):
    """The largest of a block too."""
    law(lambda seed: BlockFloat(FixedPoint(4, 2, rounding="stochastic", seed=seed), 4))
    law(lambda seed: BlockFloat.named("mxfp4", rounding="stochastic", seed=seed))


def scaled_blocks(x, block, top):
    """Blocks divided by 2**(exponent of their largest - top), and these powers."""
    rows = x.astype(np.float64).reshape(-1, block)
    powers = np.frexp(np.abs(rows).max(axis=1, keepdims=True))[1] - 1 - top
    return rows * np.exp2(-powers.astype(np.float64)), np.exp2(powers.astype(np.float64))


@pytest.mark.parametrize("word", [2, 4, 8, 12, 16])
def test_block_floating_point_is_the_plain_formula(word):
    """round(x * 2**(word - 2 - E)) in words of so many bits, times 2**(E - word + 2)."""
    x = np.random.default_rng(0).standard_normal((6, 40)).astype(np.float32) * 37
    scaled, powers = scaled_blocks(x, 8, 0)
    whole = np.rint(scaled * 2.0 ** (word - 2))
    wanted = np.clip(whole, -(2 ** (word - 1)), 2 ** (word - 1) - 1) * 2.0 ** (2 - word) * powers
    found = BlockFloat(FixedPoint(word, word - 2), 8).encode(x).decode()
    np.testing.assert_array_equal(found.reshape(-1, 8), wanted.astype(np.float32))


@pytest.mark.parametrize("name", [name for name in MICROSCALING if name != "mxint8"])
def test_microscaling_is_the_plain_formula(name):
    """Elements as ml_dtypes has them, of blocks of 32 scaled to the top of the format."""
    dtype = np.dtype(getattr(ml_dtypes, MICROSCALING[name]))
    x = np.random.default_rng(1).standard_normal((5, 64)).astype(np.float32) * 1e-3
    most = float(ml_dtypes.finfo(dtype).max)
    scaled, powers = scaled_blocks(x, 32, int(np.log2(most)))
    wanted = np.clip(scaled, -most, most).astype(dtype).astype(np.float64) * powers
    small = BlockFloat.named(name).encode(x)
    np.testing.assert_array_equal(small.decode().reshape(-1, 32), wanted.astype(np.float32))
    np.testing.assert_array_equal(
        small.arrays()["scales"].ravel(), (np.log2(powers) + 127).astype(np.uint8).ravel()
    )


def test_sizes():
    """A byte for each block beside the elements."""
    x = np.zeros((4, 64), np.float32)
    assert BlockFloat.named("mxfp4").encode(x).nbytes == 4 * (32 + 2)
    assert BlockFloat.named("mxfp6_e2m3").encode(x).nbytes == 4 * (48 + 2)
    assert BlockFloat.named("mxint8").encode(x).nbytes == 4 * (64 + 2)


@pytest.mark.parametrize("name", MICROSCALING)
@pytest.mark.parametrize("size", [1e-45, 1e-38, 3.4028235e38])
def test_smallest_and_largest_numbers(name, size):
    """Nothing becomes infinite, and the bound holds."""
    x = np.array([size, -size, size / 2, 0], np.float32)
    codec = BlockFloat.named(name)
    error = np.abs(codec.encode(x).decode().astype(np.float64) - x)
    assert (error <= codec.bound(x)).all()
    assert (codec.encode(np.zeros(5, np.float32)).decode() == 0).all()


def test_refusals():
    """What is not finite, elements that are no formats, too wide, or do not saturate."""
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match=r"^x must be finite in float32$"):
            BlockFloat.named("mxfp4").encode(np.array([1, bad], np.float32))
    with pytest.raises(ValueError, match=r"^element must saturate, got FloatFormat\("):
        BlockFloat(FloatFormat(4, 3))
    with pytest.raises(ValueError, match=r"^element\.bits must be in 2\.\.16, got 17$"):
        BlockFloat(FixedPoint(17, 3))
    with pytest.raises(TypeError, match=r"^element must be a number format, got Groups\("):
        BlockFloat(Groups())
    with pytest.raises(TypeError, match=r"^element must be a number format, got None$"):
        BlockFloat({"kind": "groups", "bits": 4})


def test_golden_bytes():
    """What is written to disk does not change."""
    x = np.linspace(-9, 9, 100, dtype=np.float32)
    data = b"".join(BlockFloat.named(name).encode(x).to_bytes() for name in MICROSCALING)
    assert hashlib.sha256(data).hexdigest()[:16] == "22ad0d033d4e0b2f"
