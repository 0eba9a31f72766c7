"""Compress: settings and budgets, what is left alone, kills, refusals; and back again."""

import json
import os
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec import CompressedTensors
from thrifty.codec.compressedwriter import CompressedWriter
from thrifty.codec.tensorfile import TensorFile
from thrifty.codec.tensorwriter import TensorWriter
from thrifty.core import BudgetError, DataError, FormatError, save
from thrifty.models import _compress_pieces as pieces
from thrifty.models import compress, decompress
from thrifty.models._compress_facts import told

RNG = np.random.default_rng(5)
TABLE = RNG.normal(0, 0.02, (600, 64)).astype(ml_dtypes.bfloat16)
ARRAYS = {
    "table": TABLE,
    "layer.weight": RNG.normal(0, 0.1, (96, 128)).astype(np.float32),
    "layer.bias": RNG.normal(size=96).astype(np.float32),
    "conv": RNG.normal(size=(32, 16, 3, 3)).astype(np.float16),
    "tied": TABLE,
    "ids": np.arange(5000, dtype=np.int64),
    "broken": np.where(np.arange(64 * 64) == 7, np.nan, 0.5).reshape(64, 64).astype(np.float32),
    "one": np.array(3.0, np.float32),
    "none": np.zeros((0, 8), np.float32),
    "eight": RNG.normal(size=(80, 64)).astype(ml_dtypes.float8_e4m3fn),
}


@pytest.fixture
def path(tmp_path):
    """A file with tensors of every sort."""
    with TensorWriter(tmp_path / "model.safetensors") as writer:
        for name, array in ARRAYS.items():
            writer.add(name, array)
        writer.add_bytes("strange", "F8_E8M0", (3,), [np.arange(3, dtype=np.uint8)])
        writer.metadata["format"] = "pt"
    return tmp_path / "model.safetensors"


def row(facts, name):
    """What is told of a tensor."""
    return next(one for one in facts["layers"] if one["name"] == name)


# to a setting


def test_lossless_gives_the_same_bytes(path, tmp_path):
    """Every tensor of every dtype, and the metadata; a tied one is kept once; the source stays."""
    before = path.read_bytes()
    facts = compress(path, to="lossless", out=tmp_path / "small")
    done = decompress(tmp_path / "small", tmp_path / "back.safetensors")
    one, two = TensorFile(path), TensorFile(tmp_path / "back.safetensors")
    assert set(one.tensors) == set(two.tensors)
    assert done["tensors"] == len(one.tensors)
    assert one.metadata == two.metadata
    for name, info in one.tensors.items():
        assert (two.tensors[name].code, two.tensors[name].shape) == (info.code, info.shape)
        assert two.read(name).tobytes() == one.read(name).tobytes()
    assert facts["shared"] == {"tied": "table"}
    assert facts["bytes_after"] < 0.8 * facts["bytes_before"]
    assert all(one["exact"] for one in facts["layers"])
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["int8", "int4", "nf4", "2:4", "lean3"])
def test_a_setting_for_all(name, path, tmp_path):
    """Matrices lose a little, all else nothing; what is not finite is kept to the bit, and told."""
    facts = compress(path, to=name, out=tmp_path / "small")
    tensors = CompressedTensors(tmp_path / "small")
    for known in ("layer.bias", "ids", "one", "none", "broken"):
        assert tensors.decode(known).tobytes() == ARRAYS[known].tobytes()
    for lost in ("table", "layer.weight", "conv", "eight"):
        got = row(facts, lost)
        if got["setting"] != name:
            continue
        x, back = ARRAYS[lost].astype(np.float64), tensors.decode(lost).astype(np.float64)
        assert back.shape == x.shape
        assert 0 < got["error"] == pytest.approx(((back - x) ** 2).sum() / (x**2).sum(), rel=1e-3)
        assert got["bits_per_weight"] == pytest.approx(8 * got["bytes_after"] / x.size)
    assert row(facts, "layer.weight")["setting"] == name
    assert row(facts, "broken")["notes"] == ["holds NaN or infinity: lossless"]
    reasons = {one["name"]: one["reason"] for one in facts["left"]}
    assert reasons["layer.bias"] == "one axis"
    assert reasons["ids"] == "no floating-point numbers"
    assert reasons["strange"] == "a dtype not known here"


def test_pieces_are_the_whole(path, tmp_path, monkeypatch):
    """A tensor that is encoded in many pieces is the same as in one."""
    compress(path, to="int4", out=tmp_path / "one")
    monkeypatch.setattr(pieces.row_ranges, "__defaults__", (4000,))
    compress(path, to="int4", out=tmp_path / "many")
    one, many = CompressedTensors(tmp_path / "one"), CompressedTensors(tmp_path / "many")
    assert len(many.entry("table").pieces) > 10
    for name in set(ARRAYS) - {"broken"}:  # only its piece with the NaN is without loss
        assert many.decode(name).tobytes() == one.decode(name).tobytes()


# to a size


@pytest.mark.parametrize("share", [0.32, 0.5, 0.75])
def test_a_budget_is_kept_and_used(share, path, tmp_path):
    """Never above it; and where there is more room less is lost."""
    budget = int(share * path.stat().st_size)
    facts = compress(path, budget=budget, out=tmp_path / "small")
    files = sum(p.stat().st_size for p in (tmp_path / "small").iterdir() if p.name != "report.json")
    assert facts["bytes_after"] == files <= budget
    more = compress(path, budget=int(1.2 * budget), out=tmp_path / "more")
    errors = [sum(one["error"] for one in found["layers"]) for found in (facts, more)]
    assert errors[1] <= errors[0]


def test_too_small_a_budget_names_one_that_does(path, tmp_path):
    """The smallest that the error names works; nothing is left of the try."""
    with pytest.raises(BudgetError, match=r"^budget must be at least .* for this model") as error:
        compress(path, budget="1 kB", out=tmp_path / "small")
    assert not (tmp_path / "small").exists()
    compress(path, budget=error.value.smallest, out=tmp_path / "small")


# kills


def test_a_stopped_run_goes_on(path, tmp_path, monkeypatch):
    """Ctrl-C leaves no folder there; the same call goes on and makes what it would have made."""
    monkeypatch.setattr(CompressedWriter.__init__, "__kwdefaults__", {"at_once": 1})
    seen = []

    def stop(state):
        seen.append(state)
        if state["phase"] == "writing" and 0.6 < state["fraction"] < 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress(path, to="int8", out=tmp_path / "small", progress=stop)
    assert not (tmp_path / "small").exists()
    kept = {p.name: p.stat().st_mtime_ns for p in (tmp_path / ".small.part").glob("*.safetensors")}
    assert kept
    facts = compress(path, to="int8", out=tmp_path / "small")
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "small").glob("*.safetensors")}
    assert kept.items() < after.items()
    assert not (tmp_path / ".small.part").exists()
    compress(path, to="int8", out=tmp_path / "whole")
    assert facts["bytes_after"] == CompressedTensors(tmp_path / "whole").nbytes
    assert 0 < max(state["fraction"] for state in seen) < 1


def test_another_call_starts_anew(path, tmp_path):
    """What an unfinished run of other settings left is not taken for its own."""
    (tmp_path / ".small.part").mkdir()
    (tmp_path / ".small.part" / "compressed-00001.safetensors").write_text("rubbish")
    (tmp_path / ".small.part" / "plan.json").write_text('{"mark": "other", "plan": {}}')
    compress(path, to="int8", out=tmp_path / "small")
    assert CompressedTensors(tmp_path / "small").decode("one") == 3


def test_an_earlier_model_is_replaced_at_the_end(path, tmp_path):
    """The folder of before stands until the new one is whole; no other folder is left."""
    compress(path, to="int8", out=tmp_path / "small")
    compress(path, to="int4", out=tmp_path / "small")
    assert json.loads((tmp_path / "small" / "report.json").read_text())["setting"] == "int4"
    assert sorted(os.listdir(tmp_path)) == ["model.safetensors", "small"]


# refusals


def test_refusals(path, tmp_path):
    """What is asked must be one thing, and `out` must be free and outside of the model."""
    with pytest.raises(ValueError, match=r"^to or budget must be given, and only one of them$"):
        compress(path, out=tmp_path / "small")
    with pytest.raises(ValueError, match=r"^setting must be one of "):
        compress(path, to="int1", out=tmp_path / "small")
    with pytest.raises(TypeError, match=r"^model must be a path or a torch module, got int$"):
        compress(3, to="int8", out=tmp_path / "small")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter").write_text("mine")
    with pytest.raises(DataError, match=r"^out must be new or an earlier compressed model"):
        compress(path, to="int8", out=tmp_path / "taken")
    with pytest.raises(DataError, match=r"^out must lie outside of the model"):
        compress(path, to="int8", out=tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataError, match=r"^out must be a folder, got the file"):
        compress(path, to="int8", out=tmp_path / "file")


def test_models_that_cannot_be(path, tmp_path):
    """A cut file, an empty one, one of ours that is no network, and data without a class."""
    (tmp_path / "cut.safetensors").write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match=r"cut.safetensors: "):
        compress(tmp_path / "cut.safetensors", to="int8", out=tmp_path / "small")
    (tmp_path / "empty.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    with pytest.raises(DataError, match=r"^model must have tensors, got none$"):
        compress(tmp_path / "empty.safetensors", to="int8", out=tmp_path / "small")
    ours = {"x": TABLE.view(np.uint16)}
    save(tmp_path / "ours.safetensors", kind="bloom", version=1, header={}, arrays=ours)
    with pytest.raises(DataError, match=r"^a file of 'bloom' can only be compressed with to="):
        compress(tmp_path / "ours.safetensors", to="int8", out=tmp_path / "small")
    with pytest.raises(DataError, match=r"cannot be run on data: no config.json names its class$"):
        compress(path, to="int8", out=tmp_path / "small", calibrate=path)


def test_lines_for_people(path, tmp_path):
    """The largest tensors, reasons by their number, and the size of all."""
    lines = told(compress(path, to="int4", out=tmp_path / "small"), most=2)
    assert lines[2].startswith("... and ")
    assert any(line.endswith("tensors left as they are: one axis") for line in lines)
    assert "bits a weight" in lines[-2]
    assert lines[-1] == f"model     {Path(tmp_path / 'small')}"
