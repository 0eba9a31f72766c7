"""Staged: a module whose parts have their weights in memory only while they run."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from thrifty.core import IncompatibleError
from thrifty.nn.blocks import blocks_of
from thrifty.nn.tensors import copy_rows

__all__ = ["Staged", "matching", "sources_of"]

SMALL = 1 << 22  # bytes of a part outside of the blocks that stays


class Place(NamedTuple):
    """Where a parameter belongs.

    Args:
        owner: module. name: of the parameter there. source: name of its numbers.
    """

    owner: nn.Module
    name: str
    source: str


class Staged:
    """Give a skeleton its weights: all at once, or to each part only while it runs.

    Parts are the blocks of the module (`blocks_of`) and every layer outside of them.

    Args:
        module: whose parameters are on the meta device; it can be called then.
        read: of a name: the tensor.
        names: of all tensors there are; those of the module may differ by a prefix.
        whole: everything stays in memory from the beginning.

    Raises:
        IncompatibleError: a tensor of the module is not among the names.

    Example:
        >>> state = {"0.weight": torch.ones(2000, 900), "1.weight": torch.ones(3, 2000)}
        >>> with torch.device("meta"):
        ...     parts = nn.Linear(900, 2000, bias=False), nn.Linear(2000, 3, bias=False)
        >>> made = Staged(nn.Sequential(*parts), state.__getitem__, state, whole=False)
        >>> with torch.no_grad():
        ...     print(made.module(torch.ones(1, 900)), parts[0].weight.is_meta)
        tensor([[1800000., 1800000., 1800000.]]) True
    """

    def __init__(
        self,
        module: nn.Module,
        read: Callable[[str], Tensor],
        names: Iterable[str],
        *,
        whole: bool,
    ) -> None:
        self.module, self.whole, self._read = module, whole, read
        self._settled, self._kept = dict[str, Tensor](), dict[str, nn.Parameter]()
        self._shapes = dict[str, torch.Size]()
        sources = sources_of(module, names)
        for key, _ in module.named_buffers():
            if key in sources:
                module.get_buffer(key).copy_(read(sources[key]))
        blocks = blocks_of(module)
        for part in _parts(module, blocks):
            places = _places(module.get_submodule(part), part, sources, part in blocks)
            self._shapes |= {one.source: one.owner.get_parameter(one.name).shape for one in places}
            size = sum(one.owner.get_parameter(one.name).nbytes for one in places)
            if whole or (size <= SMALL and part not in blocks):
                self._load(places)
            else:
                self._hook(module.get_submodule(part), places)

    def settle(self, source: str, start: int, rows: Tensor) -> None:
        """Other rows in the place of those of a tensor, from now on; they are held in memory.

        Args:
            source: name of the tensor; all its rows are settled before it is used again.
            start: number of the first row.
            rows: of its other axes.
        """
        whole = self._kept.get(source)
        if whole is None:
            whole = self._settled.get(source)
        if whole is None:
            whole = self._settled[source] = torch.empty(self._shapes[source], dtype=rows.dtype)
        copy_rows(whole, start, rows)

    def forget(self) -> None:
        """Read again what was settled for parts that are loaded while they run."""
        self._settled = {}

    def _load(self, places: Iterable[Place], *, keep: bool = True) -> None:
        for owner, name, source in places:
            made = self._kept.get(source)
            if made is None:
                found = self._settled.get(source)
                tensor = self._read(source) if found is None else found
                blank = owner.get_parameter(name)
                made = nn.Parameter(tensor.to(blank.dtype), requires_grad=False)
            if keep:
                self._kept[source] = made
            owner._parameters[name] = made

    def _hook(self, part: nn.Module, places: list[Place]) -> None:
        blank = [one.owner.get_parameter(one.name) for one in places]

        def load(*_: Any) -> None:
            self._load(places, keep=False)

        def drop(*_: Any) -> None:
            for (owner, name, _source), empty in zip(places, blank, strict=True):
                owner._parameters[name] = empty

        part.register_forward_pre_hook(load)
        part.register_forward_hook(drop, always_call=True)


def matching(name: str, own: Iterable[str]) -> str | None:
    """A module's name of a tensor of a checkpoint; a prefix may be more or less.

    Example:
        >>> matching("layer.0.bias", ["bert.layer.0.bias", "head.bias"]), matching("x", ["y"])
        ('bert.layer.0.bias', None)
    """
    names = own if isinstance(own, dict) else list(own)
    if name in names:
        return name
    near = [key for key in names if key.endswith(f".{name}") or name.endswith(f".{key}")]
    return near[0] if len(near) == 1 else None


def sources_of(module: nn.Module, names: Iterable[str]) -> dict[str, str]:
    """The tensor of each parameter and kept buffer of a module, by the names both have.

    Raises:
        IncompatibleError: one has none.

    Example:
        >>> sources_of(nn.Linear(2, 1), ["head.weight", "head.bias"])
        {'weight': 'head.weight', 'bias': 'head.bias'}
    """
    own = {**dict(module.named_parameters(remove_duplicate=False)), **_saved_buffers(module)}
    pairs = {key: name for name in names if (key := matching(name, own)) is not None}
    shared = {id(own[key]): name for key, name in pairs.items()}
    found = {key: pairs.get(key, shared.get(id(tensor))) for key, tensor in own.items()}
    lost = [key for key, name in found.items() if name is None and own[key].is_meta]
    if lost:
        raise IncompatibleError(f"the module's tensor {lost[0]!r} is not in the checkpoint")
    return {key: name for key, name in found.items() if name is not None}


def _saved_buffers(module: nn.Module) -> dict[str, Tensor]:
    kept = module.state_dict(keep_vars=True)
    return {key: buffer for key, buffer in module.named_buffers() if key in kept}


def _parts(module: nn.Module, blocks: list[str]) -> list[str]:
    """Blocks, and modules outside of them that have parameters of their own."""
    inside = tuple(f"{name}." for name in blocks)
    outside = [
        name
        for name, part in module.named_modules(remove_duplicate=False)
        if name not in blocks and not name.startswith(inside or ("\0",)) and part._parameters
    ]
    return [*outside, *blocks]


def _places(part: nn.Module, name: str, sources: dict[str, str], deep: bool) -> list[Place]:
    """All parameters of a block, or those that a module has itself."""
    inner = part.named_modules(remove_duplicate=False) if deep else [("", part)]
    found = []
    for path, owner in inner:
        for own, parameter in owner._parameters.items():
            key = ".".join(word for word in (name, path, own) if word)
            if parameter is not None and key in sources:
                found.append(Place(owner, own, sources[key]))
    return found
