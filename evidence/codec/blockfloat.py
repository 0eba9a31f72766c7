"""Evidence: a network that only ever holds 8-bit block floats learns as well as in float32."""

import itertools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from evidence import Evidence, run
from evidence.nn._mnist import accuracy, mnist
from thrifty.codec import BlockFloat, FixedPoint, quantize

EVIDENCE = (
    Evidence(
        id="blockfloat-lenet",
        says="LeNet-5 for MNIST with weights, momentum, gradients, activations and errors all in "
        "8-bit block floating point, rounded by chance, loses at most 0.5 points of accuracy after "
        "2 epochs (mean of 2 networks)",
        against="the same training in float32",
        at_most=0.5,
        cost="long",
    ),
)
EPOCHS, BATCH, RATE, MOMENTUM = 2, 128, 0.05, 0.9
WHOLE_ROW = 2**30


class Rounder:
    """Rounds tensors to 8 bits and an exponent a row, each time with new chance.

    Args:
        mode: of rounding; None leaves everything as it is.
        bits: of an element.
    """

    def __init__(self, mode: str | None, bits: int = 8) -> None:
        self.mode, self.seeds = mode, itertools.count()
        self.format = BlockFloat(FixedPoint(bits, bits - 2), block=WHOLE_ROW)

    def __call__(self, x: Tensor) -> Tensor:
        """The rounded tensor; one exponent for each slice of the first axis."""
        if self.mode is None:
            return x
        rows = x.detach().reshape(x.shape[0], -1).contiguous()
        found = quantize(rows, self.format, rounding=self.mode, seed=next(self.seeds))
        return torch.from_numpy(found).reshape(x.shape)


class Both(torch.autograd.Function):
    """Rounds what passes forward and the error that comes back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rounder: Rounder) -> Tensor:
        """Activations."""
        ctx.rounder = rounder
        return rounder(x)

    @staticmethod
    def backward(ctx: Any, *errors: Tensor) -> tuple[Tensor, None]:
        """Errors."""
        return ctx.rounder(errors[0]), None


class Rounding(nn.Module):
    """A layer that does nothing but round, both ways."""

    def __init__(self, rounder: Rounder) -> None:
        super().__init__()
        self.rounder = rounder

    def forward(self, x: Tensor) -> Tensor:
        """The rounded activations."""
        return Both.apply(x, self.rounder)


def lenet(rounder: Rounder, seed: int) -> nn.Sequential:
    """LeNet-5 with rounding behind every layer that computes."""
    torch.manual_seed(seed)
    layers = (
        nn.Conv2d(1, 6, 5, padding=2), Rounding(rounder), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), Rounding(rounder), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), Rounding(rounder), nn.ReLU(),
        nn.Linear(120, 84), Rounding(rounder), nn.ReLU(),
        nn.Linear(84, 10), Rounding(rounder),
    )  # fmt: skip
    return nn.Sequential(*layers)


def trained(rounder: Rounder, part: tuple[Tensor, Tensor], seed: int) -> nn.Module:
    """The network after steps with momentum, all of which the rounder has passed."""
    x, y = part
    model, rng = lenet(rounder, seed), torch.Generator().manual_seed(seed)
    moved = [torch.zeros_like(w) for w in model.parameters()]
    steps = EPOCHS * (len(y) // BATCH)
    order = torch.cat([torch.randperm(len(y), generator=rng) for _ in range(EPOCHS)])
    for step, rows in enumerate(order[: steps * BATCH].split(BATCH)):
        model.zero_grad()
        cross_entropy(model(rounder(x[rows])), y[rows]).backward()
        rate = RATE * (1 - step / steps)
        with torch.no_grad():
            for w, m in zip(model.parameters(), moved, strict=True):
                m.copy_(rounder(MOMENTUM * m + rounder(w.grad)))
                w.copy_(rounder(w - rate * m))
    return model.eval()


def measure_lenet() -> tuple[float, dict[str, object]]:
    """Points lost by chance; by the nearest, and by chance at 6 bits, beside it."""
    part, test = mnist()
    ways = {
        "float32": (None, 8), "8 bits, stochastic": ("stochastic", 8),
        "8 bits, nearest": ("nearest", 8), "6 bits, stochastic": ("stochastic", 6),
    }  # fmt: skip
    found = {
        name: [accuracy(trained(Rounder(*how), part, seed), test) for seed in range(2)]
        for name, how in ways.items()
    }
    exact, by_chance = (float(np.mean(list(found[name]))) for name in list(ways)[:2])
    return exact - by_chance, {"accuracy": found}


def main() -> int:
    """Measure it on one thread."""
    torch.set_num_threads(1)
    return int(not run(EVIDENCE[0], measure_lenet))


if __name__ == "__main__":
    raise SystemExit(main())
