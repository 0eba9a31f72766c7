"""thrifty: machine learning that fits the machine you have.

Rooms load on first use, so `import thrifty` costs nothing: `thrifty.learn`, `thrifty.data`,
`thrifty.models`, ...
"""

import importlib
from types import ModuleType

__all__ = [
    "cli",
    "codec",
    "core",
    "data",
    "hashing",
    "index",
    "laws",
    "learn",
    "models",
    "nn",
    "run",
    "serve",
    "sketch",
    "text",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"thrifty.{name}")
    raise AttributeError(f"module 'thrifty' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
