"""Number formats: quantize and its laws, arrays of all kinds, tensors in place, forged bytes."""

import numpy as np
import pytest

from thrifty.codec import Encoded, FixedPoint, FloatFormat, Groups, Sparse, quantize
from thrifty.codec._buffers import DTYPES
from thrifty.codec.numberformat import CHUNK
from thrifty.core import FormatError, IncompatibleError

FLOATS = [name for name in DTYPES if "float" in name]


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("form", [FixedPoint(6, 2), FloatFormat(8, 10), Groups()])
def test_quantize_is_what_decoding_gives(form, name):
    """For floats of every kind, and rounding twice is rounding once."""
    x = np.random.default_rng(0).standard_normal((5, 70)).astype(DTYPES[name])
    rounded = quantize(x, form)
    assert (rounded.dtype, rounded.shape) == (x.dtype, x.shape)
    assert rounded.tobytes() == form.encode(x).decode().tobytes()
    if not isinstance(form, Groups):
        assert quantize(rounded, form).tobytes() == rounded.tobytes()


def test_quantize_may_round_otherwise():
    """Than the format does itself; a seed gives the same numbers again."""
    x = np.random.default_rng(1).standard_normal(1000).astype(np.float32)
    form = FixedPoint(8, 4)
    toward = quantize(x, form, rounding="zero")
    assert (np.abs(toward) <= np.abs(x)).all()
    one, two, other = (quantize(x, form, rounding="stochastic", seed=seed) for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()
    by_chance = form.with_rounding("stochastic", 2)
    assert (quantize(x, by_chance) == other).all()
    assert (quantize(x, by_chance, seed=1) == one).all()


def test_pieces_make_the_whole():
    """An array of several pieces is rounded by the place of an element alone."""
    x = np.random.default_rng(2).standard_normal(2 * CHUNK + 13).astype(np.float32)
    form = FixedPoint(5, 2, rounding="stochastic", seed=4)
    part = CHUNK + 5
    assert (quantize(x, form)[:part] == quantize(x[:part], form)).all()
    assert (form.encode(x).decode() == quantize(x, form)).all()


def test_tensors_are_taken_as_they_are():
    """Of torch, in bfloat16, decoded into a tensor."""
    torch = pytest.importorskip("torch")
    x = torch.linspace(-3, 3, 50).to(torch.bfloat16)
    small = FixedPoint(8, 4).encode(x)
    out = torch.empty(50, dtype=torch.bfloat16)
    small.decode(out)
    assert torch.equal(out.float(), (x.float() * 16).round() / 16)


def test_forged_sizes_are_refused():
    """Fewer bytes than the shape needs, and bytes of another type."""
    small = FixedPoint(4, 2).encode(np.zeros(10, np.float32))
    for codes in (np.zeros(4, np.uint8), np.zeros(5, np.int8)):
        with pytest.raises(FormatError, match=r"^(Encoded|array 'codes' must be uint8)"):
            Encoded(small.codec, small.shape, small.dtype, {"codes": codes}).decode()


def test_refusals():
    """A rounding for what does not round, and whole numbers."""
    with pytest.raises(IncompatibleError, match=r"^Sparse\(index='least'\) does not round$"):
        quantize(np.zeros(3, np.float32), Sparse(), rounding="zero")
    with pytest.raises(TypeError, match=r"^x must be of floats, got int32$"):
        quantize(np.zeros(3, np.int32), FixedPoint(8, 4))


@pytest.mark.parametrize("name", FLOATS)
def test_decoding_to_a_narrow_dtype_rounds_to_the_nearest(name):
    """Groups into any dtype are their float32 numbers in it, the largest where that overflows."""
    x = np.random.default_rng(3).standard_normal((5, 70)) * np.array([[1], [9], [1e3], [0], [1e-3]])
    kind = DTYPES[name]
    x = np.clip(x, -200, 200).astype(kind)
    back = Groups(7, 16).encode(x).decode()
    wide = Groups(7, 16).encode(x.astype(np.float32)).decode()
    assert back.tobytes() == wide.astype(kind).tobytes()


def test_numbers_beyond_bfloat16_become_its_largest():
    """Where float32 still has them."""
    x = np.full((1, 4), 3.3895314e38).astype(DTYPES["bfloat16"])
    forged = Groups(8, 4).encode(x)
    arrays = forged.arrays() | {"zeros": np.zeros((1, 1), np.uint8)}
    again = Encoded(forged.codec, forged.shape, forged.dtype, arrays).decode()
    assert np.isfinite(again.astype(np.float32)).all()
