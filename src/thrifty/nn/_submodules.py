"""Submodules: one part of a module put in the place of another, by its name."""

from torch import nn

__all__ = ["put"]


def put(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module where the submodule of this name stands."""
    owner, _, part = name.rpartition(".")
    setattr(model.get_submodule(owner), part, module)
