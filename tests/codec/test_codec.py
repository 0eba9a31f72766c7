"""The contract of codecs: what is encoded moves as bytes, tensors are taken in place."""

import numpy as np
import pytest

from thrifty.codec import Codec, Encoded
from thrifty.codec._buffers import array_of, bits_of, values_of
from thrifty.core import FormatError, IncompatibleError
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")


class Plain(Codec):
    """Keeps the bytes as they are."""

    KIND = "test-plain"
    FIXED_RATE = True

    def __init__(self, seed=0):
        self.seed = seed

    def spec(self):
        """The seed, which does nothing."""
        return {"seed": self.seed}

    def size(self, x):
        """As many as there are."""
        found = array_of(x)
        return found.size * found.dtype.itemsize

    def bound(self, x):
        """Nothing is lost."""
        return 0.0

    def _encode(self, x):
        return {"bits": bits_of(x).ravel().copy()}

    def _decode(self, arrays, out):
        bits_of(out)[...] = arrays["bits"].reshape(out.shape)


@pytest.mark.parametrize("group", ["codec", "lossless", "unbiased"])
def test_laws(group):
    """A codec that keeps everything keeps all laws."""
    for law in LAWS[group]:
        law(Plain)


@pytest.mark.parametrize(
    "name", ["float32", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int8", "bool"]
)
def test_a_tensor_is_looked_at_in_place(name):
    """The array of a tensor is the tensor's own memory, whatever its dtype."""
    tensor = torch.arange(24).reshape(4, 6).to(getattr(torch, name))
    found = array_of(tensor)
    assert (found.dtype.name, found.shape) == (name, (4, 6))
    assert found.__array_interface__["data"][0] == tensor.data_ptr()
    encoded = Plain().encode(tensor)
    assert encoded.dtype == name
    out = torch.empty_like(tensor)
    assert encoded.decode(out) is out
    assert out.view(torch.uint8).equal(tensor.view(torch.uint8))


def test_the_numbers_of_an_array_are_float32_or_float64():
    """Small floats widen; float64 stays as it is."""
    assert values_of(np.ones(3, np.float16)).dtype == np.float32
    assert values_of(np.ones(3)).dtype == np.float64


def test_what_has_no_named_dtype_is_refused():
    """Text, complex tensors, and tensors elsewhere than on the CPU."""
    names = "float64, float32, .*, bool"
    with pytest.raises(TypeError, match=rf"^x must be of dtype {names}, got <U3$"):
        array_of(np.array(["one"]))
    with pytest.raises(TypeError, match=rf"^x must be of dtype {names}, got torch.complex64$"):
        array_of(torch.ones(2, dtype=torch.complex64))
    with pytest.raises(TypeError, match=r"^x must be on the CPU, got meta$"):
        array_of(torch.ones(2, device="meta"))


def test_memory_that_does_not_fit_is_refused():
    """Of another shape or dtype, or not contiguous."""
    encoded = Plain().encode(np.ones((2, 3), np.float32))
    message = r"^out must be float32 of shape \(2, 3\), got float64 \(2, 3\)$"
    with pytest.raises(IncompatibleError, match=message):
        encoded.decode(np.empty((2, 3)))
    with pytest.raises(IncompatibleError, match=r"^out must be contiguous and writeable$"):
        encoded.decode(np.empty((3, 2), np.float32).T)


def test_rows_that_are_not_there_are_refused():
    """Beyond the last, below the first, and what is no number of a row."""
    encoded = Plain().encode(np.zeros((100, 3), np.float32))
    with pytest.raises(IndexError, match=r"^rows must be in 0\.\.99, got 3\.\.100$"):
        encoded.rows([3, 100])
    with pytest.raises(IndexError, match=r"^rows must be in 0\.\.99, got -1\.\.-1$"):
        encoded.rows([-1])
    with pytest.raises(TypeError, match=r"^rows must be whole numbers, got float64$"):
        encoded.rows([0.5])
    with pytest.raises(IncompatibleError, match=r"^encoded must be a matrix, got Encoded"):
        Plain().encode(np.zeros(3, np.float32)).rows([0])


def test_a_forged_spec_is_a_format_error():
    """A codec nobody knows, sizes below zero, and a shape that the bytes cannot be of."""
    encoded = Plain().encode(np.ones((2, 3), np.float32))
    spec = encoded.spec()
    with pytest.raises(FormatError, match=r"^codec must be one of .*test-plain.*, got 'attic'$"):
        Encoded.restore({**spec, "codec": "attic"}, encoded.arrays())
    with pytest.raises(FormatError, match=r"^shape must be whole sizes, got \[-1\]$"):
        Encoded.restore({**spec, "shape": [-1]}, encoded.arrays())
    huge = Encoded.restore({**spec, "shape": [2**40]}, encoded.arrays())
    with pytest.raises(FormatError, match=r"must hold 4398046511104 bytes, got 24$"):
        huge.decode()


def test_two_encoded_arrays_do_not_merge():
    """They are not parts of one stream."""
    one = Plain().encode(np.ones(2, np.float32))
    with pytest.raises(IncompatibleError, match=r" do not merge: make one anew of both streams$"):
        one.merge(one)


def test_golden_bytes():
    """The container of what is encoded is the same for ever."""
    data = Plain().encode(np.array([1.5, -2.0], np.float32)).to_bytes()
    header = {"codec": "test-plain", "dtype": "float32", "shape": [2], "with": {"seed": 0}}
    assert data[-8:].hex() == "0000c03f000000c0"
    assert all(f'\\"{key}\\"'.encode() in data for key in header)


def test_codecs_are_told_apart_by_what_they_were_made_with():
    """Equal specs are equal codecs; a codec is no key of a dict."""
    assert Plain() == Plain()
    assert Plain(1) != Plain()
    with pytest.raises(TypeError, match=r"^Plain is not hashed$"):
        hash(Plain())
