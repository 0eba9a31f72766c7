"""Blocks: rows of what is encoded, alone, and what is refused."""

import numpy as np
import pytest

from thrifty.codec import NF4, BlockFloat, FixedPoint, Groups, encoded_rows
from thrifty.core import FormatError, IncompatibleError

CODECS = [Groups(3, 8), NF4(16), NF4(8, double=False), BlockFloat.named("mxfp6_e3m2")]


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_rows_decode_alone(codec):
    """Some rows of a matrix are the same rows, nothing copied."""
    x = np.random.default_rng(0).standard_normal((50, 77)).astype(np.float32)
    small = codec.encode(x)
    for start, stop in ((0, 50), (7, 19), (49, 50), (5, 5)):
        part = encoded_rows(small, start, stop)
        np.testing.assert_array_equal(part.decode(), small.decode()[start:stop])
        for name, array in part.arrays().items():
            assert np.shares_memory(array, small.arrays()[name]) or not array.size


@pytest.mark.parametrize("codec", CODECS, ids=repr)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (0, 3), (2, 3, 5)])
def test_rows_are_all_axes_but_the_last(codec, shape):
    """Arrays of any shape, those without elements too."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    small = codec.encode(x)
    assert small.nbytes == codec.size(x)
    flat = codec.encode(np.reshape(x, (-1, *shape[-1:])) if x.size else x.ravel())
    np.testing.assert_array_equal(small.decode().ravel(), flat.decode().ravel())


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_forged_scales_are_refused(codec):
    """Of another shape though of as many bytes."""
    small = codec.encode(np.ones((4, 64), np.float32))
    arrays = {name: array.T if array.shape[0] != array.shape[1] else array.reshape(1, -1)
              for name, array in small.arrays().items()}  # fmt: skip
    with pytest.raises(FormatError, match=r"^array '\w+' must be "):
        type(small)(codec, small.shape, small.dtype, arrays).decode()


def test_refusals():
    """What is no matrix in blocks, and rows that are not there."""
    with pytest.raises(IncompatibleError, match=r"^encoded must be a matrix in blocks, got "):
        encoded_rows(Groups().encode(np.zeros(3, np.float32)), 0, 1)
    with pytest.raises(IncompatibleError, match=r"^encoded must be a matrix in blocks, got "):
        encoded_rows(FixedPoint(8, 4).encode(np.zeros((3, 3), np.float32)), 0, 1)
    small = Groups().encode(np.zeros((3, 3), np.float32))
    with pytest.raises(ValueError, match=r"^stop must be in 0\.\.3, got 4$"):
        encoded_rows(small, 0, 4)
    with pytest.raises(ValueError, match=r"^start must be in 0\.\.2, got 3$"):
        encoded_rows(small, 3, 2)
