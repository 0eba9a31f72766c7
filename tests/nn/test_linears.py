"""Linears: layers that are linear maps, whichever way their weight lies."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from torch import nn  # noqa: E402

from thrifty.codec import CompressedTensors, output_error  # noqa: E402
from thrifty.models import compress  # noqa: E402
from thrifty.nn import load_compressed  # noqa: E402
from thrifty.nn.linears import inputs_axis, linear_layers  # noqa: E402

X = torch.randn(400, 64, generator=torch.Generator().manual_seed(0)) * torch.linspace(0.05, 3, 64)


def net():
    """A layer as GPT-2 has it, and one as torch has it."""
    torch.manual_seed(1)
    first = transformers.pytorch_utils.Conv1D(96, 64)
    nn.init.normal_(first.weight)
    return nn.Sequential(first, nn.Linear(96, 128))


def test_axes():
    """Inputs lie along rows of the one and columns of the other; others are no linear maps."""
    model = net()
    assert [inputs_axis(layer) for layer in model] == [0, 1]
    assert inputs_axis(nn.Conv1d(2, 2, 2)) is None
    assert list(linear_layers(model, 1, 64)) == ["0.weight"]
    assert list(linear_layers(model, 0, 96, "net")) == ["net.0.weight"]


@pytest.mark.parametrize("to", ["lean2", "2:4", "int4"])
def test_both_ways_alike(to, tmp_path):
    """A weight (in, out) loses what its transpose would, and comes back in its own shape."""
    model = net()
    turned = nn.Linear(64, 96)
    turned.weight.data = model[0].weight.data.T.contiguous()
    one = nn.Sequential(model[0], nn.Identity())
    two = nn.Sequential(turned, nn.Identity())
    turned.bias.data = model[0].bias.data.clone()
    for name, module in (("one", one), ("two", two)):
        compress(module, to=to, out=tmp_path / name, calibrate=[X, X])
    found = [CompressedTensors(tmp_path / name).decode("0.weight") for name in ("one", "two")]
    gram = (X.T @ X / len(X)).numpy()
    plain = turned.weight.detach().numpy()
    errors = [output_error(plain, back, gram) for back in (found[0].T, found[1])]
    if to == "int4":  # groups of 64 neighbours, which are others
        assert errors[0] < 3 * errors[1]
    else:
        assert np.array_equal(found[0].T, found[1])
    again = load_compressed(tmp_path / "one", into=nn.Sequential(net()[0], nn.Identity()))
    assert torch.equal(again[0].weight, torch.from_numpy(found[0]))
