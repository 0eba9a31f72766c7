"""Share: the weights of a model that is there moved into one small array, in place."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from thrifty.core import budget_for
from thrifty.nn.maps import ParameterMap, map_named
from thrifty.nn.shared import SharedParameter
from thrifty.nn.sharing import (
    SharedConv2d,
    SharedEmbedding,
    SharedEmbeddingBag,
    SharedLinear,
    _Reader,
)

__all__ = ["Sharing", "compress_embeddings", "share_parameters"]

TABLES = (nn.Embedding, nn.EmbeddingBag)
KINDS = (*TABLES, nn.Linear, nn.Conv2d)
Map = str | Callable[..., ParameterMap]
Modules = dict[str, Any]


@dataclass(frozen=True)
class Sharing:
    """What was shared and what was not.

    Args:
        shared: the array; a part of the first of the modules replaced.
        replaced: names of the modules whose weights are now read from it.
        left: names of modules with parameters of their own that stay as they are, and why.
        bytes_before, bytes_after: of parameters and buffers of the whole model.
        ratio: weights read from the array over its slots.
    """

    shared: SharedParameter
    replaced: tuple[str, ...]
    left: dict[str, str] = field(repr=False)
    bytes_before: int
    bytes_after: int
    ratio: float


def compress_embeddings(
    model: nn.Module,
    budget: int | str,
    map: Map = "robe",
    *,
    keep: Collection[str] = (),
    mean: bool = False,
    seed: int = 0,
) -> Sharing:
    """Move all embedding tables of a model into one array, in place; heads tied to them as well.

    The array begins with what the tables hold, laid over each other; `Embedding` and
    `EmbeddingBag` answer as before otherwise. Any optimizer trains it; make it afterwards.

    Args:
        model: that holds `torch.nn.Embedding` or `EmbeddingBag` modules.
        budget: bytes for all tables together, as an int or a text such as "1 MB".
        map: "robe", "random" or "cyclic", or a function of size and seed that gives a map.
        keep: names of modules to leave as they are.
        mean: what is shared begins as the mean of its weights: for a trained model. Else with
            their spread: for one that is to be trained.
        seed: of the map, 0..2**63 - 1.

    Raises:
        BudgetError: the budget is below one slot and what goes with it.
        ValueError: there is no table to compress, or the model shares its weights already.

    Example:
        >>> model = nn.Sequential(nn.Embedding(100_000, 16), nn.Linear(16, 1))
        >>> done = compress_embeddings(model, "64 kB")
        >>> model(torch.tensor([5])).shape, done.bytes_before, done.bytes_after
        (torch.Size([1, 1]), 6400068, 64068)
    """
    found, left = _found(model, TABLES, keep)
    return _share(model, found, left, budget, map, mean, seed)


def share_parameters(
    model: nn.Module,
    budget: int | str,
    map: Map = "cyclic",
    *,
    keep: Collection[str] = (),
    mean: bool = False,
    scaler: bool = True,
    seed: int = 0,
) -> Sharing:
    """Move the weights of all linear, convolution and embedding modules into one array, in place.

    Biases, norms and modules of other kinds stay as they are and are listed; so are modules whose
    weight is tied to one of them. Weights that were tied stay tied. Each module has a scale of
    its own, the spread of its weights. With a map that goes round ("cyclic") and a budget that
    holds the model, the model is the one it was.

    Args:
        model: any module, but for one that would have to be replaced itself.
        budget: bytes for all parameters and buffers of the model, as for `compress_embeddings`.
        map: "cyclic", "tile", "robe" or "random", or a function of size and seed.
        keep, mean, seed: as for `compress_embeddings`.
        scaler: scale gradients, as of `SharedParameter`: for SGD (Adam: `scale_updates`).

    Raises:
        BudgetError: the budget is below what stays as it is and one slot.
        ValueError: there is nothing to share, or the model shares its weights already.

    Example:
        >>> model = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10))
        >>> done = share_parameters(model, "20 kB")
        >>> model(torch.zeros(1, 784)).shape, done.replaced, round(done.ratio)
        (torch.Size([1, 10]), ('0', '2'), 51)
    """
    found, left = _found(model, KINDS, keep)
    rest = _nbytes(model) - _weights_bytes(found.values())
    return _share(
        model, found, left, budget, map, mean, seed, scaled=True, rest=rest, scaler=scaler
    )


def _share(
    model: nn.Module,
    found: Modules,
    left: dict[str, str],
    budget: int | str,
    map: Map,
    mean: bool,
    seed: int,
    *,
    scaled: bool = False,
    scaler: bool = False,
    rest: int = 0,
) -> Sharing:
    if any(isinstance(module, SharedParameter) for module in model.modules()):
        raise ValueError("model must not share its weights already, got one that does")
    if not found:
        raise ValueError(f"model must hold a module to share, got none; left: {left}")
    before, groups = _nbytes(model), _groups(found)
    first = next(iter(found.values())).weight
    around = rest + 8 + 8 * len(groups)
    room = budget_for(f"{len(found)} modules", budget, around + first.element_size()) - around
    weights = sum(group[0].weight.numel() for group in groups.values())
    made = map_named(map, min(room // first.element_size(), weights), seed)
    spread = _spread([group[0].weight for group in groups.values()])
    shared = SharedParameter(made, scaler=scaler, std=spread, dtype=first.dtype).to(first.device)
    names = {id(module): name for name, module in found.items()}
    filled = []
    for group in groups.values():
        tiled = not any(isinstance(module, TABLES) for module in group)
        matrix = group[0].weight.detach().flatten(1)
        scale = _spread([matrix]) / spread if scaled else 1.0
        region = shared.region(*matrix.shape, scale=scale, tiled=tiled)
        filled.append((region, matrix))
        for module in group:
            _put(model, names[id(module)], module, _twin(module, shared, region))
    shared.start_from(filled, mean=mean)
    model.get_submodule(next(iter(found))).add_module("shared", shared)
    return Sharing(shared, tuple(found), left, before, _nbytes(model), weights / made.size)


def _found(
    model: nn.Module, kinds: tuple[type, ...], keep: Collection[str]
) -> tuple[Modules, dict[str, str]]:
    """Modules to replace by name, and why the others that hold parameters are not."""
    unknown = set(keep) - dict(model.named_modules()).keys()
    if unknown:
        raise ValueError(f"keep must be names of modules, got {', '.join(sorted(unknown))}")
    found: Modules = {}
    left: dict[str, str] = {}
    sought = {id(m.weight) for m in model.modules() if type(m) in kinds}
    for name, module in model.named_modules(remove_duplicate=False):
        if next(module.parameters(recurse=False), None) is not None:
            why = "kept" if name in keep else _unfit(name, module, sought)
            first = next(iter(found.values()), module)
            why = why or _unlike(first, module)
            if why:
                left[name] = why
            else:
                found[name] = module
    owners = {id(p): name for name in left for p in _own(model.get_submodule(name))}
    for name, module in list(found.items()):
        if id(module.weight) in owners:
            del found[name]
            left[name] = f"its weight is tied to {owners[id(module.weight)] or 'the model'}"
    return found, left


def _unfit(name: str, module: Any, sought: Collection[int]) -> str:
    """Why a module cannot be replaced; nothing if it can and its weight is sought."""
    if type(module) not in KINDS or id(module.weight) not in sought:
        return f"a {type(module).__name__}"
    if not name:
        return "the model itself"
    if not module.weight.is_floating_point() or module.weight.numel() == 0:
        return f"weights of {module.weight.dtype} {tuple(module.weight.shape)}"
    if isinstance(module, TABLES) and (module.max_norm is not None or module.scale_grad_by_freq):
        return "max_norm or scale_grad_by_freq"
    if not bool(module.weight.isfinite().all()):
        return "weights that are not finite"
    if "weight" not in module._parameters or module._forward_hooks or module._forward_pre_hooks:
        return "hooks or a weight that is worked out"
    return ""


def _unlike(first: Any, module: Any) -> str:
    """Why two weights cannot stand in one array; nothing if they can."""
    kinds = [(held.weight.dtype, held.weight.device) for held in (first, module)]
    return "" if kinds[0] == kinds[1] else "weights of {} on {}".format(*kinds[1])


def _own(module: nn.Module) -> Iterator[nn.Parameter]:
    return module.parameters(recurse=False)


def _groups(found: Modules) -> dict[int, list[Any]]:
    """Modules by the weight they hold: those that are tied are one group."""
    groups: dict[int, list[Any]] = {}
    for module in found.values():
        held = groups.setdefault(id(module.weight), [])
        if not any(module is other for other in held):
            held.append(module)
    return groups


def _spread(weights: list[torch.Tensor]) -> float:
    """Root mean square over all weights; 1 where they are all 0."""
    total = sum(float(w.detach().double().square().sum()) for w in weights)
    return (total / sum(w.numel() for w in weights)) ** 0.5 or 1.0


def _twin(module: Any, shared: SharedParameter, region: Any) -> _Reader:
    """The layer that reads what the module held; its bias is the module's own."""
    rest: dict[str, Any] = {"region": region}
    if isinstance(module, TABLES):
        sizes = (module.num_embeddings, module.embedding_dim, shared)
        rest["padding_idx"] = module.padding_idx
        if isinstance(module, nn.Embedding):
            return SharedEmbedding(*sizes, **rest)
        rest |= {"mode": module.mode, "include_last_offset": module.include_last_offset}
        return SharedEmbeddingBag(*sizes, **rest)
    if isinstance(module, nn.Linear):
        made: Any = SharedLinear(module.in_features, module.out_features, shared, **rest)
    else:
        names = ("stride", "padding", "dilation", "groups", "padding_mode")
        rest |= {name: getattr(module, name) for name in names}
        sizes = (module.in_channels, module.out_channels, module.kernel_size, shared)
        made = SharedConv2d(*sizes, **rest)
    made.bias = module.bias
    return made


def _put(model: nn.Module, name: str, old: nn.Module, new: nn.Module) -> None:
    """Put a module in the place of another, wherever it stands."""
    new.train(old.training)
    for holder in list(model.modules()):
        for child, module in list(holder._modules.items()):
            if module is old:
                holder._modules[child] = new


def _nbytes(model: nn.Module) -> int:
    """Bytes of all parameters and buffers, tied ones once."""
    held = {id(t): t for t in (*model.parameters(), *model.buffers())}
    return sum(t.numel() * t.element_size() for t in held.values())


def _weights_bytes(modules: Any) -> int:
    held = {id(m.weight): m.weight for m in modules}
    return sum(w.numel() * w.element_size() for w in held.values())
