"""TopLogits: of each row of logits the largest few, and one number for all the others."""

import math
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

from thrifty.codec._buffers import DTYPES, array_of
from thrifty.codec.codec import Arrays, Codec, Some
from thrifty.core import FormatError, method, taken, whole

__all__ = ["TopLogits"]

FLOATS = ("float64", "float32", "float16", "bfloat16")
LARGEST = 65504.0  # of float16


@method(
    source="soft labels: Hinton, Vinyals and Dean 2015, arXiv:1503.02531; a cache of the largest "
    "few with a uniform tail: folklore of distillation",
    memory="rows * (k * (1, 2 or 4) + 2 * k + itemsize) and 2 * rows for the tail",
    time="one partial sort a row to encode; k numbers a row to decode",
    error="|x| below the row's largest, as float16 rounds it, of the k largest; the distance from "
    "one number of the others, whose probabilities keep their sum",
    exact="x",
    laws=("codec",),
    evidence=("toplogits",),
)
class TopLogits(Codec):
    """Keep the k largest logits of each row of the last axis; the rest shares what is left.

    The largest is kept as it is, the others as their distance from it in float16, and the
    smaller ones as one number: the logit that gives them all together the probability that
    they had.

    Args:
        k: kept of each row, 1..65536.

    Raises:
        TypeError: k is not a whole number.
        ValueError: it is out of range.

    Example:
        >>> x = np.log([[0.7, 0.1, 0.1, 0.06, 0.04]])
        >>> small = TopLogits(2).encode(x)
        >>> small.nbytes, np.exp(small.decode()).round(3).tolist()
        (14, [[0.7, 0.1, 0.067, 0.067, 0.067]])
    """

    KIND = "toplogits"
    FIXED_RATE = True

    def __init__(self, k: int = 16) -> None:
        self.k = whole("k", k, 1, 2**16)

    def spec(self) -> dict[str, Any]:
        """K."""
        return {"k": self.k}

    def size(self, x: Any) -> int:
        """Bytes, exactly; only the shape and dtype of x are looked at."""
        found = array_of(x)
        rows, width = _shape(found.shape)
        kept = min(self.k, width)
        each = kept * _id_type(width).itemsize + 2 * max(kept - 1, 0) + 2 * (width > kept)
        return rows * (each + found.itemsize * (width > 0))

    def bound(self, x: Any) -> np.ndarray:
        """What float16 and x's own dtype round, and how far the smaller logits' number is off."""
        found = _checked(array_of(x))
        rows = found.astype(np.float64).reshape(_shape(found.shape))
        if not rows.size:
            return np.zeros(found.shape)
        ids = self._top(rows)
        peaks = rows.max(axis=1, keepdims=True)
        below = rows - peaks
        if rows.shape[1] > ids.shape[1]:
            tail = np.repeat(_tail(below, ids)[:, None], rows.shape[1], axis=1)
            np.put_along_axis(tail, ids, np.take_along_axis(below, ids, axis=1), axis=1)
        else:
            tail = below
        with np.errstate(invalid="ignore"):
            off = np.where(tail == below, 0.0, np.abs(tail - below))
        size = np.minimum(np.abs(tail), LARGEST)
        rounded = np.abs(peaks + tail) * float(ml_dtypes.finfo(found.dtype).eps)
        rounded += size * 2.0**-11 + 2.0**-25 + np.abs(tail) - size
        return (off + np.where(np.isinf(tail), 0.0, rounded)).reshape(found.shape)

    def _rows(self, arrays: Mapping[str, np.ndarray], shape: tuple[int, int], some: Some) -> Arrays:
        return {name: array[some] for name, array in arrays.items()}

    def _top(self, rows: np.ndarray) -> np.ndarray:
        """Ids of the largest of each row, the largest first, of equal ones the first."""
        kept, width = min(self.k, rows.shape[1]), rows.shape[1]
        if 4 * kept >= width:
            return np.argsort(-rows, axis=1, kind="stable")[:, :kept]
        least = np.partition(rows, width - kept, axis=1)[:, width - kept, None]
        room = kept - np.count_nonzero(rows > least, axis=1, keepdims=True)
        ties = rows == least
        chosen = (rows > least) | (ties & (np.cumsum(ties, axis=1) <= room))
        ids = np.nonzero(chosen)[1].reshape(len(rows), kept)
        order = np.argsort(-np.take_along_axis(rows, ids, axis=1), axis=1, kind="stable")
        return np.take_along_axis(ids, order, axis=1)

    def _encode(self, x: np.ndarray) -> Arrays:
        shape = _shape(x.shape)
        rows = _checked(x).reshape(shape)
        if not rows.size:
            rows = rows.reshape(0, 1)
        wide = rows.astype(np.float64)
        ids = self._top(wide)
        peaks = np.take_along_axis(rows, ids[:, :1], axis=1)[:, 0]
        below = wide - peaks.astype(np.float64)[:, None]
        arrays = {
            "peaks": peaks,
            "ids": ids.astype(_id_type(shape[1])),
            "below": _half(np.take_along_axis(below, ids[:, 1:], axis=1)),
        }
        if shape[1] > ids.shape[1]:
            arrays["tail"] = _half(_tail(below, ids))
        return arrays

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        if not out.size:
            return
        rows, width = _shape(out.shape)
        kept = min(self.k, width)
        peaks = taken(arrays, "peaks", out.dtype, (rows,)).astype(np.float64)[:, None]
        ids = taken(arrays, "ids", _id_type(width), (rows, kept)).astype(np.int64)
        below = taken(arrays, "below", np.float16, (rows, kept - 1))
        if ids.max() >= width:
            raise FormatError(f"ids must be below {width}, got {ids.max()}")
        target = np.empty((rows, width))
        if width > kept:
            target[:] = peaks + taken(arrays, "tail", np.float16, (rows,))[:, None]
        np.put_along_axis(target, ids[:, :1], peaks, axis=1)
        np.put_along_axis(target, ids[:, 1:], peaks + below, axis=1)
        with np.errstate(over="ignore"):
            out[...] = target.reshape(out.shape).astype(out.dtype)


def _shape(shape: tuple[int, ...]) -> tuple[int, int]:
    return math.prod(shape[:-1]), shape[-1] if shape else 1


def _id_type(width: int) -> np.dtype:
    return np.dtype(np.uint8 if width <= 2**8 else np.uint16 if width <= 2**16 else np.uint32)


def _checked(x: np.ndarray) -> np.ndarray:
    if x.dtype not in [DTYPES[name] for name in FLOATS]:
        raise TypeError(f"x must be of dtype {', '.join(FLOATS)}, got {x.dtype}")
    wide = x.astype(np.float64)
    if np.isnan(wide).any() or np.isposinf(wide).any():
        raise ValueError("logits must be numbers or -infinity, got others")
    rows = wide.reshape(_shape(x.shape))
    if rows.size and np.isneginf(rows.max(axis=1)).any():
        raise ValueError("logits must hold a number in each row, got none")
    return x


def _half(below: np.ndarray) -> np.ndarray:
    return np.where(np.isinf(below), below, np.maximum(below, -LARGEST)).astype(np.float16)


def _tail(below: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The logarithm of the mean of exp of those that are not among the ids."""
    rest = below.copy()
    np.put_along_axis(rest, ids, -np.inf, axis=1)
    peak = rest.max(axis=1, keepdims=True)
    shift = np.where(np.isinf(peak), 0.0, peak)
    count = below.shape[1] - ids.shape[1]
    with np.errstate(divide="ignore"):
        return (shift + np.log(np.exp(rest - shift).sum(axis=1, keepdims=True) / count))[:, 0]
