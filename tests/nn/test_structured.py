"""Matrices of low displacement rank: their shifts, what they hold, against the matrix itself."""

import numpy as np
import pytest

from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")


def shift(size, sign):
    """The matrix that moves a vector down by one, the last going to the top times a sign."""
    z = torch.diag(torch.ones(size - 1), -1).double()
    z[0, -1] = sign
    return z


def circulant(column, sign):
    """The matrix whose columns are the shifts of one."""
    columns, z = [column], shift(len(column), sign)
    for _ in range(len(column) - 1):
        columns.append(z @ columns[-1])
    return torch.stack(columns, 1)


def slow(module, x):
    """Sums of products of circulant and skew-circulant matrices, written out."""
    h = module.h.flip(-1)
    square = sum(circulant(g, 1.0) @ circulant(f, -1.0) for g, f in zip(module.g, h, strict=True))
    matrix = square[: module.out_features, : module.in_features] / 2
    return x @ matrix.T + module.bias


@pytest.mark.parametrize("law", [*LAWS["module"], *LAWS["module gradients"]])
@pytest.mark.parametrize("sides", [(7, 7), (8, 5), (4, 9), (1, 1)])
@pytest.mark.parametrize("rank", [1, 3])
def test_laws(rank, sides, law):
    """Of sides that are equal and not, even and odd."""
    x = torch.randn(2, 3, sides[0], generator=torch.Generator().manual_seed(1)).double()

    def make(seed=0):
        torch.manual_seed(seed)
        layer = nn.DisplacementLinear(*sides, rank=rank).double()
        torch.nn.init.normal_(layer.bias)
        return layer, (x,), slow

    law(make)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_the_displacement_has_the_rank(rank):
    """What a shift on the left less one on the right leaves is g times h."""
    layer = nn.DisplacementLinear(12, 12, rank, bias=False).double()
    a = layer.weight
    left = shift(12, 1.0) @ a - a @ shift(12, -1.0)
    torch.testing.assert_close(left, layer.g.T @ layer.h)
    assert torch.linalg.matrix_rank(left) == rank


def test_weights_begin_as_those_of_a_linear_layer():
    """Their variance is that of torch, 1 / (3 * inputs), or near it."""
    torch.manual_seed(0)
    for rank in (1, 4):
        made = [nn.DisplacementLinear(200, 200, rank) for _ in range(10)]
        spreads = [float(layer.weight.detach().var()) for layer in made]
        assert float(np.mean(spreads)) == pytest.approx(1 / (3 * 200), rel=0.35)


def test_refusals():
    """Sizes and ranks below 1, and what is no number."""
    with pytest.raises(ValueError, match=r"^rank must be .*, got 0$"):
        nn.DisplacementLinear(3, 3, 0)
    with pytest.raises(TypeError, match=r"^in_features must be "):
        nn.DisplacementLinear(3.5, 3)
