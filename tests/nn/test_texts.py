"""Texts: lines as batches with the labels of a task; and compression of whole language models."""

import json

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from thrifty.core import DataError  # noqa: E402
from thrifty.models import compress  # noqa: E402
from thrifty.nn.answers import IGNORED  # noqa: E402
from thrifty.nn.texts import WORDS, task_of, text_batches  # noqa: E402

TALE = "the ship sailed over a calm sea while clouds and wind came from far away"
WORDLIST = TALE.split(" ")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LINES = [" ".join(WORDLIST[i % 7 : 5 + i % 9]) for i in range(300)]
SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tokenizer of whole words, as transformers saves it."""
    tokenizers = pytest.importorskip("tokenizers")
    words = {word: n for n, word in enumerate([*SPECIAL, *WORDLIST])}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    names = {f"{n.strip('[]').lower()}_token": n for n in SPECIAL}
    path = tmp_path_factory.mktemp("texts")
    told = transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)
    told.save_pretrained(path)
    return path


def saved(folder, kind, config):
    """A small model of transformers beside the tokenizer."""
    torch.manual_seed(0)
    model = kind(config).eval()
    model.save_pretrained(folder)
    return model


def test_causal_rows_know_what_follows(folder):
    """Texts are joined and cut into full rows; each token's label is the next one."""
    batches = text_batches(folder, LINES, "causal", most=1)
    ids, labels = batches[0]["input_ids"], batches[0]["labels"]
    assert ids.shape[1] == WORDS
    assert torch.equal(labels[:, :-1], ids[:, 1:])
    assert (labels[:, -1] == IGNORED).all()


def test_masked_tokens_are_the_labels(folder):
    """About 15 of 100 tokens are hidden; the others are not asked for; the same every time."""
    batches = text_batches(folder, LINES, "masked")
    hidden = sum(int((b["labels"] != IGNORED).sum()) for b in batches)
    tokens = sum(int(b["attention_mask"].sum()) for b in batches)
    spread = (0.15 * 0.85 / tokens) ** 0.5
    assert abs(hidden / tokens - 0.15) < 5 * spread
    for batch in batches:
        assert (batch["input_ids"][batch["labels"] != IGNORED] == 4).all()
    again = text_batches(folder, LINES, "masked")
    assert all(torch.equal(a["labels"], b["labels"]) for a, b in zip(batches, again, strict=True))


def test_tasks():
    """A class says what it does by its name."""
    assert [task_of(n) for n in ("LlamaForCausalLM", "T5Model")] == ["causal", "embedding"]


def test_refusals(folder, tmp_path):
    """Too few tokens, no tokenizer, and no mask."""
    with pytest.raises(DataError, match=r"^calibration must have at least 129 tokens"):
        text_batches(folder, LINES[:2], "causal")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(DataError, match=r"has no tokenizer to read texts with"):
        text_batches(tmp_path, LINES, "causal")
    for path in folder.glob("*.json"):
        told = json.loads(path.read_text())
        told.pop("mask_token", None)
        (tmp_path / path.name).write_text(json.dumps(told))
    with pytest.raises(DataError, match=r"must have a mask token$"):
        text_batches(tmp_path, LINES, "masked")


def test_a_language_model_is_judged_by_perplexity(folder, tmp_path):
    """A causal model in 8 bits: nearly the same perplexity and answers, on lines held out."""
    config = transformers.GPT2Config(vocab_size=64, n_embd=64, n_layer=1, n_head=2, n_positions=128)
    saved(folder, transformers.GPT2LMHeadModel, config)
    (tmp_path / "lines.txt").write_text("\n".join(LINES))
    facts = compress(folder, to="int8", out=tmp_path / "small", calibrate=tmp_path / "lines.txt")
    before, after = facts["quality_before"]["perplexity"], facts["quality_after"]["perplexity"]
    assert after == pytest.approx(before, rel=0.02)
    assert facts["agreement"] > 0.8
    assert "tokenizer.json" in facts["copied"]


def test_an_encoder_with_a_budget(folder, tmp_path):
    """An encoder has no loss: cosine and nearest neighbours tell; JSON lines are read too."""
    config = transformers.BertConfig(vocab_size=300, intermediate_size=256, **SIZES)
    saved(folder, transformers.BertModel, config)
    rows = "\n".join(json.dumps({"text": line}) for line in LINES)
    (tmp_path / "lines.jsonl").write_text(rows)
    how = {"out": tmp_path / "small", "calibrate": tmp_path / "lines.jsonl"}
    facts = compress(folder, budget=60_000, **how)
    assert facts["bytes_after"] <= 60_000 < facts["bytes_before"]
    assert facts["quality_before"] == {"cosine": 1.0}
    assert 0.9 < facts["quality_after"]["cosine"] <= 1.0 + 1e-6
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(DataError, match=r"empty.txt: no text to calibrate on$"):
        compress(folder, to="int8", out=tmp_path / "small", calibrate=tmp_path / "empty.txt")
