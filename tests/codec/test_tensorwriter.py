"""Tensor writer: what is written comes back, whole or not at all."""

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec import tensorwriter
from thrifty.codec.tensorfile import TensorFile
from thrifty.codec.tensorwriter import TensorWriter
from thrifty.core import DataError

RNG = np.random.default_rng(1)
ARRAYS = {
    "odd": RNG.integers(0, 9, 7, np.uint8), "floats": RNG.normal(size=(3, 5)),
    "halves": RNG.normal(size=33).astype(ml_dtypes.bfloat16), "none": np.zeros((0, 4), np.float32),
    "one": np.array(7, np.int64), "turned": np.arange(6).reshape(2, 3).T,
}  # fmt: skip


@pytest.mark.parametrize("room", [8, 600, 100_000])
@pytest.mark.parametrize("small", [0, 1 << 25])
def test_all_comes_back(room, small, tmp_path, monkeypatch):
    """Whatever room was left for the header: moved to the right, to the left, or not at all."""
    monkeypatch.setattr(tensorwriter, "SMALL", small)
    monkeypatch.setattr(tensorwriter, "CHUNK", 32)
    with TensorWriter(tmp_path / "x", room=room) as writer:
        for name, array in ARRAYS.items():
            writer.add(name, array)
        writer.metadata["a"] = "b"
    file = TensorFile(tmp_path / "x")
    assert file.metadata == {"a": "b"}
    for name, array in ARRAYS.items():
        assert file.read(name).shape == array.shape
        assert file.read(name).tobytes() == np.ascontiguousarray(array).tobytes()
    assert file.nbytes == writer.nbytes
    assert (file.nbytes > room) or small


@pytest.mark.peers
def test_safetensors_opens_it(tmp_path):
    """The format's own library reads the same arrays."""
    load_file = pytest.importorskip("safetensors.numpy").load_file
    with TensorWriter(tmp_path / "x") as writer:
        writer.add("floats", ARRAYS["floats"])
        writer.add("odd", ARRAYS["odd"])
    found = load_file(tmp_path / "x")
    assert np.array_equal(found["floats"], ARRAYS["floats"])
    assert np.array_equal(found["odd"], ARRAYS["odd"])


def test_nothing_is_left_of_a_failure(tmp_path):
    """An error inside leaves what stood there, and no other file."""
    (tmp_path / "x").write_text("before")
    with pytest.raises(AttributeError), TensorWriter(tmp_path / "x") as writer:
        writer.add_bytes("x", "U8", (7,), [ARRAYS["odd"], None])
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "before"


def test_refusals(tmp_path):
    """A name may stand once, and only dtypes of the format are written."""
    with TensorWriter(tmp_path / "x") as writer:
        writer.add("odd", ARRAYS["odd"])
        with pytest.raises(DataError, match=r"^names of arrays must differ, got 'odd' twice$"):
            writer.add("odd", ARRAYS["odd"])
        with pytest.raises(TypeError, match=r"got complex128$"):
            writer.add("complex", np.zeros(2, complex))
    assert list(TensorFile(tmp_path / "x").tensors) == ["odd"]
