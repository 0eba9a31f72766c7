"""Shrinking: a module made smaller ahead of compression, and taught to answer as it did."""

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from thrifty.codec._buffers import array_of
from thrifty.core import DataError
from thrifty.nn.answers import few
from thrifty.nn.committeework import learn_from
from thrifty.nn.couples import Couple, couples_of
from thrifty.nn.diverse import Teacher
from thrifty.nn.feedforward import feedforward_couples, width_of
from thrifty.nn.interpolative import Shrunk, interpolate
from thrifty.nn.pruning import Masks
from thrifty.nn.recover import Recovered, Said, recover, said, split
from thrifty.nn.resized import shrunk_row
from thrifty.nn.saliency import saliency

__all__ = ["Made", "Wanted", "changed", "made_smaller"]

Told = Callable[[Mapping[str, Any]], None]


class Wanted(NamedTuple):
    """How a module is made smaller.

    Args:
        share: of hidden units that stay, 0..1; None for all.
        epochs: of training to answer as before; None for none.
        student: that learns from the module instead of a part of it.
        teachers: that it learns from instead of the module, as a committee.
        prune: of scores (rows, columns): which weights stay. pruned: of a module: their names.
    """

    share: float | None = None
    epochs: int | None = None
    student: nn.Module | None = None
    teachers: Sequence[Teacher] = ()
    prune: Callable[[np.ndarray], np.ndarray] | None = None
    pruned: Callable[[nn.Module], Sequence[str]] | None = None


class Made(NamedTuple):
    """A smaller module.

    Args:
        module: itself; what was given has not changed.
        layers: that were shrunk.
        manifest: what `resize` needs to make the whole module as small; None if nothing was.
        recovered: what training brought; None without.
    """

    module: nn.Module
    layers: list[Shrunk]
    manifest: dict[str, Any] | None
    recovered: Recovered | None


def made_smaller(
    module: nn.Module, batches: Sequence[Any], wanted: Wanted, *, progress: Told | None = None
) -> Made:
    """Shrink a module, or let a student learn from it, as is wanted.

    Hidden layers are those of `couples_of`; where the module has a config of transformers, those
    of as many units as that says, and all of them keep the same number. Batches that training
    watches are not looked at before.

    Args:
        module: whole; it does not change.
        batches: that are learned from: see `nn.answers.ask`.
        wanted: how.
        progress: called with phase and fraction.

    Raises:
        DataError: nothing in it can be shrunk.
        IncompatibleError: the student answers in other shapes.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> made = made_smaller(net, [torch.randn(50, 4)], Wanted(share=0.5))
        >>> made.module[0].out_features, made.manifest["rows"][0]["consumer"]
        (4, '2')
    """
    asked = wanted.epochs and not wanted.teachers
    heard: list[Said] = said(module, batches) if asked else []
    seen = [batches[i] for i in split(len(batches))[0]] if wanted.epochs else batches
    small, layers, manifest = module, list[Shrunk](), None
    if wanted.share is not None:
        small, layers, manifest = _shrunk(module, seen, wanted.share, progress)
    elif wanted.student is not None:
        small = copy.deepcopy(wanted.student)
    if not wanted.epochs:
        return Made(small, layers, manifest, None)
    small = copy.deepcopy(small) if small is module else small
    if wanted.teachers:
        found = learn_from(small, wanted.teachers, batches, epochs=wanted.epochs)
        return Made(small, layers, manifest, found)
    masks = _masks(small, seen, wanted)
    fresh = wanted.student is not None
    how: dict[str, Any] = {"epochs": wanted.epochs, "masks": masks, "training": fresh}
    found = recover(small, heard, batches, progress=progress, **how)
    return Made(small, layers, manifest, found)


def _masks(small: nn.Module, batches: Sequence[Any], wanted: Wanted) -> Masks | None:
    """Which weights stay, of those that will be pruned; the others are put at zero."""
    if wanted.prune is None or wanted.pruned is None:
        return None
    scores = saliency(small, "wanda", batches=batches, weights=wanted.pruned(small))
    masks = Masks()
    for name, score in scores.items():
        rows = score.float().reshape(len(score), -1).cpu().numpy()
        masks[name] = torch.from_numpy(wanted.prune(rows)).reshape(score.shape)
    return masks.apply(small)


def _shrunk(
    module: nn.Module, batches: Sequence[Any], share: float, progress: Told | None
) -> tuple[nn.Module, list[Shrunk], dict[str, Any]]:
    named = None
    with suppress(DataError):
        named = width_of(module.config) if hasattr(module, "config") else None
    pairs = _couples(module, batches[0], named)
    if not pairs:
        raise DataError("model has no hidden layer that can be shrunk")
    small, layers = interpolate(module, batches, keep=share, couples=pairs, progress=progress)
    rows = [shrunk_row(pair, row) for pair, row in zip(pairs, layers, strict=True)]
    if named is None:
        return small, layers, {"rows": rows}
    config = {named[0]: layers[0].after}
    _fit(small, config)
    return small, layers, {"rows": rows, "config": config}


def _couples(module: nn.Module, batch: Any, named: tuple[str, int] | None) -> list[Couple]:
    if named is None:
        return couples_of(module)
    return feedforward_couples(module, few(batch), named[1])


def _fit(small: Any, config: Mapping[str, int]) -> None:
    """Write the number of units into the config, which must make a module of these shapes."""
    small.config = copy.deepcopy(small.config)
    for name, value in config.items():
        setattr(small.config, name, value)
    with torch.device("meta"):
        fresh = type(small)(small.config).state_dict()
    for name, value in small.state_dict().items():
        if name in fresh and fresh[name].shape != value.shape:
            raise DataError(f"model has blocks that cannot be shrunk as its config asks: {name!r}")


def changed(made: Made, *, shrunk: bool = False) -> dict[str, Callable[[Any], Any]]:
    """Tensors of a smaller module that are not those of the whole one.

    Args:
        made: the module.
        shrunk: only those of layers that lost units, which have another shape.

    Returns:
        By name: of a NumPy dtype, the array.
    """
    rows = (made.manifest or {"rows": []})["rows"]
    layers = {name for row in rows for name in (*row["producers"], *row["followers"],
                                                row["consumer"])}  # fmt: skip
    every = made.recovered is not None and not shrunk
    return {
        name: partial(_array, tensor)
        for name, tensor in made.module.state_dict().items()
        if (every and tensor.is_floating_point()) or name.rpartition(".")[0] in layers
    }


def _array(tensor: Tensor, dtype: Any) -> Any:
    return array_of(tensor.detach().to(getattr(torch, dtype.name)).cpu().contiguous())
