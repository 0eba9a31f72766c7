"""Checkpoint: files, sharded folders and models of ours as one table of tensors."""

import json

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec.tensorwriter import TensorWriter
from thrifty.core import DataError, FormatError, save
from thrifty.models.checkpoint import INDEX, Checkpoint

RNG = np.random.default_rng(3)
ONE = RNG.normal(size=(64, 32)).astype(np.float32)


def write(path, **arrays):
    """A safetensors file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TensorWriter(path) as writer:
        for name, array in arrays.items():
            writer.add(name, array)
    return path


@pytest.fixture
def sharded(tmp_path):
    """A folder of two files, an index, and what is beside weights."""
    write(tmp_path / "m" / "a.safetensors", x=ONE)
    write(tmp_path / "m" / "b.safetensors", y=ONE, z=ONE + 1, t=ONE.ravel()[:8])
    names = {"x": "a.safetensors", "y": "b.safetensors", "z": "b.safetensors"}
    (tmp_path / "m" / INDEX).write_text(json.dumps({"weight_map": names}))
    (tmp_path / "m" / "config.json").write_text('{"architectures": ["BertModel"]}')
    (tmp_path / "m" / "pytorch_model.bin").write_text("pickled")
    (tmp_path / "m" / "1_Pooling").mkdir()
    (tmp_path / "m" / "1_Pooling" / "config.json").write_text("{}")
    (tmp_path / "m" / ".git").mkdir()
    (tmp_path / "m" / ".git" / "HEAD").write_text("x")
    return tmp_path / "m"


def test_a_sharded_folder(sharded):
    """All files are one table; the same bytes under two names are found; extras are listed."""
    found = Checkpoint(sharded)
    assert set(found.tensors) == {"x", "y", "z", "t"}
    assert np.array_equal(found.read("z", 10, 20), ONE[10:20] + 1)
    assert b"".join(c.tobytes() for c in found.chunks("y")) == ONE.tobytes()
    assert found.aliases == {"y": "x"}
    assert (found.architecture, found.ours, found.kind) == ("BertModel", None, "folder")
    names = [str(path.relative_to(sharded)) for path in found.extras()]
    assert names == ["1_Pooling/config.json", "config.json"]
    assert found.nbytes == sum(p.stat().st_size for p in sharded.glob("*.safetensors"))


def test_equal_ends_are_not_enough_to_be_the_same(tmp_path):
    """Tensors that differ in one number only, in the middle of nowhere, are two."""
    other = np.tile(ONE, (8, 1))
    other[100, 3] += 1
    path = write(tmp_path / "x.safetensors", a=np.tile(ONE, (8, 1)), b=other)
    assert Checkpoint(path).aliases == {}


def test_a_file_of_ours(tmp_path):
    """A container says which kind it is, and its tables of words are bfloat16; no extras."""
    save(tmp_path / "m.safetensors", kind="wide-model", version=1, header={}, arrays={"x": ONE})
    found = Checkpoint(tmp_path / "m.safetensors")
    assert (found.ours, found.architecture, found.extras()) == ("wide-model", None, [])
    words = ONE.astype(ml_dtypes.bfloat16)
    arrays = {"x": words.view(np.uint16), "ids": words.view(np.uint16).ravel()}
    save(tmp_path / "m.safetensors", kind="wide-model", version=1, header={}, arrays=arrays)
    found = Checkpoint(tmp_path / "m.safetensors")
    assert found.tensors["x"].code == "BF16"
    assert found.read("x", 1, 3).tobytes() == words[1:3].tobytes()
    assert found.tensors["ids"].code == "U16"


def test_weights_of_the_linear_path(tmp_path):
    """In a model of ours they are bfloat16 too; its other arrays of one axis are no weights."""
    words, sums = ONE.astype(ml_dtypes.bfloat16).ravel(), ONE.ravel()
    arrays = {"wide/linear.weights": words.view(np.uint16), "wide/linear.squares": sums, "x": ONE}
    for kind, code in (("wide-model", "BF16"), ("x", "U16")):
        save(tmp_path / "m.safetensors", kind=kind, version=1, header={}, arrays=arrays)
        found = Checkpoint(tmp_path / "m.safetensors")
        assert found.tensors["wide/linear.weights"].code == code
        assert found.steady == ({"wide/linear.squares"} if code == "BF16" else set())
    assert found.read("wide/linear.weights").tobytes() == words.tobytes()


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"x": "b.safetensors"}}, r"tensor 'x' is not in b.safetensors$"),
        ({"weight_map": {"gone": "a.safetensors"}}, r"tensor 'gone' is not in a.safetensors$"),
        ({"weight_map": {"x": "../a.safetensors"}}, r"must be ones in the folder"),
        ({"weight_map": {}}, r"must be ones in the folder"),
        ({"weight_map": {"x": 3}}, r"must be ones in the folder"),
        ({"weight_map": [1]}, r"is damaged"),
        ([], r"is damaged"),
    ],
)
def test_a_lying_index_is_refused(index, message, sharded):
    """An index that names what is not there, or leads out of the folder."""
    (sharded / INDEX).write_text(json.dumps(index))
    with pytest.raises(FormatError, match=message):
        Checkpoint(sharded)


def test_a_name_in_two_files_is_refused(sharded):
    """Which of them would count?"""
    write(sharded / "b.safetensors", x=ONE, y=ONE, z=ONE)
    with pytest.raises(FormatError, match=r"tensor 'x' is in two files$"):
        Checkpoint(sharded)


def test_folders_without_weights(tmp_path):
    """No safetensors, pickled weights only, several files without an index, and nothing."""
    with pytest.raises(FileNotFoundError):
        Checkpoint(tmp_path / "gone")
    with pytest.raises(DataError, match=r"no safetensors file in it$"):
        Checkpoint(tmp_path)
    (tmp_path / "pytorch_model.bin").write_text("x")
    with pytest.raises(DataError, match=r"only pytorch_model.bin, which could run code"):
        Checkpoint(tmp_path)
    for name in "ab":
        write(tmp_path / f"{name}.safetensors", x=ONE)
    with pytest.raises(DataError, match=r"2 safetensors files and no model.safetensors.index.json"):
        Checkpoint(tmp_path)
    (tmp_path / "b.safetensors").unlink()
    assert set(Checkpoint(tmp_path).tensors) == {"x"}
