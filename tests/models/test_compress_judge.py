"""Compress judge: who judges what, and what is said where nobody can."""

import subprocess
import sys

import pytest

from thrifty.codec.tensorwriter import TensorWriter
from thrifty.core import DataError
from thrifty.models.checkpoint import Checkpoint
from thrifty.models.compress_judge import EXTRA, Judge, judge_of, lines_of

HIDDEN = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers"):
            raise ModuleNotFoundError(f"No module named {name!r}", name="torch")
sys.meta_path.insert(0, Hidden())
from thrifty.models.checkpoint import Checkpoint
from thrifty.models.compress_judge import judge_of
"""
NOTHING = dict.fromkeys(["quality_before", "quality_after", "agreement", "answer_seconds"])


def test_without_data_nothing_is_known(tmp_path):
    """No data: no inputs, no damage, no quality."""
    judge = judge_of(None, None, None, None, print)
    assert type(judge) is Judge
    assert (judge.inputs("x"), judge.damage("x", None)) == (None, None)
    assert judge.quality(tmp_path, print) == NOTHING


def test_lines(tmp_path):
    """Texts, one a line; empty ones do not count; JSON lines need a text."""
    (tmp_path / "x.txt").write_text(" a b \n\n c\n")
    assert lines_of(tmp_path / "x.txt") == ["a b", "c"]
    (tmp_path / "x.jsonl").write_text('{"text": "a"}\n{"text": ""}\n')
    assert lines_of(tmp_path / "x.jsonl") == ["a"]
    (tmp_path / "x.jsonl").write_text('{"body": "a"}\n')
    with pytest.raises(DataError, match=r'every line must be JSON with a "text"$'):
        lines_of(tmp_path / "x.jsonl")
    (tmp_path / "y.txt").write_text("")
    with pytest.raises(DataError, match=r"y.txt: no text to calibrate on$"):
        lines_of(tmp_path / "y.txt")


def test_what_cannot_be_run(tmp_path):
    """A file of tensors says nothing of how to run them."""
    with TensorWriter(tmp_path / "x.safetensors"):
        pass
    with pytest.raises(DataError, match=r"cannot be run on data: no config.json names its class$"):
        judge_of(Checkpoint(tmp_path / "x.safetensors"), None, "x.txt", None, print)


def test_without_torch_the_extra_is_named(tmp_path):
    """A plain install says what to install, in one line; without data it needs no torch."""
    with TensorWriter(tmp_path / "model.safetensors"):
        pass
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}')
    (tmp_path / "x.txt").write_text("a line")
    texts = str(tmp_path / "x.txt")
    code = f"{HIDDEN}judge_of(Checkpoint({str(tmp_path)!r}), None, {texts!r}, None, print)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith(f"DataError: {EXTRA} (torch is missing)")
