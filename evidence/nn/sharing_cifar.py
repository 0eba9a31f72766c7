"""Evidence: small CNNs for 2,000 CIFAR-10 images in shared arrays against pruned ones."""

import numpy as np
import torch
from torch import nn

from evidence import RESULTS, Evidence, run
from evidence.datasets import data_folder
from evidence.nn._sharing import AT_START, GRADUAL, Task, curves, drawn, margin

NET = "of a CNN of 89,648 weights for CIFAR-10 (1,250 images, Adam, mean of four folds) "
RATES = "; Adam, the better of rates .002 and .01 on valid images for each, the same epochs"
FREE = "the places of what is kept for free"
EVIDENCE = (
    Evidence(
        id="sharing-cifar-range",
        says=f"STABLE-RPS arrays {NET}are at most 1.5 points below the best pruning before "
        f"training and the narrower network at 1x, 3x, 10x, 30x, 100x, 300x and 1000x, {FREE}",
        against="magnitude (by layer), SNIP and random pruning at the start; a narrower network"
        + RATES,
        at_least=-1.5,
        cost="long",
    ),
    Evidence(
        id="sharing-cifar-clear",
        says=f"STABLE-RPS arrays {NET}are at least 2 points above each of them at 30x, 100x, 300x "
        f"and 1000x, {FREE}",
        against="magnitude (by layer), SNIP and random pruning at the start; a narrower network"
        + RATES,
        at_least=2,
        cost="long",
    ),
    Evidence(
        id="sharing-cifar-gradual",
        says=f"STABLE-RPS arrays {NET}are not below magnitude pruning while training at 30x, 100x, "
        f"300x and 1000x, {FREE}",
        against="magnitude pruning by the cubic schedule over two thirds of the steps, over the "
        "whole network or by layer, the better" + RATES,
        at_least=0,
        cost="long",
    ),
)
FOLDS = 4


def net(width: int) -> nn.Sequential:
    """Three convolutions of stride 2 with batch norm, a hidden layer, and the answer."""
    layers: list[nn.Module] = []
    for given, made in ((3, width), (width, 2 * width), (2 * width, 4 * width)):
        layers.append(nn.Conv2d(given, made, 3, stride=2, padding=1, bias=False))
        layers += [nn.BatchNorm2d(made), nn.ReLU()]
    hidden = nn.Linear(64 * width, 4 * width, bias=False)
    layers += [nn.Flatten(), hidden, nn.ReLU(), nn.Linear(4 * width, 10, bias=False)]
    return nn.Sequential(*layers)


def task() -> Task:
    """Folds of 500 images to judge by; of the others 250 to choose by and 1,250 to train."""
    with np.load(data_folder() / "img_cifar10_sample" / "cifar10_train_2000.npz") as file:
        images, labels = file["images"], file["labels"]
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(labels)))
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)) / 64 - 2
    x, y = x[order], torch.from_numpy(labels.astype(np.int64))[order]
    parts = []
    for fold in range(FOLDS):
        rows = torch.arange(len(y)).roll(-500 * fold)
        test, valid, train = rows[:500], rows[500:750], rows[750:]
        parts.append(tuple((x[part], y[part]) for part in (train, valid, test)))
    return Task(net, 16, parts, epochs=6, batch=50)


def main() -> int:
    """Measure on one thread, and draw the curves."""
    torch.set_num_threads(1)
    rivals = (*AT_START, "narrower")
    found = curves(task(), ("STABLE-RPS", "ROAST", *GRADUAL, *rivals))
    drawn(found, "a small CNN on CIFAR-10", RESULTS / "sharing-cifar.svg")
    values = (
        margin(found, "STABLE-RPS", rivals),
        margin(found, "STABLE-RPS", rivals, 30),
        margin(found, "STABLE-RPS", GRADUAL, 30),
    )
    held = [
        run(evidence, lambda value=value: (value, {"accuracy": found}))
        for evidence, value in zip(EVIDENCE, values, strict=True)
    ]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
