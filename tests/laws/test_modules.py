"""Laws of modules: a sound module keeps them, and each fault is seen by one."""

import pytest

from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
MODULE, GRADIENTS = LAWS["module"], LAWS["module gradients"]


class Scaled(torch.nn.Module):
    """A sound module: x * weight, the weight from a seed."""

    def __init__(self, seed):
        super().__init__()
        draws = torch.Generator().manual_seed(seed)
        self.weight = torch.nn.Parameter(torch.randn(3, generator=draws))

    def forward(self, x):
        """The product."""
        return x * self.weight


class Unreached(Scaled):
    """Broken: a parameter that nothing reads."""

    def __init__(self, seed):
        super().__init__(seed)
        self.bias = torch.nn.Parameter(torch.zeros(3))


class Zeroed(Scaled):
    """Broken: its gradient is always zero."""

    def forward(self, x):
        """The product, its gradient taken away."""
        return x * (self.weight.detach() + 0 * self.weight)


class Straight(Scaled):
    """A straight-through gradient: not that of the formula."""

    def forward(self, x):
        """The product; the gradient is that of twice the product."""
        return x * (2 * self.weight - self.weight.detach())


class Hidden(Scaled):
    """Broken: a part of what it answers is not in its state."""

    def __init__(self, seed):
        super().__init__(seed)
        self.shift = seed

    def forward(self, x):
        """The product and the shift."""
        return x * self.weight + self.shift


class Unseeded(Scaled):
    """Broken: its seed does nothing."""

    COUNT = 0

    def __init__(self, seed):
        super().__init__(seed)
        Unseeded.COUNT += 1
        with torch.no_grad():
            self.weight += Unseeded.COUNT


class Leaky(Scaled):
    """Broken: its copies train one weight."""

    def __deepcopy__(self, memo):
        """A copy that holds the very same weight."""
        copy = Scaled(0)
        copy.weight = self.weight
        return copy


def maker(kind, formula=lambda module, x: x * module.weight):
    """A factory of a kind."""
    return lambda seed=0: (kind(seed), (torch.tensor([[1.0, 2.0, 3.0]]),), formula)


def wrong(module, x):
    """A formula that is another module's."""
    return x * module.weight + 1


@pytest.mark.parametrize("law", [*MODULE, *GRADIENTS], ids=lambda law: law.__name__)
def test_a_sound_module_keeps_it(law):
    """A weight that is multiplied breaks nothing."""
    law(maker(Scaled))


BROKEN = {
    "equals_the_formula": maker(Scaled, wrong),
    "gradients_reach_all": maker(Unreached),
    "gradients_are_of_the_formula": maker(Straight),
    "state_returns": maker(Hidden),
    "seeded_alike": maker(Unseeded),
    "copies_are_apart": maker(Leaky),
}


@pytest.mark.parametrize("law", [*MODULE, *GRADIENTS], ids=lambda law: law.__name__)
def test_a_broken_module_is_seen(law):
    """Each law sees the fault it is for."""
    with pytest.raises(AssertionError):
        law(BROKEN[law.__name__])


def test_a_gradient_of_zero_is_seen():
    """A gradient that arrives but is zero is none."""
    with pytest.raises(AssertionError, match=r"^the gradient of weight is zero$"):
        LAWS["module"][1](maker(Zeroed))
