"""Registry: every group of laws in this folder, found by looking, so that no list is kept by hand.

Each file of this room holds `LAWS`, a dict from the name of a group to its laws; a law takes a
factory (called without arguments, it makes a fresh member) and raises AssertionError if broken.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

__all__ = ["LAWS", "Law", "gather"]

Law = Callable[..., None]


def gather(modules: Mapping[str, ModuleType]) -> dict[str, tuple[Law, ...]]:
    """Join the groups of many modules; a group stands in one module only.

    Raises:
        ValueError: two modules hold a group of the same name.
    """
    groups: dict[str, tuple[Law, ...]] = {}
    for name, module in modules.items():
        if clash := groups.keys() & module.LAWS.keys():
            raise ValueError(f"laws of {name} must be new groups, got {', '.join(sorted(clash))}")
        groups |= module.LAWS
    return groups


def _modules() -> dict[str, ModuleType]:
    names = [info.name for info in pkgutil.iter_modules([str(Path(__file__).parent)])]
    return {name: _load(name) for name in sorted(names) if name != "registry"}


def _load(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"thrifty.laws.{name}")
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        message = "the laws need hypothesis: pip install 'thrifty[laws]'"
        raise ModuleNotFoundError(message, name=error.name) from error


LAWS: dict[str, tuple[Law, ...]] = gather(_modules())
