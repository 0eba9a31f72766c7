"""Interpolative: laws of its mixes, models of low rank whole, sizes by all ways, refusals."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from thrifty.core import BudgetError, DataError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.nn import Couple, interpolate

LAW_CASES = [law for name in record_of(interpolate).laws for law in LAWS[name]]


def through_a_layer(z, k):
    """Mixes as they go into the next layer of a network whose activations are the matrix.

    The last layer is the identity, so that its weight becomes the mix itself.
    """
    m = z.shape[1]
    model = nn.Sequential(nn.Linear(m, m), nn.Identity(), nn.Linear(m, m)).double()
    with torch.no_grad():
        for layer in (model[0], model[2]):
            layer.weight.copy_(torch.eye(m))
            layer.bias.zero_()
    small, (row,) = interpolate(model, [torch.from_numpy(z)], keep={"0": k})
    mix = small[2].weight.detach().T.numpy()
    columns = small[0].weight.detach().numpy().argmax(1)
    errors = np.zeros(m + 1)
    errors[k] = row.error if k < m else 0.0
    return type("Found", (), {"columns": columns, "mix": mix, "errors": errors})


@pytest.mark.parametrize(
    "law", [law for law in LAW_CASES if law.__name__ != "rank_is_enough"], ids=lambda f: f.__name__
)
def test_law(law):
    """The laws the record names hold of the weights of the next layer."""
    law(lambda: through_a_layer)


def low_rank(seed=0):
    """A net of convolutions, norms and linear layers; half of each layer's units are copies."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8), nn.MaxPool2d(2), nn.Conv2d(8, 6, 2), nn.ReLU(),
        nn.Flatten(), nn.Linear(6 * 4, 10), nn.ReLU(), nn.Linear(10, 3),
    )  # fmt: skip
    with torch.no_grad():
        for layer in (model[0], model[1], model[3], model[5], model[8]):
            half = len(layer.weight) // 2
            layer.weight[half:], layer.bias[half:] = layer.weight[:half], layer.bias[:half]
        model[8].bias += 5  # so that none of its units is always at zero
    return model.eval(), torch.randn(50, 2, 8, 8)


def test_copies_go_and_the_answers_stay():
    """Half of all units, through padding, batch norm, depthwise layers, pools and flatten."""
    model, x = low_rank()
    before = deepcopy(model.state_dict())
    small, rows = interpolate(model, [x[:20], x[20:]], eps=1e-5)
    torch.testing.assert_close(small(x), model(x), rtol=1e-4, atol=1e-5)
    assert [(row.layer, row.before, row.after) for row in rows] == [
        ("0", 8, 4), ("5", 6, 3), ("8", 10, 5),
    ]  # fmt: skip
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
    assert (small[3].groups, small[5].in_channels, small[8].in_features) == (4, 4, 12)
    clone = deepcopy(small)
    clone.load_state_dict(small.state_dict())
    assert type(small) is nn.Sequential


def test_gradients_flow_after_and_modes_return():
    """What is smaller trains on; training mode and frozen weights are as they were."""
    model, x = low_rank()
    model.train()
    model[0].weight.requires_grad_(False)
    small, _ = interpolate(model, [x], keep=0.5)
    assert small.training
    small(x).sum().backward()
    assert small[0].weight.grad is None
    assert all(p.grad is not None for name, p in small.named_parameters() if name != "0.weight")


def weights_bytes(model):
    """Bytes of parameters."""
    return sum(p.nbytes for p in model.parameters())


@pytest.mark.parametrize("budget", [700, 1000, 1800])
def test_a_budget_is_kept_and_used(budget):
    """Bytes are at most the budget, and not far below."""
    model, x = low_rank()
    small, rows = interpolate(model, [x], budget=budget)
    assert 0.8 * budget <= weights_bytes(small) <= budget
    assert len(rows) == 3


def test_copies_go_first_at_a_share_of_the_macs():
    """What costs no error goes before what does."""
    model, x = low_rank()
    small, _ = interpolate(model, [x], macs=0.5)
    torch.testing.assert_close(small(x), model(x), rtol=1e-4, atol=1e-5)


def test_gates_are_cut_together():
    """Two producers whose outputs are multiplied, named by hand; an untraceable model."""

    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate, self.up, self.down = nn.Linear(5, 8), nn.Linear(5, 8), nn.Linear(8, 5)

        def forward(self, x):
            return self.down(torch.sigmoid(self.gate(x)) * self.up(x)) if x.sum() else x

    torch.manual_seed(0)
    model, x = Gated(), torch.randn(40, 3, 5)
    with torch.no_grad():
        for layer in (model.gate, model.up):
            layer.weight[4:], layer.bias[4:] = layer.weight[:4], layer.bias[:4]
    pair = Couple(("gate", "up"), (), "down")
    small, _ = interpolate(model, [x], keep={"gate": 4}, couples=[pair])
    torch.testing.assert_close(small(x), model(x), rtol=1e-4, atol=1e-5)
    assert small.up.out_features == 4


def test_what_cannot_be_done_is_refused():
    """Ways, batches, names, budgets and numbers."""
    model, x = low_rank()
    four = r"^keep, eps, budget or macs must be given, exactly one of them$"
    for ways in ({}, {"keep": 0.5, "eps": 0.1}):
        with pytest.raises(ValueError, match=four):
            interpolate(model, [x], **ways)
    with pytest.raises(DataError, match=r"^batches must be at least one, got none$"):
        interpolate(model, [], keep=0.5)
    message = r"^batches must be gone through more than once, got an iterator$"
    with pytest.raises(DataError, match=message):
        interpolate(model, iter([x]), keep=0.5)
    with pytest.raises(DataError, match=r"^model has no hidden layer that can be shrunk$"):
        interpolate(nn.Linear(2, 2), [x], keep=0.5)
    with pytest.raises(IncompatibleError, match=r"^keep names '10', which cannot be shrunk$"):
        interpolate(model, [x], keep={"10": 2})
    with pytest.raises(ValueError, match=r"^keep must be in 1\.\.8, got 9$"):
        interpolate(model, [x], keep={"0": 9})
    with pytest.raises(TypeError, match=r"^keep must be a number in 0\.\.1, got 'half'$"):
        interpolate(model, [x], keep="half")
    with pytest.raises(BudgetError, match=r"^budget must be at least \d+ B for this model, got 9$"):
        interpolate(model, [x], budget=9)
    with pytest.raises(DataError, match=r"^activations before '5' must be finite, got others$"):
        interpolate(model, [x * np.nan], keep=0.5)
