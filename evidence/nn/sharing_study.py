"""Evidence: networks for MNIST in shared arrays against pruned and narrower ones of equal bytes."""

from typing import Any

import torch
from torch import nn

from evidence import RESULTS, Evidence, run
from evidence.nn._mnist import accuracy, mnist
from evidence.nn._sharing import (
    AT_START,
    GRADUAL,
    Task,
    curves,
    drawn,
    fit,
    held,
    indexed,
    margin,
)  # fmt: skip
from thrifty.nn import CyclicMap, SharedLinear, SharedParameter, TileMap

NET = "of a 784-256-10 network for MNIST (6,000 images, Adam, mean of two runs) "
RATES = "; Adam, the better of rates .002 and .01 on valid images for each, the same epochs"
FREE = "the places of what is kept for free (4 bytes a kept weight)"
PAID = "the places of what is kept paid for (6 bytes a kept weight)"
EVIDENCE = (
    Evidence(
        id="sharing-mnist-range",
        says=f"STABLE-RPS arrays {NET}are at most .5 points below the best pruning before training "
        f"and the narrower network at 1x, 3x, 10x, 30x, 100x, 300x and 1000x, {FREE}",
        against="magnitude (by layer), SNIP and random pruning at the start; a narrower network"
        + RATES,
        at_least=-0.5,
        cost="long",
    ),
    Evidence(
        id="sharing-mnist-clear",
        says=f"STABLE-RPS arrays {NET}are at least 1 point above each of them at 30x, 100x, 300x "
        f"and 1000x, {FREE}",
        against="magnitude (by layer), SNIP and random pruning at the start; a narrower network"
        + RATES,
        at_least=1,
        cost="long",
    ),
    Evidence(
        id="sharing-mnist-roast",
        says=f"ROAST arrays (tiles of 8 x 8) {NET}are at least 1 point above each of them at 30x, "
        f"100x, 300x and 1000x, {FREE}",
        against="magnitude (by layer), SNIP and random pruning at the start; a narrower network"
        + RATES,
        at_least=1,
        cost="long",
    ),
    Evidence(
        id="sharing-mnist-gradual",
        says=f"STABLE-RPS arrays {NET}are not below magnitude pruning while training at 30x, 100x, "
        f"300x and 1000x, {FREE}",
        against="magnitude pruning by the cubic schedule over two thirds of the steps, over the "
        "whole network or by layer, the better" + RATES,
        at_least=0,
        cost="long",
    ),
    Evidence(
        id="sharing-mnist-indexed",
        says=f"STABLE-RPS arrays {NET}are at least 1 point above magnitude pruning while training "
        f"at 30x, 100x, 300x and 1000x, {PAID}",
        against="magnitude pruning by the cubic schedule, over the whole network or by layer, the "
        "better; between ratios in a straight line over the logarithm" + RATES,
        at_least=1,
        cost="long",
    ),
    Evidence(
        id="sharing-same",
        says="a STABLE-RPS array as large as the network, with the gradient scaler, holds after "
        "100 steps of SGD with momentum the weights that the network itself would (largest "
        "difference over largest weight, float64)",
        against="the same network trained without sharing",
        at_most=1e-9,
        cost="long",
    ),
    Evidence(
        id="sharing-std-scaled",
        says="with the gradient scaler the accuracy of a ROAST array at 30x under SGD moves by at "
        "most 1 point as its values start with a standard deviation of .01, .03, .1, .3 or 1",
        against="the best of the five, momentum .9, rate .1",
        at_most=1,
        cost="long",
    ),
    Evidence(
        id="sharing-std-plain",
        says="without the gradient scaler the worst of the five loses at least 20 points to the "
        "best (it diverges, or stands still)",
        against="the best of the five, momentum .9, rate .1",
        at_least=20,
        cost="long",
    ),
)
STDS = (0.01, 0.03, 0.1, 0.3, 1.0)


def net(width: int) -> nn.Sequential:
    """784 - width - 10 without biases."""
    first, last = nn.Linear(784, width, bias=False), nn.Linear(width, 10, bias=False)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), last)


def task(runs: int = 2) -> Task:
    """For each run its own 6,000 images to train and 2,000 to choose by; all 10,000 of the test."""
    (x, y), test = mnist()
    ends = [(8000 * r, 8000 * r + 6000, 8000 * (r + 1)) for r in range(runs)]
    parts = [((x[a:b], y[a:b]), (x[b:c], y[b:c]), test) for a, b, c in ends]
    return Task(net, 256, parts, epochs=4, batch=50)


def read_from(shared: SharedParameter, std: float) -> nn.Sequential:
    """The network with its weights in an array of values of this spread."""
    layers = [
        SharedLinear(wide, high, shared, bias=False, scale=(3 * wide) ** -0.5 / std)
        for wide, high in ((784, 256), (256, 10))
    ]
    return nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1])


def measure_same() -> tuple[float, dict[str, Any]]:
    """The largest difference of weights after SGD, with the scaler and without."""
    train, _, _ = task(1).parts[0]
    part = train[0][:5000].double(), train[1][:5000]
    once, found = Task(net, 256, [], epochs=1, batch=50), {}
    for scaler in (True, False):
        torch.manual_seed(1)
        model, layers = net(256).double(), {}
        shared = SharedParameter(CyclicMap(held(model)), scaler=scaler, std=0.04).double()
        other = read_from(shared, 0.04)
        both = [(other[k].region, model[k].weight) for k in (1, 3)]
        shared.start_from(both)
        for name, (one, given) in {"own": (model, model), "array": (other, shared)}.items():
            sgd = torch.optim.SGD(given.parameters(), 0.05, momentum=0.9)
            fit(one, part, sgd, once)
            layers[name] = torch.cat([one[k].weight.detach().flatten() for k in (1, 3)])
        distance = (layers["own"] - layers["array"]).abs().max() / layers["own"].abs().max()
        found["with scaler" if scaler else "without scaler"] = float(distance)
    return found["with scaler"], found


def measure_stds() -> dict[str, dict[float, float]]:
    """Accuracy of ROAST at 30x by the spread its values start with, with the scaler and without."""
    whole = task(1)
    train, _, test = whole.parts[0]
    found: dict[str, dict[float, float]] = {}
    for scaler in (True, False):
        rows = found.setdefault("with scaler" if scaler else "without scaler", {})
        for std in STDS:
            map = TileMap(held(net(256)) // 30, tile=(8, 8), seed=0)
            shared = SharedParameter(map, scaler=scaler, std=std)
            sgd = torch.optim.SGD(shared.parameters(), 0.1, momentum=0.9)
            rows[std] = accuracy(fit(read_from(shared, std), train, sgd, whole), test)
        print("scaler", scaler, rows, flush=True)
    return found


def main() -> int:
    """Measure all on one thread, and draw the curves."""
    torch.set_num_threads(1)
    stds = measure_stds()
    lost = {name: max(rows.values()) - min(rows.values()) for name, rows in stds.items()}
    held_ = [
        run(EVIDENCE[5], measure_same),
        run(EVIDENCE[6], lambda: (lost["with scaler"], stds)),
        run(EVIDENCE[7], lambda: (lost["without scaler"], stds)),
    ]
    names = ("STABLE-RPS", "ROAST", *GRADUAL, *AT_START, "narrower")
    found = curves(task(), names)
    drawn(found, "784-256-10 on MNIST", RESULTS / "sharing-mnist.svg")
    rivals = (*AT_START, "narrower")
    paid = {name: indexed(found[name]) for name in GRADUAL}
    values = (
        margin(found, "STABLE-RPS", rivals),
        margin(found, "STABLE-RPS", rivals, 30),
        margin(found, "ROAST", rivals, 30),
        margin(found, "STABLE-RPS", GRADUAL, 30),
        margin(found | paid, "STABLE-RPS", GRADUAL, 30),
    )
    beside = [*[{"accuracy": found}] * 4, {"accuracy, places paid for": paid}]
    for evidence, value, rows in zip(EVIDENCE[:5], values, beside, strict=True):
        held_.append(run(evidence, lambda v=value, r=rows: (v, r)))
    return int(not all(held_))


if __name__ == "__main__":
    raise SystemExit(main())
