"""Laws of torch modules that hold less: the same numbers as the slow formula, and trainable.

A factory takes a seed and gives `(module, inputs, formula)`: a fresh module, the tuple of tensors
to call it with, and a function of the module and the inputs that says slowly what comes out. The
inputs do not depend on the seed. Each law raises AssertionError if broken.
"""

import sys
from collections.abc import Callable
from copy import deepcopy
from typing import Any

__all__ = ["LAWS"]

Make = Callable[..., tuple[Any, tuple[Any, ...], Callable[..., Any]]]


def _torch() -> Any:
    """What made the modules, which is there already."""
    return sys.modules["torch"]


def _same(a: Any, b: Any) -> bool:
    """Whether two tensors are the same in every bit of shape, dtype and values."""
    return (a.dtype, a.shape) == (b.dtype, b.shape) and bool((a == b).all())


def equals_the_formula(make: Make) -> None:
    """What comes out is what the slow formula says, but for rounding, in both modes."""
    for seed in (0, 1, 2):
        module, inputs, formula = make(seed)
        for training in (False, True):
            module.train(training)
            with _torch().no_grad():
                _torch().testing.assert_close(module(*inputs), formula(module, *inputs))


def gradients_reach_all(make: Make) -> None:
    """Every parameter that is trained gets a finite gradient that is not zero."""
    module, inputs, _ = make(0)
    module.train()(*inputs).float().square().sum().backward()
    trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
    assert trained, "nothing is trained"
    for name, parameter in trained.items():
        assert parameter.grad is not None, f"no gradient reaches {name}"
        assert bool(parameter.grad.isfinite().all()), f"the gradient of {name} is not finite"
        assert bool(parameter.grad.count_nonzero()), f"the gradient of {name} is zero"


def gradients_are_of_the_formula(make: Make) -> None:
    """The gradient of each parameter is that of the slow formula, but for rounding."""
    module, inputs, formula = make(0)
    module.eval()
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    ours, slow = (
        _torch().autograd.grad(output.float().square().sum(), trained)
        for output in (module(*inputs), formula(module, *inputs))
    )
    _torch().testing.assert_close(ours, slow)


def state_returns(make: Make) -> None:
    """A module of another seed answers as this one once it has loaded its state, strictly."""
    module, inputs, _ = make(0)
    other = make(1)[0]
    other.load_state_dict(module.state_dict(), strict=True)
    assert _same(other.eval()(*inputs), module.eval()(*inputs))
    for (name, theirs), (_, ours) in zip(
        other.state_dict().items(), module.state_dict().items(), strict=True
    ):
        assert _same(theirs, ours), f"{name} did not return"


def seeded_alike(make: Make) -> None:
    """The same seed gives the same state and the same output; a deep copy does too."""
    module, inputs, _ = make(3)
    for twin in (make(3)[0], deepcopy(module)):
        assert _same(twin.eval()(*inputs), module.eval()(*inputs))
        assert all(map(_same, twin.state_dict().values(), module.state_dict().values()))


def copies_are_apart(make: Make) -> None:
    """Training a deep copy leaves the first module as it was."""
    module, inputs, _ = make(0)
    before = module.eval()(*inputs).detach().clone()
    copy = deepcopy(module)
    copy(*inputs).float().square().sum().backward()
    with _torch().no_grad():
        for parameter in copy.parameters():
            parameter.add_(1)
    assert _same(module(*inputs).detach(), before)
    assert all(parameter.grad is None for parameter in module.parameters())


LAWS = {
    "module": (
        equals_the_formula,
        gradients_reach_all,
        state_returns,
        seeded_alike,
        copies_are_apart,
    ),
    "module gradients": (gradients_are_of_the_formula,),
}
