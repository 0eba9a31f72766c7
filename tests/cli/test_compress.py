"""Compress on the command line: what it prints, what it refuses, what Ctrl-C leaves."""

import json

import numpy as np
import pytest

from thrifty.cli import main
from thrifty.codec.tensorwriter import TensorWriter

X = np.random.default_rng(9).normal(size=(200, 96)).astype(np.float32)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A small file of weights, in the current folder."""
    monkeypatch.chdir(tmp_path)
    with TensorWriter("net.safetensors") as writer:
        writer.add("weight", X)
        writer.add("bias", X[0])
    return "net.safetensors"


def test_json(path, tmp_path, capsys):
    """One object with what the size and the loss are; the folder is named after the model."""
    assert main(["compress", path, "--to", "int4", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    names = {"bytes_before", "bytes_after", "bits_per_weight", "layers", "quality_before"}
    assert names | {"quality_after"} <= facts.keys()
    assert (facts["bytes_before"], facts["quality_after"]) == (
        (tmp_path / path).stat().st_size, None,
    )  # fmt: skip
    assert {row["setting"] for row in facts["layers"]} == {"int4", "kept"}
    assert (tmp_path / "net-int4" / "compressed.json").exists()


def test_lines(path, capsys):
    """A line a tensor, and the size before and after."""
    assert main(["compress", path, "--budget", "30 kB", "--out", "small"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split()[-4:-2] == ["bits", "weight"]
    assert shown[-2].startswith("77.4 kB -> ")
    assert shown[-1] == "model     small"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "thrifty: --to or --budget must be given, and only one of them"),
        (["--to", "int4", "--budget", "1MB"], "thrifty: --to or --budget must be given, and only"),
        (["--to", "int9"], "thrifty: setting must be one of lossless, int8, "),
        (["--budget", "much"], 'thrifty: --budget must be a size such as "512 MB"'),
        (["--budget", "1 kB"], "thrifty: budget must be at least "),
        (["--to", "int4", "--calibrate", "x"], "thrifty: net.safetensors cannot be run on data"),
        (["--to", "int4", "--shrink", "0.5"], "thrifty: calibrate must be given where shrink is"),
        (["--to", "int4", "--shrink", "1.5", "--calibrate", "x"],
         "thrifty: shrink must be above 0 and below 1, got 1.5"),
        (["--to", "int4", "--distil", "2", "--calibrate", "x"],
         "thrifty: distil must come with shrink, student or a setting that prunes such as"),
        (["--to", "int4", "--shrink", "0.5", "--calibrate", "x"],
         "thrifty: net.safetensors cannot be shrunk: no config.json names its class"),
        (["--to", "int4", "--out", "."], "thrifty: out must lie outside of the model"),
    ],
)  # fmt: skip
def test_refusals(words, message, path, tmp_path, capsys):
    """A refusal is one line and exit status 2, and nothing is left."""
    assert main(["compress", path, *words]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(message)
    assert [p.name for p in tmp_path.iterdir() if not p.name.startswith(".")] == [path]


def test_ctrl_c(path, tmp_path, monkeypatch, capsys):
    """Exit status 130, no folder there, and how to go on."""

    def stop(self, name, code, shape, chunks):
        raise KeyboardInterrupt

    monkeypatch.setattr("thrifty.codec.compressedwriter.CompressedWriter.keep", stop)
    assert main(["compress", path, "--to", "int8", "--out", "small"]) == 130
    assert "the same command goes on where this one stopped" in capsys.readouterr().err
    assert not (tmp_path / "small").exists()
