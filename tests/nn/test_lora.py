"""LoRA: begins as its base, trains only its change, merges, and moves to and from peft."""

import json

import pytest

from thrifty.codec import NF4, Groups
from thrifty.core import DataError, IncompatibleError
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")
X = torch.randn(3, 64, generator=torch.Generator().manual_seed(2))


def layer_of(seed=0, base="linear", **given):
    """A layer whose change is not zero any more."""
    torch.manual_seed(seed)
    linear = torch.nn.Linear(64, 32)
    if base != "linear":
        linear = nn.PackedLinear.of(linear, NF4() if base == "nf4" else Groups(4), exact=True)
    layer = nn.LoRALinear(linear, r=4, **given)
    torch.nn.init.normal_(layer.lora_B.weight)
    return layer


def slow(module, x):
    """Base and change written out."""
    return module.base_layer(x) + 4.0 * (x @ module.lora_A.weight.T) @ module.lora_B.weight.T


@pytest.mark.parametrize("law", LAWS["module"])
@pytest.mark.parametrize("base", ["linear", "nf4", "int4"])
def test_laws(base, law):
    """On a plain layer and on encoded ones."""
    law(lambda seed=0: (layer_of(seed, base), (X,), slow))


def model_of(seed=0):
    """Two layers that are wrapped and one that is not."""
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Identity(), torch.nn.Linear(64, 64), torch.nn.GELU(), torch.nn.Linear(64, 8)
    )


@pytest.mark.parametrize("four_bits", [False, True])
def test_only_the_change_is_trained(four_bits):
    """The model answers as before, or as its NF4 weights do; a step moves A and B alone."""
    model = model_of()
    before = model(X)
    assert nn.add_lora(model, r=2, four_bits=four_bits) == ["1", "3"]
    torch.testing.assert_close(model(X), before, rtol=0, atol=0.2 if four_bits else 0)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trained == [f"{i}.lora_{x}.weight" for i in "13" for x in "AB"]
    frozen = {k: v.clone() for k, v in model.state_dict().items() if "lora" not in k}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(X).square().sum().backward()
        optimizer.step()
    after = model.state_dict()
    assert all(after[key].equal(value) for key, value in frozen.items())
    assert all(after[key].any() for key in trained)


@pytest.mark.parametrize("base", ["linear", "nf4"])
def test_merged_layers_answer_alike(base):
    """One plain layer with base and change in its weight."""
    model = torch.nn.Sequential(layer_of(1, base))
    before = model(X)
    nn.merge_lora(model)
    assert type(model[0]) is torch.nn.Linear
    torch.testing.assert_close(model(X), before, rtol=1e-4, atol=1e-4)


def test_changes_are_saved_alone_and_return(tmp_path):
    """The folder holds two small files; a fresh model answers the same with them."""
    model = model_of()
    nn.add_lora(model, ["1"], r=2, alpha=8)
    torch.nn.init.normal_(model[1].lora_B.weight)
    nn.save_lora(model, tmp_path)
    assert (tmp_path / "adapter_model.safetensors").stat().st_size < 4 * 2 * 128 + 1000
    other = model_of()
    assert nn.load_lora(other, tmp_path) == ["1"]
    assert other(X).equal(model(X))


@pytest.mark.peers
def test_peft_reads_and_writes_the_same_folder(tmp_path):
    """An adapter of ours answers alike in peft, and one of peft's answers alike here."""
    peft = pytest.importorskip("peft")
    ours = model_of()
    nn.add_lora(ours, ["1"], r=2, alpha=8)
    torch.nn.init.normal_(ours[1].lora_B.weight)
    nn.save_lora(ours, tmp_path / "ours")
    theirs = peft.PeftModel.from_pretrained(model_of(), str(tmp_path / "ours"))
    torch.testing.assert_close(theirs(X), ours(X))
    torch.nn.init.normal_(theirs.base_model.model[1].lora_B["default"].weight)
    theirs.save_pretrained(str(tmp_path / "theirs"))
    back = model_of()
    nn.load_lora(back, tmp_path / "theirs")
    torch.testing.assert_close(back(X), theirs(X))


def test_refusals(tmp_path):
    """Another base, names of no layer, a folder that is none, changes that do not fit."""
    with pytest.raises(TypeError, match=r"^base must be Linear or PackedLinear, got ReLU$"):
        nn.LoRALinear(torch.nn.ReLU())
    with pytest.raises(ValueError, match=r"^r must be "):
        nn.LoRALinear(torch.nn.Linear(2, 2), 0)
    with pytest.raises(DataError, match=r"^targets must be names of linear layers, got "):
        nn.add_lora(model_of(), ["nobody"])
    with pytest.raises(DataError, match=r"^model must hold LoRA layers of one r and alpha"):
        nn.save_lora(model_of(), tmp_path)
    with pytest.raises(DataError, match=r" must hold a LoRA adapter, got "):
        nn.load_lora(model_of(), tmp_path / "nowhere")
    model = model_of()
    nn.add_lora(model, ["1"], r=2)
    nn.save_lora(model, tmp_path)
    with pytest.raises(IncompatibleError, match=r"^model must have a linear layer '1', got none$"):
        nn.load_lora(torch.nn.Sequential(torch.nn.Linear(64, 64)), tmp_path)
    with pytest.raises(IncompatibleError, match=r"^lora_A of '1' must be \(2, 9\), got \(2, 64\)$"):
        nn.load_lora(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(9, 64)), tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps({**config, "use_dora": True}))
    with pytest.raises(DataError, match=r" must hold a plain LoRA adapter without biases$"):
        nn.load_lora(model_of(), tmp_path)
    (tmp_path / "adapter_model.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(DataError, match=r" must hold a LoRA adapter, got "):
        nn.load_lora(model_of(), tmp_path)
