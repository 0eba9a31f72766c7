"""Compress pieces: a tensor read in rows of some megabytes, each encoded, checked and counted."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from thrifty import codec as codecs
from thrifty.codec import Encoded
from thrifty.codec._buffers import bits_of, values_of
from thrifty.codec.leanquant import matrix_shape
from thrifty.codec.tensorfile import TensorInfo
from thrifty.models.compressors import LOSSLESS, Setting, lossless_codec

__all__ = ["Inputs", "Pressed", "Tensors", "encoded", "finite", "pieces", "row_ranges", "sample"]

PIECE = 1 << 26
SAMPLE, PLACES, STEP = 1 << 16, 8, 1 << 20
EXPONENT = {
    "float16": 0x7C00, "bfloat16": 0x7F80, "float32": 0x7F800000, "float64": 0x7FF << 52,
    "float8_e5m2": 0x7C,
}  # fmt: skip


class Tensors(Protocol):
    """Where tensors are read from: a `Checkpoint`, or the parameters of a torch module."""

    tensors: dict[str, TensorInfo]

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Some rows of a tensor."""

    def chunks(self, name: str) -> Iterator[np.ndarray]:
        """All bytes of a tensor in parts."""


@dataclass(frozen=True)
class Inputs:
    """What is known of the inputs of the layer that a tensor is the weight of.

    Args:
        gram: (in, in) float32 mean of x x^T over its inputs x.
        slopes: (out, out) float32 mean of g g^T over the gradients g at its outputs, or None.
        turned: whether the weight is (in, out).
    """

    gram: np.ndarray
    slopes: np.ndarray | None = None
    turned: bool = False


@dataclass
class Pressed:
    """What became of a tensor.

    Args:
        name: of the tensor.
        nbytes: that it takes now.
        error: squared differences of all its numbers.
        norm: their squares.
        encode_seconds: that it took.
        decode_seconds: that it took to have all of it back.
        exact: whether all came back to the bit.
        notes: what did not go as it was asked.
    """

    name: str
    nbytes: int = 0
    error: float = 0.0
    norm: float = 0.0
    encode_seconds: float = 0.0
    decode_seconds: float = 0.0
    exact: bool = True
    notes: list[str] = field(default_factory=list)

    @property
    def relative(self) -> float:
        """Error as a share of the norm, both squared."""
        return self.error / self.norm if self.norm else 0.0


def row_ranges(info: TensorInfo, limit: int = PIECE) -> list[tuple[int, int]]:
    """Rows that are encoded together: as many as fit the limit in bytes, at least one.

    Example:
        >>> row_ranges(TensorInfo("F32", (5, 2), 0, 40), limit=16)
        [(0, 2), (2, 4), (4, 5)]
    """
    if not info.shape or not info.size:
        return []
    step = max(1, limit * info.shape[0] // info.nbytes)
    return [(low, min(low + step, info.shape[0])) for low in range(0, info.shape[0], step)]


def pieces(
    source: Tensors,
    name: str,
    setting: Setting,
    inputs: Inputs | None,
    told: Pressed,
    settle: Callable[[int, np.ndarray], None] | None = None,
) -> Iterator[tuple[tuple[int, int], Encoded]]:
    """The pieces of a tensor, encoded; what they cost is counted by decoding them again.

    Args:
        source: of the tensor.
        name: of the tensor.
        setting: to compress to; a piece that is not finite is encoded without loss.
        inputs: of its layer, if they are known.
        told: where it is counted.
        settle: called with the number of the first row and the rows that come back.
    """
    for first, last in row_ranges(source.tensors[name]):
        x = source.read(name, first, last)
        start = time.perf_counter()
        made = _one(x, setting, inputs, told)
        middle = time.perf_counter()
        back = made.decode()
        _count(x, back, told)
        if settle is not None:
            settle(first, back)
        told.encode_seconds += middle - start
        told.decode_seconds += time.perf_counter() - middle
        told.nbytes += made.nbytes
        yield (first, last), made


def _one(x: np.ndarray, setting: Setting, inputs: Inputs | None, told: Pressed) -> Encoded:
    if setting.name != LOSSLESS and not finite(x):
        told.notes.append("holds NaN or infinity: lossless")
        codec: Any = lossless_codec(x.dtype)
        return codec.encode(x)
    return encoded(x, setting, inputs)


def encoded(x: np.ndarray, setting: Setting, inputs: Inputs | None = None) -> Encoded:
    """Rows of a tensor, compressed; a setting that can makes use of the layer's inputs.

    Args:
        x: (rows, ...) finite; an array of one axis is one row.
        setting: to compress to.
        inputs: of the layer, if they are known and of x's other axes.
    """
    if setting.name == LOSSLESS:
        return setting.make().encode(x)
    matrix = x.reshape(matrix_shape(x.shape))
    if inputs is not None and inputs.turned:
        return _turned(matrix, setting, inputs)
    known = inputs if inputs is not None and len(inputs.gram) == matrix.shape[1] else None
    if setting.prune is not None:
        return _pruned(matrix, setting, known)
    if known is not None and setting.inputs:
        return _lean(matrix, known, setting.make())
    return setting.make().encode(matrix)


def _turned(matrix: np.ndarray, setting: Setting, inputs: Inputs) -> Encoded:
    """A weight (in, out) by its transpose where that pays: where all of its inputs are here."""
    if not setting.inputs or len(inputs.gram) != len(matrix):
        return encoded(matrix, setting)
    across = np.ascontiguousarray(matrix.T)
    return codecs.Transposed.turned(encoded(across, setting, replace(inputs, turned=False)))


def _pruned(matrix: np.ndarray, setting: Setting, inputs: Inputs | None) -> Encoded:
    """Weights that stay, by size, or by size and the norms of their inputs; in the least bytes."""
    lengths: Any = 1.0 if inputs is None else np.sqrt(np.maximum(np.diag(inputs.gram), 0))
    stay: Any = setting.prune
    bare = np.zeros_like(matrix)
    step = max(1, STEP // matrix.shape[1])
    for low in range(0, len(matrix), step):
        rows = matrix[low : low + step]
        np.copyto(bare[low : low + step], rows, where=stay(np.abs(values_of(rows)) * lengths))
    codec = setting.make()
    if codec.FIXED_RATE:
        return codec.encode(bare)
    both: Any = (codec, lossless_codec(matrix.dtype))
    return min(both, key=lambda one: one.size(bare)).encode(bare)


def _lean(matrix: np.ndarray, inputs: Inputs, codec: Any) -> Encoded:
    """Rows make up for each other's errors where all of them are here."""
    slopes = inputs.slopes
    outputs = slopes if slopes is not None and len(slopes) == len(matrix) else None
    how: dict[str, Any] = {"bits": codec.bits, "grid": "lean", "group": codec.group}
    return codecs.gptq(matrix, inputs.gram, outputs=outputs, **how)


def sample(source: Tensors, name: str) -> np.ndarray:
    """Some rows from all over a tensor: at most 65,536 numbers, or one row."""
    info = source.tensors[name]
    width = max(1, info.size // info.shape[0])
    count = min(info.shape[0], max(1, SAMPLE // width))
    if count == info.shape[0]:
        return source.read(name)
    places = min(PLACES, count)
    each = count // places
    starts = np.linspace(0, info.shape[0] - each, places).astype(int).tolist()
    return np.concatenate([source.read(name, start, start + each) for start in starts])


def finite(x: np.ndarray) -> bool:
    """Whether no number is NaN or infinite."""
    name = x.dtype.name
    if name == "float8_e4m3fn":
        return not ((bits_of(x) & 0x7F) == 0x7F).any()
    if name in ("float32", "float64"):
        return bool(np.isfinite(x).all())
    mask = bits_of(x).dtype.type(EXPONENT[name])
    return not ((bits_of(x) & mask) == mask).any()


def _count(x: np.ndarray, back: np.ndarray, told: Pressed) -> None:
    """Add the squares of differences and numbers, some rows at a time."""
    flat, other = x.reshape(-1), back.reshape(-1)
    for low in range(0, flat.size, STEP):
        some, same = flat[low : low + STEP], other[low : low + STEP]
        if np.array_equal(bits_of(some), bits_of(same)):
            numbers = np.nan_to_num(values_of(some), posinf=0, neginf=0)
            told.norm += float(np.dot(numbers, numbers))
            continue
        one, two = values_of(some), values_of(same)
        told.exact = False
        told.error += float(np.dot(one - two, one - two))
        told.norm += float(np.dot(one, one))
