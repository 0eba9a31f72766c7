"""Huffman: prefix codes of bounded length from how often each symbol comes, in canonical form."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from thrifty.core import FormatError, whole
from thrifty.core.kernels import njit

__all__ = [
    "Ladder", "checked_lengths", "codes_of", "fill_codes", "ladder_of", "lengths_of", "next_symbol",
    "table_of",
]  # fmt: skip

LONGEST = 32  # bits of a code


class Ladder(NamedTuple):
    """Canonical codes as steps: all codes of a length follow those that are shorter.

    Args:
        bounds: (limit + 1,) int64; codes of at most l bits, with zeros up to `limit` bits, are
            below bounds[l].
        starts: (limit + 1,) int64; the code c of l bits is of symbols[starts[l] + c].
        symbols: (used,) int64, by length and then by number.
    """

    bounds: np.ndarray
    starts: np.ndarray
    symbols: np.ndarray


def lengths_of(counts: ArrayLike, limit: int = LONGEST) -> np.ndarray:
    """Bits of the code of each symbol, the fewest in all that no code longer than limit allows.

    Huffman 1952; with a limit by package-merge, Larmore and Hirschberg 1990,
    doi:10.1145/79147.79150.

    Args:
        counts: (symbols,) whole numbers from 0, how often each symbol comes.
        limit: bits of the longest code allowed, 1..32.

    Returns:
        (symbols,) uint8: 0 for a symbol that never comes, 1 for one that is alone.

    Raises:
        ValueError: a count is below 0, or there are more symbols than codes of `limit` bits.

    Example:
        >>> lengths_of([8, 4, 2, 1, 1, 0]).tolist()
        [1, 2, 3, 4, 4, 0]
        >>> lengths_of([8, 4, 2, 1, 1, 0], limit=3).tolist()
        [1, 3, 3, 3, 3, 0]
    """
    found, limit = np.asarray(counts, dtype=np.int64), whole("limit", limit, 1, LONGEST)
    if found.size and found.min() < 0:
        raise ValueError(f"counts must be 0 or more, got {found.min()}")
    used = np.flatnonzero(found)
    if used.size > 1 << limit:
        raise ValueError(f"limit must be enough for {used.size} symbols, got {limit}")
    lengths = np.zeros(found.shape, np.uint8)
    if used.size < 2:
        lengths[used] = 1
        return lengths
    rising = used[np.argsort(found[used], kind="stable")]
    lengths[rising] = _package_merge(found[rising], limit)
    return lengths


@njit(nogil=True, cache=True, error_model="numpy")
def _package_merge(weights, limit):
    """Code lengths of weights in rising order; pairs of one level compete with the leaves above."""
    n = weights.size
    leaf = np.empty((limit, 2 * n), np.bool_)
    leaf[0, :n] = True
    level, size = weights, n
    for row in range(1, limit):
        pairs = size // 2
        merged = np.empty(n + pairs, np.int64)
        _merge(weights, level, pairs, merged, leaf[row])
        level, size = merged, n + pairs
    marks, take = np.zeros(n + 1, np.int64), 2 * n - 2
    for row in range(limit - 1, -1, -1):
        leaves = 0
        for i in range(take):
            leaves += leaf[row, i]
        marks[leaves] += 1
        take = 2 * (take - leaves)
    lengths, length = np.empty(n, np.uint8), 0
    for i in range(n - 1, -1, -1):
        length += marks[i + 1]
        lengths[i] = length
    return lengths


@njit(error_model="numpy")
def _merge(weights, level, pairs, merged, leaf):
    """Leaves and pairs of the level below in one rising row, and which are leaves."""
    i = j = 0
    for place in range(merged.size):
        pair = level[2 * j] + level[2 * j + 1] if j < pairs else 0
        first = j >= pairs or (i < weights.size and weights[i] <= pair)
        merged[place] = weights[i] if first else pair
        leaf[place] = first
        i, j = (i + 1, j) if first else (i, j + 1)


def codes_of(lengths: ArrayLike) -> np.ndarray:
    """The canonical codes of these lengths: rising with the length, then with the symbol.

    Args:
        lengths: (symbols,) bits of each code, 0 for symbols without one.

    Returns:
        (symbols,) uint32, the code in its lowest bits, its first bit the highest of them.

    Example:
        >>> [f"{code:0{length}b}" for code, length in zip(codes_of([1, 3, 3, 2]), [1, 3, 3, 2])]
        ['0', '110', '111', '10']
    """
    found = np.asarray(lengths, dtype=np.uint8)
    codes = np.zeros(found.shape, np.uint32)
    fill_codes(found, codes)
    return codes


@njit(nogil=True, cache=True, error_model="numpy")
def fill_codes(lengths, codes):
    """As `codes_of`, in an array that is given.

    Args:
        lengths: (symbols,) uint8, at most 32. codes: (symbols,) uint32, written where there is a
            length.

    Returns:
        How many symbols have a code.
    """
    counts, used = np.zeros(LONGEST + 1, np.int64), 0
    for length in lengths:
        counts[length] += 1
    following, code = np.zeros(LONGEST + 1, np.uint64), np.uint64(0)
    for length in range(1, LONGEST + 1):
        following[length] = code
        code = (code + np.uint64(counts[length])) << np.uint64(1)
        used += counts[length]
    for symbol in range(lengths.size):
        length = lengths[symbol]
        if length:
            codes[symbol] = following[length]
            following[length] += np.uint64(1)
    return used


def ladder_of(lengths: ArrayLike) -> Ladder:
    """What decodes canonical codes of any length, bit by bit or a window at a time.

    Args:
        lengths: (symbols,) bits of each code, 0 for symbols without one, at most 32.

    Example:
        >>> ladder = ladder_of([1, 3, 3, 2])
        >>> [next_symbol(window, *ladder) for window in (0b011, 0b100, 0b101, 0b111)]
        [(0, 1), (3, 2), (3, 2), (2, 3)]
    """
    found = np.asarray(lengths, dtype=np.int64)
    limit = int(found.max(initial=0))
    counts = np.bincount(found, minlength=limit + 1)
    counts[0] = 0
    bounds = np.cumsum(counts << (limit - np.arange(limit + 1)))
    firsts = np.append(0, bounds[:-1]) >> (limit - np.arange(limit + 1))
    symbols = np.argsort(found, kind="stable")[np.count_nonzero(found == 0) :]
    return Ladder(bounds, np.cumsum(counts) - counts - firsts, symbols)


@njit(nogil=True, cache=True, error_model="numpy")
def next_symbol(window, bounds, starts, symbols):
    """The symbol whose code begins this window, and the bits of the code.

    Args:
        window: the next `limit` bits, the first one the highest; limit is bounds.size - 1.
        bounds, starts, symbols: of a `Ladder` of lengths that were checked.
    """
    limit = bounds.size - 1
    length = 1
    while length < limit and window >= bounds[length]:
        length += 1
    return symbols[starts[length] + (window >> (limit - length))], length


def table_of(lengths: ArrayLike, bits: int) -> np.ndarray:
    """The symbol and the length of the code that begins each window.

    Args:
        lengths: (at most 256,) bits of each code, checked, none above `bits`.
        bits: of a window, the first one the highest.

    Returns:
        (2**bits,) uint16: the symbol, and its bits times 256; a symbol that is alone everywhere.

    Example:
        >>> [divmod(entry, 256) for entry in table_of([1, 2, 2], bits=2).tolist()]
        [(1, 0), (1, 0), (2, 1), (2, 2)]
    """
    found = np.asarray(lengths, dtype=np.int64)
    symbols = ladder_of(found).symbols
    entries = (symbols + 256 * found[symbols]).astype(np.uint16)
    if symbols.size == 1:
        return np.repeat(entries, 1 << bits)
    return np.repeat(entries, 1 << (bits - found[symbols]))


def checked_lengths(lengths: np.ndarray, limit: int) -> np.ndarray:
    """Lengths that were read, if every window of `limit` bits begins with the code of one symbol.

    Args:
        lengths: (..., symbols) uint8, bits of each code, one code or many.
        limit: that none may exceed.

    Raises:
        FormatError: a code has one that is too long, or too many or too few.

    Example:
        >>> checked_lengths(np.array([1, 1, 1], np.uint8), 8)
        Traceback (most recent call last):
        thrifty.core.errors.FormatError: code lengths must make a complete code, got [1, 1, 1]
    """
    windows = np.append(0, 1 << (limit - np.arange(1, limit + 1))).astype(np.int64)
    covered = windows[np.minimum(lengths, limit)].sum(axis=-1)
    alone = (lengths.sum(axis=-1, dtype=np.int64) == 1) & (covered == 1 << (limit - 1))
    good = (lengths.max(axis=-1, initial=0) <= limit) & (alone | (covered == 1 << limit))
    if good.all():
        return lengths
    bad = lengths[~good][0]
    raise FormatError(f"code lengths must make a complete code, got {bad[bad > 0][:8].tolist()}")
