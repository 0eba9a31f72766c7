"""Layers of a recurrence: against numpy's polynomials and against the recurrence step by step."""

import numpy as np
import pytest

from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")


def slow(module, x):
    """Every polynomial from the two before it, then a product with the matrix."""
    points = module.points.to(x.dtype)
    columns = [torch.ones_like(points)]
    for i in range(module.in_features - 1):
        before = columns[i - 1] if i else torch.zeros_like(points)
        columns.append((module.a[i] * points + module.b[i]) * columns[i] + module.c[i] * before)
    return x @ torch.stack(columns) * module.scale + module.bias


@pytest.mark.parametrize("law", [law for law in LAWS["module"] if "reach" not in law.__name__])
@pytest.mark.parametrize("sides", [(6, 6), (9, 4), (1, 3)])
def test_laws(sides, law):
    """Of sides that are equal and not; the last step of a recurrence is not used (see below)."""
    x = torch.randn(2, 3, sides[0], generator=torch.Generator().manual_seed(1))

    def make(seed=0):
        torch.manual_seed(seed)
        layer = nn.RecurrenceLinear(*sides)
        for parameter in layer.parameters():
            parameter.data.add_(0.1 * torch.randn(parameter.shape))
        return layer, (x,), slow

    law(make)


def test_gradients_are_of_the_formula():
    """All steps but the last, which leads to no column, and the first of c get theirs."""
    torch.manual_seed(0)
    layer, x = nn.RecurrenceLinear(7, 5).double(), torch.randn(4, 7).double()
    layer.points = layer.points.double()
    ours, theirs = (
        torch.autograd.grad(y.square().sum(), list(layer.parameters()))
        for y in (layer(x), slow(layer, x))
    )
    torch.testing.assert_close(ours, theirs)
    assert all((grad[:-1] != 0)[1:].all() for grad in ours[:3])


@pytest.mark.parametrize(
    ("family", "values"),
    [
        ("chebyshev", np.polynomial.chebyshev.chebvander),
        ("legendre", np.polynomial.legendre.legvander),
    ],
)
def test_it_begins_as_a_family(family, values):
    """The matrix is that of numpy's polynomials at the points of Chebyshev."""
    layer = nn.RecurrenceLinear(12, 20, family=family, bias=False)
    exact = values(layer.points.double().numpy(), 11) / np.sqrt(12)
    np.testing.assert_allclose(layer.weight.detach().numpy(), exact, atol=1e-5)


@pytest.mark.parametrize("family", ["chebyshev", "legendre"])
def test_long_sums_stay_near(family):
    """Sums of 512 polynomials in float32 are within 1e-4 of their length of those in float64."""
    torch.manual_seed(0)
    layer, x = nn.RecurrenceLinear(512, 512, family=family, bias=False), torch.randn(4, 512)
    values = {"chebyshev": np.polynomial.chebyshev.chebvander}
    made = values.get(family, np.polynomial.legendre.legvander)
    exact = x.double().numpy() @ made(layer.points.double().numpy(), 511).T / np.sqrt(512)
    gap = np.linalg.norm(layer(x).detach().numpy() - exact) / np.linalg.norm(exact)
    assert layer(x).dtype == torch.float32
    assert gap < 1e-4


def test_refusals():
    """Sizes below 1, an unknown family."""
    with pytest.raises(ValueError, match=r"^family must be one of chebyshev, legendre"):
        nn.RecurrenceLinear(3, 3, family="fourier")
    with pytest.raises(TypeError, match=r"^out_features must be "):
        nn.RecurrenceLinear(3, None)
