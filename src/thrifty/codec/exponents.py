"""Exponents: arrays of floats to fewer bytes without loss, by coding their exponents."""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from thrifty.codec._bitstreams import BLOCK, STEP, decode
from thrifty.codec._buffers import array_of, bits_of
from thrifty.codec._planecodes import PlaneCode, coded, entropy_bits, pays, plan_of, read_code
from thrifty.codec._planes import (
    add_plane,
    block_counts,
    layout_of,
    packed,
    plane_of,
    unpacked,
)
from thrifty.codec.codec import Codec, Encoded, Some
from thrifty.core import IncompatibleError, method, whole
from thrifty.core.summary import taken
from thrifty.run.fold import cores

__all__ = ["ExponentCodec", "ExponentReader", "Saving", "saving_of"]

PIECE = 16 * BLOCK  # elements that a thread decodes at a time
NOTHING = np.zeros(0, np.uint8)
Arrays = dict[str, np.ndarray]


@method(
    source="DFloat11: Zhang et al. 2025, arXiv:2504.11651; ECF8: Yang et al. 2025, "
    "arXiv:2510.02676",
    memory="(1 + entropy of the exponents / 8) bytes an element of bfloat16, and .05 bits at most",
    time="O(1) an element, one look-up for about four exponents of trained weights",
    error="none: every bit pattern returns",
    exact="x",
    laws=("codec", "lossless"),
    evidence=("exponents",),
)
class ExponentCodec(Codec):
    """Store the exponents of floats in prefix codes, and their signs and mantissas as they are.

    Trained weights have few exponents: 2.7 of the 8 bits in bfloat16. An element is turned by one
    bit, so that its exponent is highest, and cut in planes of 8 bits (4 in float8_e4m3fn). Each
    plane is stored as it is, as one symbol, or in Huffman codes of at most 11 bits, whichever is
    smallest; 65,536 elements have one code, in 32 streams that are decoded by themselves.

    Args:
        threads: that decode large arrays; None for every core this process may use.

    Example:
        >>> x = np.random.default_rng(0).normal(0, 0.02, 200_000).astype("bfloat16")
        >>> small = ExponentCodec().encode(x)
        >>> bool((small.decode() == x).all()), small.nbytes < 0.68 * x.nbytes
        (True, True)
        >>> small.nbytes == ExponentCodec().size(x)
        True
    """

    KIND = "exponents"
    LOSSLESS = True

    def __init__(self, *, threads: int | None = None) -> None:
        self.threads = None if threads is None else whole("threads", threads, 1, 1024)

    def spec(self) -> dict[str, Any]:
        """Nothing: the codes are of the array."""
        return {}

    def bound(self, x: Any) -> float:
        """Nothing is lost."""
        return 0.0

    def size(self, x: Any) -> int:
        """Bytes of the encoded arrays, exactly: all is counted, only no bits are written."""
        total = 0
        for _, raw, plan in _plans(np.ascontiguousarray(array_of(x))):
            side = plan.side.values() if plan else ()
            total += plan.nbytes + sum(array.nbytes for array in side) if plan else raw
        return total

    def _encode(self, x: np.ndarray) -> Arrays:
        found: Arrays = {}
        for i, (values, _, plan) in enumerate(_plans(x)):
            made = (
                coded(values, plan) if plan else {"raw": packed(values, layout_of(x.dtype).width)}
            )
            found |= {f"{i}.{name}": array for name, array in made.items()}
        return found

    def _read_rows(
        self, arrays: Mapping[str, np.ndarray], shape: tuple[int, int], dtype: np.dtype
    ) -> Callable[[Some, np.ndarray], None]:
        reader, columns = ExponentReader(arrays, math.prod(shape), dtype), shape[1]

        def read(some: Some, out: np.ndarray) -> None:
            if isinstance(some, slice):
                reader.read(some.start * columns, out.reshape(-1))
                return
            for row, into in zip(some.tolist(), out, strict=True):
                reader.read(row * columns, into)

        return read

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        reader = ExponentReader(arrays, out.size, out.dtype)
        words = bits_of(out).reshape(-1)
        parts = [(start, words[start : start + PIECE]) for start in range(0, out.size, PIECE)]
        threads = min(self.threads or cores(), len(parts))
        if threads < 2:
            for start, part in parts:
                reader.read(start, part)
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda part: reader.read(*part), parts))


def _plans(x: np.ndarray) -> Any:
    """Each plane of an array, its bytes as it is, and its codes if these are fewer."""
    words, layout = bits_of(x).reshape(-1), layout_of(x.dtype)
    for i in range(layout.planes if x.size else 0):
        values, raw = plane_of(words, layout, i), (x.size * layout.width + 7) // 8
        yield values, raw, plan_of(values, raw)


class _Plane(NamedTuple):
    """A plane to read: its codes and bits, or what was stored as it is."""

    code: PlaneCode | None
    stored: np.ndarray


class ExponentReader:
    """Read any stretch of an encoded array, without decoding the others.

    Args:
        arrays: of what `ExponentCodec` encoded; they are looked at in place, so they may be a
            mapped file.
        size: elements. dtype: of the array.

    Raises:
        FormatError: the arrays are damaged.

    Example:
        >>> x = np.random.default_rng(0).normal(size=100_000).astype(np.float16)
        >>> reader = ExponentReader(ExponentCodec().encode(x).arrays(), x.size, x.dtype)
        >>> out = np.empty(5, np.float16)
        >>> reader.read(70_000, out)
        >>> bool((out == x[70_000:70_005]).all())
        True
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], size: int, dtype: Any) -> None:
        self.size, self.dtype = size, np.dtype(dtype)
        self._layout = layout_of(self.dtype)
        self._planes = [self._plane(arrays, i) for i in range(self._layout.planes if size else 0)]

    @classmethod
    def of(cls, encoded: Encoded) -> "ExponentReader":
        """The reader of an encoded array.

        Raises:
            IncompatibleError: another codec made it.
        """
        if not isinstance(encoded.codec, ExponentCodec):
            raise IncompatibleError(f"encoded must be of ExponentCodec, got {encoded.codec!r}")
        return cls(encoded.arrays(), encoded.size, encoded.dtype)

    def _plane(self, arrays: Mapping[str, np.ndarray], i: int) -> _Plane:
        mine = {name[2:]: array for name, array in arrays.items() if name.startswith(f"{i}.")}
        width = self._layout.width
        if "raw" in mine:
            stored = taken(mine, "raw", np.uint8, ((self.size * width + 7) // 8,))
            return _Plane(None, stored)
        code = read_code(mine, self.size, width)
        return _Plane(code, mine["bits"] if code.nbytes else mine["symbols"])

    def read(self, start: int, out: np.ndarray) -> None:
        """Decode the elements from `start` on; quickest where it is a multiple of 16,384.

        Args:
            start: the first element.
            out: (n,) contiguous, of the dtype or of its bits; written.

        Raises:
            IndexError: there are not as many elements.
        """
        if not 0 <= start <= start + out.size <= self.size:
            raise IndexError(f"elements must be in 0..{self.size}, got {start}..{start + out.size}")
        words = bits_of(out)
        while words.size:
            begin = start - start % STEP
            until = start + words.size
            stop = until if begin == start and until == self.size else until - until % STEP
            if begin == start and stop > start:
                self._read(start, words[: stop - start])
            else:
                stop = min(begin + STEP, until)
                whole_step = np.empty(min(begin + STEP, self.size) - begin, words.dtype)
                self._read(begin, whole_step)
                words[: stop - start] = whole_step[start - begin : stop - begin]
            words, start = words[stop - start :], stop

    def coded_pair(self) -> tuple[PlaneCode, np.ndarray, np.ndarray] | None:
        """Codes and bits of the exponents, and what goes below each; None where it is not so."""
        if not self._planes:
            return None
        top, last = self._planes[0], self._planes[-1]
        alone, paired = last is top, self._layout.paired and last.code is None
        if top.code is None or not top.code.nbytes or not (alone or paired):
            return None
        return top.code, top.stored, NOTHING if alone else last.stored

    def _read(self, start: int, words: np.ndarray) -> None:
        """Decode whole steps."""
        paired = self.coded_pair()
        if paired:
            code, bits, low = paired
            _symbols(code, bits, start, low[start * self._layout.width // 8 :], words)
            return
        for i, plane in enumerate(self._planes):
            add_plane(words, self._values(plane, start, words.size), self._layout, i)

    def _values(self, plane: _Plane, start: int, size: int) -> np.ndarray:
        if plane.code is None:
            return unpacked(plane.stored, self._layout.width, start, start + size)
        if not plane.code.nbytes:
            return plane.stored
        out = np.empty(size, np.uint8)
        _symbols(plane.code, plane.stored, start, NOTHING, out)
        return out


def _symbols(
    code: PlaneCode, bits: np.ndarray, start: int, low: np.ndarray, out: np.ndarray
) -> None:
    """Decode whole steps of a plane, joined with `low` where there is one."""
    given = [np.ascontiguousarray(array).view() for array in (bits, low)]
    for view in given:
        view.flags.writeable = False  # one signature, also of a file that is mapped
    decode(given[0], code.starts, code.lengths, code.uses, given[1], start, out)


class Saving(NamedTuple):
    """What lossless coding would save.

    Args:
        entropy: bits of the highest plane of an element: its exponent, in float16 with three more
            bits, in integers the highest byte.
        nbytes: of the array encoded, at its entropy, but for codes of about 1 % of it.
        ratio: of nbytes to the array's own.
    """

    entropy: float
    nbytes: int
    ratio: float


def saving_of(x: Any) -> Saving:
    """What lossless coding would save on an array, from counts alone.

    Args:
        x: array or tensor of at least one element.

    Raises:
        ValueError: it has none.

    Example:
        >>> x = np.random.default_rng(0).normal(size=50_000).astype("bfloat16")
        >>> saving = saving_of(x)
        >>> 2.5 < saving.entropy < 2.7, abs(ExponentCodec().size(x) / saving.nbytes - 1) < 0.01
        (True, True)
    """
    found = np.ascontiguousarray(array_of(x))
    words, layout = bits_of(found).reshape(-1), layout_of(found.dtype)
    if not words.size:
        raise ValueError("x must have at least one element, got none")
    counts = [block_counts(plane_of(words, layout, i)) for i in range(layout.planes)]
    bits, raw = [entropy_bits(of_plane).sum() for of_plane in counts], words.size * layout.width
    nbytes = sum(b if pays(b, raw) else raw for b in bits) / 8
    return Saving(float(bits[0] / words.size), round(nbytes), float(nbytes / found.nbytes))
