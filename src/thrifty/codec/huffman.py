"""Huffman: prefix codes of bounded length from how often each symbol comes, in canonical form."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from thrifty.core import FormatError, whole
from thrifty.core.kernels import njit

__all__ = [
    "Ladder", "checked_lengths", "codes_of", "ladder_of", "lengths_of", "next_symbol",
    "reversed_codes", "table_of",
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
    found = np.asarray(lengths, dtype=np.int64)
    codes, ladder = np.zeros(found.shape, np.uint32), ladder_of(found)
    places = np.arange(ladder.symbols.size) - ladder.starts[found[ladder.symbols]]
    codes[ladder.symbols] = places.astype(np.uint32)
    return codes


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


def reversed_codes(codes: ArrayLike, lengths: ArrayLike) -> np.ndarray:
    """Codes with their first bit lowest, as they stand in words that are read from below.

    Args:
        codes: (symbols,) as of `codes_of`. lengths: (symbols,) their bits.

    Example:
        >>> reversed_codes([0b110, 0b01], [3, 2]).tolist()
        [3, 2]
    """
    turned = np.asarray(codes, dtype=np.uint32)
    for bits, mask in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF)):
        low, up = np.uint32(mask), np.uint32(bits)
        turned = (turned >> up) & low | (turned & low) << up
    turned = turned >> np.uint32(16) | turned << np.uint32(16)
    return (turned.astype(np.uint64) >> (32 - np.asarray(lengths, np.uint64))).astype(np.uint32)


def table_of(lengths: ArrayLike, bits: int) -> np.ndarray:
    """The symbol and the length of the code that begins each window, first bit lowest.

    Args:
        lengths: (at most 256,) bits of each code, checked, none above `bits`.
        bits: of a window.

    Returns:
        (2**bits,) uint16: the symbol, and its bits times 256.

    Example:
        >>> [divmod(entry, 256) for entry in table_of([1, 2, 2], bits=2).tolist()]
        [(1, 0), (2, 1), (1, 0), (2, 2)]
    """
    found = np.asarray(lengths, dtype=np.int64)
    codes, table = reversed_codes(codes_of(found), found), np.zeros(1 << bits, np.uint16)
    for symbol in np.flatnonzero(found):
        table[codes[symbol] :: 1 << found[symbol]] = symbol | found[symbol] << 8
    return table


def checked_lengths(lengths: np.ndarray, limit: int) -> np.ndarray:
    """Lengths that were read, if every window of `limit` bits begins with the code of one symbol.

    Args:
        lengths: (symbols,) uint8, bits of each code. limit: that none may exceed.

    Raises:
        FormatError: no code, one too long, too many of them or too few.

    Example:
        >>> checked_lengths(np.array([1, 1, 1], np.uint8), 8)
        Traceback (most recent call last):
        thrifty.core.errors.FormatError: code lengths must make a complete code, got [1, 1, 1]
    """
    used = lengths[lengths > 0].astype(np.int64)
    alone = used.size == 1 and used[0] == 1
    if alone or (used.size and used.max() <= limit and (1 << (limit - used)).sum() == 1 << limit):
        return lengths
    raise FormatError(f"code lengths must make a complete code, got {used[:8].tolist()}")
