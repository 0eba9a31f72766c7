"""Gated convolutions: what gates choose, what is skipped, and what it counts."""

import pytest

from thrifty.core import IncompatibleError
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")
functional = torch.nn.functional


def normed(norm, x):
    """A batch norm without keeping what it sees."""
    mean, var = norm.running_mean, norm.running_var
    if norm.training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    y = (x - mean[:, None, None]) / (var[:, None, None] + norm.eps).sqrt()
    return y if norm.weight is None else y * norm.weight[:, None, None] + norm.bias[:, None, None]


def slow(module, x):
    """Both convolutions everywhere, and a choice for each output."""
    first = functional.conv2d(x, module.weight * module.base, padding=module.padding)
    both = functional.conv2d(x, module.weight, padding=module.padding)
    gate = normed(module.norm, first) > module.thresholds[:, None, None]
    return torch.where(gate, normed(module.open, both), normed(module.closed, first))


def layer_of(seed=0, threshold=0.0, **given):
    """A layer whose norms have seen something."""
    torch.manual_seed(seed)
    layer = nn.GatedConv2d(8, 12, threshold=threshold, **given)
    with torch.no_grad():
        layer(torch.randn(8, 8, 6, 7))
    return layer


X = torch.randn(3, 8, 6, 7, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("law", LAWS["module"])
@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_laws(law, threshold):
    """With half the gates open, and with so few that pixels are gathered."""
    law(lambda seed=0: (layer_of(seed, threshold), (X,), slow))


def test_each_output_looks_at_a_part_first():
    """Base channels of all groups together are all channels, of every part of the layer before."""
    base = layer_of(groups=4).base[:, :, 0, 0]
    assert base[0].nonzero().ravel().tolist() == [0, 4]
    assert (base.sum(1) == 2).all()
    assert (base.sum(0) == 3).all()


@pytest.mark.parametrize(("groups", "kernel_size"), [(2, 3), (4, 1), (4, 5)])
def test_outputs_that_are_left_out_change_nothing(groups, kernel_size):
    """With few gates open, sums over the rest for these alone are those of all, at edges too."""
    layer = layer_of(groups=groups, kernel_size=kernel_size, threshold=1.2)
    layer.norm.momentum = 1.0
    layer(X)
    layer.eval().requires_grad_(False)
    found = layer(X)
    assert 0.01 < layer.open_share < 0.15
    torch.testing.assert_close(found, slow(layer, X))
    layer.requires_grad_(True)
    torch.testing.assert_close(layer(X).detach(), found)


def test_closed_gates_skip_the_rest():
    """With every gate closed the weights of the rest do not matter, and nothing is counted."""
    layer = layer_of(threshold=1e9).eval()
    before = layer(X)
    with torch.no_grad():
        layer.weight.add_((1 - layer.base) * 100)
    assert layer(X).equal(before)
    assert layer.products(6, 7) == layer.weight.numel() * 42 / 4
    layer.thresholds.data.fill_(-1e9)
    layer(X)
    assert layer.products(6, 7) == layer.weight.numel() * 42


def test_thresholds_move_to_the_target():
    """The loss is the squared distance to the target, over all layers."""
    model = torch.nn.Sequential(layer_of(threshold=1.0), torch.nn.ReLU())
    assert float(nn.gating_loss(model, 3.0).detach()) == pytest.approx(12 * 4.0)
    nn.gating_loss(model, 3.0).backward()
    assert (model[0].thresholds.grad == -4.0).all()


def test_refusals():
    """Channels that groups do not divide, an even kernel, one group, no layer."""
    with pytest.raises(
        IncompatibleError, match=r"^in_channels must be a multiple of groups, got 6$"
    ):
        nn.GatedConv2d(6, 8)
    with pytest.raises(ValueError, match=r"^kernel_size must be odd, got 4$"):
        nn.GatedConv2d(8, 8, 4)
    with pytest.raises(ValueError, match=r"^groups must be .*, got 1$"):
        nn.GatedConv2d(8, 8, groups=1)
    with pytest.raises(TypeError, match=r"^groups must be "):
        nn.GatedConv2d(8, 8, groups="2")
    with pytest.raises(ValueError, match=r"^model must hold GatedConv2d layers, got none$"):
        nn.gating_loss(torch.nn.ReLU(), 1.0)
