"""Saliency: a score for every weight of a model: what its loss would cost."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from thrifty.core import one_of
from thrifty.nn._flow import grasp, synflow
from thrifty.nn.answers import ask

__all__ = ["SCORES", "prunable", "saliency"]

SCORES = ("magnitude", "random", "snip", "movement", "wanda", "synflow", "grasp")
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
Loss = Callable[[Any, Any], Tensor]
Scores = dict[str, Tensor]


def prunable(model: nn.Module) -> dict[str, Tensor]:
    """The weights of the linear and convolution layers of a model, by name; a shared one once.

    Example:
        >>> list(prunable(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))))
        ['0.weight', '2.weight']
    """
    return {name: layer.weight for name, layer in _layers(model)}


def saliency(
    model: nn.Module,
    by: str = "magnitude",
    *,
    batches: Iterable[Any] = (),
    loss: Loss = cross_entropy,
    seed: int = 0,
    weights: Sequence[str] | None = None,
) -> Scores:
    """Score every weight; the model, its gradients, its buffers and its mode stay as they were.

    Scores, of a weight w with gradient g (summed over the batches) and input x:
    "magnitude" |w|; "random"; "snip" |g w| (Lee, Ajanthan and Torr 2019, arXiv:1810.02340);
    "movement" -g w (Sanh, Wolf and Rush 2020, arXiv:2005.07683); "wanda" |w| times the length of
    its input over the batches (Sun, Liu, Bair and Kolter 2024, arXiv:2306.11695); "synflow" |w|
    times the slope of the sum of all outputs when inputs are ones and every parameter is its
    magnitude (Tanaka, Kunin, Yamins and Ganguli 2020, arXiv:2006.05467), float64; "grasp" w times
    H g, H the Hessian (Wang, Zhang and Grosse 2020, arXiv:2002.07376).

    Args:
        model: any module.
        by: the score.
        batches: of "snip", "movement" and "grasp": (inputs, targets); of "synflow" the first, for
            the shape of its inputs; of "wanda": inputs, tuples that
            begin with them, or dicts of keywords. The others look at none.
        loss: of outputs and targets, a mean or a sum.
        seed: of "random".
        weights: names of parameters to score; None for all of `prunable`.

    Returns:
        Scores of the shape of their weights, on their device, by name.

    Raises:
        ValueError: an unknown score or weight, or no batch where one is needed.
        TypeError: inputs that are not of floats, for "synflow".

    Example:
        >>> scores = saliency(nn.Linear(3, 2), "random", seed=1)
        >>> scores["weight"].shape
        torch.Size([2, 3])
    """
    one_of("by", by, SCORES)
    chosen = _chosen(model, weights)
    if by == "magnitude":
        return {name: w.detach().abs() for name, w in chosen.items()}
    if by == "random":
        return _random(chosen, seed)
    with unchanged(model):
        if by == "wanda":
            return _wanda(model, chosen, batches)
        if by in ("synflow", "grasp"):
            return _flow(model, by, chosen, list(batches), loss)
        found = _moves(model, chosen, batches, loss)
    return found if by == "movement" else {name: s.abs() for name, s in found.items()}


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Put the buffers of a model (running means and the like) back at the end."""
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in model.named_buffers():
            buffer.copy_(kept[name])


def inputs_of(batch: Any) -> Any:
    """The inputs of a batch that is inputs, or a tuple that begins with them."""
    return batch[0] if isinstance(batch, tuple | list) else batch


def _layers(model: nn.Module) -> list[tuple[str, Any]]:
    """Name of the weight and layer, each weight once."""
    seen: set[int] = set()
    found = []
    for name, layer in model.named_modules():
        if isinstance(layer, LAYERS) and id(layer.weight) not in seen:
            seen.add(id(layer.weight))
            found.append((f"{name}.weight" if name else "weight", layer))
    return found


def _chosen(model: nn.Module, weights: Sequence[str] | None) -> dict[str, Tensor]:
    if weights is None:
        return prunable(model)
    known: dict[str, Tensor] = dict(model.named_parameters())
    for name in weights:
        if name not in known:
            raise ValueError(f"weights must be names of parameters, got {name!r}")
    return {name: known[name] for name in weights}


def _random(chosen: dict[str, Tensor], seed: int) -> Scores:
    rng = torch.Generator().manual_seed(seed)
    return {n: torch.rand(w.shape, generator=rng).to(w.device) for n, w in chosen.items()}


def _moves(
    model: nn.Module, chosen: dict[str, Tensor], batches: Iterable[Any], loss: Loss
) -> Scores:
    """-g w, summed over batches."""
    total, count = {name: torch.zeros_like(w) for name, w in chosen.items()}, 0
    for inputs, targets in batches:
        count += 1
        value = loss(model(inputs), targets)
        slopes = torch.autograd.grad(value, list(chosen.values()), allow_unused=True)
        for (name, w), slope in zip(chosen.items(), slopes, strict=True):
            if slope is not None:
                total[name] -= slope * w.detach()
    _some(count)
    return total


def _flow(
    model: nn.Module, by: str, chosen: dict[str, Tensor], batches: list[Any], loss: Loss
) -> Scores:
    _some(len(batches))
    if by == "synflow":
        return synflow(model, chosen, inputs_of(batches[0]))
    return grasp(model, chosen, batches, loss)


def _wanda(model: nn.Module, chosen: dict[str, Tensor], batches: Iterable[Any]) -> Scores:
    """|w| times the length of the input of its channel; weights that no layer holds: |w|."""
    squares: dict[str, Tensor] = {}
    layers = [(name, layer) for name, layer in _layers(model) if name in chosen]
    hooks = [layer.register_forward_pre_hook(_sum_into(squares, name)) for name, layer in layers]
    count = 0
    try:
        with torch.no_grad():
            for batch in batches:
                count += 1
                ask(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    _some(count)
    lengths = {name: _spread(squares[name].sqrt(), layer) for name, layer in layers}
    return {n: w.detach().abs() * lengths.get(n, torch.ones_like(w)) for n, w in chosen.items()}


def _sum_into(squares: dict[str, Tensor], name: str) -> Callable[..., None]:
    def hook(layer: Any, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].detach().double()
        axis = x.ndim - 1 if isinstance(layer, nn.Linear) else x.ndim - layer.weight.ndim + 1
        found = (x * x).sum([a for a in range(x.ndim) if a != axis])
        squares[name] = squares.get(name, 0) + found

    return hook


def _spread(length: Tensor, layer: Any) -> Tensor:
    """Lengths of input channels to the shape of a weight."""
    weight, groups = layer.weight, getattr(layer, "groups", 1)
    each = length.to(weight.dtype).reshape(groups, -1)
    rows = each.repeat_interleave(weight.shape[0] // groups, dim=0)
    return rows.reshape(*rows.shape, *[1] * (weight.ndim - 2)).expand_as(weight)


def _some(count: int) -> None:
    if not count:
        raise ValueError("batches must be at least one, got none")
