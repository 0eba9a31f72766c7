"""Compressed: a folder that `thrifty compress` wrote, as a torch module again."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from thrifty.codec.compressed import CompressedTensors
from thrifty.core import DataError, IncompatibleError
from thrifty.nn._submodules import put

__all__ = ["architecture_of", "load_compressed", "matching", "state_of", "tensor_of"]

Module = TypeVar("Module", bound=nn.Module)
CONFIG = "config.json"


def load_compressed(folder: str | Path, into: Any = None, *, packed: bool = False) -> Any:
    """The module of a compressed model, its weights decoded.

    Args:
        folder: that was written by compression.
        into: a module of the same tensors, whose weights are replaced; None makes the one that
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
        return _packed(_filled(into, tensors), tensors) if packed else _filled(into, tensors)
    if not (Path(folder) / CONFIG).exists():
        raise IncompatibleError(f"{folder} has no config.json: give the module to load it into")
    kind, config = architecture_of(Path(folder))
    module = kind.from_pretrained(None, config=config, state_dict=state_of(tensors)).eval()
    return _packed(module, tensors) if packed else module


def architecture_of(folder: Path) -> tuple[Any, Any]:
    """The class of transformers that a folder's config names, and the config.

    Raises:
        DataError: it names none that transformers knows; code in the folder is never run.
    """
    import transformers

    try:
        name = json.loads((folder / CONFIG).read_bytes())["architectures"][0]
        config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except (IndexError, KeyError, OSError, TypeError, ValueError) as error:
        raise DataError(f"{folder / CONFIG} names no architecture: {error}") from error
    kind = getattr(transformers, str(name), None)
    if not (isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)):
        raise DataError(f"architecture must be known to transformers, got {name!r}")
    return kind, config


def state_of(tensors: CompressedTensors) -> dict[str, Tensor]:
    """All tensors of a compressed model, decoded; the same ones as the same memory."""
    state = {name: tensor_of(tensors.decode(name)) for name in tensors.entries}
    return state | {name: state[other] for name, other in tensors.aliases.items()}


def tensor_of(array: np.ndarray) -> Tensor:
    """An array of any dtype as a tensor of the same memory.

    Example:
        >>> import ml_dtypes
        >>> tensor_of(np.ones(2, ml_dtypes.bfloat16)).dtype
        torch.bfloat16
    """
    name = array.dtype.name
    if hasattr(np, name) or name == "bool":
        return torch.from_numpy(array)
    words = array.view({1: np.uint8, 2: np.int16}[array.dtype.itemsize])
    return torch.from_numpy(words).view(getattr(torch, name))


def matching(name: str, own: Iterable[str]) -> str | None:
    """A module's name of a tensor of a checkpoint; a prefix may be more or less.

    Example:
        >>> matching("layer.0.bias", ["bert.layer.0.bias", "head.bias"]), matching("x", ["y"])
        ('bert.layer.0.bias', None)
    """
    names = list(own)
    if name in names:
        return name
    near = [key for key in names if key.endswith(f".{name}") or name.endswith(f".{key}")]
    return near[0] if len(near) == 1 else None


def _packed(module: Module, tensors: CompressedTensors) -> Module:
    """The module with its linear layers on their encoded weights, but those shared with others."""
    from thrifty.nn.packed import PackedLinear

    uses = Counter(id(weight) for _, weight in module.named_parameters(remove_duplicate=False))
    layers = {f"{name}.weight": m for name, m in module.named_modules() if type(m) is nn.Linear}
    shared = {*tensors.aliases, *tensors.aliases.values()}
    for name in [name for name in tensors.entries if name not in shared]:
        key = matching(name, layers)
        if key is None or len(tensors.entries[name].pieces) != 1:
            continue
        if uses[id(layers[key].weight)] > 1:
            continue
        (_, encoded), layer = next(tensors.encoded(name)), layers.pop(key)
        if encoded.shape == tuple(layer.weight.shape):
            put(module, key.removesuffix(".weight"), PackedLinear(encoded, layer.bias))
    return module


def _filled(module: Module, tensors: CompressedTensors) -> Module:
    """The module with decoded tensors in place of its own."""
    state = module.state_dict()
    differ = set(state) ^ set(tensors.names())
    if differ:
        raise IncompatibleError(f"into must have the tensors of the folder, got {min(differ)!r}")
    with torch.no_grad():
        for name, array in _decoded(tensors):
            found = tensor_of(array)
            if found.shape != state[name].shape:
                raise IncompatibleError(
                    f"tensor {name!r} must be of shape {tuple(found.shape)}, "
                    f"got {tuple(state[name].shape)}"
                )
            state[name].copy_(found)
    return module


def _decoded(tensors: CompressedTensors) -> Iterator[tuple[str, np.ndarray]]:
    for name in tensors.names():
        yield name, tensors.decode(name)
