"""Whole texts: what is learned from is never what a judge of the same lines measures on."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from thrifty.core import DataError  # noqa: E402
from thrifty.nn.texts import IGNORED, task_of, text_batches  # noqa: E402
from thrifty.nn.wholetexts import learned_texts, whole_model  # noqa: E402

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LINES = [f"w{i % 83} w{i % 97} w{i * i % 89} w{i % 7}" for i in range(1500)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small encoder in bfloat16 and a tokenizer of whole words."""
    tokenizers = pytest.importorskip("tokenizers")
    words = {word: n for n, word in enumerate([*SPECIAL, *(f"w{i}" for i in range(100))])}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    names = {f"{n.strip('[]').lower()}_token": n for n in SPECIAL}
    path = tmp_path_factory.mktemp("texts")
    told = transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)
    told.save_pretrained(path)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(vocab_size=105, intermediate_size=16, **sizes)
    transformers.BertModel(config).to(torch.bfloat16).save_pretrained(path)
    return path


def rows(batches):
    """The tokens of all rows, those too that are hidden."""
    found = set()
    for batch in batches:
        ids, labels = batch["input_ids"], batch.get("labels", torch.tensor(IGNORED))
        hidden = (labels != IGNORED) & (ids == 4)
        whole = torch.where(hidden, labels, ids)
        found |= {tuple(row[seen].tolist()) for row, seen in
                  zip(whole, batch["attention_mask"] > 0, strict=True)}  # fmt: skip
    return found


@pytest.mark.parametrize("task", ["embedding", "masked", "causal"])
def test_no_row_is_judged(task, folder):
    """More rows than the judge's own, and none of those it measures on."""
    lines = LINES * 4 if task == "causal" else LINES
    few = text_batches(folder, lines, task)
    made = learned_texts(folder, lines, task, most=40)
    assert not rows(made) & rows(few[1::2])
    count = sum(len(batch["input_ids"]) for batch in made)
    assert count > sum(len(batch["input_ids"]) for batch in few[0::2])


def test_a_single_batch_is_both(folder):
    """Where there is nothing else to learn from."""
    assert len(learned_texts(folder, LINES[:3], "embedding")) == 1


def test_the_model_is_whole(folder):
    """In float32, ready to be trained."""
    module, batches = whole_model(folder, "BertModel", LINES[:100])
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert all(p.requires_grad for p in module.parameters())
    assert not module.training
    assert task_of("BertModel") == "embedding"
    assert "labels" not in batches[0]


def test_too_few_words(folder):
    """A language model needs a row of them."""
    with pytest.raises(DataError, match=r"^calibration must have at least 129 tokens for a lang"):
        whole_model(folder, "GPT2LMHeadModel", LINES[:3])
