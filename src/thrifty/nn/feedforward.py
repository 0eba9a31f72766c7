"""Feedforward: the hidden units of a transformer's blocks, found by shape and proved by running."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from thrifty.core import DataError
from thrifty.nn._units import ends, turned
from thrifty.nn.answers import answer, asked
from thrifty.nn.couples import Couple

__all__ = ["WIDTHS", "feedforward_couples", "width_of"]

WIDTHS = ("intermediate_size", "n_inner", "ffn_dim", "hidden_dim", "d_ff")
SAME = 1e-3  # of what an answer moves when half the units are lost


def width_of(config: Any) -> tuple[str, int]:
    """The name and the number of hidden units of each block, as a config of transformers says.

    Args:
        config: of a model; a mapping or an object.

    Raises:
        DataError: it says none.

    Example:
        >>> width_of({"intermediate_size": 1536}), width_of({"n_inner": None, "n_embd": 64})
        (('intermediate_size', 1536), ('n_inner', 256))
    """
    known = config if isinstance(config, Mapping) else vars(config)
    for name in WIDTHS:
        if isinstance(known.get(name), int) and known[name] > 0:
            return name, known[name]
    if "n_inner" in known and isinstance(known.get("n_embd"), int):
        return "n_inner", 4 * known["n_embd"]
    raise DataError(f"config must have one of {', '.join(WIDTHS)} to be shrunk")


@torch.no_grad()
def feedforward_couples(model: nn.Module, batch: Any, width: int) -> list[Couple]:
    """The couples of a model whose hidden units are so many, in the order of its modules.

    Linear layers with `width` outputs are taken for the producers of the nearest layer with as
    many inputs; two runs prove each couple. With half of the producers' units at zero the reader
    must get the other half as before, so each unit is acted on alone. With the producers' rows
    and the reader's columns in another order the answers must stay, so nothing else reads them.

    Args:
        model: that answers the batch; its weights are changed meanwhile, and put back.
        batch: a few examples: see `nn.answers.ask`.
        width: units of each couple.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 8), nn.GELU(), nn.Linear(8, 2))
        >>> feedforward_couples(net.eval(), torch.randn(5, 3), 8)
        [Couple(producers=('0',), followers=(), consumer='2')]
        >>> net.insert(1, nn.LayerNorm(8))                            # doctest: +ELLIPSIS
        Sequential(...
        >>> feedforward_couples(net, torch.randn(5, 3), 8)
        []
    """
    with asked(model):
        before = answer(model, batch).rows
        tries = [[one for one in some if _proved(model, one, batch, before)][:1]
                 for some in _candidates(model, width)]  # fmt: skip
        return [one for found in tries for one in found]


def _candidates(model: nn.Module, width: int) -> list[list[Couple]]:
    """For each layer that reads so many units, the nearest that make as many: all, or one alone."""
    owners = Counter(id(p) for m in model.modules() for p in m.parameters(recurse=False))
    sizes = {
        name: both
        for name, layer in model.named_modules()
        if (both := ends(layer)) and all(owners[id(p)] == 1 for p in layer.parameters())
    }
    makers = [name for name, (_, outputs) in sizes.items() if outputs == width]
    found = []
    for reader in (name for name, (inputs, _) in sizes.items() if inputs == width):
        shared = {name: _shared(name, reader) for name in makers if name != reader}
        nearest = max(shared.values(), default=-1)
        producers = tuple(name for name, depth in shared.items() if depth == nearest)
        alone = [(name,) for name in producers] if len(producers) > 1 else []
        found.append([Couple(names, (), reader) for names in (producers, *alone) if names])
    return found


def _shared(one: str, other: str) -> int:
    """Parts at the start of two names that are the same."""
    pairs = zip(one.split("."), other.split("."), strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), 0)


def _proved(model: nn.Module, pair: Couple, batch: Any, before: Tensor) -> bool:
    units = ends(model.get_submodule(pair.consumer))
    width = units[0] if units else 0
    half = torch.arange(width) % 2 == 0
    plain, _ = _seen(model, pair, batch)
    with _changed(model, pair.producers, lambda w: w * half.to(w.dtype)):
        halved, answers = _seen(model, pair, batch)
    alone = _near(halved[..., half], plain[..., half], float(plain.abs().max()))
    moved = float((answers - before).abs().max())
    order = torch.randperm(width, generator=torch.Generator().manual_seed(0))
    with _changed(model, pair.producers, lambda w: w[..., order]), _turned(model, pair, order):
        _, again = _seen(model, pair, batch)
    return alone and math.isfinite(moved) and moved > 0 and _near(again, before, moved)


def _near(one: Tensor, other: Tensor, scale: float) -> bool:
    return one.shape == other.shape and bool(((one - other).abs() <= SAME * scale).all())


def _seen(model: nn.Module, pair: Couple, batch: Any) -> tuple[Tensor, Tensor]:
    """What the reader is fed, and what the model answers."""
    fed: list[Tensor] = []
    hook = model.get_submodule(pair.consumer).register_forward_pre_hook(
        lambda layer, inputs: fed.append(inputs[0].detach().clone())
    )
    try:
        rows = answer(model, batch).rows
    finally:
        hook.remove()
    return (fed[0] if len(fed) == 1 else torch.full((1, 2), math.nan)), rows


@contextmanager
def _changed(model: nn.Module, names: Sequence[str], change: Any) -> Iterator[None]:
    """Other outputs of layers, for a while; `change` sees the outputs as the last axis."""
    layers = [model.get_submodule(name) for name in names]
    kept = [(p, p.detach().clone()) for m in layers for p in m.parameters(recurse=False)]
    try:
        for layer in layers:
            for p in layer.parameters(recurse=False):
                p.copy_(change(p) if p.ndim == 1 or turned(layer) else change(p.T).T)
        yield
    finally:
        for p, before in kept:
            p.copy_(before)


@contextmanager
def _turned(model: nn.Module, pair: Couple, order: Tensor) -> Iterator[None]:
    """The inputs of the reader in another order, for a while."""
    layer: Any = model.get_submodule(pair.consumer)
    before = layer.weight.detach().clone()
    try:
        layer.weight.copy_(before[order] if turned(layer) else before[:, order])
        yield
    finally:
        layer.weight.copy_(before)
