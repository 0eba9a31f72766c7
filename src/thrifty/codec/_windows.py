"""Windows: for every key of a set the bits of a codeword, without the keys; the solved equations.

Bits are kept in groups of some thousand equations, each solved alone with a seed of its own.
"""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._equations import places_of, solve_groups, try_word
from thrifty.core import FormatError, taken
from thrifty.core.instructions import high, load64, prefetch, swap_bytes
from thrifty.core.kernels import njit

__all__ = ["LONGEST", "Windows", "bits_of_key", "look_up", "window", "window_bytes"]

LONGEST = 57  # bits of a codeword: what one load of 8 bytes has from any bit on
TARGET = 4096  # equations a group
OVER, OF = 9, 100  # unknowns above equations; below 8.94 of 100 there is no solution
SLACK = 16  # unknowns a group beyond these, which the smallest need
TAIL, RUN, AHEAD = 8, 64, 64
SEED_BITS, MOST_OFFSET = 8, 1 << 24
THREE, SEVEN, EIGHT = np.uint64(3), np.uint64(7), np.uint64(8)
Signatures = NDArray[np.uint64]
Arrays = dict[str, NDArray[Any]]


def _groups(equations: int) -> int:
    return max(1, round(equations / TARGET))


def window_bytes(equations: int, longest: int) -> int:
    """Bytes of the windows of codewords of so many bits in all, the longest of so many.

    Example:
        >>> window_bytes(1_000_000, 16) * 8 / 1_000_000 < 1.11
        True
    """
    if not equations:
        return 0
    groups = _groups(equations)
    runs = -(-(groups + 1) // RUN)
    return _room(equations, groups, longest) + TAIL + 4 * (groups + 1) + 8 * runs


def _room(equations: int, groups: int, longest: int) -> int:
    bits = equations + equations * OVER // OF
    return (bits + groups * (SLACK + longest - 1 + 7)) // 8


@njit(forceinline=True, error_model="numpy")
def bits_of_key(a, b, groups, entries, bases, pad, key):
    """The three bits from which the windows of a key of signature a, b begin."""
    g = np.int64(high(a, groups))
    start = bases[g >> 6] + np.int64(entries[g] >> SEED_BITS)
    end = bases[(g + 1) >> 6] + np.int64(entries[g + 1] >> SEED_BITS)
    word = try_word(a, b, key, np.uint64(entries[g] & 255))
    p, q, r = places_of(word, 8 * (end - start) - pad)
    return 8 * start + p, 8 * start + q, 8 * start + r


@njit(forceinline=True, error_model="numpy")
def window(bits, place):
    """64 bits from a place on, the first on top; the last 7 may be missing."""
    word = swap_bytes(load64(bits, place >> 3))
    return word << (np.uint64(place) & SEVEN)


@njit(nogil=True, cache=True, error_model="numpy")
def look_up(signatures, bits, entries, bases, pad, key, out):
    """The window of every key; entries and bases must have been checked."""
    first, second = signatures[0], signatures[1]
    groups = np.uint64(entries.size - 1)
    places = np.empty((3, AHEAD), np.int64)
    for begin in range(0, out.size, AHEAD):
        size = min(AHEAD, out.size - begin)
        for i in range(size):
            a, b = first[begin + i], second[begin + i]
            p, q, r = bits_of_key(a, b, groups, entries, bases, pad, key)
            places[0, i], places[1, i], places[2, i] = p, q, r
            for j in range(3):
                prefetch(bits, places[j, i] >> 3)
        for i in range(size):
            found = window(bits, places[0, i]) ^ window(bits, places[1, i])
            out[begin + i] = found ^ window(bits, places[2, i])


class Windows(NamedTuple):
    """Solved equations: bits, and where each group of keys has its own.

    Args:
        bits: uint8, with 8 more at the end.
        entries: (g + 1,) uint32, first byte of each group after that of its run of 64, and its seed
            in the lowest 8 bits.
        bases: int64, first byte of each run of 64 groups.
        longest: bits of the longest codeword.
        key: uint64 of all hashes.
    """

    bits: NDArray[np.uint8]
    entries: NDArray[np.uint32]
    bases: NDArray[np.int64]
    longest: int
    key: np.uint64

    @classmethod
    def solved(
        cls,
        signatures: Signatures,
        codes: NDArray[np.uint64],
        lengths: NDArray[np.uint8],
        *,
        key: np.uint64,
        room: tuple[int, int],
        threads: int | None = None,
    ) -> "Windows | None":
        """Solve for codewords; None if there is no solution with this key, or no room.

        Args:
            signatures: (2, n) uint64, sorted by the first, none twice.
            codes: (n,) uint64, the last `lengths` bits count.
            lengths: (n,) uint8.
            key: of all hashes.
            room: equations there may be, and bits of the longest codeword.
            threads: None for as many as there are cores.
        """
        most, longest = room
        groups, total = _groups(most), int(lengths.sum(dtype=np.int64))
        if total > most:
            return None
        edges = [(g << 64) // groups + ((g << 64) % groups > 0) for g in range(groups)]
        starts = np.searchsorted(signatures[0], np.array(edges, np.uint64)).astype(np.int64)
        starts = np.append(starts, signatures.shape[1])
        offsets = _offsets(starts, lengths, longest)
        bits = np.zeros(_room(most, groups, longest) + TAIL, np.uint8)
        seeds = np.zeros(groups, np.uint8)
        job = (starts, offsets, longest - 1, signatures, codes, lengths, key, bits, seeds)
        if not _all_solved(groups, job, threads) or not _near(offsets):
            return None
        bases = offsets[::RUN].copy()
        entries = (offsets - np.repeat(bases, RUN)[: groups + 1]) << SEED_BITS
        entries[:-1] |= seeds
        return cls(bits, entries.astype(np.uint32), bases, longest, key)

    @classmethod
    def read(
        cls, arrays: Mapping[str, Any], prefix: str, longest: int, key: np.uint64
    ) -> "Windows":
        """Windows from arrays that may be lies.

        Raises:
            FormatError: one is missing, of another dtype, or says of a group what cannot be.
        """
        bits = taken(arrays, f"{prefix}bits", np.uint8, (None,))
        entries = taken(arrays, f"{prefix}entries", np.uint32, (None,))
        runs = -(-entries.size // RUN)
        bases = taken(arrays, f"{prefix}bases", np.int64, (runs,))
        if entries.size < 2 or bases.min() < 0 or bases.max() > bits.size:
            raise FormatError(f"{prefix}bases must lie in {bits.size} bytes, got {bases.max()}")
        offsets = np.repeat(bases, RUN)[: entries.size] + (entries >> SEED_BITS)
        if 8 * np.diff(offsets).min() - longest + 1 < 3 or offsets[-1] > bits.size - TAIL:
            raise FormatError(f"{prefix}entries must rise and end in {bits.size} bytes")
        return cls(bits, entries, bases, longest, key)

    def arrays(self, prefix: str) -> Arrays:
        """What it holds, by name."""
        names = ("bits", "entries", "bases")
        return {f"{prefix}{name}": getattr(self, name) for name in names}

    def __call__(self, signatures: Signatures) -> NDArray[np.uint64]:
        """64 bits of each key, the codeword first, then noise; of a stranger noise alone."""
        out = np.empty(signatures.shape[1], np.uint64)
        where = (self.bits, self.entries, self.bases, self.longest - 1, self.key)
        look_up(signatures, *where, out)
        return out


def _near(offsets: NDArray[np.int64]) -> bool:
    """Whether each offset can be told from the first of its run."""
    bases = np.repeat(offsets[::RUN], RUN)[: offsets.size]
    return bool((offsets - bases < MOST_OFFSET).all())


def _offsets(starts: NDArray[np.int64], lengths: NDArray[np.uint8], longest: int) -> Any:
    """First byte of each group, and the end of the last."""
    ends = np.append(0, np.cumsum(lengths, dtype=np.int64))[starts]
    equations = np.diff(ends)
    room = (equations + equations * OVER // OF + SLACK + longest - 1 + 7) // 8
    return np.append(0, np.cumsum(room))


def _all_solved(groups: int, job: tuple[Any, ...], threads: int | None) -> bool:
    """Solve all groups, a share at a time, until one has no solution."""
    workers = min(threads or os.cpu_count() or 1, groups)
    edges = np.linspace(0, groups, min(groups, 8 * workers) + 1).astype(np.int64)
    shares = [edges[i : i + 2] for i in range(edges.size - 1)]
    if workers == 1:
        return all(solve_groups(share, *job) < 0 for share in shares)
    with ThreadPoolExecutor(workers) as pool:
        return all(found < 0 for found in pool.map(lambda share: solve_groups(share, *job), shares))
