"""Hadamard transforms and the group convolutions between them, against their matrices."""

import pytest

from thrifty.core import IncompatibleError
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")


def matrix_of(size):
    """The transform as a matrix: signs by the parity of common bits, in blocks."""
    block = size & -size
    signs = [[(-1.0) ** bin(i & j).count("1") for j in range(block)] for i in range(block)]
    return torch.block_diag(*[torch.tensor(signs) / block**0.5] * (size // block))


@pytest.mark.parametrize("size", [1, 2, 8, 12, 7, 96])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_the_transform_is_its_matrix(size, dim):
    """Along any axis; it keeps lengths and is its own inverse."""
    x = torch.randn([size if axis == dim % 3 else axis + 2 for axis in range(3)])
    found = nn.hadamard(x, dim)
    slow = torch.tensordot(x, matrix_of(size), ([dim % 3], [0])).movedim(-1, dim)
    torch.testing.assert_close(found, slow)
    torch.testing.assert_close(nn.hadamard(found, dim), x)


@pytest.mark.parametrize("size", [8, 12])
def test_gradients_of_the_transform(size):
    """First and second ones are those of finite differences, along an axis in the middle."""
    x = torch.randn(2, size, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: nn.hadamard(x, 1), x)
    assert torch.autograd.gradgradcheck(lambda x: nn.hadamard(x, 1) ** 2, x)


def slow(module, x):
    """The layer as one dense convolution between matrices."""
    conv, groups = module.conv, module.conv.groups
    each = conv.weight.shape[1]
    sides = [(0, 0, 0, 0, g * each, (groups - 1 - g) * each) for g in range(groups)]
    parts = zip(conv.weight.chunk(groups), sides, strict=True)
    dense = torch.cat([torch.nn.functional.pad(part, side) for part, side in parts])
    if module.transform == "hadamard":
        x = torch.einsum("nchw,cd->ndhw", x, matrix_of(x.shape[1]))
    y = torch.nn.functional.conv2d(x, dense, conv.bias, padding=conv.padding)
    if module.transform == "hadamard":
        return torch.einsum("nchw,cd->ndhw", y, matrix_of(y.shape[1]))
    if module.transform == "shuffle":
        each = y.shape[1] // groups
        return torch.stack([y[:, g * each + i] for i in range(each) for g in range(groups)], 1)
    return y


@pytest.mark.parametrize("law", [*LAWS["module"], *LAWS["module gradients"]])
@pytest.mark.parametrize("transform", ["hadamard", "shuffle", "none"])
def test_laws(transform, law):
    """Of every transform, with blocks and a wide kernel."""
    x = torch.randn(2, 12, 4, 5, generator=torch.Generator().manual_seed(1))

    def make(seed=0):
        torch.manual_seed(seed)
        return nn.UnitaryGroupConv2d(12, 8, 3, groups=4, transform=transform), (x,), slow

    law(make)


@pytest.mark.parametrize("transform", ["hadamard", "shuffle", "none"])
def test_the_weight_written_out(transform):
    """One convolution of all channels with it is the layer, and its gradients reach the layer's."""
    layer = nn.UnitaryGroupConv2d(12, 8, 3, groups=4, transform=transform, bias=False)
    x = torch.randn(2, 12, 4, 5)
    found = torch.nn.functional.conv2d(x, layer.weight, padding=1)
    torch.testing.assert_close(found, layer(x))
    ours, theirs = (
        torch.autograd.grad(y.square().sum(), layer.conv.weight)[0] for y in (found, layer(x))
    )
    torch.testing.assert_close(ours, theirs)


def test_refusals():
    """Channels that groups do not divide, an even kernel, an unknown transform."""
    with pytest.raises(
        IncompatibleError, match=r"^out_channels must be a multiple of groups, got 6$"
    ):
        nn.UnitaryGroupConv2d(8, 6, groups=4)
    with pytest.raises(ValueError, match=r"^kernel_size must be odd, got 2$"):
        nn.UnitaryGroupConv2d(8, 8, 2)
    with pytest.raises(
        ValueError, match=r"^transform must be one of hadamard, shuffle, none, got "
    ):
        nn.UnitaryGroupConv2d(8, 8, transform="fourier")
    with pytest.raises(TypeError, match=r"^groups must be "):
        nn.UnitaryGroupConv2d(8, 8, groups=2.0)
