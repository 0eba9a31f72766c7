"""Laws of a committee of teachers: a factory makes one for students of width 6.

It takes a seed, and answers `(committee, teachers)`: the module, which maps hidden states (n, 6)
to `hints` (n, teachers, 6) and `weights` (n, teachers), and the modules it asks. Torch is where
the module came from. Each law raises AssertionError if broken.
"""

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["LAWS"]

Make = Callable[[int], tuple[Any, list[Any]]]


def _torch() -> Any:
    """The torch that the module came from."""
    return sys.modules["torch"]


def _hidden() -> Any:
    torch = _torch()
    return torch.randn(9, 6, generator=torch.Generator().manual_seed(0))


def weights_are_shares(make: Make) -> None:
    """Each example's weights are positive and of sum one, a hint for each teacher."""
    torch = _torch()
    committee, teachers = make(0)
    hints, weights = committee(_hidden())
    assert hints.shape == (9, len(teachers), 6)
    assert weights.shape == (9, len(teachers))
    assert bool((weights > 0).all())
    torch.testing.assert_close(weights.sum(1), torch.ones(9))


def teachers_stay_as_they_are(make: Make) -> None:
    """No gradient reaches a teacher, and training mode leaves it in evaluation mode."""
    committee, teachers = make(1)
    committee.train()
    hints, weights = committee(_hidden())
    (hints.square().sum() + weights.square().sum()).backward()
    assert all(p.grad is None for teacher in teachers for p in teacher.parameters())
    assert not any(part.training for teacher in teachers for part in teacher.modules())


def all_else_learns(make: Make) -> None:
    """A gradient reaches all that is not a teacher's, questions through the teachers too."""
    committee, teachers = make(2)
    frozen = {id(p) for teacher in teachers for p in teacher.parameters()}
    hints, weights = committee(_hidden())
    (hints.square().sum() + weights.square().sum()).backward()
    for name, parameter in committee.named_parameters():
        if id(parameter) not in frozen:
            assert parameter.grad is not None, f"no gradient reaches {name}"
            assert bool(parameter.grad.count_nonzero()), f"the gradient of {name} is zero"


LAWS = {"committee": (weights_are_shares, teachers_stay_as_they_are, all_else_learns)}
