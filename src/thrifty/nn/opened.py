"""Opened: a model of transformers in a folder, held in memory whole or block by block."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import nn

from thrifty.codec.compressed import CompressedTensors
from thrifty.core import IncompatibleError
from thrifty.nn.compressed import load_compressed
from thrifty.nn.skeleton import architecture_of, skeleton
from thrifty.nn.staged import Staged
from thrifty.nn.tensors import tensor_of

__all__ = ["opened", "reopened"]


class Readable(Protocol):
    """Tensors by name."""

    tensors: Any

    def read(self, name: str) -> np.ndarray:
        """One of them."""
        ...


def opened(folder: Path, source: Readable, *, whole: bool) -> tuple[Any, Staged | None]:
    """The model of a folder, its weights read from where they lie.

    Args:
        folder: with a `config.json`.
        source: of its tensors.
        whole: held in memory; if not, one block at a time is.

    Returns:
        The module, and what gives it its weights; None where transformers gave them.

    Raises:
        DataError: the architecture is not known to transformers.
        IncompatibleError: the model is not to be held whole, and its tensors have other names
            than those of the module.
    """
    module = _bare(folder)
    try:
        return module, _staged(module, source.read, source.tensors, whole)
    except IncompatibleError:
        if not whole:
            raise
    kind, _ = architecture_of(folder)
    return kind.from_pretrained(str(folder), local_files_only=True).eval(), None


def reopened(folder: Path, packed: bool, *, whole: bool) -> nn.Module:
    """The model of a folder that was compressed.

    Args:
        folder: of it.
        packed: whether linear layers stay encoded, where it is held whole.
        whole: held in memory; if not, one block at a time is decoded.
    """
    if whole:
        return load_compressed(folder, packed=packed)
    tensors = CompressedTensors(folder)
    return _staged(_bare(folder), tensors.decode, tensors.names(), False).module


def _bare(folder: Path) -> Any:
    """A skeleton that is asked for answers alone: it keeps no keys and values of what it read."""
    module: Any = skeleton(folder)
    if getattr(module.config, "use_cache", False):
        module.config.use_cache = False
    return module


def _staged(
    module: nn.Module, read: Callable[[str], np.ndarray], names: Iterable[str], whole: bool
) -> Staged:
    return Staged(module, lambda name: tensor_of(read(name)), names, whole=whole)
