"""Features: words and characters of a text column as hashed sparse rows."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import in_range, method
from thrifty.core.kernels import njit
from thrifty.hashing import _ngrams
from thrifty.hashing._columns import Column, chunks
from thrifty.hashing._texts import CHARS, NONE, lay_out, orders, text_blocks
from thrifty.hashing.keys import join, key_of, seed_key

__all__ = ["NUM_CODES", "TextFeatures", "code_of", "cross"]

NUM_CODES = _ngrams.NUM_CODES
CROSS = 0x63726F7373

Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]


@method(
    source="Weinberger, Dasgupta, Langford, Smola and Attenberg 2009, arXiv:0902.2206",
    memory="8 bytes an entry, 8 * (n + 1) for the rows; no dictionary",
    time="O(bytes * (orders of n-grams)), one pass",
    error="two n-grams share a code with probability 2**-31; signed rows folded to m columns keep "
    "inner products unbiased, variance at most 2 * |x|**2 * |y|**2 / m",
    exact="counts in a dictionary of n-grams",
    laws=("hashing",),
    evidence=("features",),
)
class TextFeatures:
    """Count word and character n-grams of texts under 31-bit hashed codes.

    Text is read in lower case. Words are runs of letters, digits and underscores; an n-gram of
    words depends on their order. Character n-grams are of whole characters, stay inside a word and
    the space on either side of it, and never share a code with words on purpose.

    Args:
        words: shortest and longest word n-gram, 1..8, or None.
        chars: shortest and longest character n-gram, 1..16, or None.
        min_length: characters a word must have to count, 1..1000.
        identifiers: also count the parts of names (getHttpURL is get, http, url and gethttpurl;
            so is get_http_url with its underscores); longer word n-grams are of the parts.
        signed: count each n-gram as +1 or -1 by its hash.
        seed: which hash function of the family, 0..2**64 - 1.

    Raises:
        ValueError: an argument is out of range, or both words and chars are None.

    Example:
        >>> family = TextFeatures(words=(1, 2))
        >>> indptr, codes, counts = family(["the cat and the dog", None])
        >>> indptr.tolist(), counts.tolist()
        ([0, 8, 8], [2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
        >>> dict(family.names("The Cat"))[int(codes[2])]
        'the cat'
    """

    def __init__(
        self,
        words: tuple[int, int] | None = (1, 2),
        chars: tuple[int, int] | None = None,
        *,
        min_length: int = 2,
        identifiers: bool = False,
        signed: bool = False,
        seed: int = 0,
    ) -> None:
        if words is None and chars is None:
            raise ValueError("words must be a pair where chars is None, got None")
        self.words = orders("words", words, 8)
        self.chars = orders("chars", chars, 16)
        self.min_length = in_range("min_length", min_length, 1, 1000)
        self.identifiers, self.signed = bool(identifiers), bool(signed)
        self.seed = in_range("seed", seed, 0, 2**64 - 1)
        self._keys = (seed_key(seed), seed_key(seed, CHARS))

    def __repr__(self) -> str:
        names = ("words", "chars", "min_length", "identifiers", "signed", "seed")
        return f"TextFeatures({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    def __call__(self, column: Column) -> Rows:
        """Rows of a text column; empty and null texts give empty rows.

        Args:
            column: pyarrow strings, plain, chunked or dictionary, or a list of str and None.

        Returns:
            indptr: (n + 1,) int64; row i is entries indptr[i]..indptr[i + 1].
            codes: (m,) int32 in 0..2**31 - 2, distinct in a row, in order of first appearance.
            counts: (m,) float32.

        Raises:
            TypeError: the column is not of text.
        """
        parts = [self._count(*block) for chunk in chunks(column) for block in text_blocks(chunk)]
        if not parts:
            return np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)
        indptrs, codes, counts = zip(*parts, strict=True)
        lengths = np.concatenate([np.diff(indptr) for indptr in indptrs])
        return np.append(0, np.cumsum(lengths)), np.concatenate(codes), np.concatenate(counts)

    def names(self, text: str) -> list[tuple[int, str]]:
        """Every n-gram of one text in readable form, to say which words stand behind a code.

        Returns:
            (code, n-gram) in order of first appearance, each pair once; a character n-gram shows
            the spaces around its word.
        """
        blocks = list(text_blocks(chunks([text])[0]))
        laid, marks, starts = lay_out(*blocks[0])
        grams = self._word_names(laid, marks, starts) if self.words else []
        grams += self._char_names(laid, marks, starts) if self.chars else []
        codes = code_of(np.array([h for h, _ in grams], np.uint64)).tolist()
        return list(dict.fromkeys(zip(codes, (name for _, name in grams), strict=True)))

    def _count(self, data: np.ndarray, offsets: np.ndarray) -> Rows:
        options = (self.words or NONE, self.chars or NONE, self.min_length, self.identifiers)
        return _ngrams.count_rows(*lay_out(data, offsets), *options, self.signed, self._keys)

    def _word_names(
        self, text: np.ndarray, marks: np.ndarray, starts: np.ndarray
    ) -> list[tuple[int, str]]:
        low, high = self.words or NONE
        first, last = np.empty((2, 2 * text.size), np.int64)
        in_line = np.empty(2 * text.size, np.uint8)
        options = (starts[0], starts[1] - 1, self.min_length, self.identifiers)
        count = _ngrams.find_tokens(marks, *options, first, last, in_line)
        out = np.empty(count * high, np.uint64)
        line = np.empty(count, np.uint64)
        made = _ngrams.hash_words(
            text, first, last, in_line, count, low, high, self._keys[0], line, out
        )
        tokens = [_decode(text[a:b]) for a, b in zip(first[:count], last[:count], strict=True)]
        names = list(_word_grams(tokens, in_line.tolist(), low, high))
        return list(zip(out[:made].tolist(), names, strict=True))

    def _char_names(
        self, text: np.ndarray, marks: np.ndarray, starts: np.ndarray
    ) -> list[tuple[int, str]]:
        low, high = self.chars or NONE
        out = np.empty((2 * text.size + 4) * (high - low + 1), np.uint64)
        options = (starts[0], starts[1] - 1, low, high, self._keys[1])
        made = _ngrams.hash_chars(text, marks, *options, out, 0)
        names = [gram for word in _decode(text).split(" ") for gram in _char_grams(word, low, high)]
        return list(zip(out[:made].tolist(), names, strict=True))


def code_of(hashes: ArrayLike) -> NDArray[np.int32]:
    """Codes in 0..2**31 - 2 from the upper half of uniform uint64 hashes, of the same shape.

    Example:
        >>> code_of(np.array([0, 2**64 - 1], np.uint64)).tolist() == [0, NUM_CODES - 1]
        True
    """
    upper = np.asarray(hashes, np.uint64) >> np.uint64(32)
    return ((upper * np.uint64(NUM_CODES)) >> np.uint64(32)).astype(np.int32)


def cross(codes_a: ArrayLike, codes_b: ArrayLike, seed: int = 0) -> NDArray[np.int32]:
    """Codes of pairs of codes: the two features together, as one more feature.

    Args:
        codes_a: int32 codes; codes_b broadcasts against them, and the order matters.
        codes_b: int32 codes.
        seed: which hash function of the family, 0..2**64 - 1.

    Returns:
        int32 codes of the broadcast shape.

    Example:
        >>> bool((cross([1, 2, 3], 4) != cross(4, [1, 2, 3])).all())
        True
    """
    a, b = np.broadcast_arrays(np.asarray(codes_a, np.int32), np.asarray(codes_b, np.int32))
    out = np.empty(a.size, np.uint64)
    _cross(a.flatten(), b.flatten(), seed_key(seed, CROSS), out)
    return code_of(out).reshape(a.shape)


@njit(nogil=True, cache=True, error_model="numpy")
def _cross(a, b, key, out):
    for i in range(out.size):
        out[i] = join(key_of(np.uint64(a[i]) + key), key_of(np.uint64(b[i]) ^ key))


def _decode(text: np.ndarray) -> str:
    return text.tobytes().decode(errors="replace")


def _word_grams(tokens: list[str], in_line: list[int], low: int, high: int) -> Iterator[str]:
    line: list[str] = []
    for token, inside in zip(tokens, in_line, strict=False):
        if low == 1:
            yield token
        if inside:
            line.append(token)
            yield from (" ".join(line[-n:]) for n in range(max(low, 2), min(high, len(line)) + 1))


def _char_grams(word: str, low: int, high: int) -> Iterator[str]:
    padded = f" {word} "
    for n in range(low, high + 1 if word else low):
        yield from (padded[i : i + n] for i in range(max(len(padded) - n, 0) + 1))
        if len(padded) <= n:
            return
