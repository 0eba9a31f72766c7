"""Evidence: how many weights of small MNIST networks may go, by each score."""

import copy

import numpy as np
import torch

from evidence import Evidence, run
from evidence.nn._mnist import accuracy, mlp, mnist, train
from thrifty.nn import IterativePruning, prune

EVIDENCE = (
    Evidence(
        id="pruning-magnitude",
        says="a 784-512-10 network for MNIST loses at most 1 point when trained to a tenth of its "
        "weights by the cubic schedule",
        against="the same training without pruning",
        at_most=1,
        cost="long",
    ),
    Evidence(
        id="pruning-wanda",
        says="at 2:4 and without training on, the trained network keeps at least as much by "
        "Wanda's scores of 1,024 images as by magnitude (points of accuracy, mean of 5 networks)",
        against="magnitude at 2:4",
        at_least=0,
        cost="long",
    ),
    Evidence(
        id="pruning-snip",
        says="pruned before training to a hundredth of its weights by SNIP's scores of 128 images, "
        "the network ends at least 2 points above random weights (mean of 3 networks)",
        against="random weights of the same number",
        at_least=2,
        cost="long",
    ),
)
EPOCHS = 3


def made(seed: int) -> torch.nn.Module:
    """A fresh network."""
    torch.manual_seed(seed)
    return mlp()


def measure_magnitude() -> tuple[float, dict]:
    """Points lost at a tenth of the weights, and its bytes."""
    part, test = mnist()
    whole = accuracy(train(made(0), part, EPOCHS), test)
    rows: dict = {"whole": whole}
    for keep in (0.1, 0.05, 0.02):
        model = made(0)
        pruning = IterativePruning(model, keep, steps=2 * len(part[1]) // 128, every=50)
        train(model, part, EPOCHS, after=pruning.step)
        rows[f"kept {keep:g}"] = accuracy(model, test)
        rows[f"bytes at {keep:g}"] = pruning.masks.sizes(model)
        once = copy.deepcopy(trained(0, part))
        prune(once, keep)
        rows[f"at once {keep:g}"] = accuracy(once, test)
    return whole - rows["kept 0.1"], rows


TRAINED: dict[int, torch.nn.Module] = {}


def trained(seed: int, part: tuple) -> torch.nn.Module:
    """A network trained once."""
    if seed not in TRAINED:
        TRAINED[seed] = train(made(seed), part, EPOCHS, seed=seed)
    return TRAINED[seed]


def measure_wanda() -> tuple[float, dict]:
    """Points of Wanda above magnitude at 2:4, and at other patterns."""
    part, test = mnist()
    calibrate, gain = [part[0][:1024]], {"2:4": [], "1:4": [], "1:8": []}
    for seed in range(5):
        for keep, found in gain.items():
            scores = {}
            for by in ("wanda", "magnitude"):
                model = copy.deepcopy(trained(seed, part))
                prune(model, keep, by=by, batches=calibrate)
                scores[by] = accuracy(model, test)
            found.append(scores["wanda"] - scores["magnitude"])
    return float(np.mean(gain["2:4"])), {"gains": gain}


def measure_snip() -> tuple[float, dict]:
    """Points of SNIP above random weights at a hundredth."""
    part, test = mnist()
    batch, rows = [(part[0][:128], part[1][:128])], {}
    for by in ("snip", "random"):
        rows[by] = []
        for seed in range(3):
            model = made(seed)
            masks = prune(model, 0.01, by=by, batches=batch, seed=seed)
            train(model, part, 1, seed=seed, after=lambda m=masks, net=model: m.apply(net))
            rows[by].append(accuracy(model, test))
    return float(np.mean(rows["snip"]) - np.mean(rows["random"])), rows


def main() -> int:
    """Measure all three on one thread."""
    torch.set_num_threads(1)
    measures = (measure_magnitude, measure_wanda, measure_snip)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
