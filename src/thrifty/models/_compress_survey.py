"""Compress survey: what each setting would make of a tensor: its bytes, exactly, and its loss."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from thrifty.codec._buffers import values_of
from thrifty.codec.leanquant import matrix_shape
from thrifty.codec.tensorfile import TensorInfo
from thrifty.models._compress_pieces import Inputs, Tensors, encoded, finite, row_ranges
from thrifty.models._compress_pieces import sample as sample_of
from thrifty.models.compress_plan import Option
from thrifty.models.compressors import (
    LOSSLESS,
    SMALLEST,
    Setting,
    along,
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
        reason: why nothing of it is lost where that was wanted; empty if something is.
        note: why another setting takes the place of the one that was wanted; empty if none does.
    """

    setting: str
    reason: str = ""
    note: str = ""


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
        reason = _steady(source, name)
        taken = along(wanted, info.shape)
        if not reason and _most(info, setting(taken)) < info.nbytes:
            note = "" if taken == wanted else f"one axis: {taken} in the place of {wanted}"
            return Way(taken, note=note)
        reason = reason or f"{taken} is not smaller"
    codec = lossless_codec(info.dtype)
    if codec is None or not info.shape or info.nbytes < SMALLEST:
        return Way(KEPT, reason or ("small" if codec else compressible(info.dtype, info.shape)))
    first, last = row_ranges(info)[0]
    x = source.read(name, first, last)
    if codec.size(x) + ARRAY >= x.nbytes:
        return Way(KEPT, reason or "lossless codes are not smaller")
    return Way(LOSSLESS, reason)


def _steady(source: Tensors, name: str) -> str:
    """Why a tensor is left as it is; empty if it is not."""
    info = source.tensors[name]
    reason = compressible(info.dtype, info.shape)
    return reason or ("one axis" if name in getattr(source, "steady", ()) else "")


def options(
    source: Tensors,
    name: str,
    settings: Iterable[str],
    inputs: Inputs | None,
) -> list[Option]:
    """What each setting would cost a tensor; one that is left alone has one option.

    The loss is the squared error of some rows, as a share of their squares; with the inputs of
    the layer, that of what the layer puts out.

    Args:
        source: of the tensor.
        name: of the tensor.
        settings: names of those to look at.
        inputs: of its layer, if they are known.
    """
    info = source.tensors[name]
    plain = way(source, name, LOSSLESS)
    size, whole = _read(source, name, plain.setting == LOSSLESS)
    rows, known = _some(source, name, inputs)
    codec = lossless_codec(info.dtype) if plain.setting == LOSSLESS else None
    arrays = len(codec.encode(rows).arrays()) if codec else 0
    found = [Option(plain.setting, size + header_bytes(name, info, arrays), 0.0)]
    if _steady(source, name) or not whole:
        return found
    for wanted in dict.fromkeys(along(each, info.shape) for each in settings):
        one = setting(wanted)
        if wanted == LOSSLESS or (nbytes := _bytes(source, name, one, inputs)) >= info.nbytes:
            continue
        made = encoded(rows, one, known)
        nbytes += header_bytes(name, info, len(made.arrays()))
        found.append(Option(wanted, nbytes, lost(rows, made.decode(), known)))
    return found


def lost(rows: np.ndarray, back: np.ndarray, inputs: Inputs | None) -> float:
    """Squared error of rows as a share of their squares, or of what they put out.

    Example:
        >>> x = np.float32([[3, 4]])
        >>> lost(x, np.float32([[3, 3]]), None), lost(x, x, None)
        (0.04, 0.0)
    """
    one = values_of(rows).reshape(matrix_shape(rows.shape)).astype(np.float64)
    off = one - values_of(back).reshape(one.shape)
    if inputs is None or inputs.turned or len(inputs.gram) != one.shape[1]:
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
    if not lossless and _steady(source, name):
        return info.nbytes, True
    codec, size, whole = lossless_codec(info.dtype), 0, True
    for first, last in row_ranges(info):
        x = source.read(name, first, last)
        whole = whole and finite(x)
        size += codec.size(x) if lossless and codec else x.nbytes
    return size, whole


def _some(source: Tensors, name: str, inputs: Inputs | None) -> tuple[np.ndarray, Inputs | None]:
    """Rows to try settings on, and their inputs; of a weight (in, out), rows of its transpose."""
    info = source.tensors[name]
    rows = sample_of(source, name) if info.shape and info.size else np.zeros(0)
    if inputs is None or not inputs.turned:
        return rows, inputs
    if len(info.shape) != 2 or len(inputs.gram) != info.shape[0]:
        return rows, None
    x, count = source.read(name), min(info.shape[1], max(1, rows.size // info.shape[0]))
    places = np.linspace(0, info.shape[1] - 1, count).astype(int)
    return np.ascontiguousarray(x[:, places].T), replace(inputs, turned=False)


def _bytes(source: Tensors, name: str, one: Setting, inputs: Inputs | None) -> int:
    """Bytes of a tensor by a codec: of a fixed rate without looking at it, else by encoding it."""
    info = source.tensors[name]
    if one.make().FIXED_RATE:
        return _most(info, one, inputs)
    parts = (source.read(name, first, last) for first, last in row_ranges(info))
    return sum(encoded(part, one, inputs).nbytes for part in parts)


def _most(info: TensorInfo, one: Setting, inputs: Inputs | None = None) -> int:
    """Bytes of a tensor by a codec, without looking at it; of a rate that is not fixed, at most."""
    codec, blank = one.make(), np.zeros((), info.dtype)
    shapes = [matrix_shape((b - a, *info.shape[1:])) for a, b in row_ranges(info)]
    if inputs is not None and inputs.turned and one.inputs:
        shapes = [(w, r) if r == len(inputs.gram) else (r, w) for r, w in shapes]
    if codec.FIXED_RATE or one.prune is None:
        return sum(codec.size(np.broadcast_to(blank, shape)) for shape in shapes)
    row = one.prune(np.zeros((1, shapes[0][1]), np.float32)).astype(info.dtype)
    return sum(rows for rows, _ in shapes) * codec.size(row)
