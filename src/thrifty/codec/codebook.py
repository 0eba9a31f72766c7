"""Codebooks: a code for every few numbers, the nearest of words that k-means finds."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.codec._buffers import array_of, values_of
from thrifty.codec._units import checked_unit, in_units, out_of_units
from thrifty.codec.codec import Arrays, Codec, Encoded, Some
from thrifty.codec.kmeans import kmeans_words, nearest_words
from thrifty.codec.packing import pack, packed_size, unpack
from thrifty.core import IncompatibleError, method, taken, whole

__all__ = ["CodebookCodec"]

Rows = NDArray[np.float32]
SAMPLE = 1 << 16  # parts of a place that words are learned from
BLOCK = 1 << 20  # numbers that are encoded or decoded at once
NONE = np.empty((0, 0, 0), np.float32)


@method(
    source="Jegou, Douze and Schmid 2011, doi:10.1109/TPAMI.2010.57; residual: Chen, Guan and Wang "
    "2010, doi:10.3390/s101211259",
    memory="stages * (rows * ceil(ceil(width / dim) * bits / 8) + books * 2**bits * dim * 2) + 8; "
    "books is 1 if shared, else ceil(width / dim)",
    time="O(20 * 2**bits) a number to learn, O(2**bits) to encode, a stage; a look-up to decode",
    error="2**(stages - 1) times the range of the numbers that share words",
    exact="x",
    laws=("codec",),
    evidence=("codebook",),
)
class CodebookCodec(Codec):
    """Codes of up to 8 bits for `dim` neighbours of the last axis, and the words they stand for.

    The words are learned by k-means from the array itself; those of one number are the best there
    are. With more stages, each has words of its own for what those before left over. What is
    encoded holds "codes" (stages, rows, bytes), packed by row; "words" (stages, books, 2**bits,
    dim) float16 and "unit" (1,) float64: the words are in units.

    Args:
        bits: of a code, 1..8.
        dim: neighbours that share a code, 1..256; the last ones of a row are filled up with zeros.
        stages: 1..8.
        shared: one book of words for all; else one for each place of a row (product quantisation).
        seed: what first words are drawn by.

    Raises:
        TypeError: an argument is not a whole number; x is not of floats.
        ValueError: an argument is out of its range; x is not finite.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(500, 16)).astype(np.float32)
        >>> one, two = CodebookCodec(8, 4), CodebookCodec(8, 4, stages=2)
        >>> one.encode(x).nbytes == one.size(x) == 500 * 4 + 256 * 4 * 2 + 8
        True
        >>> errors = [float(((c.encode(x).decode() - x) ** 2).mean()) for c in (one, two)]
        >>> errors[1] < errors[0] / 4 < 0.05
        True
    """

    KIND = "codebook"
    FIXED_RATE = True

    def __init__(
        self, bits: int = 8, dim: int = 4, stages: int = 1, shared: bool = True, seed: int = 0
    ) -> None:
        self.bits, self.dim = whole("bits", bits, 1, 8), whole("dim", dim, 1, 256)
        self.stages, self.shared = whole("stages", stages, 1, 8), bool(shared)
        self.seed = whole("seed", seed, 0, 2**64 - 1)

    def spec(self) -> dict[str, Any]:
        """All arguments."""
        return {
            "bits": self.bits, "dim": self.dim, "stages": self.stages, "shared": self.shared,
            "seed": self.seed,
        }  # fmt: skip

    def size(self, x: Any) -> int:
        """Bytes, exactly; only the shape of x is looked at."""
        rows, _, places, books = self._counts(array_of(x).shape)
        each = rows * packed_size(places, self.bits) + books * self.dim * (2 << self.bits)
        return self.stages * each + 8

    def bound(self, x: Any) -> NDArray[np.float64]:
        """The range of the numbers that share words, twice for each stage after the first."""
        found = array_of(x)
        rows, width, places, books = self._counts(found.shape)
        if not found.size:
            return np.zeros(found.shape)
        values, unit = in_units(found)
        parts = self._parted(values.reshape(rows, width)).astype(np.float64)
        shared = parts.reshape(-1, books, self.dim)
        spread = np.ptp(shared, axis=0) * (1 + 2.0**-8) + 2.0**-9 * np.abs(shared).max(axis=0)
        spread = np.broadcast_to((spread + 2.0**-20) * 2.0 ** (self.stages - 1) * unit,
                                 (places, self.dim))  # fmt: skip
        return np.broadcast_to(spread.reshape(-1)[:width], (rows, width)).reshape(found.shape)

    def encode(self, x: Any, weights: ArrayLike | None = None) -> Encoded:
        """Encode an array or a tensor; it is not changed.

        Args:
            x: array (..., width) of floats, or a torch tensor on the CPU.
            weights: what a squared error costs, at least 0, of a shape that broadcasts to x's; 1
                each if None.

        Raises:
            TypeError: x is not of floats.
            ValueError: x or a weight is not finite, or a weight is negative.
            IncompatibleError: the weights do not broadcast to x.
        """
        found = array_of(x)
        shares = None if weights is None else _shares(weights, found.shape)
        return Encoded(self, found.shape, found.dtype.name, self._learned(found, shares))

    def _encode(self, x: np.ndarray) -> Arrays:
        return self._learned(x, None)

    def _learned(self, x: np.ndarray, shares: Rows | None) -> Arrays:
        rows, width, places, books = self._counts(x.shape)
        values, unit = in_units(x)
        parts = self._parted(values.reshape(rows, width))
        costs = None if shares is None else self._parted(shares.reshape(rows, width))
        words = np.zeros((self.stages, books, 2**self.bits, self.dim), np.float16)
        codes = np.zeros((self.stages, rows, packed_size(places, self.bits)), np.uint8)
        for stage in range(self.stages if x.size else 0):
            words[stage] = self._words(parts, costs, books, stage).transpose(0, 2, 1)
            found = self._nearest(parts, costs, words[stage])
            codes[stage] = pack(found, self.bits)
            if stage + 1 < self.stages:
                parts -= _looked_up(words[stage], found)
        return {"codes": codes, "words": words, "unit": np.array([unit])}

    def _words(self, parts: Rows, costs: Rows | None, books: int, stage: int) -> Rows:
        """Words of a stage, (books, dim, k), learned from some of the parts."""
        shared = parts.reshape(-1, books, self.dim)
        some = np.arange(len(shared))
        if len(some) > SAMPLE:
            rng = np.random.default_rng((self.seed, stage))
            some = rng.choice(len(shared), SAMPLE, replace=False)
        theirs = None if costs is None else costs.reshape(shared.shape)[some]
        return kmeans_words(shared[some], 2**self.bits, theirs, seed=self.seed + stage)

    def _nearest(self, parts: Rows, costs: Rows | None, words: NDArray[np.float16]) -> np.ndarray:
        """The codes of parts, (rows, places)."""
        shared = parts.reshape(-1, len(words), self.dim)
        shares = NONE if costs is None else costs.reshape(shared.shape)
        known = np.ascontiguousarray(words.astype(np.float32).transpose(0, 2, 1))
        codes = np.empty(shared.shape[:2], np.uint16)
        nearest_words(shared, shares, known, codes)
        return codes.reshape(parts.shape[:2]).astype(np.uint8)

    def _rows(self, arrays: Mapping[str, np.ndarray], shape: tuple[int, int], some: Some) -> Arrays:
        return {name: a[:, some] if name == "codes" else a for name, a in arrays.items()}

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        rows, width, places, books = self._counts(out.shape)
        bytes_of_row = packed_size(places, self.bits)
        codes = taken(arrays, "codes", np.uint8, (self.stages, rows, bytes_of_row))
        words = taken(arrays, "words", np.float16, (self.stages, books, 2**self.bits, self.dim))
        unit = checked_unit(taken(arrays, "unit", np.float64, (1,))[0])
        into, step = out.reshape(rows, width), max(1, BLOCK // max(1, width))
        for low in range(0, rows if width else 0, step):
            some = slice(low, min(low + step, rows))
            found = [unpack(stage[some], self.bits, places) for stage in codes]
            with np.errstate(invalid="ignore"):  # of a forged file
                made = sum(map(_looked_up, words, found))
            flat = np.asarray(made).reshape(some.stop - low, -1)[:, :width]
            into[some] = out_of_units(flat, unit, out.dtype)

    def _counts(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Rows, numbers of a row, codes of a row, and books of words."""
        width = shape[-1] if shape else 1
        places = -(-width // self.dim)
        return math.prod(shape[:-1]), width, places, min(1, places) if self.shared else places

    def _parted(self, rows: Rows) -> Rows:
        """Rows as (rows, places, dim), zeros after the last number."""
        places = -(-rows.shape[1] // self.dim)
        padded = np.zeros((len(rows), places * self.dim), np.float32)
        padded[:, : rows.shape[1]] = rows
        return padded.reshape(len(rows), places, self.dim)


def _looked_up(words: NDArray[np.float16], codes: NDArray[np.uint8]) -> Rows:
    """What codes (rows, places) stand for, (rows, places, dim)."""
    known = words.astype(np.float32)
    return known[np.arange(codes.shape[1]) % len(known), codes]


def _shares(weights: ArrayLike, shape: tuple[int, ...]) -> Rows:
    """Weights of all numbers, as shares of the largest."""
    found = values_of(weights)
    try:
        full = np.broadcast_to(found, shape)
    except ValueError as error:
        raise IncompatibleError(f"weights of shape {found.shape} do not fit {shape}") from error
    if not (np.isfinite(found).all() and (found >= 0).all()):
        raise ValueError("weights must be finite and at least 0, got others")
    top = float(found.max(initial=0))
    return (full / top if top > 0 else np.ones(shape)).astype(np.float32)
