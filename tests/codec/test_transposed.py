"""Transposed: the laws of codecs, the other codec's bytes, and refusals."""

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec import NF4, Encoded, ExponentCodec, Groups, LeanCodec
from thrifty.codec.transposed import Transposed
from thrifty.laws import LAWS


@pytest.mark.parametrize("codec", [Groups(4, 3), NF4(4), LeanCodec(3)], ids=lambda c: c.KIND)
@pytest.mark.parametrize("law", LAWS["codec"], ids=lambda law: law.__name__)
def test_law(law, codec):
    """Whatever codec is turned."""
    law(lambda: Transposed(codec))


@pytest.mark.parametrize("law", LAWS["lossless"], ids=lambda law: law.__name__)
def test_lossless(law):
    """A lossless codec stays one."""
    law(lambda: Transposed(ExponentCodec()))


def test_it_is_the_transpose():
    """The same arrays as of the transpose; read again from bytes, and turned from an encoding."""
    x = np.random.default_rng(0).normal(size=(30, 50)).astype(ml_dtypes.bfloat16)
    one, two = Transposed(LeanCodec(4)).encode(x), LeanCodec(4).encode(x.T)
    assert one.arrays().keys() == two.arrays().keys()
    assert all((two.arrays()[name] == array).all() for name, array in one.arrays().items())
    again = Encoded.from_bytes(Transposed.turned(two).to_bytes())
    assert again.shape == (30, 50)
    assert (again.decode().view(np.uint16) == two.decode().T.view(np.uint16)).all()
    assert again.codec == one.codec


def test_refusals():
    """A codec that there is not, or one inside of the other."""
    with pytest.raises(ValueError, match=r"^codec must be one of .*, got 'nothing'$"):
        Transposed("nothing")
    with pytest.raises(ValueError, match=r"^codec must be one of .*, got 'transposed'$"):
        Transposed(Transposed(Groups(4)))
