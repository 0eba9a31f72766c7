"""TopLogits: its laws, probabilities that stay, rows alone, and what is refused."""

import hashlib

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from thrifty.codec import Encoded, TopLogits
from thrifty.core import FormatError, record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(TopLogits).laws for law in LAWS[name]]


@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, k):
    """The laws the record names hold."""
    law(lambda: TopLogits(k))


def logits(seed=0):
    """50 rows of 300 logits, some of them -infinity."""
    x = np.random.default_rng(seed).standard_normal((50, 300)).astype(np.float32) * 3
    x[:, 250:] = -np.inf
    return x


@pytest.mark.parametrize("k", [1, 10, 200, 300, 400])
def test_the_largest_and_the_sum_of_the_rest_stay(k):
    """Ids of the top k, their probabilities to what float16 rounds, and the tail's mass."""
    x = logits()
    back = TopLogits(k).encode(x).decode()
    order = np.argsort(-x, axis=1, kind="stable")[:, : min(k, 300)]
    right, found = softmax(x.astype(np.float64), axis=1), softmax(back.astype(np.float64), axis=1)
    assert (back.argmax(axis=1) == x.argmax(axis=1)).all()
    top = np.take_along_axis(found, order, 1) / np.take_along_axis(right, order, 1).clip(1e-300)
    alive = np.take_along_axis(right, order, 1) > 0
    assert np.abs(top[alive] - 1).max() < 2 * 30 * 2.0**-11
    rest = 1 - np.take_along_axis(right, order, 1).sum(1)
    assert np.abs(1 - np.take_along_axis(found, order, 1).sum(1) - rest).max() < 30 * 2.0**-11


def test_rows_are_decoded_alone():
    """Bit for bit as in the whole."""
    x, codec = logits(), TopLogits(8)
    encoded = codec.encode(x)
    assert encoded.nbytes == 50 * (8 * 2 + 7 * 2 + 2 + 4)
    few = encoded.rows([3, 49, 3])
    assert few.tobytes() == encoded.decode()[[3, 49, 3]].tobytes()
    with pytest.raises(IndexError, match=r"^rows must be in 0\.\.49, got 50\.\.50$"):
        encoded.rows([50])


def test_log_probabilities_keep_their_sum():
    """What was normalised stays so, but for rounding."""
    x = log_softmax(logits().astype(np.float64)[:, :250], axis=1)
    back = TopLogits(20).encode(x).decode()
    assert np.exp(back).sum(1) == pytest.approx(np.ones(50), abs=30 * 2.0**-11)


def test_what_is_no_logit_is_refused():
    """NaN, infinity, empty rows, integers, and k."""
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match=r"^logits must be numbers or -infinity, got others$"):
            TopLogits().encode(np.float32([[0, bad]]))
    with pytest.raises(ValueError, match=r"^logits must hold a number in each row, got none$"):
        TopLogits().encode(np.float32([[-np.inf, -np.inf]]))
    message = r"^x must be of dtype float64, float32, float16, bfloat16, got int64$"
    with pytest.raises(TypeError, match=message):
        TopLogits().encode(np.arange(3))
    with pytest.raises(ValueError, match=r"^k must be in 1\.\.65536, got 0$"):
        TopLogits(0)
    with pytest.raises(TypeError, match=r"^k must be a whole number in 1\.\.65536, got 1\.5$"):
        TopLogits(1.5)


def test_stored_ids_are_checked():
    """One beyond the row is never followed."""
    made = TopLogits(2).encode(np.zeros((1, 5), np.float32))
    arrays = made.arrays() | {"ids": np.array([[0, 5]], np.uint8)}
    with pytest.raises(FormatError, match=r"^ids must be below 5, got 5$"):
        Encoded(made.codec, made.shape, made.dtype, arrays).decode()


def test_bytes_are_stable():
    """Golden: the bytes of a fixed array do not move between versions."""
    x = (np.arange(60) * 7 % 31 - 3).reshape(5, 12).astype(np.float32)
    found = hashlib.sha256(TopLogits(3).encode(x).to_bytes()).hexdigest()[:16]
    assert found == "9a8674c7b1cb0a17"
