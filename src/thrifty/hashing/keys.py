"""Keys: any column to uniform 64-bit words, the same on every machine.

Kernels in other files build on `hash_bytes`, `join`, `mix` and `key_of`, which Numba inlines.
Called from Python these return an int: wrap it in np.uint64 before it goes into a kernel.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from numpy.typing import ArrayLike, NDArray

from thrifty.core import in_range, method
from thrifty.core.instructions import high, load64
from thrifty.core.kernels import njit
from thrifty.hashing._columns import Column, chunks, numbers, text_buffers

__all__ = ["hash_bytes", "hash_column", "join", "key_of", "mix", "mix64", "seed_key"]

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB)
LEFT, RIGHT = np.uint64(0x8EBC6AF09C88C6E3), np.uint64(0x589965CC75374CC3)
NULL, TIME, REAL = 0x6E756C6C, 0x74696D65, np.uint64(0x7265616C)
NAN = np.uint64(0x7FF8000000000000)
HEAD = np.array([(1 << 8 * min(n, 8)) - 1 for n in range(17)], np.uint64)
TAIL = np.array([(1 << 8 * max(n - 8, 0)) - 1 for n in range(17)], np.uint64)
TEXT_KINDS = (pt.is_string, pt.is_large_string, pt.is_binary, pt.is_large_binary)
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@njit(forceinline=True, cache=True, error_model="numpy")
def mix(x):
    """SplitMix64's finaliser: a bijection of uint64 in which every input bit moves all others."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(forceinline=True, cache=True, error_model="numpy")
def key_of(seed):
    """The uint64 key that a uint64 seed stands for: near seeds give unrelated keys."""
    return mix(seed + GAMMA)


@njit(forceinline=True, error_model="numpy")
def join(a, b):
    """One uint64 hash of two, in this order."""
    x, y = a ^ LEFT, b ^ RIGHT
    return (x * y) ^ high(x, y)


@njit(error_model="numpy")
def _word_at_end(data, start, length):
    word = np.uint64(0)
    for i in range(length):
        word |= np.uint64(data[start + i]) << np.uint64(8 * i)
    return word


@njit(forceinline=True, error_model="numpy")
def hash_bytes(data, start, length, key):
    """64-bit hash of data[start:start + length] for use in kernels; no bounds check.

    Args:
        data: (m,) uint8.
        start: first byte.
        length: number of bytes.
        key: uint64 from `key_of`.
    """
    if length <= 16:
        if start + 16 <= data.size:
            a, b = load64(data, start) & HEAD[length], load64(data, start + 8) & TAIL[length]
        else:
            a = _word_at_end(data, start, min(length, 8))
            b = _word_at_end(data, start + 8, max(length - 8, 0))
    else:
        last = start + length - 16
        i = start
        while i < last:
            x, y = load64(data, i) ^ FIRST, load64(data, i + 8) ^ key
            key = (x * y) ^ high(x, y)
            i += 16
        a, b = load64(data, last), load64(data, last + 8)
    a, b = a ^ SECOND, b ^ key
    x, y = (a * b) ^ FIRST ^ np.uint64(length), high(a, b) ^ SECOND
    return (x * y) ^ high(x, y)


@njit(nogil=True, cache=True, error_model="numpy")
def _hash_texts(data, offsets, key, out):
    ends, start = offsets[1:], np.int64(offsets[0])
    for i in range(out.size):
        end = np.int64(ends[i])
        out[i] = hash_bytes(data, start, end - start, key)
        start = end


@njit(nogil=True, cache=True, error_model="numpy")
def _hash_ints(values, key, out):
    for i in range(out.size):
        out[i] = mix(np.uint64(values[i]) + key)


@njit(nogil=True, cache=True, error_model="numpy")
def _hash_reals(values, bits, key, out):
    real = mix(key ^ REAL)
    for i in range(out.size):
        x = values[i]
        if np.floor(x) == x and abs(x) < 2.0**63:
            out[i] = mix(np.uint64(np.int64(x)) + key)
        else:
            out[i] = mix((bits[i] if x == x else NAN) + real)


@method(
    source="Wang Yi, wyhash final 4, github.com/wangyi-fudan/wyhash; SplitMix64's finaliser "
    "(Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195) for numbers",
    memory="8 * n bytes",
    time="O(bytes), one pass",
    error="two different keys collide with probability about 2**-64",
    exact="equality of values",
    laws=("hashing",),
    evidence=("keys",),
)
def hash_column(column: Column, seed: int = 0) -> NDArray[np.uint64]:
    """Hash every value of a column to a uniform 64-bit word, the same on every machine.

    The hash is of the value, not of its storage: an int is the same in any width and as a whole
    float or bool, -0.0 is 0.0, all NaN are one, a date is its midnight, an instant is the same in
    any unit, and a dictionary column hashes as the plain one. Nulls share one hash of their own.

    Args:
        column: pyarrow Array or ChunkedArray, NumPy array, list, or any exporter of Arrow data,
            of text, bytes, ints, floats, decimals, bools, dates, times, durations or nulls.
        seed: which hash function of the family, 0..2**64 - 1.

    Returns:
        (n,) uint64.

    Raises:
        TypeError: the column holds lists, structs or other values without a hash.
        ValueError: seed is out of range.

    Example:
        >>> import pyarrow as pa
        >>> bool((hash_column(pa.array([1, 2], pa.int8())) == hash_column([1.0, 2.0])).all())
        True
        >>> len(set(hash_column([str(i) for i in range(10_000)]).tolist()))
        10000
    """
    seed_key(seed)
    parts = [_hash_array(chunk, seed) for chunk in chunks(column)]
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.uint64), *parts])


def mix64(ints: ArrayLike, seed: int = 0) -> NDArray[np.uint64]:
    """Hash integers to uniform 64-bit words; distinct integers never collide.

    Args:
        ints: integers, any shape and width; negative ones count as their two's complement.
        seed: which hash function of the family, 0..2**64 - 1.

    Returns:
        uint64 of the same shape; equal to `hash_column` on the same integers.

    Raises:
        TypeError: ints are not integers.
        ValueError: seed is out of range.

    Example:
        >>> len(np.unique(mix64(np.arange(1000), seed=7) >> np.uint64(32)))
        1000
    """
    key = seed_key(seed)
    array = np.asarray(ints)
    if array.size and array.dtype.kind not in "iub":
        raise TypeError(f"ints must be integers, got {array.dtype}")
    wide = array.view(np.int64) if array.dtype == np.uint64 else array.astype(np.int64, copy=False)
    out = np.empty(array.size, np.uint64)
    _hash_ints(_read_only(wide), key, out)
    return out.reshape(array.shape)


def seed_key(seed: int, domain: int = 0) -> np.uint64:
    """The key of a seed, for kernels; another domain gives an unrelated key from the same seed.

    Raises:
        ValueError: seed is outside 0..2**64 - 1.

    Example:
        >>> len({int(seed_key(0)), int(seed_key(1)), int(seed_key(1, domain=5))})
        3
    """
    key = np.uint64(key_of(np.uint64(in_range("seed", seed, 0, 2**64 - 1))))
    return np.uint64(key_of(key ^ np.uint64(domain))) if domain else key


def _read_only(array: np.ndarray) -> np.ndarray:
    view = np.ascontiguousarray(array).reshape(-1).view()
    view.flags.writeable = False
    return view


def _hash_array(array: pa.Array, seed: int) -> NDArray[np.uint64]:
    if isinstance(array, pa.DictionaryArray):
        return _hash_dictionary(array, seed)
    out = np.empty(len(array), np.uint64)
    if array.null_count < len(array):
        _hash_values(array, seed, out)
    if array.null_count:
        out[array.is_null().to_numpy(zero_copy_only=False)] = seed_key(seed, NULL)
    return out


def _hash_dictionary(array: pa.DictionaryArray, seed: int) -> NDArray[np.uint64]:
    words = np.append(_hash_array(chunks(array.dictionary)[0], seed), seed_key(seed, NULL))
    indices = pc.fill_null(array.indices.cast(pa.int64()), len(words) - 1)
    return words[indices.to_numpy()]


def _hash_values(array: pa.Array, seed: int, out: NDArray[np.uint64]) -> None:
    kind, key = array.type, seed_key(seed)
    if any(is_kind(kind) for is_kind in TEXT_KINDS):
        _hash_texts(*text_buffers(array), key, out)
    elif pt.is_uint64(kind):
        _hash_ints(numbers(array, kind, np.int64), key, out)
    elif pt.is_integer(kind) or pt.is_boolean(kind):
        _hash_ints(numbers(array, pa.int64(), np.int64), key, out)
    elif pt.is_floating(kind) or pt.is_decimal(kind):
        reals = numbers(array, pa.float64(), np.float64)
        _hash_reals(reals, reals.view(np.uint64), key, out)
    elif pt.is_temporal(kind) and not pt.is_interval(kind):
        _hash_times(array, seed_key(seed, TIME), out)
    else:
        raise TypeError(f"column must be of text, numbers, times or bools, got {kind}")


def _hash_times(array: pa.Array, key: np.uint64, out: NDArray[np.uint64]) -> None:
    days = pt.is_date32(array.type)
    narrow = days or pt.is_time32(array.type)
    bare = numbers(array.view(pa.int32() if narrow else pa.int64()), pa.int64(), np.int64)
    unit = PER_SECOND["ms" if pt.is_date64(array.type) else getattr(array.type, "unit", "s")]
    seconds, rest = (bare * 86_400, 0 * bare) if days else np.divmod(bare, unit)
    _hash_ints(_read_only(seconds), key, out)
    nanos = out + (rest * (10**9 // unit)).view(np.uint64)
    _hash_ints(_read_only(nanos.view(np.int64)), key, out)
