"""OutlierSplit: its laws, splits that add no error, forged columns, refusals, golden bytes."""

import hashlib

import numpy as np
import pytest

from thrifty.codec import Groups, OutlierSplit
from thrifty.core import FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(OutlierSplit).laws for law in LAWS[name]]
MADE = [
    {"bits": 4, "ratio": 0.3},
    {"bits": 3, "ratio": 1.0, "scales": "row", "clip": "mse"},
]


@pytest.mark.parametrize("made", MADE, ids=str)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, made):
    """The laws the record names hold."""
    law(lambda: OutlierSplit(**made))


def weights(seed, shape=(32, 64)):
    """Normal weights with some heavy columns."""
    w = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    w[:, :3] *= np.array([9, 4, 3], np.float32)
    return w


@pytest.mark.parametrize("scales", ["tensor", "row"])
@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_splitting_adds_no_error(bits, scales):
    """Decoded weights are whole steps: those of plain rounding with the narrower step."""
    w = weights(bits)
    codec = OutlierSplit(bits, 0.2, scales=scales)
    codes, steps, index = codec.expanded(codec.encode(w))
    found = codec.encode(w).decode()
    plain = np.floor(w.astype(np.float64) / steps + 0.5) * steps
    np.testing.assert_allclose(found, plain, rtol=1e-6, atol=0)
    most = 2 ** (bits - 1) - 1
    assert np.abs(codes.astype(int)).max() == most
    assert (np.abs(found - w) <= steps * (0.5 + 1e-5)).all()
    x = np.random.default_rng(9).standard_normal((5, 64))
    np.testing.assert_allclose(
        x[:, index] @ (codes * steps.astype(float)).T, x @ found.T, atol=1e-3
    )


def test_the_range_narrows_with_every_split():
    """A column nine times as heavy needs three splits for the step to be an eighth."""
    w = np.ones((4, 100), np.float32)
    w[:, 5] = 8
    steps = [
        OutlierSplit(4, ratio).encode(w).arrays()["scales"][0] for ratio in (0, 0.01, 0.03, 0.07)
    ]
    np.testing.assert_allclose(np.array(steps) * 7, [8, 4, 2, 1], rtol=1e-6)


def test_without_added_columns_it_is_plain():
    """The same squared error as one group in rows, when each row has its own step."""
    w = weights(1)
    ours = OutlierSplit(4, 0, scales="row").encode(w).decode() - w
    theirs = Groups(4, 64, symmetric=True).encode(w).decode() - w
    assert abs(np.square(ours).sum() / np.square(theirs).sum() - 1) < 0.05


def test_clipping_lessens_the_error():
    """Of weights with an outlier."""
    w = weights(2)
    errors = [
        np.square(OutlierSplit(4, 0.0, clip=c).encode(w).decode() - w).sum()
        for c in ("none", "mse")
    ]
    assert errors[1] < 0.95 * errors[0]


def test_forged_columns_are_refused():
    """A column that is not there."""
    small = OutlierSplit(4, 0.1).encode(np.ones((2, 10), np.float32))
    arrays = small.arrays() | {"extra": np.array([10], np.uint32)}
    with pytest.raises(FormatError, match=r"^extra must be columns below 10, got 10$"):
        type(small)(small.codec, small.shape, small.dtype, arrays).decode()


def test_refusals():
    """What is not finite, arguments out of range, what another codec made."""
    with pytest.raises(ValueError, match=r"^x must be finite in float32$"):
        OutlierSplit().encode(np.array([[np.inf]], np.float32))
    with pytest.raises(ValueError, match=r"^ratio must be in 0\.\.1, got 2$"):
        OutlierSplit(4, 2)
    with pytest.raises(TypeError, match=r"^bits must be a whole number in 2\.\.8, got 4\.0$"):
        OutlierSplit(4.0)
    with pytest.raises(IncompatibleError, match=r"^encoded must be a matrix of OutlierSplit\("):
        OutlierSplit(4).expanded(OutlierSplit(5).encode(np.ones((2, 2), np.float32)))


def test_golden_bytes():
    """What is written to disk does not change."""
    w = np.linspace(-1, 2, 60, dtype=np.float32).reshape(4, 15)
    data = OutlierSplit(4, 0.2).encode(w).to_bytes()
    data += OutlierSplit(3, 0.3, scales="row", clip="mse").encode(w).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "c1b0240eedeb6479"
