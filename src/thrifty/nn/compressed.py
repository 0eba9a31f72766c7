"""Compressed: a folder that `thrifty compress` wrote, as a torch module again."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from thrifty.codec.compressed import CompressedTensors
from thrifty.core import IncompatibleError
from thrifty.nn._submodules import put
from thrifty.nn.resized import resize
from thrifty.nn.skeleton import architecture_of, skeleton
from thrifty.nn.staged import Staged, matching
from thrifty.nn.tensors import tensor_of

__all__ = ["load_compressed", "state_of"]

CONFIG = "config.json"


def load_compressed(folder: str | Path, into: Any = None, *, packed: bool = False) -> Any:
    """The module of a compressed model, its weights decoded.

    Tensors are decoded one after the other, those that stay encoded not at all.

    Args:
        folder: that was written by compression.
        into: a module of the same tensors, whose weights are replaced; hidden layers that were
            shrunk are cut as small in it. None makes the one that
            `config.json` names, as transformers has it.
        packed: keep the weights of linear layers encoded, to be multiplied as they are or decoded
            by block: the module is small in memory too. They cannot be trained then.

    Returns:
        The module, in evaluation mode where it was made here.

    Raises:
        DataError: the architecture is not known to transformers.
        IncompatibleError: nothing says which module it is, or `into` has other tensors.
        FormatError: the folder is damaged.
    """
    tensors = CompressedTensors(folder)
    if into is not None:
        return _filled(resize(into, tensors.about.get("shrunk")), tensors, packed)
    if not (Path(folder) / CONFIG).exists():
        raise IncompatibleError(f"{folder} has no config.json: give the module to load it into")
    module = skeleton(Path(folder))
    if packed:
        _pack(module, tensors)
    try:
        Staged(module, lambda name: tensor_of(tensors.decode(name)), tensors.names(), whole=True)
    except IncompatibleError:
        return _converted(Path(folder), tensors, packed)
    for parameter in module.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    return module


def state_of(tensors: CompressedTensors) -> dict[str, Tensor]:
    """All tensors of a compressed model, decoded; the same ones as the same memory."""
    state = {name: tensor_of(tensors.decode(name)) for name in tensors.entries}
    return state | {name: state[other] for name, other in tensors.aliases.items()}


def _converted(folder: Path, tensors: CompressedTensors, packed: bool) -> Any:
    """The module of tensors whose names transformers knows how to change."""
    kind, config = architecture_of(folder)
    module = kind.from_pretrained(None, config=config, state_dict=state_of(tensors)).eval()
    if packed:
        _pack(module, tensors)
    return module


def _pack(module: nn.Module, tensors: CompressedTensors) -> set[str]:
    """Put linear layers on their encoded weights, but those shared with others.

    Returns:
        Names of the tensors that are in their place now.
    """
    from thrifty.nn.packed import PackedLinear

    uses = Counter(id(weight) for _, weight in module.named_parameters(remove_duplicate=False))
    layers = {f"{name}.weight": m for name, m in module.named_modules() if type(m) is nn.Linear}
    shared, done = {*tensors.aliases, *tensors.aliases.values()}, set[str]()
    own = {key: name for name in tensors.names() if (key := matching(name, layers)) is not None}
    for key, name in own.items():
        layer = layers[key]
        if name in shared or len(tensors.entries[name].pieces) != 1 or uses[id(layer.weight)] > 1:
            continue
        _, encoded = next(tensors.encoded(name))
        if encoded.shape != tuple(layer.weight.shape):
            continue
        bias = None if layer.bias is None else _beside(name, tensors, layer.bias)
        put(module, key.removesuffix(".weight"), PackedLinear(encoded, bias))
        done.add(key)
    return done


def _beside(name: str, tensors: CompressedTensors, bias: Tensor) -> Tensor:
    """The bias that stands beside a weight in the folder."""
    other = f"{name.removesuffix('weight')}bias"
    found = tensor_of(tensors.decode(other)) if other in tensors.names() else bias
    if found.shape != bias.shape:
        raise IncompatibleError(_shapes(other, found, bias))
    return found.to(bias.dtype)


def _filled(module: Any, tensors: CompressedTensors, packed: bool) -> Any:
    """The module with the tensors of the folder in place of its own."""
    differ = set(module.state_dict()) ^ set(tensors.names())
    if differ:
        raise IncompatibleError(f"into must have the tensors of the folder, got {min(differ)!r}")
    done: Collection[str] = _pack(module, tensors) if packed else ()
    state = module.state_dict()
    with torch.no_grad():
        for name in [name for name in tensors.names() if name not in done]:
            found = tensor_of(tensors.decode(name))
            if found.shape != state[name].shape:
                raise IncompatibleError(_shapes(name, found, state[name]))
            state[name].copy_(found)
    return module


def _shapes(name: str, found: Tensor, wanted: Tensor) -> str:
    one, two = tuple(found.shape), tuple(wanted.shape)
    return f"tensor {name!r} must be of shape {one}, got {two}"
