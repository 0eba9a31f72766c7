"""Couples: what is found in plain, residual and convolutional models, and what is left alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from thrifty.core import DataError
from thrifty.nn import couples_of


class Block(nn.Module):
    """A residual block written with functions."""

    def __init__(self):
        super().__init__()
        self.one, self.norm = nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.deep = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.two = nn.Conv2d(6, 4, 1)
        self.head = nn.Linear(4 * 4, 3)

    def forward(self, x):
        """Sum of the way in and what the two convolutions make of it."""
        inner = self.deep(F.relu(self.norm(self.one(x))))
        x = x + self.two(inner)
        return self.head(torch.flatten(F.max_pool2d(x, 2), start_dim=1))


def test_a_residual_block_has_its_inner_channels_only():
    """What is summed has two readers and stays; norms and depthwise layers follow."""
    assert couples_of(Block()) == [(("one",), ("norm", "deep"), "two")]


def test_a_convolution_reaches_through_pools_and_flatten():
    """In the order they run in."""
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 5),
        nn.GELU(), nn.Linear(5, 2),
    )  # fmt: skip
    assert couples_of(model) == [(("0",), (), "4"), (("4",), (), "6")]


class Twice(nn.Module):
    """Calls that make a couple unsafe, one by one."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)
        if how == "tied":
            self.two.weight = self.one.weight

    def forward(self, x):
        """As told."""
        h = torch.relu(self.one(x))
        if self.how == "twice":
            h = self.one(h)
        if self.how == "softmax":
            h = torch.softmax(h, -1)
        if self.how == "weight":
            return F.linear(self.two(h), self.one.weight)
        if self.how == "read":
            return self.two(h) + h
        return self.two(h)


@pytest.mark.parametrize("how", ["twice", "tied", "softmax", "weight", "read"])
def test_what_may_not_be_cut_is_left_alone(how):
    """Layers that run twice, shared weights, what mixes units, second readers."""
    assert couples_of(Twice(how)) == []
    assert couples_of(Twice("plain")) == [(("one",), (), "two")]


@pytest.mark.parametrize(
    "middle",
    [
        nn.LayerNorm(6), nn.PReLU(6), nn.Flatten(2), nn.Conv2d(6, 6, 1, groups=2),
        nn.InstanceNorm2d(6, affine=True),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_unknown_layers_end_the_search(middle):
    """Nothing is found through them."""
    assert couples_of(nn.Sequential(nn.Conv2d(2, 6, 1), middle, nn.Conv2d(6, 3, 1))) == []


class Branching(nn.Module):
    """A model that looks at its numbers."""

    def forward(self, x):
        """Minus x where it is negative."""
        return -x if x.sum() < 0 else x


def test_a_model_that_cannot_be_traced_is_named():
    """With the tracer's own words."""
    with pytest.raises(DataError, match=r"^model cannot be traced, so couples must be named: "):
        couples_of(Branching())
