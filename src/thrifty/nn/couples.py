"""Couples: layers of a model whose hidden units only one other layer reads."""

import operator
from collections import Counter
from typing import Any, NamedTuple

import torch
from torch import fx, nn
from torch.nn import functional as F

from thrifty.core import DataError

__all__ = ["Couple", "couples_of"]

LINEAR = nn.Linear
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
PLAIN = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid,
    nn.Tanh, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Softplus, nn.Identity, nn.Dropout,
)  # fmt: skip
SPATIAL = (
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool1d,
    nn.AdaptiveMaxPool2d, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
)  # fmt: skip
PLAIN_CALLS = (
    torch.relu, F.relu, F.relu6, F.leaky_relu, F.gelu, F.silu, F.elu, F.mish, F.hardswish,
    torch.tanh, torch.sigmoid, F.tanh, F.sigmoid, F.dropout, F.softplus,
)  # fmt: skip
SPATIAL_CALLS = (
    F.max_pool1d, F.max_pool2d, F.max_pool3d, F.avg_pool1d, F.avg_pool2d, F.avg_pool3d,
    F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.dropout1d, F.dropout2d,
)  # fmt: skip
PLAIN_METHODS = ("relu", "relu_", "tanh", "sigmoid", "contiguous")


class Couple(NamedTuple):
    """Names of layers: units of the first are the inputs of the last, and of nothing else.

    Args:
        producers: whose outputs are the units; more than one where their outputs are multiplied.
        followers: what acts on each unit alone and has a size: batch norms, depthwise
            convolutions.
        consumer: what reads them.
    """

    producers: tuple[str, ...]
    followers: tuple[str, ...]
    consumer: str


def couples_of(model: nn.Module) -> list[Couple]:
    """The couples of a model, in the order they run in.

    Sums of a residual network have two readers and stay; what is between them is found. Layers
    that run twice, share a weight, or are followed by what is not known to act on each unit
    alone, are left out.

    Args:
        model: that torch.fx can trace.

    Raises:
        DataError: it cannot be traced.

    Example:
        >>> couples_of(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)))
        [Couple(producers=('0',), followers=(), consumer='2')]
    """
    try:
        graph = fx.Tracer().trace(model)
    except Exception as error:  # whatever a forward raises on proxies
        raise DataError(f"model cannot be traced, so couples must be named: {error}") from error
    layers = _known(model, graph)
    walks = (_walk(node, layers) for node in graph.nodes if _producer(node, layers) is not None)
    return [couple for couple in walks if couple is not None]


def _known(model: nn.Module, graph: fx.Graph) -> dict[str, nn.Module]:
    """Layers that run once, own their parameters, and are of no subclass that may do more."""
    runs = Counter(node.target for node in graph.nodes if node.op == "call_module")
    for node in graph.nodes:
        if node.op == "get_attr":
            runs[str(node.target).rpartition(".")[0]] += 2
    owners = Counter(
        id(p)
        for layer in model.modules()
        for p in layer.parameters(recurse=False)
    )  # fmt: skip
    return {
        name: layer
        for name, layer in model.named_modules(remove_duplicate=False)
        if runs[name] == 1 and all(owners[id(p)] == 1 for p in layer.parameters())
    }


def _producer(node: fx.Node, layers: dict[str, nn.Module]) -> Any:
    """The layer of a node that makes units, if it does."""
    layer: Any = layers.get(str(node.target)) if node.op == "call_module" else None
    whole = type(layer) is LINEAR or (type(layer) in CONVOLUTIONS and layer.groups == 1)
    return layer if whole else None


def _walk(node: fx.Node, layers: dict[str, nn.Module]) -> Couple | None:
    """From a producer through what acts on each unit alone to the only reader."""
    producer, followers, flat = _producer(node, layers), [], False
    spatial, first = type(producer) in CONVOLUTIONS, str(node.target)
    while len(node.users) == 1:
        node = next(iter(node.users))
        layer = layers.get(str(node.target)) if node.op == "call_module" else None
        if (reader := _producer(node, layers)) is not None:
            fits = _fits(producer, reader, flat)
            return Couple((first,), tuple(followers), str(node.target)) if fits else None
        if _sized(layer, producer) and not flat:
            followers.append(str(node.target))
        elif spatial and not flat and _flattens(node, layer):
            flat = True
        elif not _passes(node, layer, spatial and not flat):
            return None
    return None


def _fits(producer: Any, reader: Any, flat: bool) -> bool:
    """Whether the units of one are the inputs of the other."""
    if type(reader) in CONVOLUTIONS:
        return not flat and reader.in_channels == len(producer.weight)
    if type(producer) in CONVOLUTIONS:
        return flat and reader.in_features % len(producer.weight) == 0
    return reader.in_features == len(producer.weight)


def _sized(layer: Any, producer: Any) -> bool:
    """Whether a layer acts on each unit alone, with numbers for each."""
    units = len(producer.weight)
    if type(layer) in NORMS:
        return layer.num_features == units
    depthwise = type(layer) in CONVOLUTIONS and layer.groups == layer.in_channels
    return depthwise and layer.in_channels == layer.out_channels == units


def _flattens(node: fx.Node, layer: Any) -> bool:
    """Whether a node makes (n, units, ...) one row of each example."""
    if isinstance(layer, nn.Flatten):
        return (layer.start_dim, layer.end_dim) == (1, -1)
    called = node.op == "call_function" and node.target is torch.flatten
    if not called and not (node.op == "call_method" and node.target == "flatten"):
        return False
    given: dict[str, Any] = dict(zip(("start_dim", "end_dim"), node.args[1:], strict=False)) | dict(
        node.kwargs
    )
    return (given.get("start_dim"), given.get("end_dim", -1)) == (1, -1)


def _passes(node: fx.Node, layer: Any, spatial: bool) -> bool:
    """Whether a node acts on each unit alone, without a size."""
    if node.op == "call_module":
        return type(layer) in PLAIN or (spatial and type(layer) in SPATIAL)
    if node.op == "call_function":
        if node.target in (operator.mul, torch.mul):
            return any(isinstance(value, int | float) for value in node.args)
        return node.target in PLAIN_CALLS or (spatial and node.target in SPATIAL_CALLS)
    return node.op == "call_method" and node.target in PLAIN_METHODS
