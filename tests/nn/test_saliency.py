"""Saliency: every score against its formula, and a model that stays as it was."""

import copy

import pytest
import torch
from torch import nn

from thrifty.nn.saliency import SCORES, prunable, saliency


def model_of(seed=0):
    """A small net with convolution, groups, batch norm and a linear layer; its batches."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 2, groups=2),
        nn.Flatten(), nn.Linear(24, 5),
    )  # fmt: skip
    rng = torch.Generator().manual_seed(seed)
    batches = [
        (torch.randn(7, 3, 5, 5, generator=rng), torch.randint(0, 5, (7,), generator=rng))
        for _ in range(2)
    ]
    return model, batches


def gradients(model, batches):
    """The plain way: backward, summed over batches."""
    for inputs, targets in batches:
        nn.functional.cross_entropy(model(inputs), targets).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def test_gradient_scores_are_their_formulas():
    """Movement is -g w, SNIP |g w|."""
    model, batches = model_of()
    slopes = gradients(*model_of())
    moved = saliency(model, "movement", batches=batches)
    snip = saliency(model, "snip", batches=batches)
    for name, weight in prunable(model).items():
        torch.testing.assert_close(moved[name], -slopes[name] * weight.detach())
        torch.testing.assert_close(snip[name], (slopes[name] * weight.detach()).abs())


def test_wanda_is_weight_times_length_of_input():
    """Of a linear layer by feature; of a convolution by channel, groups kept apart."""
    model, batches = model_of()
    model.eval()
    found = saliency(model, "wanda", batches=batches)
    x = torch.cat([inputs for inputs, _ in batches])
    middle = model[2](model[1](model[0](x)))
    last = model[4](model[3](middle))
    lengths = last.square().sum(0).sqrt()
    torch.testing.assert_close(found["5.weight"], (model[5].weight.abs() * lengths).detach())
    channels = middle.square().sum((0, 2, 3)).sqrt().reshape(2, 2)
    expected = model[3].weight.abs().reshape(2, 3, 2, 2, 2) * channels[:, None, :, None, None]
    torch.testing.assert_close(found["3.weight"], expected.reshape(6, 2, 2, 2).detach())


def relu_net(seed=0):
    """A net without biases, of convolution and linear layers."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 5, 3, bias=False), nn.ReLU(), nn.Conv2d(5, 4, 2, bias=False), nn.ReLU(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, 7, bias=False), nn.ReLU(),
        nn.Linear(7, 3, bias=False),
    )  # fmt: skip


def test_synflow_is_conserved():
    """Every layer's scores sum to the output for ones; so do a unit's in and out of it."""
    model, batch = relu_net(), torch.randn(6, 2, 7, 7)
    found = saliency(model, "synflow", batches=[batch])
    for w in model.parameters():
        w.data.abs_()
    ones = torch.ones(1, 2, 7, 7, dtype=torch.float64)
    total = float(model.double()(ones).sum().detach())
    assert list(found) == ["0.weight", "2.weight", "6.weight", "8.weight"]
    for score in found.values():
        assert (score >= 0).all()
        assert abs(float(score.sum()) / total - 1) < 1e-12
    torch.testing.assert_close(found["6.weight"].sum(1), found["8.weight"].sum(0))
    torch.testing.assert_close(found["0.weight"].sum((1, 2, 3)), found["2.weight"].sum((0, 2, 3)))


def test_synflow_does_not_look_at_data_or_signs():
    """Other inputs of the same shape and other signs of the weights give the same scores."""
    model = relu_net()
    one = saliency(model, "synflow", batches=[(torch.zeros(9, 2, 7, 7), None)])
    model[0].weight.data.neg_()
    two = saliency(model, "synflow", batches=[torch.randn(1, 2, 7, 7)])
    assert all((one[name] == two[name]).all() for name in one)
    message = r"^inputs must be a tensor of floats, got torch\.int64$"
    with pytest.raises(TypeError, match=message):
        saliency(model, "synflow", batches=[torch.zeros(1, 2, 7, 7, dtype=torch.int64)])


def test_grasp_is_that_of_finite_differences():
    """W H g, with H g from gradients a little up and down along g."""
    model, batches = model_of()
    model.double()
    batches = [(x.double(), y) for x, y in batches]
    found = saliency(model, "grasp", batches=batches)
    names, step = list(prunable(model)), 1e-6
    along = saliency_slopes(model, batches, names)
    sides = []
    for sign in (1, -1):
        moved = copy.deepcopy(model)
        with torch.no_grad():
            for name in names:
                moved.get_parameter(name).add_(along[name], alpha=sign * step)
        sides.append(saliency_slopes(moved, batches, names))
    for name in names:
        curved = (sides[0][name] - sides[1][name]) / (2 * step)
        wanted = model.get_parameter(name).detach() * curved
        torch.testing.assert_close(found[name], wanted, rtol=1e-5, atol=1e-8)


def saliency_slopes(model, batches, names):
    """Gradients summed over batches, of a copy."""
    slopes = gradients(copy.deepcopy(model), batches)
    return {name: slopes[name] for name in names}


def test_grasp_foretells_the_flow_that_goes():
    """To first order, without a little of each weight the squared gradient loses its score."""
    model, batches = model_of(3)
    model.double()
    batches = [(x.double(), y) for x, y in batches]
    names, share = list(prunable(model)), 1e-6
    scores = saliency(model, "grasp", batches=batches)
    before = sum(float(s.square().sum()) for s in saliency_slopes(model, batches, names).values())
    smaller = copy.deepcopy(model)
    with torch.no_grad():
        for name in names:
            smaller.get_parameter(name).mul_(1 - share)
    after = sum(float(s.square().sum()) for s in saliency_slopes(smaller, batches, names).values())
    wanted = 2 * sum(float(s.sum()) for s in scores.values())
    assert abs((before - after) / share / wanted - 1) < 1e-4


def test_magnitude_and_random():
    """|w|; uniform numbers that a seed fixes."""
    model, _ = model_of()
    torch.testing.assert_close(saliency(model)["5.weight"], model[5].weight.detach().abs())
    one, two = (saliency(model, "random", seed=seed)["5.weight"] for seed in (3, 4))
    assert (one == saliency(model, "random", seed=3)["5.weight"]).all()
    assert (one != two).any()


@pytest.mark.parametrize("by", SCORES)
def test_the_model_stays_as_it_was(by):
    """Weights, running means, gradients and mode."""
    model, batches = model_of()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    saliency(model, by, batches=batches)
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert model.training
    assert not any(layer._forward_pre_hooks for layer in model)


def test_a_shared_weight_is_scored_once_and_names_choose():
    """Tied layers have one name; any parameter may be named."""
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Embedding(4, 3))
    model[1].weight = model[0].weight
    assert list(prunable(model)) == ["0.weight"]
    assert list(saliency(model, weights=["2.weight"])) == ["2.weight"]


@pytest.mark.parametrize("by", ["snip", "movement", "wanda", "synflow", "grasp"])
def test_no_batches_are_refused(by):
    """A score that looks at data needs some."""
    model, _ = model_of()
    with pytest.raises(ValueError, match=r"^batches must be at least one, got none$"):
        saliency(model, by)


def test_unknown_names_are_refused():
    """Scores and weights."""
    message = (
        r"^by must be one of magnitude, random, snip, movement, wanda, synflow, grasp, got 'l0'$"
    )
    with pytest.raises(ValueError, match=message):
        saliency(nn.Linear(2, 2), "l0")
    message = r"^weights must be names of parameters, got 'head'$"
    with pytest.raises(ValueError, match=message):
        saliency(nn.Linear(2, 2), weights=["head"])
