"""Inspect on the command line: a line a tensor, or JSON."""

import json

import numpy as np
import pytest

from thrifty.cli import main
from thrifty.codec.tensorwriter import TensorWriter


@pytest.fixture
def path(tmp_path):
    """A small file of weights."""
    with TensorWriter(tmp_path / "net.safetensors") as writer:
        writer.add("weight", np.random.default_rng(11).normal(size=(200, 96)).astype(np.float32))
    return str(tmp_path / "net.safetensors")


def test_json(path, capsys):
    """Entropy, outliers and what would be saved."""
    assert main(["inspect", path, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    (row,) = facts["tensors"]
    assert 2 < row["entropy"] < 3
    assert 2.9 < row["kurtosis"] < 3.1
    assert facts["bytes_lossless"] < 0.9 * facts["bytes"]


def test_lines(path, capsys):
    """The tensor and the sum."""
    assert main(["inspect", path]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].endswith("weight  F32 200x96")
    assert shown[2].startswith("1 tensors, 76.")


def test_refusals(path, capsys):
    """A file that is none is one line and exit status 2."""
    assert main(["inspect", __file__]) == 2
    assert capsys.readouterr().err.startswith(f"thrifty: {__file__}: header of ")
