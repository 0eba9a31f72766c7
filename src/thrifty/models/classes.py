"""Classes: the names of classes and their numbers, in order of first appearance, in few bytes."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.hashing import hash_column

__all__ = ["Classes"]

BYTES_A_SLOT = 12
UNKNOWN = -1


@njit(nogil=True, cache=True, error_model="numpy")
def _intern(hashes, keys, ids, known, learn, out):
    """Numbers of hashed names; new ones go on from `known` if learn, else become -1."""
    mask = np.uint64(keys.size - 1)
    for i in range(hashes.size):
        slot = np.int64(hashes[i] & mask)
        while ids[slot] >= 0 and keys[slot] != hashes[i]:
            slot = np.int64(np.uint64(slot + 1) & mask)
        if ids[slot] < 0 and learn:
            keys[slot], ids[slot] = hashes[i], known
            known += 1
        out[i] = ids[slot]
    return known


class Classes:
    """Names of classes and their numbers.

    Names are found by a 64-bit hash; two of a million share one with probability 3e-8.

    Example:
        >>> classes = Classes()
        >>> classes.add(pa.array(["cat", "dog", "cat"])).tolist()
        [0, 1, 0]
        >>> classes.find(pa.array(["dog", "cow"])).tolist(), classes.name(1)
        ([1, -2], 'dog')
    """

    def __init__(self) -> None:
        self._keys, self._ids = np.zeros(64, np.uint64), np.full(64, UNKNOWN, np.int32)
        self._chunks: list[pa.Array] = []
        self._names = pa.array([], pa.large_string())
        self._known = 0

    def __len__(self) -> int:
        return self._known

    def add(self, names: pa.Array) -> NDArray[np.int32]:
        """(n,) int32 numbers of names (string, no nulls); new names get the next ones."""
        return self._numbers(names, learn=True)

    def find(self, names: pa.Array) -> NDArray[np.int32]:
        """(n,) int32 numbers of names; unknown ones get negative numbers, each its own."""
        return self._numbers(names, learn=False)

    def _numbers(self, names: pa.Array, learn: bool) -> NDArray[np.int32]:
        encoded = names.dictionary_encode()
        distinct = encoded.dictionary
        self._grow(self._known + len(distinct) if learn else 0)
        out = np.empty(len(distinct), np.int32)
        before = self._known
        table = (self._keys, self._ids, np.int64(before), learn)
        self._known = int(_intern(hash_column(distinct), *table, out))
        if self._known > before:
            self._chunks.append(distinct.filter(pa.array(out >= before)).cast(pa.large_string()))
        out = np.where(out < 0, -1 - np.arange(len(out), dtype=np.int32), out)
        return out[encoded.indices.to_numpy()]

    def _grow(self, entries: int) -> None:
        if 2 * entries <= len(self._keys):
            return
        size = 1 << (2 * entries).bit_length()
        keys, ids = np.zeros(size, np.uint64), np.full(size, UNKNOWN, np.int32)
        old = self._keys[self._ids >= 0][np.argsort(self._ids[self._ids >= 0])]
        _intern(old, keys, ids, np.int64(0), True, np.empty(len(old), np.int32))
        self._keys, self._ids = keys, ids

    @property
    def names(self) -> pa.Array:
        """All names as large_string, by number."""
        if self._chunks:
            self._names = pa.concat_arrays([self._names, *self._chunks])
            self._chunks = []
        return self._names

    def name(self, number: int) -> str:
        """One name."""
        return self.names[number].as_py()

    @property
    def nbytes(self) -> int:
        """Bytes of the table and of the names."""
        texts = self._names.nbytes + sum(chunk.nbytes for chunk in self._chunks)
        return BYTES_A_SLOT * len(self._keys) + texts

    def arrays(self) -> dict[str, NDArray]:
        """Bytes and offsets of the names; `from_arrays` is the inverse."""
        names = self.names
        offsets = np.zeros(len(names) + 1, np.int64)
        if len(names) == 0:
            return {"text": np.zeros(0, np.uint8), "offsets": offsets}
        _, ends, text = names.buffers()
        offsets[:] = np.frombuffer(ends, np.int64, len(names) + 1, names.offset * 8)
        whole = np.frombuffer(text, np.uint8) if text is not None else np.zeros(0, np.uint8)
        return {"text": whole[offsets[0] : offsets[-1]], "offsets": offsets - offsets[0]}

    @classmethod
    def from_arrays(cls, text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> "Classes":
        """Inverse of `arrays`.

        Raises:
            ValueError: they are not the bytes and offsets of distinct texts.
        """
        sound = len(offsets) and offsets[0] == 0 and offsets[-1] == len(text)
        if not sound or np.any(np.diff(offsets) < 0):
            raise ValueError("offsets must be ascending and end with the text")
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
        names = pa.LargeStringArray.from_buffers(len(offsets) - 1, *buffers[1:])
        names.validate(full=True)
        found = cls()
        found.add(names)
        if len(found) != len(names):
            raise ValueError(f"names must be distinct, got {len(found)} of {len(names)}")
        return found
