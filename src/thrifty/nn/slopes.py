"""Slopes: second moments of the gradients at the outputs of linear layers."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from thrifty.nn.answers import Answer, answer, asked
from thrifty.nn.linears import linear_layers

__all__ = ["slopes_of"]

WIDEST = 4096


def slopes_of(module: nn.Module, batches: Iterable[Any], *, seed: int = 0) -> dict[str, Tensor]:
    """What errors in a layer's outputs cost, to second order: moments (out, out) by weights.

    The gradients are those of a loss that is least where the answers are what they are now
    (Gauss and Newton's form of its curvature): of scores, cross entropy with classes drawn as the
    module itself finds them likely; of embeddings and numbers, a random projection.

    Args:
        module: with linear layers; those of more than 4,096 outputs are left out.
        batches: as of `Calibrated`.
        seed: of the draws.

    Returns:
        Means of g g^T over the gradients g at the outputs of each layer, float32.

    Example:
        >>> module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1, bias=False))
        >>> module[1].weight.data = torch.tensor([[3.0, 0.0]])
        >>> found = slopes_of(module, [torch.randn(2000, 3)])["0.weight"]
        >>> bool(abs(found[0, 0] - 9) < 1), found[1, 1].item()
        (True, 0.0)
    """
    sums, counts = dict[str, Tensor](), dict[str, int]()
    draws = torch.Generator().manual_seed(seed)
    with _fixed(module), _watched(module, sums, counts):
        for batch in batches:
            with torch.enable_grad(), asked(module):
                _scalar(answer(module, batch), draws).backward()
    return {name: total / max(1, counts[name]) for name, total in sums.items()}


def _scalar(found: Answer, draws: torch.Generator) -> Tensor:
    """A number whose gradient at the answers has the curvature of the loss as its covariance."""
    if found.kind == "scores":
        drawn = torch.multinomial(found.rows.detach().softmax(1), 1, generator=draws)[:, 0]
        return cross_entropy(found.rows, drawn, reduction="sum")
    rows = normalize(found.rows) if found.kind == "embeddings" else found.rows
    return (rows * torch.randn(rows.shape, generator=draws)).sum()


@contextmanager
def _fixed(module: nn.Module) -> Iterator[None]:
    """No parameter takes gradients for a while."""
    taking = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in taking:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in taking:
            parameter.requires_grad_(True)


@contextmanager
def _watched(module: nn.Module, sums: dict[str, Tensor], counts: dict[str, int]) -> Iterator[None]:
    layers = linear_layers(module, 0, WIDEST)
    hooks = [layer.register_forward_hook(_watcher(n, sums, counts)) for n, layer in layers.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _watcher(name: str, sums: dict[str, Tensor], counts: dict[str, int]) -> Callable[..., Any]:
    def add(gradient: Tensor) -> None:
        rows = gradient.reshape(-1, gradient.shape[-1]).float()
        sums[name] = sums.get(name, torch.zeros(())) + rows.T @ rows
        counts[name] = counts.get(name, 0) + len(rows)

    def hook(layer: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        if not output.requires_grad:
            output = output.detach().requires_grad_().clone()
        output.register_hook(add)
        return output

    return hook
