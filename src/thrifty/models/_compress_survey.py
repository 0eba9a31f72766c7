"""Compress survey: what each setting would make of a tensor: its bytes, exactly, and its loss."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from thrifty.codec._buffers import values_of
from thrifty.codec.tensorfile import TensorInfo
from thrifty.models._compress_pieces import Inputs, Tensors, encoded, finite, row_ranges
from thrifty.models._compress_pieces import sample as sample_of
from thrifty.models.compress_plan import Option
from thrifty.models.compressors import (
    LOSSLESS,
    SMALLEST,
    Setting,
    compressible,
    lossless_codec,
    setting,
)

__all__ = ["KEPT", "Way", "header_bytes", "options", "way"]

KEPT = "kept"
ARRAY, PIECE, TENSOR = 140, 340, 150  # bytes of a header, at most, beside the names in it


@dataclass(frozen=True)
class Way:
    """How a tensor is compressed.

    Args:
        setting: name of it, or "kept".
        reason: why it is not the one that was wanted; empty if it is.
    """

    setting: str
    reason: str = ""


def way(source: Tensors, name: str, wanted: str) -> Way:
    """How a tensor is compressed where a setting is wanted: that way, without loss, or not at all.

    Args:
        source: of the tensor.
        name: of the tensor.
        wanted: name of a setting.
    """
    info = source.tensors[name]
    reason = ""
    if wanted != LOSSLESS:
        reason = compressible(info.dtype, info.shape)
        if not reason and _fixed(info, setting(wanted)) < info.nbytes:
            return Way(wanted)
        reason = reason or f"{wanted} is not smaller"
    codec = lossless_codec(info.dtype)
    if codec is None or not info.shape or info.nbytes < SMALLEST:
        return Way(KEPT, reason or ("small" if codec else compressible(info.dtype, info.shape)))
    first, last = row_ranges(info)[0]
    x = source.read(name, first, last)
    if codec.size(x) + ARRAY >= x.nbytes:
        return Way(KEPT, reason or "lossless codes are not smaller")
    return Way(LOSSLESS, reason)


def options(
    source: Tensors,
    name: str,
    settings: Iterable[str],
    inputs: Inputs | None,
    weigh: Callable[[str, np.ndarray], float] | None = None,
) -> list[Option]:
    """What each setting would cost a tensor; one that is left alone has one option.

    The loss is the squared error of some rows, as a share of their squares; with the inputs of
    the layer, that of what the layer puts out. It is weighed by what the model loses.

    Args:
        source: of the tensor.
        name: of the tensor.
        settings: names of those to look at.
        inputs: of its layer, if they are known.
        weigh: of a name and rows: what a unit of loss costs the model.
    """
    info = source.tensors[name]
    plain = way(source, name, LOSSLESS)
    size, whole = _read(source, name, plain.setting == LOSSLESS)
    rows = sample_of(source, name) if info.shape and info.size else np.zeros(0)
    codec = lossless_codec(info.dtype) if plain.setting == LOSSLESS else None
    arrays = len(codec.encode(rows).arrays()) if codec else 0
    found = [Option(plain.setting, size + header_bytes(name, info, arrays), 0.0)]
    if compressible(info.dtype, info.shape) or not whole:
        return found
    for wanted in settings:
        one = setting(wanted)
        if wanted == LOSSLESS or (nbytes := _fixed(info, one)) >= info.nbytes:
            continue
        made = encoded(rows, one, inputs)
        nbytes += header_bytes(name, info, len(made.arrays()))
        found.append(Option(wanted, nbytes, lost(rows, made.decode(), inputs)))
    weight = 1.0 if weigh is None or len(found) == 1 else weigh(name, rows)
    return [option._replace(loss=option.loss * weight) for option in found]


def lost(rows: np.ndarray, back: np.ndarray, inputs: Inputs | None) -> float:
    """Squared error of rows as a share of their squares, or of what they put out.

    Example:
        >>> x = np.float32([[3, 4]])
        >>> lost(x, np.float32([[3, 3]]), None), lost(x, x, None)
        (0.04, 0.0)
    """
    one = values_of(rows).reshape(len(rows), -1).astype(np.float64)
    off = one - values_of(back).reshape(one.shape)
    if inputs is None or len(inputs.gram) != one.shape[1]:
        return float((off**2).sum() / max((one**2).sum(), 1e-300))
    gram = inputs.gram.astype(np.float64)
    whole = float(((one @ gram) * one).sum())
    return float(((off @ gram) * off).sum()) / max(whole, 1e-300)


def header_bytes(name: str, info: TensorInfo, arrays: int) -> int:
    """Bytes that a tensor takes in the header of its file, at most.

    Args:
        name: of the tensor.
        info: its shape.
        arrays: of a piece; 0 where it is kept as it is.
    """
    parts, length = len(row_ranges(info)), 2 * len(name.encode()) + 20
    if not arrays:
        return TENSOR + ARRAY + 2 * length
    return TENSOR + length + parts * (PIECE + arrays * (ARRAY + length))


def _read(source: Tensors, name: str, lossless: bool) -> tuple[int, bool]:
    """Bytes without loss, and whether all numbers are finite."""
    info = source.tensors[name]
    if not lossless and compressible(info.dtype, info.shape):
        return info.nbytes, True
    codec, size, whole = lossless_codec(info.dtype), 0, True
    for first, last in row_ranges(info):
        x = source.read(name, first, last)
        whole = whole and finite(x)
        size += codec.size(x) if lossless and codec else x.nbytes
    return size, whole


def _fixed(info: TensorInfo, one: Setting) -> int:
    """Bytes of a tensor by a codec of fixed rate, without looking at it."""
    codec, width = one.make(), info.size // max(1, info.shape[0])
    blank = np.zeros((), info.dtype)
    ranges = row_ranges(info)
    return sum(codec.size(np.broadcast_to(blank, (b - a, width))) for a, b in ranges)
