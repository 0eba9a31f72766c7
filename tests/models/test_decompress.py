"""Decompress: plain files and folders again, and models of ours that are loaded as they are."""

import json

import numpy as np
import pytest

from thrifty.codec import CompressedTensors
from thrifty.codec.tensorfile import TensorFile
from thrifty.codec.tensorwriter import TensorWriter
from thrifty.core import DataError, FormatError, SaveError
from thrifty.models import Model, compress, decompress, train
from thrifty.models.decompress import stored

X = np.random.default_rng(6).normal(size=(64, 96)).astype(np.float32)
HOW = {"kind": "wide-model", "version": 2}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Rows whose words tell their class."""
    rng = np.random.default_rng(7)
    words = {"sea": ["ship", "wave", "sail"], "sky": ["cloud", "wing", "storm"]}
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    names = rng.choice(list(words), 400)
    rare = rng.integers(0, 3000, (400, 20)).tolist()
    said = [[*rng.choice(words[n], 3), *map(str, r)] for n, r in zip(names, rare, strict=True)]
    lines = [{"text": " ".join(s), "topic": str(n)} for s, n in zip(said, names, strict=True)]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.fixture(scope="module")
def ours(rows):
    """A model of ours."""
    out = rows.parent / "model"
    train(rows, "topic", out=out, memory="90 MB", epochs=2, hidden=32)
    return out


def test_a_model_of_ours_lossless(ours, tmp_path):
    """The file comes back to the byte, and the folder loads as a model."""
    compress(ours, to="lossless", out=tmp_path / "small")
    decompress(tmp_path / "small", tmp_path / "back.safetensors")
    assert (tmp_path / "back.safetensors").read_bytes() == (ours / "model.safetensors").read_bytes()
    row = {"text": "a ship on a wave"}
    assert Model.load(tmp_path / "small").predict([row]) == Model.load(ours).predict([row])


def test_a_model_of_ours_with_quality(ours, rows, tmp_path):
    """int8 is smaller, loads, answers nearly as before, and that is measured on given rows."""
    facts = compress(ours, to="int8", out=tmp_path / "small", calibrate=rows)
    assert facts["bytes_after"] < facts["bytes_before"]
    assert facts["quality_before"]["accuracy"] > 0.98 < facts["quality_after"]["accuracy"]
    assert facts["agreement"] > 0.98
    decompress(tmp_path / "small", tmp_path / "back")
    found = Model.load(tmp_path / "back").predict([{"text": "a ship on a wave"}])
    assert found[0]["predicted"] == "sea"


def test_a_folder_has_what_was_beside(tmp_path):
    """Config and tokenizer come along into a folder, codes and report do not."""
    (tmp_path / "m" / "sub").mkdir(parents=True)
    with TensorWriter(tmp_path / "m" / "model.safetensors") as writer:
        writer.add("x", X)
    (tmp_path / "m" / "config.json").write_text('{"a": 1}')
    (tmp_path / "m" / "sub" / "words.txt").write_text("b")
    compress(tmp_path / "m", to="lossless", out=tmp_path / "small")
    decompress(tmp_path / "small", tmp_path / "back")
    found = sorted(p.relative_to(tmp_path / "back").as_posix()
                   for p in (tmp_path / "back").rglob("*") if p.is_file())  # fmt: skip
    assert found == ["config.json", "model.safetensors", "sub/words.txt"]
    back = TensorFile(tmp_path / "back" / "model.safetensors").read("x")
    assert back.tobytes() == X.tobytes()


def test_refusals(ours, tmp_path):
    """A folder for a file, a taken folder, a damaged or foreign folder, a full disk."""
    compress(ours, to="lossless", out=tmp_path / "small")
    (tmp_path / "x.safetensors").mkdir()
    with pytest.raises(DataError, match=r"^out must be a file, got the folder"):
        decompress(tmp_path / "small", tmp_path / "x.safetensors")
    with pytest.raises(DataError, match=r"^out must be new or an earlier compressed model"):
        decompress(tmp_path / "small", ours)
    with pytest.raises(FileNotFoundError):
        decompress(ours, tmp_path / "back")
    with pytest.raises(SaveError):
        decompress(tmp_path / "small", "/proc/nothing.safetensors")
    with pytest.raises(FormatError, match=r"holds 'wide-model' of version 2, expected"):
        stored(tmp_path / "small" / "model.safetensors", kind="other", version=1)
    with pytest.raises(FileNotFoundError):
        stored(tmp_path / "gone" / "model.safetensors", **HOW)
    path = CompressedTensors(tmp_path / "small").files[0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError):
        decompress(tmp_path / "small", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_foreign_folder_is_no_model_of_ours(tmp_path):
    """Tensors without a header of ours are refused as a model."""
    with TensorWriter(tmp_path / "m.safetensors") as writer:
        writer.add("x", X)
    compress(tmp_path / "m.safetensors", to="lossless", out=tmp_path / "small")
    with pytest.raises(FormatError, match=r"small is no model of thrifty: KeyError"):
        Model.load(tmp_path / "small")
