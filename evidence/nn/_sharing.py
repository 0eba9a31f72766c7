"""Sharing: shared, pruned and narrower networks of equal bytes, trained alike, and their curves."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evidence.nn._mnist import accuracy
from thrifty.nn import IterativePruning, TileMap, prunable, prune, scale_updates, share_parameters

__all__ = [
    "AT_START",
    "GRADUAL",
    "RATIOS",
    "Task",
    "curves",
    "drawn",
    "fit",
    "held",
    "indexed",
    "margin",
]

Part = tuple[Tensor, Tensor]
Curve = dict[int, float]
RATIOS = (1, 3, 10, 30, 100, 300, 1000)
RATES = (0.002, 0.01)
AT_START = ("magnitude at start", "SNIP at start", "random")
SHARED = {"STABLE-RPS": "cyclic", "ROAST": lambda size, seed: TileMap(size, tile=(8, 8), seed=seed)}
SCORES = {"magnitude at start": "magnitude", "SNIP at start": "snip", "random": "random"}
GRADUAL = {"magnitude": "global", "magnitude by layer": "layer"}
INDEX = 1.5  # bytes with a 16-bit gap for each kept weight over those of the weight alone


@dataclass(frozen=True)
class Task:
    """Networks by width, and what they are trained and judged by.

    Args:
        make: a network of a width; its linear and convolution layers have no bias.
        width: of the whole network.
        parts: train, valid and test rows; one run of every method on each.
        epochs, batch: of each run.
    """

    make: Callable[[int], nn.Module]
    width: int
    parts: list[tuple[Part, Part, Part]]
    epochs: int
    batch: int


def held(model: nn.Module) -> int:
    """Weights of the linear and convolution layers."""
    return sum(weight.numel() for weight in prunable(model).values())


def fit(
    model: nn.Module,
    part: Part,
    optimizer: Any,
    task: Task,
    *,
    seed: int = 0,
    after: Callable[[], Any] = bool,
) -> nn.Module:
    """Train at a rate that falls to zero in a straight line; `after()` follows each step."""
    x, y = part
    rng, steps = torch.Generator().manual_seed(seed), len(y) // task.batch
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, task.epochs * steps)
    for _ in range(task.epochs):
        for rows in torch.randperm(len(y), generator=rng)[: steps * task.batch].split(task.batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
            after()
    return model.eval()


def shared(model: nn.Module, method: str, ratio: int, seed: int) -> list[Any]:
    """Share the weights in place in the bytes of 1 / ratio of them; arrays whose steps are scaled.

    Seed and scales are within the bytes; at 1x they come on top.
    """
    weights = 4 * held(model)
    rest = sum(t.nbytes for t in (*model.parameters(), *model.buffers())) - weights
    bytes_ = max(weights // ratio, weights + 8 + 8 * len(prunable(model)) if ratio == 1 else 0)
    stable = method == "STABLE-RPS"
    done = share_parameters(model, rest + bytes_, SHARED[method], scaler=stable, seed=seed)
    return [done.shared] if stable else []


def trained(
    task: Task, method: str, ratio: int, seed: int, part: Part, rate: float
) -> nn.Module | None:
    """A network of a method in 1 / ratio of the weights' bytes; None where none is so narrow."""
    torch.manual_seed(seed)
    model, after, scaled = task.make(task.width), bool, []
    if method == "narrower":
        most = held(model) / ratio
        width = max((w for w in range(1, task.width) if held(task.make(w)) <= most), default=0)
        if not width:
            return None
        model = task.make(width)
    elif method in SHARED:
        scaled = shared(model, method, ratio, seed)
    elif method in SCORES:
        batch = [(part[0][:256], part[1][:256])]
        by, scope = SCORES[method], "layer" if method == "magnitude at start" else "global"
        masks = prune(model, 1 / ratio, by=by, scope=scope, batches=batch, seed=seed)
        after = lambda: masks.apply(model)  # noqa: E731
    elif method in GRADUAL:
        steps = task.epochs * (len(part[1]) // task.batch) * 2 // 3
        often = {"steps": steps, "every": max(1, steps // 40), "scope": GRADUAL[method]}
        after = IterativePruning(model, 1 / ratio, **often).step
    optimizer = torch.optim.Adam(model.parameters(), rate)
    if scaled:
        scale_updates(optimizer, *scaled)
    return fit(model, part, optimizer, task, seed=seed, after=after)


def judged(task: Task, method: str, ratio: int) -> float | None:
    """Mean accuracy on the test rows of all parts, at the rate that is best on valid rows.

    The rate is chosen on the first part for all.
    """
    found: dict[float, tuple[float, float]] = {}
    for rate in RATES:
        model = trained(task, method, ratio, 0, task.parts[0][0], rate)
        if model is None:
            return None
        found[rate] = accuracy(model, task.parts[0][1]), accuracy(model, task.parts[0][2])
    best = max(found, key=lambda rate: found[rate][0])
    scores = [found[best][1]]
    for seed, (train, _, test) in enumerate(task.parts[1:], 1):
        model = trained(task, method, ratio, seed, train, best)
        assert model is not None
        scores.append(accuracy(model, test))
    print(f"{method} {ratio}x rate {best:g}:", *(f"{score:.2f}" for score in scores), flush=True)
    return float(np.mean(scores))


def curves(task: Task, methods: Iterable[str]) -> dict[str, Curve]:
    """Accuracy of each method at each ratio; at 1x pruning and narrowing leave what is whole."""
    whole = judged(task, "whole", 1)
    assert whole is not None
    found: dict[str, Curve] = {}
    for method in methods:
        found[method] = {} if method in SHARED else {1: whole}
        for ratio in RATIOS[len(found[method]) :]:
            score = judged(task, method, ratio)
            if score is not None:
                found[method][ratio] = score
    return {"whole": {1: whole}, **found}


def margin(found: dict[str, Curve], ours: str, others: Iterable[str], least: int = 1) -> float:
    """The least distance to the best of the others, over ratios from the least on, in points."""
    return min(
        score - max(found[other][ratio] for other in others if ratio in found[other])
        for ratio, score in found[ours].items()
        if ratio >= least
    )


def indexed(curve: Curve) -> Curve:
    """A curve of pruning with the index counted too: what is between ratios is in a straight line.

    At the largest ratio, beyond which nothing was trained, it stays as it is.
    """
    places, scores = np.log(list(curve)), list(curve.values())
    return {r: float(np.interp(np.log(INDEX * r), places, scores)) for r in curve} | {1: curve[1]}


def drawn(found: dict[str, Curve], title: str, path: Path) -> None:
    """Accuracy over compression as SVG; dashed where the index of what is pruned is counted."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for place, (name, curve) in enumerate((n, c) for n, c in found.items() if n != "whole"):
        ink = f"C{place}"
        width = 2.2 if name in SHARED else 1.1
        axes.plot(*zip(*curve.items(), strict=True), "o-", ms=3, lw=width, color=ink, label=name)
        if name in (*AT_START, *GRADUAL):
            kept = [(ratio / INDEX, score) for ratio, score in curve.items() if ratio > 1]
            axes.plot(*zip(*kept, strict=True), "--", lw=0.8, color=ink)
    axes.set(xscale="log", xlabel="bytes of all weights over bytes kept", ylabel="accuracy, %")
    axes.set_title(f"{title}; dashed: with a 16-bit index a kept weight", fontsize=9)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, format="svg", metadata={"Date": None})
