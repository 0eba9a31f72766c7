"""Compressors: every setting makes a codec, and what is left alone is told why."""

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec import Codec
from thrifty.models.compressors import SETTINGS, choices, compressible, lossless_codec, setting

X = np.random.default_rng(4).normal(size=(64, 128))


@pytest.mark.parametrize("name", [*SETTINGS, "2:4", "1:8"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_every_setting_compresses(name, dtype):
    """Each makes less of weights of every usual dtype, in the size it foretells."""
    codec = setting(name).make()
    x = X.astype(dtype)
    assert isinstance(codec, Codec)
    made = codec.encode(x)
    assert made.nbytes == codec.size(x) < x.nbytes
    assert made.decode().dtype == x.dtype


def test_fewer_bits_lose_more():
    """int8 to int2, and lean4 to lean2: smaller, and further off."""
    for names in (("int8", "int6", "int5", "int4", "int3", "int2"), ("lean4", "lean3", "lean2")):
        made = [setting(name).make().encode(X) for name in names]
        errors = [float(((one.decode() - X) ** 2).sum()) for one in made]
        assert [one.nbytes for one in made] == sorted((o.nbytes for o in made), reverse=True)
        assert errors == sorted(errors)


def test_what_is_left_alone():
    """Reasons, and no lossless codec for what is no float."""
    assert compressible(None, (64, 64)) == "a dtype not known here"
    assert compressible(np.dtype(np.int64), (64, 64)) == "no floating-point numbers"
    assert compressible(np.dtype(np.float32), (63, 65)) == "small"
    assert lossless_codec(np.dtype(np.int8)) is None
    assert lossless_codec(None) is None


def test_choices_are_settings():
    """A budget chooses from settings there are; the dear ones where inputs are known."""
    assert set(choices(True)) | set(choices(False)) <= set(SETTINGS)
    assert not any(setting(name).inputs for name in choices(False))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("int9", r"^setting must be one of lossless, .*, 2:4, got 'int9'$"),
        ("4:2", r"^setting must be a pattern such as 2:4, got '4:2'$"),
    ],
)
def test_refusals(name, message):
    """A setting that is none."""
    with pytest.raises(ValueError, match=message):
        setting(name)
