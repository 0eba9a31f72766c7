"""Compress judge: who judges what, and what is said where nobody can."""

import subprocess
import sys

import numpy as np
import pytest

from thrifty.codec import CompressedTensors
from thrifty.codec.compressedwriter import CompressedWriter
from thrifty.codec.tensorwriter import TensorWriter
from thrifty.core import DataError
from thrifty.models import compress, compress_judge
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


# a model of transformers, whole and by blocks

TALE = "the ship sailed over a calm sea while clouds and wind came from far away"
STORY = TALE.split(" ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A language model of four blocks with a tokenizer of whole words."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = {word: number for number, word in enumerate(["[UNK]", *STORY])}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    told = transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]")
    path = tmp_path_factory.mktemp("whole") / "model"
    told.save_pretrained(path)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4}
    sizes |= {"num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": len(words)}
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes)).save_pretrained(path)
    lines = (" ".join(STORY[i % 7 : 5 + i % 9]) for i in range(900))
    (path.parent / "story.txt").write_text("\n".join(lines))
    return path


def made(folder, out, to, **how):
    """A compressed model and its report."""
    facts = compress(folder, to=to, out=out, calibrate=folder.parent / "story.txt", **how)
    return CompressedTensors(out), facts


def test_by_blocks_as_whole(folder, tmp_path, monkeypatch):
    """Where memory does not suffice one block at a time is held: the same tensors and quality."""
    one, first = made(folder, tmp_path / "whole", "2:4")
    monkeypatch.setattr(compress_judge, "available", lambda: 0)
    monkeypatch.setattr("thrifty.nn.staged.SMALL", 0)
    two, then = made(folder, tmp_path / "blocks", "2:4")
    assert all(np.array_equal(one.decode(name), two.decode(name)) for name in one.names())
    assert then["quality_before"] == pytest.approx(first["quality_before"], rel=1e-6)
    assert then["quality_after"] == pytest.approx(first["quality_after"], rel=1e-6)
    assert set(first["answer_seconds"]) - set(then["answer_seconds"]) == {"packed"}


def test_layers_are_calibrated_behind_those_before(folder, tmp_path, monkeypatch):
    """Without settling, the last block is coded for other inputs; what runs first is not."""
    one, _ = made(folder, tmp_path / "after", "lean2")
    monkeypatch.setattr(compress_judge.ModuleJudge, "settle", lambda *given: None)
    two, _ = made(folder, tmp_path / "apart", "lean2")
    names = [f"model.layers.{n}.self_attn.q_proj.weight" for n in (0, 3)]
    same = [np.array_equal(one.decode(name), two.decode(name)) for name in names]
    assert same == [True, False]


def test_a_killed_run_with_data_goes_on(folder, tmp_path, monkeypatch):
    """What was written is settled again, so that the rest becomes what it would have become."""
    monkeypatch.setattr(CompressedWriter.__init__, "__kwdefaults__", {"at_once": 1})

    def stop(state):
        if state["phase"] == "writing" and state["fraction"] > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(folder, tmp_path / "small", "lean3", progress=stop)
    assert len(list((tmp_path / ".small.part").glob("*.safetensors"))) > 10
    again, _ = made(folder, tmp_path / "small", "lean3")
    whole, _ = made(folder, tmp_path / "whole", "lean3")
    assert all(np.array_equal(again.decode(name), whole.decode(name)) for name in whole.names())
