"""Vocabulary: words of texts to term numbers, one table of 64-bit hashes for every spelling.

Texts are laid out in lower case by kernels and cut into words (runs of letters, digits and
underscores); a spelling is analysed once, when it is first met.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thrifty.core import DataError
from thrifty.core.kernels import njit
from thrifty.hashing._ngrams import find_words
from thrifty.hashing._texts import lay_out, text_blocks
from thrifty.hashing.keys import hash_bytes, seed_key
from thrifty.text._pairs import paired

__all__ = ["STOP", "Vocabulary", "normal", "words_of"]

STOP = -1  # the number of words that are not indexed
UNMET = -2  # numbers from here down stand for spellings that are still to be analysed
KEY = seed_key(0x7465726D)
SMALLEST = 1 << 10
FEW = 1 << 16  # bytes
Laid = tuple[np.ndarray, np.ndarray, np.ndarray]


@njit(nogil=True, cache=True, error_model="numpy")
def _count(marks, starts, bounds):
    """Number of words of all rows."""
    found = 0
    for row in range(starts.size - 1):
        found += find_words(marks, starts[row], starts[row + 1] - 1, bounds)
    return found


@njit(nogil=True, cache=True, error_model="numpy")
def _look_up(text, marks, starts, bounds, key, keys, ids, offsets, out, unmet):
    """Number of each word; new spellings enter the table, and unmet with first, last and slot."""
    mask = np.uint64(keys.size - 1)
    made, new = 0, 0
    for row in range(starts.size - 1):
        found = find_words(marks, starts[row], starts[row + 1] - 1, bounds)
        for t in range(found):
            first, last = bounds[2 * t], bounds[2 * t + 1]
            word = hash_bytes(text, first, last - first, key) | np.uint64(1)
            slot = (word >> np.uint64(20)) & mask
            while keys[slot] != word and keys[slot] != 0:
                slot = (slot + np.uint64(1)) & mask
            if keys[slot] == 0:
                keys[slot], ids[slot] = word, UNMET - new
                unmet[new, 0], unmet[new, 1], unmet[new, 2] = first, last, np.int64(slot)
                new += 1
            out[made] = ids[slot]
            made += 1
        offsets[row + 1] = made
    return new


@njit(nogil=True, cache=True, error_model="numpy")
def _settle(out, made):
    """Replace the marks of new spellings by their numbers."""
    for i in range(out.size):
        if out[i] <= UNMET:
            out[i] = made[UNMET - out[i]]


@njit(nogil=True, cache=True, error_model="numpy")
def _rehash(keys, ids, wider_keys, wider_ids):
    mask = np.uint64(wider_keys.size - 1)
    for i in range(keys.size):
        if keys[i]:
            slot = (keys[i] >> np.uint64(20)) & mask
            while wider_keys[slot]:
                slot = (slot + np.uint64(1)) & mask
            wider_keys[slot], wider_ids[slot] = keys[i], ids[i]


class Vocabulary:
    """Spellings seen so far and their numbers.

    Args:
        number: the number of a spelling in lower case, at least 0, or STOP; called once each.
        pairs: cut runs of Chinese and Japanese into overlapping pairs.
    """

    def __init__(self, number: Callable[[str], int], pairs: bool = False) -> None:
        self._number, self._pairs = number, pairs
        self._keys = np.zeros(SMALLEST, np.uint64)
        self._ids = np.zeros(SMALLEST, np.int32)
        self._held = 0

    def __len__(self) -> int:
        return self._held

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        return self._keys.nbytes + self._ids.nbytes

    def read(self, texts: Any) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The words of each text as numbers, STOP among them, so that places can be told.

        Args:
            texts: Arrow array of text; null is empty.

        Returns:
            offsets: (n + 1,) int64; the words of text i are ids[offsets[i]:offsets[i + 1]].
            ids: (words,) int32.

        Raises:
            DataError: texts that are not UTF-8.
        """
        ends, parts, start = [np.zeros(1, np.int64)], [np.zeros(0, np.int32)], 0
        array = paired(normal(texts)) if self._pairs else normal(texts)
        for data, offsets in text_blocks(array):
            made, ids = self._block(data, offsets)
            ends.append(made[1:] + start)
            parts.append(ids)
            start += ids.size
        return np.concatenate(ends), np.concatenate(parts)

    def read_few(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """As `read`, for a few short texts, where Arrow takes longer than all the rest."""
        joined = "".join(texts)
        if not joined.isascii() or len(joined) > FEW:
            sound = [text.encode(errors="replace").decode() for text in texts]
            return self.read(pa.array(sound, pa.large_string()))
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        return self._block(np.frombuffer(joined.encode(), np.uint8), offsets)

    def numbered(
        self, data: np.ndarray, offsets: np.ndarray
    ) -> tuple[Laid, tuple[NDArray[np.int64], NDArray[np.int32]]]:
        """Texts as they are laid out, and what `read` gives, of texts in their normal form."""
        laid = lay_out(data, offsets)
        return laid, self._read(*laid)

    def _block(self, data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._read(*lay_out(data, offsets))

    def _read(
        self, text: np.ndarray, marks: np.ndarray, starts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        bounds = np.empty(int(np.diff(starts).max(initial=0)) + 66, np.int64)
        words = len(text) // 2 if len(text) < FEW else _count(marks, starts, bounds)
        self._make_room(words)
        ends, out = np.zeros(starts.size, np.int64), np.empty(words, np.int32)
        unmet = np.empty((words, 3), np.int64)
        new = _look_up(
            text, marks, starts, bounds, KEY, self._keys, self._ids, ends, out, unmet
        )  # fmt: skip
        out = out[: ends[-1]]
        if new:
            self._meet(text, unmet[:new], out)
        return ends, out

    def _meet(self, text: np.ndarray, unmet: np.ndarray, out: np.ndarray) -> None:
        """Number new spellings; those of a failed call are forgotten with it."""
        raw, made = text.tobytes(), np.empty(len(unmet), np.int32)
        for i, (first, last, _) in enumerate(unmet.tolist()):
            made[i] = self._number(raw[first:last].decode(errors="replace"))
        self._ids[unmet[:, 2]] = made
        self._held += len(unmet)
        _settle(out, made)

    def _make_room(self, more: int) -> None:
        size = self._keys.size
        while size < 2 * (self._held + more):
            size *= 2
        if size > self._keys.size:
            keys, ids = np.zeros(size, np.uint64), np.zeros(size, np.int32)
            _rehash(self._keys, self._ids, keys, ids)
            self._keys, self._ids = keys, ids


def normal(texts: Any) -> pa.Array:
    """Texts in Unicode's normal form KC, so that one word is one spelling; ASCII as it is.

    Raises:
        DataError: texts that are not UTF-8, or no texts.
    """
    array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    if not isinstance(array, pa.Array):
        array = pa.array(array, pa.large_string())
    if array.type not in (pa.string(), pa.large_string()):
        array = array.cast(pa.large_string())
    if pc.all(pc.string_is_ascii(array)).as_py() is not False:
        return array
    try:
        return pc.utf8_normalize(array, form="NFKC")
    except pa.ArrowInvalid as error:
        raise DataError(f"texts must be UTF-8, got {error}") from error


def words_of(text: str) -> list[tuple[int, int, str]]:
    """First and last character, and spelling in lower case, of each word of one text."""
    made = []
    for data, offsets in text_blocks(pa.array([text], pa.large_string())):
        laid, marks, starts = lay_out(data, offsets)
        bounds = np.empty(len(laid) + 66, np.int64)
        count = find_words(marks, starts[0], starts[1] - 1, bounds)
        edges = bounds[: 2 * count]
        begins = (data[offsets[0] : offsets[1]] & 0xC0) != 0x80  # a character's first byte
        places = np.concatenate([[0], np.cumsum(begins)])[edges - 1].reshape(-1, 2).tolist()
        raw, spans = laid.tobytes(), edges.reshape(-1, 2).tolist()
        for (a, b), (first, last) in zip(places, spans, strict=True):
            made.append((a, b, raw[first:last].decode(errors="replace")))
    return made
