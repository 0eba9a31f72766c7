"""Compressed: a folder as a module again, of transformers or of any class."""

import json

import ml_dtypes
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from thrifty.codec import CompressedTensors  # noqa: E402
from thrifty.core import DataError, FormatError, IncompatibleError  # noqa: E402
from thrifty.models import compress  # noqa: E402
from thrifty.nn import load_compressed  # noqa: E402
from thrifty.nn.compressed import state_of  # noqa: E402
from thrifty.nn.skeleton import architecture_of  # noqa: E402
from thrifty.nn.tensors import tensor_of  # noqa: E402


def net(seed=0):
    """A small module with a shared weight, a buffer and a convolution."""
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Conv1d(8, 64, 3), nn.BatchNorm1d(64), nn.Linear(70, 96))
    made.extend([nn.Linear(96, 96), nn.Linear(96, 96)])
    made[4].weight = made[3].weight
    return made.eval()


@pytest.mark.parametrize("to", ["lossless", "int8"])
def test_a_module_comes_back(to, tmp_path):
    """Lossless to the bit, int8 nearly; what was given is not changed; shared weights once."""
    module, x = net(), torch.randn(3, 8, 72)
    before = module(x).detach()
    facts = compress(module, to=to, out=tmp_path / "small")
    assert torch.equal(module(x), before)
    assert facts["shared"] == {"4.weight": "3.weight"}
    back = load_compressed(tmp_path / "small", into=net(1))
    if to == "lossless":
        assert torch.equal(back(x), before)
    assert torch.allclose(back(x), before, atol=0.05)
    state = state_of(CompressedTensors(tmp_path / "small"))
    assert state["4.weight"].data_ptr() == state["3.weight"].data_ptr()


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float8_e4m3fn", "int64", "bool"])
def test_tensors_of_every_dtype(name):
    """The same bytes, whatever the dtype."""
    dtype = np.dtype(name if hasattr(np, name) or name == "bool" else getattr(ml_dtypes, name))
    array = np.arange(16 * dtype.itemsize, dtype=np.uint8) % 2
    made = tensor_of(array.view(dtype))
    assert str(made.dtype) == f"torch.{name}"
    assert made.view(torch.uint8).numpy().tobytes() == array.tobytes()


def bert(folder):
    """A tiny encoder of transformers, saved as a folder."""
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(vocab_size=200, intermediate_size=64, **sizes)
    model = transformers.BertModel(config).eval()
    model.save_pretrained(folder)
    return model


def test_transformers_by_its_config(tmp_path):
    """Without a module given, the class that config.json names is made, with these weights."""
    model = bert(tmp_path / "bert")
    compress(tmp_path / "bert", to="lossless", out=tmp_path / "small")
    ids = torch.arange(12)[None]
    with torch.no_grad():
        assert torch.equal(load_compressed(tmp_path / "small")(ids)[0], model(ids)[0])


@pytest.mark.parametrize("to", ["lossless", "int8", "lean3"])
def test_packed_layers_answer_as_decoded_ones(to, tmp_path):
    """Linear layers stay encoded, shared ones do not; the answers are those of decoded weights."""
    compress(net(), to=to, out=tmp_path / "small")
    plain = load_compressed(tmp_path / "small", into=net(1))
    small = load_compressed(tmp_path / "small", into=net(2), packed=True)
    kinds = [type(layer).__name__ for layer in small]
    assert kinds == ["Conv1d", "BatchNorm1d", "PackedLinear", "Linear", "Linear"]
    x = torch.randn(3, 8, 72)
    with torch.no_grad():
        assert torch.allclose(small(x), plain(x), atol=0.03)


def test_transformers_packed(tmp_path):
    """All linear layers of an encoder stay encoded."""
    model = bert(tmp_path / "bert")
    compress(tmp_path / "bert", to="int8", out=tmp_path / "small")
    small = load_compressed(tmp_path / "small", packed=True)
    linear = [m for m in small.modules() if isinstance(m, nn.Linear) and m.weight.numel() >= 4096]
    assert linear == []
    ids = torch.arange(12)[None]
    with torch.no_grad():
        assert torch.allclose(small(ids)[0], model(ids)[0], atol=0.1)


def test_refusals(tmp_path):
    """No class named, one that transformers has not, other tensors, other shapes, damage."""
    compress(net(), to="int8", out=tmp_path / "small")
    with pytest.raises(IncompatibleError, match=r"has no config.json: give the module to load"):
        load_compressed(tmp_path / "small")
    with pytest.raises(IncompatibleError, match=r"^into must have the tensors of the folder"):
        load_compressed(tmp_path / "small", into=nn.Linear(2, 2))
    other = net()
    other[2].bias = nn.Parameter(torch.zeros(7))
    with pytest.raises(IncompatibleError, match=r"^tensor '2.bias' must be of shape \(96,\)"):
        load_compressed(tmp_path / "small", into=other)
    told = {"model_type": "bert", "architectures": ["os.system"]}
    (tmp_path / "small" / "config.json").write_text(json.dumps(told))
    with pytest.raises(DataError, match=r"^architecture must be known to transformers"):
        load_compressed(tmp_path / "small")
    (tmp_path / "small" / "config.json").write_text("{}")
    with pytest.raises(DataError, match=r"names no architecture"):
        architecture_of(tmp_path / "small")
    (tmp_path / "small" / "compressed.json").write_text("{}")
    with pytest.raises(FormatError):
        load_compressed(tmp_path / "small")
