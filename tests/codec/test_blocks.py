"""Blocks: arrays of any shape, and scales that were forged."""

import numpy as np
import pytest

from thrifty.codec import NF4, BlockFloat, Groups
from thrifty.core import FormatError

CODECS = [Groups(3, 8), NF4(16), NF4(8, double=False), BlockFloat.named("mxfp6_e3m2")]


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
