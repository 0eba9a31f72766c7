"""Compressors: the settings a model can be compressed to, by name, and the codecs behind them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from thrifty import codec as codecs
from thrifty.codec import Codec
from thrifty.codec.masks import pattern
from thrifty.core import one_of

__all__ = [
    "FLOATS",
    "LOSSLESS",
    "PROBE",
    "SETTINGS",
    "SMALLEST",
    "Setting",
    "choices",
    "compressible",
    "lossless_codec",
    "setting",
]

LOSSLESS, SMALL, SMALLEST = "lossless", 4096, 16_384
FLOATS = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
GROUP = 64
COARSE, FINE = ("int5", "int4", "int3", "int2"), ("lean4", "lean3", "lean2")


@dataclass(frozen=True)
class Setting:
    """A way to compress a tensor.

    Args:
        name: that a user gives, such as "int4".
        make: the codec.
        inputs: whether it becomes better where the layer's inputs are known.
    """

    name: str
    make: Callable[[], Codec]
    inputs: bool = False


def _ints(bits: int) -> Setting:
    """Whole numbers of groups: of 8 bits around 0; of fewer, from the range that errs least."""
    how: dict[str, Any] = {"symmetric": True} if bits == 8 else {"clip": "mse"}
    return Setting(f"int{bits}", lambda: codecs.Groups(bits, GROUP, **how))


def _lean(bits: int) -> Setting:
    return Setting(f"lean{bits}", lambda: codecs.LeanCodec(bits), inputs=True)


SETTINGS: dict[str, Setting] = {
    found.name: found
    for found in (
        Setting(LOSSLESS, lambda: codecs.ExponentCodec()),
        *map(_ints, (8, 6, 5, 4, 3, 2)),
        Setting("nf4", lambda: codecs.NF4(GROUP)),
        *map(_lean, (4, 3, 2)),
    )
}


PROBE = Setting("probe", lambda: codecs.Groups(3, GROUP))  # cheap and coarse, to feel a change by


def setting(name: str) -> Setting:
    """The setting of this name; a pattern such as 2:4 is pruning to n of each m neighbours.

    Raises:
        ValueError: there is none.

    Example:
        >>> setting("2:4").make()
        NOfM(n=2, m=4)
    """
    if ":" in name:
        n, m = _pattern(name)
        return Setting(name, lambda: codecs.NOfM(n, m), inputs=True)
    one_of("setting", name, (*SETTINGS, "2:4"))
    return SETTINGS[name]


def _pattern(name: str) -> tuple[int, int]:
    try:
        found: Any = pattern(name)
    except ValueError:
        raise ValueError(f"setting must be a pattern such as 2:4, got {name!r}") from None
    return found


def lossless_codec(dtype: np.dtype | None) -> Codec | None:
    """The lossless codec for a dtype; None where there is none."""
    return SETTINGS[LOSSLESS].make() if dtype is not None and dtype.name in FLOATS else None


def compressible(dtype: np.dtype | None, shape: tuple[int, ...]) -> str:
    """Why a tensor is left as it is by settings that lose something; empty if it is not.

    Example:
        >>> compressible(np.dtype(np.float32), (768,)), compressible(np.dtype(np.float32), (64, 64))
        ('one axis', '')
    """
    if dtype is None or dtype.name not in FLOATS:
        return "no floating-point numbers" if dtype is not None else "a dtype not known here"
    if len(shape) < 2:
        return "one axis"
    return "small" if int(np.prod(shape, dtype=object)) < SMALL else ""


def choices(inputs: bool) -> tuple[str, ...]:
    """The settings that a budget chooses from.

    Args:
        inputs: whether the inputs of layers are known, so that the dear settings pay.

    Example:
        >>> choices(True)
        ('lossless', 'int8', 'int6', 'lean4', 'lean3', 'lean2')
    """
    return (LOSSLESS, "int8", "int6", *(FINE if inputs else COARSE))
