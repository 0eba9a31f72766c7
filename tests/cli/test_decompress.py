"""Decompress on the command line: the same bytes again, and refusals."""

import json

import numpy as np
import pytest

from thrifty.cli import main
from thrifty.codec.tensorfile import TensorFile
from thrifty.codec.tensorwriter import TensorWriter

X = np.random.default_rng(10).normal(size=(200, 96)).astype(np.float32)


@pytest.fixture
def small(tmp_path, monkeypatch, capsys):
    """A compressed model, without loss."""
    monkeypatch.chdir(tmp_path)
    with TensorWriter("net.safetensors") as writer:
        writer.add("weight", X)
    assert main(["compress", "net.safetensors", "--to", "lossless", "--out", "small"]) == 0
    capsys.readouterr()
    return "small"


def test_there_and_back(small, capsys):
    """The tensor has its bytes again; JSON says how many."""
    assert main(["decompress", small, "--out", "back.safetensors", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == {"out": "back.safetensors", "tensors": 1, "bytes": facts["bytes"]}
    assert TensorFile("back.safetensors").read("weight").tobytes() == X.tobytes()


def test_lines(small, capsys):
    """What was written, and where."""
    assert main(["decompress", small, "--out", "back"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("1 tensors, 76.")
    assert shown[1] == "model     back"


def test_refusals(small, capsys):
    """A folder that is no compressed model is one line and exit status 2."""
    assert main(["decompress", ".", "--out", "x.safetensors"]) == 2
    assert capsys.readouterr().err == "thrifty: compressed.json: No such file or directory\n"
