"""Skeleton: the module of a config, without numbers where weights belong."""

import json

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from torch import nn  # noqa: E402

from thrifty.core import DataError  # noqa: E402
from thrifty.nn.skeleton import skeleton  # noqa: E402


def llama(folder, *, dtype=torch.float32, **more):
    """A tiny language model of transformers, saved as a folder."""
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3}
    sizes |= {"num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 90}
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **more)).eval()
    model = model.to(dtype)
    model.save_pretrained(folder)
    return model


def test_what_is_there_and_what_is_not(tmp_path):
    """Names, shapes and ties are those of the model; buffers hold what the model's hold."""
    model = llama(tmp_path, tie_word_embeddings=True)
    made = skeleton(tmp_path)
    shapes = {name: p.shape for name, p in made.named_parameters()}
    assert shapes == {name: p.shape for name, p in model.named_parameters()}
    assert all(p.is_meta and not p.requires_grad for p in made.parameters())
    assert made.lm_head.weight is made.model.embed_tokens.weight
    assert not made.training
    for name, buffer in model.named_buffers():
        assert torch.equal(made.get_buffer(name), buffer)


def test_nothing_is_left_changed(tmp_path):
    """Modules made afterwards have numbers, of the usual dtype."""
    llama(tmp_path, dtype=torch.bfloat16)
    assert {p.dtype for p in skeleton(tmp_path).parameters()} == {torch.bfloat16}
    layer = nn.Linear(40, 40)
    assert layer.weight.dtype == torch.float32
    assert not layer.weight.is_meta
    assert layer.weight.std() > 0


def test_no_known_class(tmp_path):
    """What transformers does not know is refused; nothing in the folder is run."""
    told = {"model_type": "bert", "architectures": ["os.system"]}
    (tmp_path / "config.json").write_text(json.dumps(told))
    message = r"^architecture must be known to transformers, got 'os.system'$"
    with pytest.raises(DataError, match=message):
        skeleton(tmp_path)
