"""Word sketch: which words are used alike, from a few bits a word, in one pass over the text."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import LinearSummary, budget_for, in_range, method, taken
from thrifty.core.kernels import njit
from thrifty.hashing._columns import Column, chunks
from thrifty.hashing._ngrams import find_words
from thrifty.hashing._texts import lay_out, text_blocks
from thrifty.hashing.keys import hash_bytes, seed_key
from thrifty.hashing.pooledsimhash import drawn_pool, project

__all__ = ["WordSketch"]

MOST_WORDS = 1 << 24


@njit(nogil=True, cache=True, error_model="numpy")
def _slide(text, marks, starts, keys, pool, window, known, places, sums, counts, total):
    """Add to each known word the numbers of the words around it; returns how many words came."""
    longest = 0
    for row in range(starts.size - 1):
        longest = max(longest, starts[row + 1] - starts[row])
    bounds, seen = np.empty(longest + 2, np.int64), 0
    ring = np.empty((2 * window + 1, sums.shape[1]), np.int16)
    around = np.empty(sums.shape[1], np.int64)
    for row in range(starts.size - 1):
        found = find_words(marks, starts[row], starts[row + 1] - 1, bounds)
        seen += found
        around[:] = 0
        for t in range(found + window):
            fresh = ring[t % ring.shape[0]]
            if t >= ring.shape[0]:
                _take(around, fresh, -1)
            if t < found:
                start = bounds[2 * t]
                word = hash_bytes(text, start, bounds[2 * t + 1] - start, keys[0])
                project(word, pool, keys[1], fresh)
                _take(around, fresh, 1)
            else:
                fresh[:] = 0
            if t >= window:
                middle = t - window
                start = bounds[2 * middle]
                word = hash_bytes(text, start, bounds[2 * middle + 1] - start, keys[0])
                own = ring[middle % ring.shape[0]]
                _put(word, around, own, known, places, sums, counts, total)
    return seen


@njit(error_model="numpy")
def _take(around, numbers, sign):
    for j in range(around.size):
        around[j] += sign * np.int64(numbers[j])


@njit(error_model="numpy")
def _put(word, around, own, known, places, sums, counts, total):
    """Count what stands around a word, the word itself left out."""
    for j in range(around.size):
        total[j] += around[j] - np.int64(own[j])
    at = np.searchsorted(known, word)
    if at < known.size and known[at] == word:
        row = sums[places[at]]
        counts[places[at]] += 1
        for j in range(around.size):
            row[j] += around[j] - np.int64(own[j])


@method(
    source="Van Durme and Lall 2010, Online generation of locality sensitive hash signatures, "
    "aclanthology.org/P10-2043",
    memory="8 * bits bytes a word while it adds; bits / 8 bytes a word as signatures",
    time="about 3 * bits additions a word of text, whatever the window",
    error="standard error of an angle at most pi / (2 * sqrt(bits)), less for small ones",
    exact="cosine of the words' co-occurrence counts",
    laws=("summary", "merge", "linear", "budget"),
    evidence=("wordsketch",),
)
class WordSketch(LinearSummary):
    """Compare words by the company they keep, without counting it.

    Every word stands for a row of Gaussian numbers, picked from a pool by hashing; a word of the
    vocabulary keeps the sum of the rows of all words within its window, and the signs of the sums
    are its signature. The angle between two words' co-occurrence counts is the share of bits in
    which their signatures differ. Sums are whole numbers, so that parts of a text add exactly.

    Args:
        vocabulary: words to keep sums for, distinct, in lower case.
        bits: of a signature, 8..4096, a multiple of 8.
        window: words to either side, 1..100; it ends with the text.
        seed: of the numbers, 0..2**64 - 1.

    Raises:
        ValueError: an argument outside its range, or words that are not distinct words.

    Example:
        >>> sketch = WordSketch(["cat", "dog", "bus"], bits=512, window=2)
        >>> texts = ["the cat eats fish", "the dog eats fish", "a red bus leaves town"]
        >>> angles = np.arccos(sketch.add(texts).similarity("cat", ["dog", "bus"]))
        >>> bool(angles[0] < 0.3), bool(abs(angles[1] - np.pi / 2) < 0.3)
        (True, True)
    """

    KIND = "word-sketch"

    def __init__(
        self, vocabulary: Sequence[str], *, bits: int = 256, window: int = 5, seed: int = 0
    ) -> None:
        self.bits = int(in_range("bits", bits, 8, 4096))
        if self.bits % 8:
            raise ValueError(f"bits must be a multiple of 8, got {bits}")
        self.window = int(in_range("window", window, 1, 100))
        self.seed, self.vocabulary = seed, [str(word) for word in vocabulary]
        in_range("words of vocabulary", len(self.vocabulary), 1, MOST_WORDS)
        self._keys = (seed_key(0), seed_key(seed))
        self._pool = drawn_pool(seed)
        self._index = {word: i for i, word in enumerate(self.vocabulary)}
        words = _hashes(self.vocabulary, self._keys[0])
        self._places = np.argsort(words)
        self._known = words[self._places]
        if (self._known[1:] == self._known[:-1]).any():
            raise ValueError("vocabulary must be distinct words, got some twice")
        self._sums = np.zeros((len(words), self.bits), np.int64)
        self._counts, self._total = np.zeros(len(words), np.int64), np.zeros(self.bits, np.int64)
        self._seen = np.zeros(1, np.int64)

    @classmethod
    def within(
        cls, budget: int | str, vocabulary: Sequence[str], *, window: int = 5, seed: int = 0
    ) -> Self:
        """The longest signatures whose sums fit.

        Args:
            budget: bytes.
            vocabulary, window, seed: as of the class.

        Raises:
            BudgetError: the budget is below 8 bits a word.
            ValueError: an argument is out of range.
        """
        words = len(vocabulary)
        eight, beside = 64 * (words + 1), 8 * (words + 1)
        nbytes = budget_for(f"{words} words", budget, eight + beside)
        bits = min(8 * ((nbytes - beside) // eight), 4096)
        return cls(vocabulary, bits=bits, window=window, seed=seed)

    def __repr__(self) -> str:
        rest = f"bits={self.bits}, window={self.window}, seed={self.seed}"
        return f"WordSketch({len(self.vocabulary)} words, {rest})"

    def add(self, texts: Column) -> Self:
        """Read texts; nulls and empty ones say nothing.

        Args:
            texts: a column of strings; a text's words are runs of letters, digits and underscores.

        Raises:
            TypeError: the column is not of text.
        """
        for chunk in chunks(texts):
            for block in text_blocks(chunk):
                held = (self._known, self._places, self._sums, self._counts, self._total)
                options = (self._keys, self._pool, self.window)
                self._seen += _slide(*lay_out(*block), *options, *held)
        return self

    def count(self, words: Sequence[str]) -> NDArray[np.int64]:
        """How often each word of the vocabulary came."""
        return self._counts[self._rows(words)]

    def signatures(
        self, words: Sequence[str] | None = None, *, centre: bool = False
    ) -> NDArray[np.uint8]:
        """Signatures of words, for `similarity` elsewhere or for a `HammingIndex`.

        Args:
            words: of the vocabulary; None for all of it.
            centre: take off what stands around words in general, so that the commonest words say
                less.

        Returns:
            (n, bits / 8) uint8.

        Raises:
            ValueError: a word is not of the vocabulary.
        """
        rows = np.arange(len(self.vocabulary)) if words is None else self._rows(words)
        sums = self._sums[rows].astype(np.float64)
        if centre and self._seen[0]:
            sums -= self._counts[rows][:, None] * (self._total / self._seen[0])
        return np.packbits(sums > 0, axis=1)

    def similarity(
        self, word: str, others: Sequence[str], *, centre: bool = False
    ) -> NDArray[np.float64]:
        """Cosine of a word's company with that of others: cos(pi * share of bits that differ).

        Raises:
            ValueError: a word is not of the vocabulary.
        """
        codes = self.signatures([word, *others], centre=centre)
        far = np.bitwise_count(codes[0] ^ codes[1:]).sum(axis=1)
        return np.cos(np.pi * far / self.bits)

    def nearest(self, word: str, k: int = 10) -> list[tuple[str, float]]:
        """Words of the vocabulary that keep the most similar company, commonest words taken off.

        Raises:
            ValueError: the word is not of the vocabulary.
        """
        near = self.similarity(word, self.vocabulary, centre=True)
        near[(self._counts == 0) | (np.arange(near.size) == self._index[word])] = -2
        best = np.argsort(-near, kind="stable")[:k]
        return [(self.vocabulary[i], float(near[i])) for i in best if near[i] > -2]

    def spec(self) -> dict[str, Any]:
        """All arguments."""
        rest = {"bits": self.bits, "window": self.window, "seed": self.seed}
        return {"vocabulary": self.vocabulary, **rest}

    def arrays(self) -> dict[str, np.ndarray]:
        """Sums, counts, the sum over all words, and how many there were."""
        return dict(zip(("sums", "counts", "total", "seen"), self._held(), strict=True))

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The sketch of this spec and these sums."""
        shape = (len(spec["vocabulary"]), int(spec["bits"]))
        held = [taken(arrays, "sums", np.int64, shape)]
        for name, size in (("counts", shape[0]), ("total", shape[1]), ("seen", 1)):
            held.append(taken(arrays, name, np.int64, (size,)))
        made = cls(**spec)
        made._sums, made._counts, made._total, made._seen = held
        return made

    def _held(self) -> tuple[NDArray[np.int64], ...]:
        return self._sums, self._counts, self._total, self._seen

    def _rows(self, words: Sequence[str]) -> NDArray[np.int64]:
        strangers = [word for word in words if word not in self._index]
        if strangers:
            raise ValueError(f"words must be of the vocabulary, got {strangers[0]!r}")
        return np.array([self._index[word] for word in words], np.int64)


def _hashes(words: list[str], key: np.uint64) -> NDArray[np.uint64]:
    """The hash of each word as the text has it.

    Raises:
        ValueError: a text that is not one word in lower case.
    """
    found = np.empty(len(words), np.uint64)
    for i, word in enumerate(words):
        text, marks, starts = lay_out(*next(text_blocks(chunks([word])[0])))
        bounds = np.empty(starts[1] + 2, np.int64)
        size = starts[1] - 1 - starts[0]
        one = find_words(marks, starts[0], starts[1] - 1, bounds) == 1
        if (
            not one
            or bounds[1] - bounds[0] != size
            or text[1 : 1 + size].tobytes() != word.encode()
        ):
            raise ValueError(f"vocabulary must be words in lower case, got {word!r}")
        found[i] = hash_bytes(text, starts[0], size, key)
    return found
