"""Single: the rank of the value of one key, in one call of a kernel.

A call spends its time on what it is handed: each array costs more than a look into it. So all that
reading takes is handed over as one array of words, some of which are addresses.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from thrifty.codec._book import codeword
from thrifty.codec._reader import Reader
from thrifty.codec._signatures import fingerprint, seed_keys, signature_of
from thrifty.codec._windows import Windows, bits_of_key, window
from thrifty.core.kernels import njit
from thrifty.hashing.keys import hash_bytes

__all__ = ["rank_of_one"]

FIRST, SECOND, TOP, CHECK, MARKS, SYMBOLS, SIEVED = range(7)
STEPS, CODES, SIEVE, WORDS = 7, 12, 20, 28
TEXT = (str, bytes)


@intrinsic
def _pointer(typing, address):
    """A uint64 as an address."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.uint64), generate


@njit(forceinline=True, error_model="numpy")
def _looked_up(state, at, a, b):
    """The window of a key in the solved equations whose addresses stand from a place on."""
    bits = carray(_pointer(state[at]), np.int64(state[at + 1]), np.uint8)
    entries = carray(_pointer(state[at + 2]), np.int64(state[at + 3]), np.uint32)
    bases = carray(_pointer(state[at + 4]), np.int64(state[at + 5]), np.int64)
    groups, pad = np.uint64(entries.size - 1), np.int64(state[at + 6])
    p, q, r = bits_of_key(a, b, groups, entries, bases, pad, state[at + 7])
    return window(bits, p) ^ window(bits, q) ^ window(bits, r)


@njit(nogil=True, cache=True, error_model="numpy")
def _rank(a, b, state):
    """Rank of the value of a key of signature a, b; -1 where it is no key."""
    sieved, check = state[SIEVED], np.int64(state[CHECK])
    if sieved:
        mark = _looked_up(state, SIEVE, a, b) >> (np.uint64(64) - sieved)
        if mark != fingerprint(a, b, state[MARKS], np.int64(sieved)):
            return np.int64(state[TOP])
    word = _looked_up(state, CODES, a, b)
    quick = carray(_pointer(state[STEPS]), np.int64(state[STEPS + 1]), np.uint8)
    bounds = carray(_pointer(state[STEPS + 2]), np.int64(state[STEPS + 3]), np.uint64)
    starts = carray(_pointer(state[STEPS + 4]), bounds.size, np.int64)
    number, length = codeword(word, quick, bounds, starts)
    if check:
        mark = (word << np.uint64(length)) >> np.uint64(64 - check)
        if mark != fingerprint(a, b, state[MARKS], check):
            return np.int64(-1)
    return min(max(number, 0), np.int64(state[SYMBOLS]) - 1)


@njit(nogil=True, cache=True, error_model="numpy")
def _rank_of_text(text, state):
    """As `_rank`, of the bytes of a key."""
    data = np.frombuffer(text, np.uint8)
    a = hash_bytes(data, 0, data.size, state[FIRST])
    return _rank(a, hash_bytes(data, 0, data.size, state[SECOND]), state)


def rank_of_one(reader: Reader, seed: int) -> Callable[[Any], int]:
    """What gives the rank of the value of one key, or -1 where it is found to be a stranger.

    Args:
        reader: of the function.
        seed: of the signatures.
    """
    if reader.codes is None:
        return lambda key: reader.top
    state, held = _state(reader, seed)

    def rank(key: Any, _held: Any = held) -> int:
        if isinstance(key, TEXT):
            return _rank_of_text(key.encode() if isinstance(key, str) else bytes(key), state)
        row = signature_of(key, seed)
        return _rank(row[0, 0], row[1, 0], state)

    return rank


def _state(reader: Reader, seed: int) -> tuple[NDArray[np.uint64], list[NDArray[Any]]]:
    """The words of a reader, and the arrays that must live as long as they do."""
    state, held = np.zeros(WORDS, np.uint64), []
    state[: STEPS] = (
        *seed_keys(seed), reader.top, reader.check, reader.marks, reader.steps.symbols,
        reader.sieve.windows.longest if reader.sieve else 0,
    )  # fmt: skip

    def put(at: int, arrays: tuple[NDArray[Any], ...]) -> None:
        for array in arrays:
            held.append(np.require(array, requirements=["C", "A"]))
            state[at : at + 2] = held[-1].ctypes.data, held[-1].size
            at += 2

    put(STEPS, (reader.steps.quick, reader.steps.bounds))
    starts = np.require(reader.steps.starts, requirements=["C", "A"])
    held.append(starts)
    state[STEPS + 4] = starts.ctypes.data
    for at, windows in ((CODES, reader.codes), (SIEVE, reader.sieve and reader.sieve.windows)):
        if isinstance(windows, Windows):
            put(at, (windows.bits, windows.entries, windows.bases))
            state[at + 6 : at + 8] = windows.longest - 1, windows.key
    return state, held
