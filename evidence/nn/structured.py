"""Evidence: structured matrices multiply faster than dense ones, and learn with few numbers."""

from typing import Any

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from evidence.nn._mnist import accuracy, mnist, train
from evidence.timing import best
from thrifty.nn import DisplacementLinear, RecurrenceLinear

SIDE, ROWS, EPOCHS, RANK = 4096, 10_000, 5, 4
EVIDENCE = (
    Evidence(
        id="structured-speed",
        says=f"a matrix of {SIDE} x {SIDE} and displacement rank 2 multiplies a vector at least 10 "
        "times as fast as a dense one",
        against="torch.nn.Linear in float32, CPU seconds of one thread",
        at_least=10.0,
    ),
    Evidence(
        id="structured-digits",
        says=f"a hidden layer of 784 x 784 and displacement rank {RANK}, 98 times fewer weights, "
        "loses at most 1 percent of digits",
        against=f"a dense hidden layer; {ROWS:,} images of MNIST to learn from, {EPOCHS} epochs, "
        "the better of two rates for each",
        at_most=1.0,
        cost="long",
    ),
    Evidence(
        id="structured-polynomials",
        says="transforms of 512 Legendre and Chebyshev polynomials are within 1e-4 of their length",
        against="numpy's polynomials in float64",
        at_most=1e-4,
    ),
)


def speed() -> tuple[float, dict[str, float]]:
    """Milliseconds a vector of both, in turns."""
    torch.set_num_threads(1)
    small, dense = DisplacementLinear(SIDE, SIDE, 2), nn.Linear(SIDE, SIDE)
    told = {}
    with torch.no_grad():
        for batch in (1, 32):
            x = torch.randn(batch, SIDE)
            rounds = [
                (best(lambda x=x: dense(x), 5), best(lambda x=x: small(x), 5)) for _ in range(5)
            ]
            told[f"dense {batch}"], told[f"structured {batch}"] = (
                1e3 * min(times) for times in zip(*rounds, strict=True)
            )
    return told["dense 1"] / told["structured 1"], told


def digits() -> tuple[float, dict[str, Any]]:
    """Percent of digits that a dense hidden layer gets right beyond a structured one."""
    torch.set_num_threads(1)
    (x, y), test = mnist()
    told: dict[str, Any] = {}
    for name in ("dense", "structured"):
        found = {}
        for rate in (1e-3, 5e-3):
            torch.manual_seed(0)
            hidden = nn.Linear(784, 784) if name == "dense" else DisplacementLinear(784, 784, RANK)
            model = nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), nn.Linear(784, 10))
            trained = train(model, (x[:ROWS], y[:ROWS]), EPOCHS, lr=rate)
            found[str(rate)] = accuracy(trained, test)
        told[name] = found | {"weights": sum(p.numel() for p in hidden.parameters()) - 784}
    right = [max(v for k, v in told[name].items() if k != "weights") for name in told]
    return right[0] - right[1], told


def polynomials() -> tuple[float, dict[str, float]]:
    """The largest relative error of a transform of random numbers."""
    x, told = torch.randn(20, 512, generator=torch.Generator().manual_seed(0)), {}
    values = {
        "chebyshev": np.polynomial.chebyshev.chebvander,
        "legendre": np.polynomial.legendre.legvander,
    }
    for family, made in values.items():
        layer = RecurrenceLinear(512, 512, family=family, bias=False)
        exact = x.double().numpy() @ made(layer.points.double().numpy(), 511).T / np.sqrt(512)
        gap = layer(x).detach().numpy() - exact
        told[family] = float(np.linalg.norm(gap) / np.linalg.norm(exact))
    return max(told.values()), told


def main() -> int:
    """Measure all."""
    held = [
        run(EVIDENCE[0], speed),
        run(EVIDENCE[1], digits),
        run(EVIDENCE[2], polynomials),
    ]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
