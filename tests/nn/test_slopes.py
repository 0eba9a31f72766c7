"""Slopes: second moments of gradients against the plain formula, and modules left as they were."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from thrifty.nn.slopes import slopes_of  # noqa: E402


def net():
    """A layer, a bend in place, a layer."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(inplace=True), nn.Linear(5, 3))


def test_numbers_have_the_curvature_of_squares():
    """The mean over draws is J'J of each example, within four standard errors."""
    module = net()
    x = torch.randn(4000, 6, generator=torch.Generator().manual_seed(2))
    found = slopes_of(module, [x])
    with torch.no_grad():
        on = (module[0](x) > 0).float()
        slope = module[2].weight[None] * on[:, None]
    exact = torch.einsum("noi,noj->nij", slope, slope)
    error = 4 * exact.abs().std(0) + 8 * exact.abs().mean(0)
    assert bool(((found["0.weight"] - exact.mean(0)).abs() <= error / 4000**0.5).all())
    eye = torch.eye(3)
    assert bool(((found["2.weight"] - eye).abs() <= 4 * 2**0.5 / 4000**0.5).all())


def test_classes_have_the_curvature_of_their_entropy():
    """At the scores: diag(p) - p p', drawn; the mean within four standard errors."""
    module = nn.Sequential(nn.Linear(2, 3))
    x = torch.randn(1, 2).repeat(6000, 1)
    found = slopes_of(module, [(x, torch.zeros(6000, dtype=torch.long))])["0.weight"]
    p = module(x[:1]).softmax(1)[0].detach()
    exact = torch.diag(p) - torch.outer(p, p)
    assert np.allclose(found.numpy(), exact.numpy(), atol=4 * 0.5 / 6000**0.5)


def test_the_module_is_left_as_it_was():
    """No gradients, no hooks, parameters that still learn, the same mode; the same draws again."""
    module, x = net().train(), torch.ones(4, 6)
    one, two = (slopes_of(module, [x], seed=3)["0.weight"] for _ in range(2))
    assert torch.equal(one, two)
    assert all(p.grad is None and p.requires_grad for p in module.parameters())
    assert module.training
    assert not any(layer._forward_hooks for layer in module)
