"""Laws of a committee: it keeps them, and each turns red for a fault of its own."""

import pytest
import torch
from torch import nn

from thrifty.laws.committee import (
    LAWS,
    all_else_learns,
    teachers_stay_as_they_are,
    weights_are_shares,
)
from thrifty.nn import Committee, Teacher


def made(seed, kind=Committee):
    """A committee of two, and their tails."""
    torch.manual_seed(seed)
    tails = [nn.Sequential(nn.Linear(4, 5), nn.Tanh()), nn.Linear(3, 7)]
    asked = [Teacher(tail, tail, (size,)) for tail, size in zip(tails, (4, 3), strict=True)]
    return kind(6, asked), tails


class Loud(Committee):
    """Weights that are no shares."""

    def forward(self, hidden):
        """Twice as much."""
        hints, weights = super().forward(hidden)
        return hints, 2 * weights


class Restless(Committee):
    """Teachers that train along."""

    def train(self, mode=True):
        """All of it."""
        return nn.Module.train(self, mode)


class Deaf(Committee):
    """Questions that nobody learns to ask."""

    def forward(self, hidden):
        """Answers to questions of zero."""
        found = super().forward(torch.zeros_like(hidden))
        return found._replace(hints=found.hints.detach())


@pytest.mark.parametrize("law", LAWS["committee"], ids=lambda law: law.__name__)
def test_the_committee_keeps_every_law(law):
    """As it is."""
    law(made)


@pytest.mark.parametrize(
    ("law", "kind"),
    [(weights_are_shares, Loud), (teachers_stay_as_they_are, Restless), (all_else_learns, Deaf)],
)
def test_each_law_can_fail(law, kind):
    """A fault that the law is about turns it red."""
    with pytest.raises(AssertionError):
        law(lambda seed: made(seed, kind))
