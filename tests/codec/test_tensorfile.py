"""Tensor file: any dtype in parts, and headers that lie in every way."""

import json

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec.tensorfile import CODES, MAX_HEADER, TensorFile, code_of
from thrifty.core import FormatError


def write(path, table, data=b"", size=None):
    """A file of this header and these bytes; `size` lies about the header's length."""
    text = table if isinstance(table, bytes) else json.dumps(table).encode()
    path.write_bytes((len(text) if size is None else size).to_bytes(8, "little") + text + data)
    return path


def entry(code="F32", shape=(2,), places=(0, 8)):
    """What a header says of a tensor."""
    return {"dtype": code, "shape": list(shape), "data_offsets": list(places)}


# agrees with a peer


@pytest.mark.peers
def test_safetensors_reads_alike(tmp_path):
    """Every dtype that torch has comes out with the same bytes as by the format's own library."""
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    rng = np.random.default_rng(0)
    names = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int64",
             "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64", "bool")  # fmt: skip
    words = torch.from_numpy(rng.integers(0, 2, (6, 64), np.uint8))
    made = {name: words.clone().view(getattr(torch, name)) for name in names}
    save_file(made, tmp_path / "all.safetensors", metadata={"format": "pt"})
    file = TensorFile(tmp_path / "all.safetensors")
    assert file.metadata == {"format": "pt"}
    for name, tensor in made.items():
        assert file.tensors[name].dtype.name == name
        assert file.read(name).shape == tuple(tensor.shape)
        assert file.read(name).tobytes() == words.numpy().tobytes()


# parts


def test_parts_join_to_the_whole(tmp_path):
    """Rows and chunks are those of the tensor, also beyond its end and of none."""
    x = np.arange(60, dtype=np.float32).reshape(12, 5)
    path = write(tmp_path / "x", {"x": entry("F32", (12, 5), (0, 240))}, x.tobytes())
    file = TensorFile(path)
    assert np.array_equal(np.concatenate([file.read("x", 0, 7), file.read("x", 7)]), x)
    assert file.read("x", 3, 99).shape == (9, 5)
    assert file.read("x", 5, 5).shape == (0, 5)
    assert b"".join(c.tobytes() for c in file.chunks("x", 7)) == x.tobytes()
    assert file.tensors["x"].size == 60


def test_tensors_without_numbers_or_axes(tmp_path):
    """A tensor of no numbers and one of no axis are read; an empty file has none."""
    table = {"none": entry("F32", (0, 3), (0, 0)), "one": entry("F32", (), (0, 4))}
    file = TensorFile(write(tmp_path / "x", table, np.float32(3).tobytes()))
    assert file.read("none").shape == (0, 3)
    assert file.read("one") == 3
    assert TensorFile(write(tmp_path / "y", {})).tensors == {}


@pytest.mark.parametrize("code", ["F8_E8M0", "F9_SOON"])
def test_a_dtype_that_numpy_has_not_is_bytes(code, tmp_path):
    """What cannot be computed with can still be moved."""
    file = TensorFile(write(tmp_path / "x", {"x": entry(code, (4,), (0, 4))}, b"abcd"))
    assert file.tensors["x"].dtype is None
    assert file.read("x").tobytes() == b"abcd"


def test_codes():
    """Every dtype has one code and the other way round; one without is refused."""
    assert len(set(CODES.values())) == len(CODES)
    assert code_of(np.dtype(ml_dtypes.bfloat16)) == "BF16"
    with pytest.raises(TypeError, match=r"^dtype must be one of .*, got complex128$"):
        code_of(np.dtype(np.complex128))


# lies


LIES = {
    "a hole": {"x": entry(places=(4, 12))},
    "too long": {"x": entry(), "y": entry(places=(8, 16))},
    "an overlap": {"x": entry("F32", (2,), (0, 8)), "y": entry("F32", (2,), (4, 12))},
    "a shape that does not fill": {"x": entry(shape=(3,))},
    "a negative size": {"x": entry(shape=(-2,))},
    "a huge size": {"x": entry(shape=(2**62, 2**62, 4))},
    "backwards": {"x": entry(places=(8, 0))},
    "a bool for a size": {"x": entry(shape=(True,), places=(0, 4))},
    "a size that is no number": {"x": entry(shape=("2",))},
    "no dtype": {"x": {"shape": [2], "data_offsets": [0, 8]}},
    "a dtype that is no text": {"x": entry(7)},
    "three places": {"x": {**entry(), "data_offsets": [0, 8, 8]}},
    "no table": [1, 2],
    "metadata that is no table": {"__metadata__": 3, "x": entry()},
    "metadata of numbers": {"__metadata__": {"a": 1}, "x": entry()},
    "an entry that is none": {"x": None},
    "nothing of its bytes": {},
    "half a text": b'{"x": ',
    "no text": b"\xff\xfe{}",
    "a deep text": b"[" * 100_000,
    "a name twice": b'{"x": ' + json.dumps(entry()).encode() + b', "x": 1}',
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_header_is_refused(lie, tmp_path):
    """Every lie is a FormatError that names the file."""
    path = write(tmp_path / "x.safetensors", LIES[lie], bytes(8))
    with pytest.raises(FormatError, match=r"x\.safetensors: "):
        TensorFile(path)


@pytest.mark.parametrize("size", [0, 1, 500, MAX_HEADER + 1, 2**63])
def test_a_header_of_another_length_is_refused(size, tmp_path):
    """The length of the header may not leave the file or be absurd."""
    with pytest.raises(FormatError, match=r"x: header "):
        TensorFile(write(tmp_path / "x", {"x": entry()}, bytes(8), size=size))


def test_every_cut_is_refused(tmp_path):
    """A file that was cut anywhere is refused on opening."""
    data = write(tmp_path / "x", {"x": entry()}, bytes(8)).read_bytes()
    for end in range(len(data)):
        (tmp_path / "y").write_bytes(data[:end])
        with pytest.raises(FormatError):
            TensorFile(tmp_path / "y")


def test_a_cut_after_opening_is_refused(tmp_path):
    """A file that shrinks meanwhile is an error, not an endless wait."""
    path = write(tmp_path / "x", {"x": entry()}, bytes(8))
    file = TensorFile(path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(FormatError, match=r"x: the file ends inside tensor 'x'$"):
        file.read("x")
