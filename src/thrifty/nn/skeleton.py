"""Skeleton: a model of transformers without its weights, which come when they are needed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from thrifty.core import DataError

__all__ = ["architecture_of", "skeleton"]

CONFIG = "config.json"


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


def skeleton(folder: Path) -> nn.Module:
    """The module that a folder's config names, in evaluation mode: parameters on the meta device.

    Buffers that follow from the config are there; weights that are one parameter are one.

    Args:
        folder: with a `config.json`.

    Raises:
        DataError: the architecture is not known to transformers.

    Example:
        >>> import tempfile
        >>> from transformers import BertConfig, BertModel
        >>> folder = Path(tempfile.mkdtemp())
        >>> small = BertConfig(vocab_size=50, hidden_size=8, num_attention_heads=2,
        ...                    num_hidden_layers=2, intermediate_size=16)
        >>> BertModel(small).save_pretrained(folder)
        >>> made = skeleton(folder)
        >>> all(p.is_meta for p in made.parameters()), any(b.is_meta for b in made.buffers())
        (True, False)
    """
    from transformers.initialization import no_init_weights

    kind, config = architecture_of(folder)
    found = getattr(config, "dtype", None)
    with no_init_weights(), _meta_parameters(), _default(found or torch.float32):
        module = kind(config)
    module.tie_weights()
    return module.eval().requires_grad_(False)


@contextmanager
def _meta_parameters() -> Iterator[None]:
    """Parameters lose their numbers as soon as a module has them."""
    plain = nn.Module.register_parameter

    def register(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
        plain(self, name, param)
        if param is not None and not param.is_meta:
            self._parameters[name] = nn.Parameter(param.detach().to("meta"), param.requires_grad)

    nn.Module.register_parameter = register
    try:
        yield
    finally:
        nn.Module.register_parameter = plain


@contextmanager
def _default(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
