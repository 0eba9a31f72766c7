"""Inspection: entropy, outliers and savings of tensors against the plain formulas."""

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec import ExponentCodec
from thrifty.codec.tensorwriter import TensorWriter
from thrifty.core import DataError, FormatError
from thrifty.models import _compress_pieces as pieces
from thrifty.models import inspect
from thrifty.models.inspection import told

RNG = np.random.default_rng(8)
WIDE = RNG.standard_t(5, (500, 80)).astype(np.float32)
HALF = RNG.normal(0, 0.02, 50_000).astype(ml_dtypes.bfloat16)
ODD = np.where(np.arange(100) < 40, 0, np.inf).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    """A file of a heavy-tailed matrix, weights, infinities, numbers, and nothing."""
    with TensorWriter(tmp_path / "x.safetensors") as writer:
        for name, array in (("wide", WIDE), ("half", HALF), ("odd", ODD), ("ids", np.arange(9))):
            writer.add(name, array)
        writer.add("none", WIDE[:0])
    return tmp_path / "x.safetensors"


@pytest.mark.parametrize("limit", [1 << 26, 10_000])
def test_numbers_are_those_of_the_formulas(limit, path, monkeypatch):
    """In one piece or many: std, kurtosis, the largest, zeros, and the entropy of exponents."""
    monkeypatch.setattr(pieces.row_ranges, "__defaults__", (limit,))
    rows = {row["name"]: row for row in inspect(path)["tensors"]}
    x = WIDE.astype(np.float64)
    off = x - x.mean()
    assert rows["wide"]["std"] == pytest.approx(x.std())
    assert rows["wide"]["kurtosis"] == pytest.approx((off**4).mean() / x.var() ** 2)
    assert rows["wide"]["outlier"] == pytest.approx(np.abs(x).max() / x.std(), rel=0.01)
    exponents = np.bincount((HALF.view(np.uint16) >> 7 & 255).astype(int)) / HALF.size
    entropy = -sum(p * np.log2(p) for p in exponents if p)
    assert rows["half"]["entropy"] == pytest.approx(entropy, abs=0.1)
    assert (rows["odd"]["zeros"], rows["odd"]["finite"]) == (0.4, False)
    assert "entropy" not in rows["ids"]
    assert "entropy" not in rows["none"]


def test_what_lossless_codes_save_is_foretold(path):
    """The bytes that are told are within 2 % of the codec's."""
    rows = {row["name"]: row for row in inspect(path)["tensors"]}
    left = rows["half"]["bytes"] * (1 - rows["half"]["saved"])
    assert ExponentCodec().size(HALF) == pytest.approx(left, rel=0.02)


def test_lines(path):
    """A line a tensor, the largest first, and one for all."""
    seen = []
    lines = told(inspect(path, progress=seen.append), most=3)
    assert [line.split()[4] for line in lines[1:4]] == ["wide", "half", "odd"]
    assert lines[3].endswith("holds NaN or infinity")
    assert lines[4] == "... and 2 smaller tensors"
    assert seen[0]["fraction"] == 0


def test_refusals(tmp_path, path):
    """A cut file and a folder without weights."""
    (tmp_path / "cut.safetensors").write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError):
        inspect(tmp_path / "cut.safetensors")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError):
        inspect(tmp_path / "empty")
