"""Evidence: at half their hidden units, untuned, small MNIST networks decide as they did."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from evidence.nn._mnist import accuracy, agreement, answers, cnn, mlp, mnist, train
from thrifty.learn import Interpolation
from thrifty.nn import couples_of, interpolate
from thrifty.nn.interpolative import _cut

EVIDENCE = (
    Evidence(
        id="interpolative-mlp",
        says="a 784-512-10 network for MNIST loses at most 1 point of accuracy at half its units, "
        "without training on",
        against="the whole network",
        at_most=1,
        cost="long",
    ),
    Evidence(
        id="interpolative-mlp-agreement",
        says="and agrees with the whole network on 5 points more of the test images than the one "
        "that keeps the units of the largest weights",
        against="magnitude pruning of half the units by the L2 norm of their weights",
        at_least=5,
        cost="long",
    ),
    Evidence(
        id="interpolative-cnn",
        says="a network of two convolutions with batch norm (16 and 32 channels) and 128 units "
        "loses at most 1 point at half of each of the three, without training on",
        against="the whole network",
        at_most=1,
        cost="long",
    ),
    Evidence(
        id="interpolative-cnn-agreement",
        says="and agrees with the whole network on 20 points more of the test images than the one "
        "that keeps the filters and units of the largest weights",
        against="magnitude pruning of half the filters and units by the L2 norm of their weights",
        at_least=20,
        cost="long",
    ),
)
KEEPS = (0.75, 0.5, 0.375, 0.25)
Choose = Callable[[torch.Tensor, int], np.ndarray]


def dropped(model: nn.Module, keep: float, choose: Choose) -> nn.Module:
    """The model without the units that are not chosen, nothing put in their place."""
    smaller = deepcopy(model)
    for pair in couples_of(smaller):
        weight = smaller.get_submodule(pair.producers[0]).weight.detach().flatten(1)
        columns = np.sort(choose(weight, round(keep * len(weight))))
        mix = np.eye(len(weight))[columns]
        _cut(smaller, pair, Interpolation(columns, mix, np.zeros(len(weight) + 1)))
    return smaller


def largest(weight: torch.Tensor, k: int) -> np.ndarray:
    """The units of the largest weights."""
    return np.argsort(-weight.norm(dim=1).numpy(), kind="stable")[:k]


def drawn(weight: torch.Tensor, k: int) -> np.ndarray:
    """Units at random."""
    return np.random.default_rng(0).permutation(len(weight))[:k]


def compare(model: nn.Module, epochs: int) -> dict:
    """Accuracy and agreement of three ways at some shares; the whole network is trained first."""
    part, test = mnist()
    train(model, part, epochs)
    calibrate = [*part[0][:2000].split(500)]
    found: dict = {"whole": accuracy(model, test)}
    wrong = answers(model, test[0]) != test[1]
    for keep in KEEPS:
        smaller = {
            "interpolated": interpolate(model, calibrate, keep=keep).model,
            "magnitude": dropped(model, keep, largest),
            "random": dropped(model, keep, drawn),
        }
        for name, one in smaller.items():
            found[f"{name} {keep:g}"] = {
                "accuracy": accuracy(one, test),
                "agreement": agreement(one, model, test[0]),
                "agreement where the whole is wrong": agreement(one, model, test[0][wrong]),
            }
    return found


CASES: dict[str, dict] = {}


def lost(name: str) -> Callable[[], tuple[float, dict]]:
    """Points of accuracy lost at half the units, measured now."""

    def measure() -> tuple[float, dict]:
        torch.manual_seed(0)
        CASES[name] = compare(mlp() if name == "mlp" else cnn(16), 3 if name == "mlp" else 1)
        return CASES[name]["whole"] - CASES[name]["interpolated 0.5"]["accuracy"], CASES[name]

    return measure


def margin(name: str) -> Callable[[], tuple[float, dict]]:
    """Points of agreement above magnitude's at half the units, of what was measured."""

    def measure() -> tuple[float, dict]:
        case = CASES[name]
        ours, theirs = (case[f"{way} 0.5"]["agreement"] for way in ("interpolated", "magnitude"))
        return ours - theirs, {
            "agreement": {k: v["agreement"] for k, v in case.items() if k != "whole"}
        }

    return measure


def main() -> int:
    """Measure on one thread."""
    torch.set_num_threads(1)
    measures = (lost("mlp"), margin("mlp"), lost("cnn"), margin("cnn"))
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
