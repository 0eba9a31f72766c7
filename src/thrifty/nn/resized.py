"""Resized: a module whose hidden layers become as small as those of a model that was shrunk."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from thrifty.core import FormatError, IncompatibleError
from thrifty.nn._units import cut, inputs_of, read, units_of
from thrifty.nn.couples import Couple
from thrifty.nn.interpolative import Shrunk

__all__ = ["resize", "shrunk_row"]

DAMAGE = (AttributeError, KeyError, TypeError, ValueError)


def shrunk_row(pair: Couple, row: Shrunk) -> dict[str, Any]:
    """What a manifest says of one couple that was shrunk; `units` has a bit for each that stayed.

    Args:
        pair: the couple.
        row: what became of it.

    Example:
        >>> row = Shrunk("0", 8, 2, 0.5, np.array([0, 7]))
        >>> shrunk_row(Couple(("0",), (), "2"), row)["units"]
        '81'
    """
    stays = np.zeros(row.before, bool)
    stays[row.columns] = True
    names = {key: list(value) if isinstance(value, tuple) else value
             for key, value in pair._asdict().items()}  # fmt: skip
    return {**names, "before": row.before, "units": np.packbits(stays).tobytes().hex()}


def resize(module: nn.Module, told: Any) -> nn.Module:
    """Cut the hidden layers of a module as those of a model that was shrunk; in place.

    Layers that are as small already stay.

    Args:
        module: whole, or as small.
        told: what the manifest says: "rows" of `shrunk_row` and "config", numbers that stand in
            the module's config of transformers; None where nothing was shrunk.

    Raises:
        FormatError: what is told is damaged.
        IncompatibleError: the module has not these layers, or of another size.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> row = {"producers": ["0"], "followers": [], "consumer": "2", "before": 8, "units": "81"}
        >>> resize(net, {"rows": [row]})[2]
        Linear(in_features=2, out_features=2, bias=True)
    """
    if told is None:
        return module
    try:
        rows = [_row(row) for row in told["rows"]]
        config = {str(name): int(value) for name, value in dict(told.get("config", {})).items()}
    except DAMAGE as error:
        raise FormatError(f"what is told of shrunk layers is damaged: {error!r}") from error
    asked = [(_layers(module, names), one, columns) for names, one, columns in rows]
    left = [(layers, columns) for layers, one, columns in asked if not _done(layers, one, columns)]
    for layers, columns in left:
        reader, *makers = layers.values()
        before = units_of(makers[0])
        for layer in makers:
            cut(layer, columns)
        read(reader, before, columns)
    for name, value in config.items():
        if hasattr(getattr(module, "config", None), name):
            setattr(module.config, name, value)
    return module


def _row(row: Mapping[str, Any]) -> tuple[list[str], int, torch.Tensor]:
    """Names of the reader and of what makes the units, their number, and which stay."""
    before = int(row["before"])
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(row["units"]), np.uint8))
    columns = np.flatnonzero(bits)
    names = [row["consumer"], *row["producers"], *row["followers"]]
    sound = len(bits) == -(-before // 8) * 8 and len(columns) > 0 and columns[-1] < before
    if not sound or len(names) < 2 or not all(isinstance(name, str) for name in names):
        raise ValueError("units do not fit")
    return names, before, torch.from_numpy(columns)


def _layers(module: nn.Module, names: Sequence[str]) -> dict[str, Any]:
    found = dict(module.named_modules())
    for name in names:
        if not isinstance(getattr(found.get(name), "weight", None), torch.Tensor):
            raise IncompatibleError(f"into must have a layer {name!r} as the model that was shrunk")
    return {name: found[name] for name in names}


def _done(layers: Mapping[str, Any], before: int, columns: torch.Tensor) -> bool:
    """Whether these layers are as small already.

    Raises:
        IncompatibleError: they are of another size.
    """
    after = len(columns)
    reader, *makers = layers.items()
    sizes = {name: units_of(layer) for name, layer in makers}
    for name, size in sizes.items():
        if size != before and set(sizes.values()) != {after}:
            text = f"into must have {before} or {after} units in layer {name!r}, got {size}"
            raise IncompatibleError(text)
    inputs = inputs_of(reader[1])
    each = after if set(sizes.values()) == {after} else before
    if inputs % each:
        raise IncompatibleError(f"layer {reader[0]!r} of into must read {each} units, got {inputs}")
    return each == after
