"""Evidence: how many weights of small MNIST networks may go, by each score."""

import copy
import functools

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
    Evidence(
        id="pruning-flow",
        says="so does it by GraSP's scores of these images, and by 100 rounds of SynFlow's, which "
        "look at no data: at least 2 points above random weights, the worse of both",
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


@functools.cache
def pruned_first(by: str, rounds: int = 1) -> list[float]:
    """Accuracy of three networks pruned to a hundredth before an epoch of training."""
    part, test = mnist()
    batch, found = [(part[0][:128], part[1][:128])], []
    for seed in range(3):
        model = made(seed)
        masks = prune(model, 0.01, by=by, batches=batch, seed=seed, rounds=rounds)
        train(model, part, 1, seed=seed, after=lambda m=masks, net=model: m.apply(net))
        found.append(accuracy(model, test))
    return found


def measure_snip() -> tuple[float, dict]:
    """Points of SNIP above random weights at a hundredth."""
    rows = {by: pruned_first(by) for by in ("snip", "random")}
    return float(np.mean(rows["snip"]) - np.mean(rows["random"])), rows


def measure_flow() -> tuple[float, dict]:
    """Points of the worse of GraSP and SynFlow above random weights; one round beside them."""
    rows = {by: pruned_first(by) for by in ("grasp", "random", "synflow")}
    rows["synflow, 100 rounds"] = pruned_first("synflow", 100)
    worse = min(float(np.mean(rows[name])) for name in ("grasp", "synflow, 100 rounds"))
    return worse - float(np.mean(rows["random"])), rows


def main() -> int:
    """Measure all on one thread."""
    torch.set_num_threads(1)
    measures = (measure_magnitude, measure_wanda, measure_snip, measure_flow)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
