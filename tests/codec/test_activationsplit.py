"""ActivationSplit: its laws, products as without splits, channels chosen, refusals, bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from thrifty.codec import ActivationSplit
from thrifty.core import DataError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(ActivationSplit).laws for law in LAWS[name]]
MADE = [
    {"bits": 8, "step": 0.1},
    {"bits": 2, "extra": (1, 1, 0, 1), "step": 40.0},
    {"bits": 3, "extra": (2,), "step": 7.0, "signed": False},
]
SHAPES = st.sampled_from([(3,), (5, 3), (4, 2, 3)])
ROWS = hnp.arrays(np.float32, SHAPES, elements=st.floats(-99, 99, width=32))


@pytest.mark.parametrize("made", MADE, ids=str)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, made):
    """The laws the record names hold."""
    if law.__name__ == "rows_are_those_of_the_whole":
        law(lambda: ActivationSplit(columns=3, **made), ROWS.filter(lambda x: x.ndim == 2))
    else:
        law(lambda: ActivationSplit(columns=3, **made), ROWS)


def inputs(seed, n=400):
    """Rows of 40 channels, two of them with outliers."""
    x = np.random.default_rng(seed).standard_normal((n, 40)).astype(np.float32)
    x[:, 3] *= 20
    x[:, 11] *= 6
    return x


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("by", ["max", "often"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_split_product_is_the_plain_one(bits, by, rectified):
    """In whole numbers: expanded codes with duplicated weights, and the rounded inputs with W."""
    x = np.maximum(inputs(bits), 0) if rectified else inputs(bits)
    codec = ActivationSplit.calibrated(x, bits, 0.2, by=by, clip="mse")
    weight = np.random.default_rng(5).integers(-127, 128, (7, 40))
    codes = codec.expanded(codec.encode(x))
    assert codes.shape == (400, 48)
    assert codes.min() >= (-codec.most if codec.signed else 0)
    assert codes.max() <= codec.most
    assert codec.signed != rectified
    split = codes.astype(np.int64) @ codec.duplicated(weight).T
    np.testing.assert_array_equal(split, codec.rounded(x) @ weight.T)
    wanted = (codec.rounded(x) * codec.step).astype(np.float32)
    np.testing.assert_array_equal(codec.encode(x).decode(), wanted)


def test_rounded_is_plain_rounding_where_nothing_is_clipped():
    """Each number is the nearest whole step, as without splits but of a narrower step."""
    x = inputs(1)
    codec = ActivationSplit.calibrated(x, 4, 0.3)
    assert codec.step * 7 < 0.3 * np.abs(x).max()
    np.testing.assert_array_equal(codec.rounded(x), np.floor(x / np.float64(codec.step) + 0.5))
    assert (np.abs(codec.encode(x).decode() - x) <= codec.step * (0.5 + 1e-5)).all()


def test_halves_are_those_of_the_paper():
    """A channel of two parts holds (w - 1/2) / 2 and (w + 1/2) / 2, each rounded half up."""
    n = np.arange(-14, 15)
    codec = ActivationSplit(4, 1, (0,))
    codes = codec.expanded(codec.encode(n[:, None].astype(np.float32)))
    wanted = np.floor(np.stack([(n - 0.5) / 2, (n + 0.5) / 2], axis=1) + 0.5)
    np.testing.assert_array_equal(codes, wanted)


def test_channels_are_chosen_by_the_sample():
    """By the largest part that is the outlier; by frequency the channel that is often large."""
    x = np.random.default_rng(0).uniform(-1, 1, (1000, 100)).astype(np.float32)
    x[:, 60] *= 2
    x[0, 5] = 30
    assert ActivationSplit.calibrated(x, ratio=0.03).extra == (5, 5, 5)
    assert ActivationSplit.calibrated(x, ratio=0.01, by="often").extra == (60,)
    assert ActivationSplit.calibrated(x, ratio=0).extra == ()


def test_clipping_lessens_the_error():
    """Of a sample with an outlier; the range is never wider."""
    x = inputs(2)
    plain, clipped = (ActivationSplit.calibrated(x, 4, 0.05, clip=c) for c in ("none", "mse"))
    errors = [np.square(c.encode(x).decode() - x).sum() for c in (plain, clipped)]
    assert errors[1] < 0.9 * errors[0]
    assert clipped.step < plain.step


def test_an_empty_channel_and_only_zeros():
    """Zeros come back, whatever the step; so do no rows at all."""
    codec = ActivationSplit.calibrated(np.zeros((4, 5), np.float32), 4, 0.5)
    assert codec.encode(np.zeros((2, 5), np.float32)).decode().tolist() == [[0] * 5] * 2
    assert codec.encode(np.zeros((0, 5), np.float32)).decode().shape == (0, 5)


def test_forged_codes_are_refused():
    """Codes of other rows."""
    small = ActivationSplit(4, 3, (1,)).encode(np.ones((2, 3), np.float32))
    arrays = small.arrays() | {"codes": np.zeros((3, 2), np.uint8)}
    with pytest.raises(FormatError):
        type(small)(small.codec, small.shape, small.dtype, arrays).decode()


def test_refusals():
    """What is not finite, other columns, no rows, arguments out of range, another's codes."""
    x = np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"^x must be finite in float32$"):
        ActivationSplit(4, 3).encode(x * np.nan)
    with pytest.raises(ValueError, match=r"^inputs must be finite in float32$"):
        ActivationSplit.calibrated(x * np.inf)
    with pytest.raises(DataError, match=r"^inputs must be at least one row and column, got none$"):
        ActivationSplit.calibrated(x[:0])
    with pytest.raises(IncompatibleError, match=r"^x must have 4 columns, got shape \(2, 3\)$"):
        ActivationSplit(4, 4).encode(x)
    with pytest.raises(ValueError, match=r"^extra must be in 0\.\.2, got 3$"):
        ActivationSplit(4, 3, (3,))
    with pytest.raises(TypeError, match=r"^bits must be a whole number in 2\.\.8, got 4\.0$"):
        ActivationSplit(4.0, 3)
    with pytest.raises(TypeError, match=r"^x must be of floats, got int64$"):
        ActivationSplit(4, 3).encode(np.ones((2, 3), np.int64))
    with pytest.raises(ValueError, match=r"^by must be one of max, often, got 'mean'$"):
        ActivationSplit.calibrated(x, by="mean")
    with pytest.raises(IncompatibleError, match=r"^encoded must be of ActivationSplit\("):
        ActivationSplit(4, 3).expanded(ActivationSplit(5, 3).encode(x))
    with pytest.raises(
        IncompatibleError, match=r"^weight must be \(outputs, 3\), got shape \(3,\)"
    ):
        ActivationSplit(4, 3).duplicated(np.ones(3))


def test_golden_bytes():
    """What is written to disk does not change."""
    x = np.linspace(-3, 4, 60, dtype=np.float32).reshape(6, 10)
    data = ActivationSplit(4, 10, (9, 0, 9), step=0.25).encode(x).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "7d958ca987b2a49f"
