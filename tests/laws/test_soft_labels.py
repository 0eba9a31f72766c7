"""Laws of soft labels: the trainer keeps them, and each turns red for a fault of its own."""

import pytest
import torch

from thrifty.laws.soft_labels import (
    LAWS,
    learns_the_teacher,
    seed_decides,
    whole_cache_is_no_cache,
)
from thrifty.nn import distil


def right():
    """The trainer itself, fast enough for a law."""
    return lambda student, said, x, **ways: distil(student, said, x, lr=0.05, **ways)


def deaf():
    """Learns from noise."""

    def train(student, said, x, **ways):
        noise = torch.randn(said.shape, generator=torch.Generator().manual_seed(0))
        return distil(student, 3 * noise, x, lr=0.05, **ways)

    return train


def restless():
    """Orders rows by chance."""

    def train(student, said, x, *, seed, **ways):
        return distil(student, said, x, lr=0.05, seed=int(torch.randint(10**9, ())), **ways)

    return train


def forgetful():
    """Keeps one logit of what it is asked to keep."""

    def train(student, said, x, *, k=None, **ways):
        return distil(student, said, x, lr=0.05, k=k and 1, **ways)

    return train


@pytest.mark.parametrize("law", LAWS["soft labels"], ids=lambda law: law.__name__)
def test_the_trainer_keeps_every_law(law):
    """As it is."""
    law(right)


@pytest.mark.parametrize(
    ("law", "make"),
    [(learns_the_teacher, deaf), (seed_decides, restless), (whole_cache_is_no_cache, forgetful)],
)
def test_each_law_can_fail(law, make):
    """A fault that the law is about turns it red."""
    with pytest.raises(AssertionError):
        law(make)
