"""Layers on encoded weights: the answers of the decoded weight, gradients, state, replacement."""

import numpy as np
import pytest

from thrifty.codec import NF4, ExponentCodec, Groups, LeanCodec
from thrifty.codec.products import PackedMatrix
from thrifty.core import IncompatibleError
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")
CODECS = {
    "int4": Groups(4), "int8": Groups(8, 32), "int3": Groups(3), "nf4": NF4(), "lean": LeanCodec(3),
    "lossless": ExponentCodec(),
}  # fmt: skip


def weight_of(seed=0, rows=40, columns=64):
    """A linear layer's weight and bias."""
    torch.manual_seed(seed)
    return torch.nn.Linear(columns, rows)


def slow(module, x):
    """The answer of the decoded weight."""
    rows = torch.cat([part for _, part in module.blocks()])
    return torch.nn.functional.linear(x, rows.to(x.dtype), module.bias)


@pytest.mark.parametrize(
    "law", [law for name in ("module", "module gradients") for law in LAWS[name]]
)
@pytest.mark.parametrize("name", CODECS)
def test_laws(name, law):
    """With inputs that are not rounded every codec gives what its decoded weight gives."""
    x = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(1))
    law(lambda seed=0: (nn.PackedLinear.of(weight_of(seed), CODECS[name], exact=True), (x,), slow))


@pytest.mark.parametrize("bits", [4, 8])
def test_rounded_inputs_stay_within_the_bound(bits):
    """And the gradient to the input is that of the decoded weight."""
    layer = nn.PackedLinear.of(weight_of(), Groups(bits))
    if layer.exact:
        pytest.skip("no AVX-512 VNNI here")
    x = torch.randn(9, 64, requires_grad=True)
    found, exact = layer(x), slow(layer, x)
    matrix = PackedMatrix.of(Groups(bits).encode(weight_of().weight))
    bound = torch.from_numpy(matrix.bound(x.detach().numpy()))
    assert ((found - exact).abs() <= bound + 1e-6).all()
    ours, theirs = (torch.autograd.grad(y.square().sum(), x)[0] for y in (found, exact))
    torch.testing.assert_close(ours, theirs, rtol=0.05, atol=0.05)


def test_lossless_bits():
    """A bfloat16 weight is the same in every bit, block by block."""
    layer = weight_of(1, 300, 200).bfloat16()
    small = nn.PackedLinear.of(layer, ExponentCodec())
    rows = torch.cat([part for _, part in small.blocks()])
    assert rows.dtype == torch.bfloat16
    assert rows.view(torch.int16).equal(layer.weight.view(torch.int16))
    x = torch.randn(4, 200).bfloat16()
    torch.testing.assert_close(small(x), layer(x), rtol=0.02, atol=0.02)


def test_bytes_of_the_state_are_those_of_the_codes():
    """Nothing of the size of the decoded weight is kept."""
    layer = weight_of(0, 256, 512)
    for codec, share in ((Groups(4), 0.14), (Groups(8), 0.27)):
        state = nn.PackedLinear.of(layer, codec).state_dict()
        assert sum(t.nbytes for t in state.values()) < share * layer.weight.nbytes + 1024


def test_a_model_is_packed_in_place():
    """What is kept, tied or empty is left and listed; a layer used twice stays one."""
    torch.manual_seed(0)
    twice, tied = torch.nn.Linear(32, 32), torch.nn.Linear(32, 50, bias=False)
    table = torch.nn.Embedding(50, 32)
    tied.weight = table.weight
    with pytest.warns(UserWarning, match=r"^Initializing zero-element tensors is a no-op$"):
        empty = torch.nn.Linear(0, 3, bias=False)
    kept = torch.nn.Linear(32, 2)
    model = torch.nn.ModuleDict(
        {"table": table, "a": twice, "b": twice, "tied": tied, "empty": empty, "kept": kept}
    )
    before = twice(torch.ones(1, 32))
    done = nn.pack_linears(model, Groups(8), keep=["kept"])
    assert done.packed == ("a",)
    assert done.left == {
        "tied": "its weight is that of another module too",
        "empty": "its weight is empty",
        "kept": "kept",
    }
    assert (done.bytes_before, done.bytes_after) == (4096, 32 * (32 + 3) + 32 * 32)
    assert model["a"] is model["b"]
    torch.testing.assert_close(model["a"](torch.ones(1, 32)), before, rtol=0.02, atol=0.02)


def test_refusals():
    """What is no matrix, a bias that does not fit, and a model that is a layer."""
    with pytest.raises(IncompatibleError, match=r"^encoded must be a matrix, got Encoded"):
        nn.PackedLinear(Groups(4).encode(np.ones(8, np.float32)))
    message = r"^bias must be of shape \(16,\), got \(3,\)$"
    with pytest.raises(IncompatibleError, match=message):
        nn.PackedLinear(Groups(4).encode(np.ones((16, 8), np.float32)), torch.ones(3))
    with pytest.raises(ValueError, match=r"^model must hold linear layers, got a linear layer: "):
        nn.pack_linears(torch.nn.Linear(3, 3), Groups(4))
