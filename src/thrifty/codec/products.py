"""Products: vectors times a matrix that stays encoded."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._multiply import (
    add_scaled,
    dots_of_bytes,
    dots_of_halves,
    four_of_bytes,
    four_of_halves,
)
from thrifty.codec.codec import Encoded
from thrifty.codec.groups import Groups
from thrifty.codec.packing import unpack
from thrifty.core import IncompatibleError, method, taken
from thrifty.core.kernels import njit
from thrifty.core.lanes import LANES, VNNI

__all__ = ["PackedMatrix"]

FOUR, LINE = 4, 64
AT_ONCE = 1 << 18  # codes that are laid out at once


@method(
    source="products of codes with int8 vectors, a scale for each group: Dettmers et al. 2022 "
    "(LLM.int8), arXiv:2208.07339; Jacob et al. 2018, arXiv:1712.05877",
    memory="bits / 8 bytes a weight and 3 a group, as encoded, and one vector of int8",
    time="rows * columns / 64 instructions a vector, or the time to read the codes",
    error="that of the codes, and half of max(abs(x)) / 127 of its group for every number of x",
    exact="x @ decoded.T",
    laws=("products",),
    evidence=("products",),
)
class PackedMatrix:
    """Multiply vectors with a matrix of `Groups` of 4 or 8 bits that is never decoded.

    Every group of a vector is rounded to int8 with a scale of its own, multiplied with the codes as
    whole numbers, and the sums are scaled. The codes are laid out anew, in as many bytes.

    Args:
        bits: of a code, 4 or 8. shape: rows and columns. group: columns that share a scale.
        codes: (blocks of 16 rows, bytes) uint8. scales: (blocks, groups, 16) uint16, the upper bits
            of float32. zeros: (blocks, groups, 16) uint8.

    Raises:
        FormatError: the arrays are none of such a matrix.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> w, x = (rng.standard_normal((n, 256), dtype=np.float32) for n in (64, 5))
        >>> small = PackedMatrix.of(Groups(4, 64).encode(w))
        >>> exact = x @ Groups(4, 64).encode(w).decode().T
        >>> bool(np.abs(small.times(x) - exact).max() < 0.02 * np.abs(exact).max())
        True
    """

    def __init__(
        self,
        bits: int,
        shape: tuple[int, int],
        group: int,
        codes: np.ndarray,
        scales: np.ndarray,
        zeros: np.ndarray,
    ) -> None:
        self.bits, self.shape, self.group = bits, shape, group
        groups, blocks = -(-shape[1] // group), -(-shape[0] // LANES)
        self.lines = group * bits // 32  # of 64 bytes in a group
        arrays = {"codes": codes, "scales": scales, "zeros": zeros}
        self.codes = taken(arrays, "codes", np.uint8, (blocks, groups * self.lines * LINE))
        self.scales = taken(arrays, "scales", np.uint16, (blocks, groups, LANES))
        self.zeros = taken(arrays, "zeros", np.uint8, (blocks, groups, LANES))

    @staticmethod
    def fits(encoded: Encoded) -> bool:
        """Whether an encoded array is a matrix of this kind, and the processor multiplies it."""
        codec = encoded.codec
        return (
            VNNI
            and isinstance(codec, Groups)
            and codec.bits in (4, 8)
            and len(encoded.shape) == 2
            and encoded.size > 0
            and codec.block % (32 // codec.bits) == 0
            and codec.block <= 1 << 15
        )

    @classmethod
    def of(cls, encoded: Encoded) -> Self:
        """The matrix of what `Groups` encoded.

        Raises:
            IncompatibleError: it is no matrix, of another codec, of other bits than 4 and 8, of
                groups that lines do not divide, or the processor has no such instructions.
        """
        if not cls.fits(encoded):
            raise IncompatibleError(
                "encoded must be a matrix of Groups of 4 or 8 bits, in groups of a multiple of "
                f"{FOUR} or 8 columns, on a processor with AVX-512 VNNI, got {encoded!r}"
            )
        codec: Any = encoded.codec
        (rows, columns), arrays = encoded.shape, encoded.arrays()
        groups, blocks = -(-columns // codec.block), -(-rows // LANES)
        middle = np.full((rows, groups), 1 << (codec.bits - 1), np.uint8)
        zeros = middle if codec.symmetric else arrays["zeros"]
        sides = [_beside(array, blocks) for array in (arrays["scales"], zeros)]
        lines = groups * codec.block * codec.bits // 32
        codes = np.empty((blocks, lines * LINE), np.uint8)
        step = max(1, AT_ONCE // (LANES * columns)) * LANES
        for top in range(0, rows, step):
            part = arrays["codes"][top : top + step]
            some = unpack(np.ascontiguousarray(part), codec.bits, columns)
            into = codes[top // LANES : -(-(top + len(part)) // LANES)]
            into[:] = _laid(some, codec.bits, lines)
        return cls(codec.bits, (rows, columns), codec.block, codes, *sides)

    @property
    def nbytes(self) -> int:
        """Bytes of what is held."""
        return self.codes.nbytes + self.scales.nbytes + self.zeros.nbytes

    def arrays(self) -> Mapping[str, np.ndarray]:
        """What is held, by name."""
        return {"codes": self.codes, "scales": self.scales, "zeros": self.zeros}

    def times(self, x: NDArray[np.float32], threads: int = 1) -> NDArray[np.float32]:
        """The products `x @ matrix.T`.

        Args:
            x: (m, columns) float32, finite.
            threads: that share the rows.

        Returns:
            (m, rows) float32.

        Raises:
            IncompatibleError: x is of another width or dtype.
        """
        if x.ndim != 2 or x.shape[1] != self.shape[1] or x.dtype != np.float32:
            raise IncompatibleError(
                f"x must be float32 of shape (m, {self.shape[1]}), got {x.dtype} {x.shape}"
            )
        blocks, groups = self.scales.shape[:2]
        words = np.zeros((len(x), groups * self.group), np.int8)
        scales, sums = (np.empty((len(x), groups), np.float32) for _ in range(2))
        _to_bytes(np.ascontiguousarray(x), self.group, words, scales, sums)
        out = np.zeros((blocks, len(x), LANES), np.float32)
        held = (self.codes.reshape(-1), self.scales.reshape(-1), self.zeros.reshape(-1))
        asked = (words.view(np.int32).reshape(-1), self.group // FOUR, scales, sums, self.lines)

        def work(begin: int, end: int) -> None:
            room = np.empty(FOUR * LANES, np.int32)
            _times(self.bits, *held, *asked, begin, end, room, out.reshape(-1))

        _in_threads(work, blocks, threads)
        wide = out.transpose(1, 0, 2).reshape(len(x), blocks * LANES)
        return np.ascontiguousarray(wide[:, : self.shape[0]])

    def bound(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """How far every product is at most from that with the decoded matrix, (m, rows).

        Args:
            x: (m, columns) float32.
        """
        padded = np.zeros((len(x), self.scales.shape[1] * self.group))
        padded[:, : x.shape[1]] = np.abs(x)
        tops = padded.reshape(len(x), -1, self.group).max(axis=2).repeat(self.group, axis=1)
        sizes = np.abs(self.decode().astype(np.float64))
        rounding = 2.0**-20 * padded[:, : x.shape[1]] + tops[:, : x.shape[1]] / 254
        return rounding @ sizes.T + tops.max(axis=1, initial=0)[:, None] * 1e-5 * self._range()

    def _range(self) -> NDArray[np.float64]:
        """What the codes of a row, less their zeros, may add up to before they are scaled."""
        wide = (self.scales.astype(np.uint32) << np.uint32(16)).view(np.float32)
        sums = wide.astype(np.float64).sum(axis=1).reshape(-1)[: self.shape[0]]
        return sums * self.group * 2.0**self.bits

    def decode(self, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
        """Rows of the matrix as float32, from `start`, a multiple of 16, to `stop`."""
        end = self.shape[0] if stop is None else stop
        first, last = start // LANES, -(-end // LANES)
        lines = self.codes[first:last].reshape(last - first, -1, LANES, FOUR)
        parts = [lines & 15, lines >> 4] if self.bits == 4 else [lines]
        codes = np.stack(parts, axis=2).transpose(0, 3, 1, 2, 4)
        numbers = codes.reshape((last - first) * LANES, -1, self.group).astype(np.float32)
        scales = (self.scales[first:last].astype(np.uint32) << np.uint32(16)).view(np.float32)
        zeros, scales = (
            side.transpose(0, 2, 1).reshape(len(numbers), -1, 1)
            for side in (self.zeros[first:last], scales)
        )
        wide = ((numbers - zeros) * scales).reshape(len(numbers), -1)
        return wide[: end - start, : self.shape[1]]


def _beside(side: np.ndarray, blocks: int) -> np.ndarray:
    """What is kept of groups (rows, groups), sixteen rows side by side, 0 for those beyond."""
    padded = np.zeros((blocks * LANES, side.shape[1]), side.dtype)
    padded[: len(side)] = side
    return np.ascontiguousarray(padded.reshape(blocks, LANES, -1).transpose(0, 2, 1))


def _laid(codes: np.ndarray, bits: int, lines: int) -> np.ndarray:
    """Codes (rows, columns) in lines, sixteen rows side by side."""
    blocks, parts = -(-len(codes) // LANES), 8 // bits
    padded = np.zeros((blocks * LANES, lines * parts * FOUR), np.uint8)
    padded[: len(codes), : codes.shape[1]] = codes
    sides = padded.reshape(blocks, LANES, lines, parts, FOUR).transpose(3, 0, 2, 1, 4)
    line = sides[0] if parts == 1 else sides[0] | sides[1] << 4
    return line.reshape(blocks, lines * LINE)


def _in_threads(work: Any, blocks: int, threads: int) -> None:
    """Do all blocks, in as many stretches as there are threads."""
    count = max(1, min(threads, blocks))
    ends = [blocks * i // count for i in range(count + 1)]
    if count == 1:
        work(0, blocks)
        return
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, ends[:-1], ends[1:]))


@njit(nogil=True, cache=True, error_model="numpy")
def _to_bytes(x, group, words, scales, sums):
    """Each group of a vector in bytes, what 1 of them is worth, and their sum times that."""
    for i in range(x.shape[0]):
        for g in range(scales.shape[1]):
            part = x[i, g * group : (g + 1) * group]
            mine = words[i, g * group : (g + 1) * group]
            top, total = np.float32(1e-30), np.int32(0)
            for t in range(part.size):
                top = max(top, abs(part[t]))
            step = np.float32(127) / top
            for t in range(part.size):
                word = np.int32(np.rint(part[t] * step))
                total += word
                mine[t] = word
            scales[i, g], sums[i, g] = top / np.float32(127), np.float32(total)


@njit(error_model="numpy")
def _one(bits, codes, start, words, first, width, lines, room):
    if bits == 4:
        dots_of_halves(codes, start, words, first, width, lines, room)
    else:
        dots_of_bytes(codes, start, words, first, width, lines, room)


@njit(error_model="numpy")
def _four(bits, codes, start, words, first, width, lines, room):
    if bits == 4:
        four_of_halves(codes, start, words, first, width, lines, room)
    else:
        four_of_bytes(codes, start, words, first, width, lines, room)


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _times(bits, codes, sides, zeros, words, each, scales, sums, lines, begin, end, room, out):
    """Products of all vectors with the rows of some blocks, four vectors at a time."""
    m, groups = scales.shape
    for block in range(begin, end):
        for i in range(0, m, FOUR):
            many = min(FOUR, m - i)
            for g in range(groups):
                where = (block * groups + g) * LANES
                start, first = (block * groups + g) * lines * LINE, (i * groups + g) * each
                if many == FOUR:
                    _four(bits, codes, start, words, first, groups * each, lines, room)
                for j in range(many):
                    if many < FOUR:
                        mine = first + j * groups * each
                        _one(bits, codes, start, words, mine, groups * each, lines, room)
                    told = (where, scales[i + j, g], sums[i + j, g])
                    place, into = LANES * j * (many == FOUR), (block * m + i + j) * LANES
                    add_scaled(room, place, sides, zeros, *told, out, into)
