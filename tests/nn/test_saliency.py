"""Saliency: every score against its formula, and a model that stays as it was."""

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


@pytest.mark.parametrize("by", ["snip", "movement", "wanda"])
def test_no_batches_are_refused(by):
    """A score that looks at data needs some."""
    model, _ = model_of()
    with pytest.raises(ValueError, match=r"^batches must be at least one, got none$"):
        saliency(model, by)


def test_unknown_names_are_refused():
    """Scores and weights."""
    message = r"^by must be one of magnitude, random, snip, movement, wanda, got 'l0'$"
    with pytest.raises(ValueError, match=message):
        saliency(nn.Linear(2, 2), "l0")
    message = r"^weights must be names of parameters, got 'head'$"
    with pytest.raises(ValueError, match=message):
        saliency(nn.Linear(2, 2), weights=["head"])
