"""Signatures: 128 bits of every key, in the order in which static functions are solved."""

import functools
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.codec._keys import TURN, column_of, signatures_of
from thrifty.core import DataError, IncompatibleError
from thrifty.core.kernels import njit
from thrifty.hashing._columns import chunks
from thrifty.hashing.keys import hash_bytes, join, key_of, mix, seed_key

__all__ = [
    "Signed",
    "fingerprint",
    "fingerprints",
    "of_column",
    "seed_keys",
    "sign_text",
    "signature_of",
    "signatures_of",
    "signed",
]


class Signed(NamedTuple):
    """Distinct keys by signature.

    Args:
        signatures: (2, n) uint64, sorted by the first row, then by the second.
        numbers: (n,) of the value of each, or (n, m) of its values.
    """

    signatures: NDArray[np.uint64]
    numbers: NDArray[np.int64]


@njit(nogil=True, cache=True, error_model="numpy")
def sign_text(data, first, second, out):
    """128 bits of a text of (n,) uint8, by the two keys of `seed_keys`, into (2, 1) uint64."""
    out[0, 0] = hash_bytes(data, 0, data.size, first)
    out[1, 0] = hash_bytes(data, 0, data.size, second)


@njit(nogil=True, cache=True, error_model="numpy")
def _sign_whole(value, first, second, out):
    out[0, 0], out[1, 0] = mix(np.uint64(value) + first), mix(np.uint64(value) + second)


@functools.lru_cache(maxsize=64)
def seed_keys(seed: int) -> tuple[np.uint64, np.uint64]:
    """The keys of the two hashes of a signature."""
    return seed_key(seed), seed_key(seed ^ TURN)


def signature_of(key: Any, seed: int) -> NDArray[np.uint64]:
    """128 bits of one key, (2, 1): `signatures_of` it, sooner for text, bytes and whole numbers."""
    if isinstance(key, str):
        key = key.encode()
    if isinstance(key, bytes):
        out = np.empty((2, 1), np.uint64)
        sign_text(np.frombuffer(key, np.uint8), *seed_keys(seed), out)
        return out
    if isinstance(key, int) and -(2**63) <= key < 2**63:
        out = np.empty((2, 1), np.uint64)
        _sign_whole(int(key), *seed_keys(seed), out)
        return out
    return signatures_of(column_of(key), seed)


@njit(forceinline=True, error_model="numpy")
def fingerprint(first, second, key, bits):
    """So many bits of a key that its places do not tell."""
    return join(second ^ key, first) >> np.uint64(64 - bits)


@njit(nogil=True, cache=True, error_model="numpy")
def _fingerprints(signatures, key, bits, out):
    first, second = signatures[0], signatures[1]
    for i in range(out.size):
        out[i] = fingerprint(first[i], second[i], key, bits)


def fingerprints(signatures: NDArray[np.uint64], key: np.uint64, bits: int) -> NDArray[np.uint64]:
    """So many bits of every key that its places do not tell."""
    out = np.empty(signatures.shape[1], np.uint64)
    _fingerprints(signatures, key, bits, out)
    return out


def signed(
    signatures: NDArray[np.uint64], numbers: NDArray[np.int64], keys: Any, distinct: Any
) -> Signed:
    """Keys in order, each once.

    Args:
        signatures: (2, n) of all keys. numbers: (n,) of their values, or (n, m).
        keys, distinct: as they were given, for the error.

    Raises:
        IncompatibleError: keys and values of different number.
        DataError: a key twice with two values, or no rows.
    """
    if signatures.shape[1] != len(numbers):
        raise IncompatibleError(f"{signatures.shape[1]} keys do not fit {len(numbers)} values")
    if not len(numbers):
        raise DataError("keys must be at least 1, got none")
    order = np.argsort(signatures[0])
    first = signatures[0, order]
    if (first[1:] == first[:-1]).any():
        order = np.lexsort((signatures[1], signatures[0]))
    rows, found = signatures[:, order], numbers[order]
    again = np.append(False, (rows[:, 1:] == rows[:, :-1]).all(axis=0))
    if not again.any():
        return Signed(rows, found)
    other = (found[1:] != found[:-1]).reshape(len(found) - 1, -1).any(axis=1)
    clash = np.flatnonzero(again[1:] & other)
    if clash.size:
        raise _clash(keys, distinct, order[clash[0] + 1], found[clash[0] : clash[0] + 2])
    return Signed(np.ascontiguousarray(rows[:, ~again]), found[~again])


def _clash(keys: Any, distinct: Any, place: Any, numbers: NDArray[np.int64]) -> DataError:
    key = pa.chunked_array(chunks(keys))[int(place)].as_py()
    one, other = sorted(_told(distinct, number) for number in numbers)
    return DataError(f"keys must be unique, got {key!r} with {one!r} and with {other!r}")


def _told(distinct: Any, number: Any) -> Any:
    """A value of this number, or a list of values."""
    if np.ndim(number):
        return [_told(distinct, each) for each in number if each >= 0]
    value = distinct[int(number)]
    return value.as_py() if isinstance(value, pa.Scalar) else value.item()


@njit(nogil=True, cache=True, error_model="numpy")
def _of_column(signatures, column, out):
    key = key_of(np.uint64(column))
    for i in range(out.shape[1]):
        out[0, i] = mix(signatures[0, i] + key)
        out[1, i] = mix(signatures[1, i] ^ key)


def of_column(signatures: NDArray[np.uint64], column: int) -> NDArray[np.uint64]:
    """128 bits of the pair of each key and a column's number, (2, n)."""
    out = np.empty(signatures.shape, np.uint64)
    _of_column(signatures, column, out)
    return out
