"""Units: hidden units of linear and convolution layers cut out, and mixed into what reads them."""

from typing import Any

import torch
from torch import Tensor, nn

from thrifty.nn.linears import inputs_axis

__all__ = ["cut", "ends", "inputs_of", "read", "turned", "units_of"]


def turned(layer: Any) -> bool:
    """Whether a layer is linear with a weight of (inputs, outputs), as those of GPT-2 are."""
    return inputs_axis(layer) == 0


def ends(layer: Any) -> tuple[int, int] | None:
    """Inputs and outputs of a linear layer; None for any other module.

    Example:
        >>> ends(nn.Linear(3, 5)), ends(nn.ReLU())
        ((3, 5), None)
    """
    if turned(layer):
        return (layer.weight.shape[0], layer.weight.shape[1])
    return (layer.in_features, layer.out_features) if type(layer) is nn.Linear else None


def units_of(layer: Any) -> int:
    """Outputs of a layer, or what it acts on one by one."""
    weight = layer.get_parameter("weight")
    return weight.shape[1] if turned(layer) else len(weight)


def inputs_of(layer: Any) -> int:
    """Inputs of a layer: features or channels."""
    weight = layer.get_parameter("weight")
    return weight.shape[0] if turned(layer) or weight.ndim == 1 else weight.shape[1]


@torch.no_grad()
def cut(layer: Any, columns: Tensor) -> None:
    """Keep these outputs of a layer, in place.

    Args:
        layer: linear, a convolution, a depthwise one, or a batch norm.
        columns: (k,) int64, rising.
    """
    axis = 1 if turned(layer) else 0
    for name, values in [*layer.named_parameters(recurse=False)]:
        where = axis if values.ndim > 1 else 0
        setattr(layer, name, _like(values, values.index_select(where, columns.to(values.device))))
    for name, values in [*layer.named_buffers(recurse=False)]:
        if values.ndim:
            setattr(layer, name, values[columns.to(values.device)].clone())
    for name in ("out_features", "out_channels", "num_features", "nf"):
        if hasattr(layer, name):
            setattr(layer, name, len(columns))
    if getattr(layer, "groups", 1) > 1:
        layer.groups = layer.in_channels = len(columns)


@torch.no_grad()
def read(layer: Any, units: int, columns: Tensor, mix: Tensor | None = None) -> None:
    """Let a layer read these units alone, in place.

    Args:
        layer: linear or a convolution.
        units: that it reads now, each perhaps at several of its inputs.
        columns: (k,) int64 that stay.
        mix: (k, units) float64: every unit as a mix of those; None to forget the others.
    """
    weight = layer.weight
    rows = weight.T if turned(layer) else weight
    split = rows.reshape(len(rows), units, -1)
    if mix is None:
        mixed = split.index_select(1, columns.to(weight.device))
    else:
        mixed = torch.einsum("oms,km->oks", split.double(), mix.to(weight.device))
    flat = mixed.to(weight.dtype).reshape(len(rows), -1)
    if turned(layer):
        layer.nx = flat.shape[1]
        layer.weight = _like(weight, flat.T.contiguous())
    elif isinstance(layer, nn.Linear):
        layer.in_features = flat.shape[1]
        layer.weight = _like(weight, flat)
    else:
        layer.in_channels = len(columns)
        layer.weight = _like(weight, flat.reshape(len(rows), len(columns), *weight.shape[2:]))


def _like(old: Tensor, new: Tensor) -> nn.Parameter:
    return nn.Parameter(new.detach().clone(), requires_grad=old.requires_grad)
