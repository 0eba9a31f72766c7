"""Compressors: the settings a model can be compressed to, by name, and the codecs behind them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from thrifty import codec as codecs
from thrifty.codec import Codec
from thrifty.codec.masks import largest_of_rows, n_of_m, pattern
from thrifty.core import one_of

__all__ = [
    "FLOATS",
    "LOSSLESS",
    "SETTINGS",
    "SMALLEST",
    "Setting",
    "along",
    "choices",
    "compressible",
    "lossless_codec",
    "setting",
]

LOSSLESS, SMALL, SMALLEST, LONG = "lossless", 4096, 16_384, 65_536
FLOATS = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
GROUP = 64
COARSE, FINE = ("int5", "int4", "int3", "int2"), ("lean4", "lean3", "lean2")
SPLIT = 0.01  # of the channels: with rows' own steps more cost as many bytes as bits would


@dataclass(frozen=True)
class Setting:
    """A way to compress a tensor.

    Args:
        name: that a user gives, such as "int4".
        make: the codec.
        inputs: whether it becomes better where the layer's inputs are known.
        prune: of scores (rows, columns): which elements stay; None where all do.
    """

    name: str
    make: Callable[[], Codec]
    inputs: bool = False
    prune: Callable[[np.ndarray], np.ndarray] | None = None


def _ints(bits: int) -> Setting:
    """Whole numbers of groups: of 8 bits around 0; of fewer, from the range that errs least."""
    how: dict[str, Any] = {"symmetric": True} if bits == 8 else {"clip": "mse"}
    return Setting(f"int{bits}", lambda: codecs.Groups(bits, GROUP, **how))


def _lean(bits: int) -> Setting:
    return Setting(f"lean{bits}", lambda: codecs.LeanCodec(bits), inputs=True)


def _split(bits: int) -> Setting:
    """Steps of rows, after the channels of the largest weights were split.

    Of 0, 1, 2, 5 and 10 % of channels split, 1 % erred least for its bytes on the matrices of
    all-MiniLM-L6-v2 at 6, 5 and 4 bits (at 4 bits .0142 of the squares for 4.12 bits a weight;
    none: .0154 for 4.07; 5 %: .0129 for 4.30); at 8 and 3 bits none did, by 0.01 bits.
    """
    how: dict[str, Any] = {"scales": "row", "clip": "mse"}
    return Setting(f"ocs{bits}", lambda: codecs.OutlierSplit(bits, SPLIT, **how))


SETTINGS: dict[str, Setting] = {
    found.name: found
    for found in (
        Setting(LOSSLESS, lambda: codecs.ExponentCodec()),
        *map(_ints, (8, 6, 5, 4, 3, 2)),
        Setting("nf4", lambda: codecs.NF4(GROUP)),
        *map(_lean, (4, 3, 2)),
        *map(_split, (8, 6, 5, 4, 3)),
    )
}


def setting(name: str) -> Setting:
    """The setting of this name: one of `SETTINGS`, or pruning to a pattern or by a share.

    A pattern such as 2:4 keeps n of each m neighbours. sparse50 keeps half of each row, those of
    the largest weights, or of weights times the norms of their inputs where these are known (Wanda:
    Sun, Liu, Bair and Kolter 2023, arXiv:2306.11695).

    Raises:
        ValueError: there is none.

    Example:
        >>> setting("2:4").make(), setting("sparse75").make()
        (NOfM(n=2, m=4), Sparse(index='least'))
    """
    if ":" in name:
        n, m = _pattern(name)
        make = lambda: codecs.NOfM(n, m)  # noqa: E731
        return Setting(name, make, inputs=True, prune=lambda scores: n_of_m(scores, n, m))
    if found := re.fullmatch(r"sparse([1-9]\d?)", name):
        stay = 1 - int(found[1]) / 100
        keep = lambda scores: largest_of_rows(scores, _count(scores.shape[1], stay))  # noqa: E731
        return Setting(name, lambda: codecs.Sparse(), inputs=True, prune=keep)
    one_of("setting", name, (*SETTINGS, "2:4", "sparse50"))
    return SETTINGS[name]


def _count(columns: int, share: float) -> int:
    """Elements of a row that stay, at least one."""
    return min(columns, max(1, round(columns * share)))


def _pattern(name: str) -> tuple[int, int]:
    try:
        found: Any = pattern(name)
    except ValueError:
        raise ValueError(f"setting must be a pattern such as 2:4, got {name!r}") from None
    return found


def along(name: str, shape: tuple[int, ...]) -> str:
    """The setting that a tensor of this shape gets where one is wanted.

    An array of one axis is one row: it has no rows that could have codebooks or split channels of
    their own, so lean4 and ocs4 become int4, and so on.

    Example:
        >>> along("lean4", (70_000,)), along("lean4", (300, 300)), along("nf4", (70_000,))
        ('int4', 'lean4', 'nf4')
    """
    found = re.fullmatch(r"(?:lean|ocs)(\d)", name)
    return f"int{found[1]}" if found and len(shape) == 1 else name


def lossless_codec(dtype: np.dtype | None) -> Codec | None:
    """The lossless codec for a dtype; None where there is none."""
    return SETTINGS[LOSSLESS].make() if dtype is not None and dtype.name in FLOATS else None


def compressible(dtype: np.dtype | None, shape: tuple[int, ...]) -> str:
    """Why a tensor is left as it is by settings that lose something; empty if it is not.

    Example:
        >>> compressible(np.dtype(np.float32), (768,)), compressible(np.dtype(np.float32), (64, 64))
        ('one axis', '')
        >>> compressible(np.dtype(np.float32), (65_536,))
        ''
    """
    if dtype is None or dtype.name not in FLOATS:
        return "no floating-point numbers" if dtype is not None else "a dtype not known here"
    if len(shape) < 2 and int(np.prod(shape, dtype=object)) < LONG:
        return "one axis"
    return "small" if int(np.prod(shape, dtype=object)) < SMALL else ""


def choices(inputs: bool) -> tuple[str, ...]:
    """The settings that a budget chooses from.

    Pruning and split channels are not among them: for the same bytes they lose more than whole
    numbers with scales of groups do. The sizes of all but the lossless codes depend on shapes
    alone, so that a budget is kept to the byte; those of the lossless ones the survey measures.

    Args:
        inputs: whether the inputs of layers are known, so that the dear settings pay.

    Example:
        >>> choices(True)
        ('lossless', 'int8', 'int6', 'lean4', 'lean3', 'lean2')
    """
    return (LOSSLESS, "int8", "int6", *(FINE if inputs else COARSE))
