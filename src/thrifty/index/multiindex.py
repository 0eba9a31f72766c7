"""Multi-index hashing: the nearest bit codes, by looking up codes of which a part nearly agrees."""

from math import comb, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core import FormatError, method, taken, whole
from thrifty.core.instructions import ones
from thrifty.core.kernels import njit
from thrifty.core.summary import Arrays
from thrifty.index._code_bits import BLOCK, insert_near
from thrifty.index._code_index import CodeIndex
from thrifty.index._parts import Part, State
from thrifty.index._scoring import frozen
from thrifty.index.hamming import scan_part

__all__ = ["MultiIndexHashing"]

Words = NDArray[np.uint64]
Ids = NDArray[np.int64]
WIDEST = 26  # bits of a substring
FEWEST = 2048  # rows below which a scan is faster whatever is asked
BUCKET, CANDIDATE = 250.0, 150.0  # what looking at one costs, in words of a scan
SHARE = 0.5  # of the cost of a scan that is spent before scanning after all
SHIFT = 9  # of a row number to that of its block
TOGETHER = 64  # buckets looked up, or queries asked, at once


@njit(error_model="numpy")
def _substring(code, first, width):
    """`width` bits of a code of words from bit `first` on."""
    word, shift = first >> 6, np.uint64(first & 63)
    found = code[word] >> shift
    if shift > 0 and word + 1 < code.size:
        found |= code[word + 1] << (np.uint64(64) - shift)
    return np.int64(found & ((np.uint64(1) << np.uint64(width)) - np.uint64(1)))


@njit(nogil=True, cache=True, error_model="numpy")
def _fill(blocks, first, width, starts, places):
    """Put row numbers in buckets by a substring; starts (2**width + 1,), zeros, places (n,)."""
    code, keys = np.empty(blocks.shape[1], np.uint64), np.empty(places.size, np.int32)
    for i in range(places.size):
        block = blocks[i // BLOCK]
        for w in range(code.size):
            code[w] = block[w, i % BLOCK]
        keys[i] = _substring(code, first, width)
        starts[keys[i] + 1] += 1
    for key in range(starts.size - 1):
        starts[key + 1] += starts[key]
    for i in range(places.size):
        places[starts[keys[i]]] = i
        starts[keys[i]] += 1
    for key in range(starts.size - 1, 0, -1):
        starts[key] = starts[key - 1]
    starts[0] = 0


@njit(error_model="numpy", counted=False)
def _score(words, width, keys, allowed, query, some, far, count, distances, ids):
    """Put candidates `some` among the nearest, all their words asked for before one is needed."""
    for j in range(count):
        far[j] = np.uint64(0)
        at = (some[j] >> SHIFT) * width * BLOCK + (some[j] & (BLOCK - 1))
        for w in range(width):
            far[j] += ones(words[at + w * BLOCK] ^ query[w])
    last = distances.size - 1
    for j in range(count):
        if far[j] <= distances[last] and (allowed.size == 0 or allowed[some[j]]):
            insert_near(far[j], keys[some[j]], distances, ids)


@njit(error_model="numpy", counted=False)
def _buckets(starts, key, mask, begins, ends):
    """Where the next buckets begin and end; the mask after them, and how many they are."""
    size, count = starts.size - 1, 0
    while mask < size and count < begins.size:
        begins[count], ends[count] = starts[key ^ mask], starts[(key ^ mask) + 1]
        count += 1
        lowest = mask & -mask
        rippled = mask + lowest
        mask = rippled | (((rippled ^ mask) >> 2) // lowest) if mask else size
    return mask, count


@njit(error_model="numpy", counted=False)
def _shell(
    words, width, starts, places, keys, allowed, query, key, flips, begins, ends, some, far,
    distances, ids,
):  # fmt: skip
    """Look at the buckets whose substring differs from `key` in exactly so many bits."""
    mask, held = (1 << flips) - 1, 0
    while mask < starts.size - 1:
        mask, count = _buckets(starts, key, mask, begins, ends)
        for j in range(count):
            for at in range(max(0, begins[j]), min(ends[j], places.size)):
                if not 0 <= places[at] < keys.size:
                    continue
                some[held] = places[at]
                held += 1
                if held == some.size:
                    _score(words, width, keys, allowed, query, some, far, held, distances, ids)
                    held = 0
    _score(words, width, keys, allowed, query, some, far, held, distances, ids)


@njit(nogil=True, cache=True, error_model="numpy")
def _grow(blocks, starts, places, widths, costs, keys, allowed, queries, reach, distances, ids):
    """Look wider and wider until nothing nearer can be left; which queries were given up.

    After step r = q * m + a of m substrings, of which the first a + 1 were looked up to q flips and
    the others to q - 1, every code within r is found: else each would differ in one more, and the
    codes in (a + 1) * (q + 1) + (m - a - 1) * q = r + 1.

    Args:
        blocks: as of `scan`. starts: (m, 2**width + 1) int32. places: (m, n) int32.
        widths: (m,) bits of each substring.
        costs: (m, width + 2) of each shell; what may be spent stands last.
        reach: distance beyond which nothing is wanted. distances, ids: as of `scan`.
    """
    begins, ends = np.empty(TOGETHER, np.int64), np.empty(TOGETHER, np.int64)
    some = np.empty(TOGETHER, np.int64)
    far, left = np.empty(TOGETHER, np.uint64), np.zeros(queries.shape[0], np.bool_)
    m, width, last = starts.shape[0], costs.shape[1] - 2, distances.shape[1] - 1
    words = blocks.ravel()
    for i in range(queries.shape[0]):
        query, spent = queries[i], 0.0
        for r in range(reach + 1):
            a, flips = r % m, r // m
            if r > 0 and distances[i, last] < r:
                break
            if flips > widths[a]:
                continue
            spent += costs[a, flips]
            if spent > costs[a, width + 1]:
                left[i] = True
                break
            key = _substring(query, a * width, widths[a])
            _shell(
                words, query.size, starts[a], places[a], keys, allowed, query, key, flips, begins,
                ends, some, far, distances[i], ids[i],
            )  # fmt: skip
    return left


@method(
    source="Norouzi, Punjani and Fleet 2012, doi:10.1109/CVPR.2012.6248043",
    memory="(8 * ceil(bits / 64) + 4 * tables + 8) bytes a row and 4 * tables * 2**(bits / tables)",
    time="few buckets a query that has near rows; about twice the scan where it has none",
    error="exact",
    exact="HammingIndex",
    laws=("nearest",),
    evidence=("multiindex",),
)
class MultiIndexHashing(CodeIndex):
    """Find the nearest bit codes without looking at all.

    A code is cut into substrings, and each has a table of the rows that share it. Codes that differ
    in r of `bits` agree nearly in one substring, so the buckets around those of a query are looked
    up, farther and farther, until nothing nearer can be left. Where that would take longer than a
    scan, as when nothing is near, all are scanned.

    Args:
        bits: of a code, 1..65536.
        tables: substrings, at least bits / 26; None for substrings of about log2(rows) bits.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> codes = np.random.default_rng(0).integers(0, 256, (5000, 8), dtype=np.uint8)
        >>> index = MultiIndexHashing(64).add(codes)
        >>> ids, distances = index.search(codes[[7]] ^ 1, 1)
        >>> ids.tolist(), distances.tolist(), index.near(codes[[7]] ^ 1, 8)[1].tolist()
        ([[7]], [[8]], [7])
    """

    KIND = "multi-index-hashing"

    def __init__(self, bits: int, *, tables: int | None = None) -> None:
        super().__init__(bits)
        least = -(-self.bits // WIDEST)
        self.tables = None if tables is None else whole("tables", tables, least, self.bits)

    def spec(self) -> dict[str, Any]:
        """The number of bits, and of tables."""
        return {**super().spec(), "tables": self.tables}

    def _width(self, rows: int) -> int:
        """Bits of a substring in a part of so many rows; 0 for no tables."""
        if rows < FEWEST:
            return 0
        many = self.tables or max(-(-self.bits // WIDEST), round(self.bits / log2(rows)))
        return -(-self.bits // many)

    def _tables(self, blocks: Words, rows: int) -> Arrays:
        width = self._width(rows)
        if not width:
            return {}
        many = -(-self.bits // width)
        starts, places = np.zeros((many, 2**width + 1), np.int32), np.empty((many, rows), np.int32)
        for a, own in enumerate(_widths(self.bits, width)):
            _fill(frozen(blocks), a * width, int(own), starts[a], places[a])
        return {"starts": starts, "places": places}

    def _checked_tables(self, part: Part, arrays: Arrays) -> Arrays:
        rows = part.ids.size
        width = self._width(rows)
        if not width:
            if "starts" in arrays or "places" in arrays:
                raise FormatError(f"{rows} rows must be without tables")
            return {}
        many = -(-self.bits // width)
        starts = taken(arrays, "starts", np.int32, (many, 2**width + 1))
        return {"starts": starts, "places": taken(arrays, "places", np.int32, (many, rows))}

    def _look(
        self,
        state: State,
        queries: Words,
        allowed: list[NDArray[np.bool_]],
        reach: int,
        distances: Words,
        ids: Ids,
    ) -> None:
        for part, mask in zip(state.parts, allowed, strict=True):
            left = np.arange(len(queries))
            if "starts" in part.arrays:
                left = self._grown(part, mask, queries, reach, distances, ids)
            if left.size:
                asked, far, keys = frozen(queries[left]), distances[left], ids[left]
                scan_part(part, mask, asked, far, keys)
                distances[left], ids[left] = far, keys

    def _grown(
        self,
        part: Part,
        mask: NDArray[np.bool_],
        queries: Words,
        reach: int,
        distances: Words,
        ids: Ids,
    ) -> NDArray[np.int64]:
        """Look in the tables of a part; which queries were given up."""
        starts, places = part["starts"], part["places"]
        width, left = self._width(part.ids.size), []
        widths = _widths(self.bits, width)
        costs = _costs(widths, width, part.ids.size, self._words)
        for start in range(0, len(queries), TOGETHER):
            some = slice(start, start + TOGETHER)
            given_up = _grow(
                part["blocks"], starts, places, widths, costs, part.ids, mask,
                frozen(queries[some]), reach, distances[some], ids[some],
            )  # fmt: skip
            left.append(start + np.flatnonzero(given_up))
        return np.concatenate(left)


def _widths(bits: int, width: int) -> NDArray[np.int64]:
    """Bits of each substring; the last may have fewer."""
    many = -(-bits // width)
    return frozen(np.minimum(width, bits - width * np.arange(many)))


def _costs(widths: NDArray, width: int, rows: int, words: int) -> NDArray[np.float64]:
    """What each shell of each table costs, and what may be spent, which stands last."""
    costs = np.full((widths.size, width + 2), SHARE * rows * words)
    for a, own in enumerate(widths.tolist()):
        for flips in range(own + 1):
            each = BUCKET + CANDIDATE * words * rows / 2**own
            costs[a, flips] = comb(own, flips) * each
    return frozen(costs)
