"""Hamming: the nearest bit codes, by counting differing bits in all of them."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import ArrayLike, NDArray

from thrifty.core import FormatError, IncompatibleError, Summary, in_range, method, taken
from thrifty.core.kernels import njit

__all__ = ["HammingIndex"]

BLOCK = 512
FAR = np.uint64(1 << 40)
LARGEST = 1 << 40


@intrinsic
def ones(typing, word):
    """Number of one bits of a uint64."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@njit(error_model="numpy")
def _distances_of_four(words, query, out):
    """Distances of a block of codes of four words, and the least of them."""
    a, b, c, d = words[0], words[1], words[2], words[3]
    p, q, r, s = query[0], query[1], query[2], query[3]
    least = FAR
    for i in range(BLOCK):
        far = ones(a[i] ^ p) + ones(b[i] ^ q) + ones(c[i] ^ r) + ones(d[i] ^ s)
        out[i] = far
        least = min(least, far)
    return least


@njit(error_model="numpy")
def _distances(words, query, out):
    """As `_distances_of_four`, for any number of words."""
    for i in range(BLOCK):
        out[i] = np.uint64(0)
    for w in range(query.size):
        row, bits = words[w], query[w]
        for i in range(BLOCK):
            out[i] += ones(row[i] ^ bits)
    least = FAR
    for i in range(BLOCK):
        least = min(least, out[i])
    return least


@njit(error_model="numpy")
def _insert(far, row, distances, ids):
    """Put a row in its place among the nearest, after those as near."""
    place = distances.size - 1
    while place > 0 and distances[place - 1] > far:
        distances[place], ids[place] = distances[place - 1], ids[place - 1]
        place -= 1
    distances[place], ids[place] = far, row


@njit(nogil=True, cache=True, error_model="numpy")
def _search(blocks, rows, first, queries, distances, ids):
    """Look through blocks of codes, which stay in cache for all queries."""
    out = np.empty(BLOCK, np.uint64)
    four = queries.shape[1] == 4
    last = distances.shape[1] - 1
    for b in range(blocks.shape[0]):
        start = first + b * BLOCK
        count = min(BLOCK, rows - start)
        words = blocks[b]
        for q in range(queries.shape[0]):
            if four:
                least = _distances_of_four(words, queries[q], out)
            else:
                least = _distances(words, queries[q], out)
            if least < distances[q, last]:
                for i in range(count):
                    if out[i] < distances[q, last]:
                        _insert(out[i], start + i, distances[q], ids[q])


@method(
    source="the scan of IndexBinaryFlat (Johnson, Douze and Jegou 2017, arXiv:1702.08734), with "
    "codes transposed in blocks",
    memory="8 * ceil(bits / 64) bytes a row, in blocks of 512 rows",
    time="ceil(bits / 64) words a row and query, eight at a time where the processor can",
    error="exact",
    exact="sorting all rows by Hamming distance",
    laws=("summary", "nearest"),
    evidence=("hamming",),
)
class HammingIndex(Summary):
    """Find the codes that differ from a query in the fewest bits.

    Rows are held in blocks, word by word, so that a processor compares many at once; a block's
    least distance decides whether it is looked at row by row. Of equally near rows the first wins.

    Args:
        bits: of a code, 1..65536.

    Raises:
        ValueError: bits outside the range.

    Example:
        >>> codes = np.random.default_rng(0).integers(0, 256, (1000, 32), dtype=np.uint8)
        >>> index = HammingIndex(256).add(codes)
        >>> distances, ids = index.search(codes[[7]] ^ 1, 1)
        >>> distances.tolist(), ids.tolist()
        ([[32]], [[7]])
    """

    KIND = "hamming-index"

    def __init__(self, bits: int) -> None:
        self.bits = int(in_range("bits", bits, 1, 65536))
        self._words = -(-self.bits // 64)
        self._rows = 0
        self._blocks = np.zeros((0, self._words, BLOCK), np.uint64)

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        return f"HammingIndex({self.bits})"

    def add(self, codes: ArrayLike) -> Self:
        """Append rows; they get the next numbers.

        Args:
            codes: (n, ceil(bits / 8)) uint8, as `np.packbits` makes them; bits beyond the last
                must be 0.

        Raises:
            IncompatibleError: codes of another width.
            ValueError: values that are not bytes.
        """
        words = self._checked(codes)
        end = self._rows + len(words)
        needed = -(-end // BLOCK)
        if needed > len(self._blocks):
            wider = np.zeros((max(needed, 2 * len(self._blocks)), self._words, BLOCK), np.uint64)
            wider[: len(self._blocks)] = self._blocks
            self._blocks = wider
        places = np.arange(self._rows, end)
        self._blocks[places // BLOCK, :, places % BLOCK] = words
        self._rows = end
        return self

    def search(
        self, queries: ArrayLike, k: int = 10
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The nearest rows of each query.

        Args:
            queries: (m, ceil(bits / 8)) uint8.
            k: rows wanted, at least 1; all there are if fewer.

        Returns:
            distances: (m, min(k, rows)) int32, in rising order.
            ids: (m, min(k, rows)) int64.

        Raises:
            IncompatibleError: queries of another width.
            ValueError: values that are not bytes, or k below 1.
        """
        words = self._checked(queries)
        count = min(int(in_range("k", k, 1, LARGEST)), self._rows)
        distances = np.full((len(words), count), FAR)
        ids = np.zeros((len(words), count), np.int64)
        step = max(1, (1 << 24) // (len(words) + 1) // self._words // BLOCK)  # heeds Ctrl-C
        used = -(-self._rows // BLOCK) if count else 0
        for b in range(0, used, step):
            part = self._blocks[b : min(b + step, used)]
            _search(part, self._rows, b * BLOCK, words, distances, ids)
        return distances.astype(np.int32), ids

    @property
    def nbytes(self) -> int:
        """Bytes held by the blocks."""
        return self._blocks.nbytes

    def spec(self) -> dict[str, Any]:
        """The number of bits."""
        return {"bits": self.bits}

    def arrays(self) -> dict[str, np.ndarray]:
        """The codes, row by row."""
        places = np.arange(self._rows)
        return {"words": self._blocks[places // BLOCK, :, places % BLOCK]}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The index of these codes."""
        index = cls(**spec)
        words = taken(arrays, "words", np.uint64, (None, index._words))
        held = _bytes(words)
        if held[:, -(-index.bits // 8) :].any():
            raise FormatError(f"codes must be 0 beyond bit {index.bits}, got other bits")
        return index.add(held[:, : -(-index.bits // 8)])

    def _absorb(self, other: Self) -> None:
        self.add(_bytes(other.arrays()["words"])[:, : -(-self.bits // 8)])

    def _checked(self, codes: ArrayLike) -> NDArray[np.uint64]:
        """Codes as words, the rest of the last word 0."""
        given, width = np.asarray(codes), -(-self.bits // 8)
        if given.size == 0 and given.ndim < 2:
            given = np.zeros((0, width), np.uint8)
        if given.ndim != 2 or given.shape[1] != width:
            raise IncompatibleError(f"codes of shape {given.shape} do not fit {self!r}")
        if given.dtype != np.uint8:
            whole = given.dtype.kind in "iu" and (given.size == 0 or given.min() >= 0)
            if not whole or given.max(initial=0) > 255:
                raise ValueError(f"codes must be bytes, got {given.dtype}")
        padded = np.zeros((len(given), 8 * self._words), np.uint8)
        padded[:, :width] = given
        if len(given) and (padded[:, width - 1] & (0xFF >> (self.bits - 1) % 8 + 1)).any():
            raise ValueError(f"codes must be 0 beyond bit {self.bits}, got other bits")
        return padded.view("<u8").astype(np.uint64, copy=False)


def _bytes(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(words, "<u8").view(np.uint8).reshape(len(words), 8 * words.shape[1])
