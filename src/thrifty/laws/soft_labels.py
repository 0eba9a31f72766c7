"""Laws of learning from soft labels: a factory makes what trains a student from a teacher.

It takes a student (a torch module), a teacher's logits, rows and the keywords epochs, k and seed,
trains in place and returns the loss of each epoch. Torch is where
the module came from. Each law raises AssertionError if broken.
"""

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["LAWS"]

Make = Callable[[], Callable[..., list[float]]]


def _torch() -> Any:
    """The torch that the module came from."""
    return sys.modules["torch"]


def _case(seed: int = 0) -> tuple[Any, Any, Any]:
    """A linear student, and rows with the logits of another linear model."""
    torch = _torch()
    rng = torch.Generator().manual_seed(7)
    x, w = (torch.randn(shape, generator=rng) for shape in ((256, 5), (5, 4)))
    student = torch.nn.Linear(5, 4)
    with torch.no_grad():
        student.weight.copy_(torch.randn((4, 5), generator=torch.Generator().manual_seed(seed)))
        student.bias.zero_()
    return student, x @ w, x


def learns_the_teacher(make: Make) -> None:
    """A student that can say what the teacher says comes near to it, whatever it began with."""
    for seed in (0, 1):
        student, said, x = _case(seed)
        before = (student(x).softmax(1) - said.softmax(1)).abs().mean().item()
        losses = make()(student, said, x, epochs=60, seed=0)
        after = (student(x).softmax(1) - said.softmax(1)).abs().mean().item()
        assert losses[-1] < losses[0]
        assert after < before / 2


def seed_decides(make: Make) -> None:
    """The same seed trains the same student, to the bit."""
    torch = _torch()
    found = []
    for _ in range(2):
        student, said, x = _case()
        make()(student, said, x, epochs=2, seed=3)
        found.append(student.weight.detach().clone())
    assert torch.equal(*found)


def whole_cache_is_no_cache(make: Make) -> None:
    """A cache that keeps every logit teaches as the logits do, but for rounding."""
    torch = _torch()
    found = []
    for k in (None, 4):
        student, said, x = _case()
        make()(student, said, x, epochs=5, seed=3, k=k)
        found.append(student.weight.detach().clone())
    torch.testing.assert_close(*found, rtol=1e-2, atol=1e-2)


LAWS = {"soft labels": (learns_the_teacher, seed_decides, whole_cache_is_no_cache)}
