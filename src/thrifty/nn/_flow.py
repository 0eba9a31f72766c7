"""Scores of flow: what passes through a weight, of signal with SynFlow, of gradient with GraSP."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

__all__ = ["grasp", "synflow"]


def synflow(model: nn.Module, chosen: dict[str, Tensor], inputs: Any) -> dict[str, Tensor]:
    """|w| times the slope of the sum of all outputs for ones, each parameter by its magnitude.

    Args:
        model: any module; it answers as in evaluation.
        chosen: weights to score, by name.
        inputs: floats of the shape that the model takes, whose values do not count.

    Returns:
        Scores in float64: they are products over all layers.

    Raises:
        TypeError: inputs are not of floats.
    """
    if not (isinstance(inputs, Tensor) and inputs.is_floating_point()):
        raise TypeError(f"inputs must be a tensor of floats, got {_told(inputs)}")
    state = {
        name: value.detach().double().abs() if value.is_floating_point() else value
        for name, value in (*model.named_parameters(), *model.named_buffers())
    }
    weights = {name: state[name].requires_grad_() for name in chosen}
    modes = {module: module.training for module in model.modules()}
    ones = torch.ones_like(inputs[:1], dtype=torch.float64)
    try:
        model.eval()
        total = functional_call(model, state, (ones,)).sum()
    finally:
        for module, mode in modes.items():
            module.training = mode
    slopes = torch.autograd.grad(total, list(weights.values()), allow_unused=True)
    return {
        name: torch.zeros_like(w) if slope is None else (slope * w).detach()
        for (name, w), slope in zip(weights.items(), slopes, strict=True)
    }


def grasp(
    model: nn.Module,
    chosen: dict[str, Tensor],
    batches: Sequence[Any],
    loss: Callable[[Any, Any], Tensor],
) -> dict[str, Tensor]:
    """W times H g: how much of the squared length of the gradient would go with the weight."""
    weights = list(chosen.values())
    total = [torch.zeros_like(w) for w in weights]
    for inputs, targets in batches:
        for sum_of, slope in zip(
            total, _slopes(loss(model(inputs), targets), weights), strict=True
        ):
            sum_of += slope.detach()
    curved = [torch.zeros_like(w) for w in weights]
    for inputs, targets in batches:
        slopes = _slopes(loss(model(inputs), targets), weights, again=True)
        along = torch.stack([(s * g).sum() for s, g in zip(slopes, total, strict=True)]).sum()
        if along.requires_grad:
            for sum_of, turn in zip(curved, _slopes(along, weights), strict=True):
                sum_of += turn
    return {n: (w * c).detach() for (n, w), c in zip(chosen.items(), curved, strict=True)}


def _slopes(value: Tensor, weights: list[Tensor], again: bool = False) -> list[Tensor]:
    """Slopes of a value, zeros where a weight has no part in it."""
    found = torch.autograd.grad(value, weights, allow_unused=True, create_graph=again)
    return [torch.zeros_like(w) if s is None else s for w, s in zip(weights, found, strict=True)]


def _told(inputs: Any) -> str:
    return str(inputs.dtype) if isinstance(inputs, Tensor) else type(inputs).__name__
