"""Analyzer: text to the terms that are indexed: its words, less the stop words, stemmed."""

import functools
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import one_of
from thrifty.text._pairs import PIECE, cut_word, paired_text
from thrifty.text.vocabulary import STOP, Vocabulary, normal, words_of

__all__ = ["Analyzer", "Terms"]

LONGEST = 255  # bytes of a term; what is longer is no word of a language
STEMMING = threading.Lock()  # a stemmer holds a cache of its own


class Terms(NamedTuple):
    """Terms of many texts.

    Args:
        offsets: (n + 1,) int64; the terms of text i are ids[offsets[i]:offsets[i + 1]].
        ids: (terms,) int32, places in words.
        words: the terms themselves, in order of first appearance.
    """

    offsets: NDArray[np.int64]
    ids: NDArray[np.int32]
    words: list[str]


@dataclass(frozen=True)
class Analyzer:
    """Cut texts into terms, the same for documents and for queries.

    A word is a run of letters, digits and underscores, in Unicode's normal form KC and lower case.
    Stemming is Snowball's (Porter 2001), stop words are those of a list by language. Chinese and
    Japanese are written without spaces: a run of their characters is cut into overlapping pairs, so
    that a word of two or more characters is found wherever it stands, best as a "phrase".

    Args:
        language: of stemmer and stop list, such as "english", "german" or "french"; see
            `languages()`.
        stem: cut endings, so that "laser" finds "lasers".
        stop: leave out words such as "the": True for the list of the language, or words.
        pairs: cut runs of Chinese and Japanese into pairs; else each run is a word.

    Raises:
        ValueError: a language without stemmer, or without stop list.

    Example:
        >>> Analyzer().tokens("The Lasers were pulsed.")
        ['laser', 'puls']
        >>> Analyzer(stem=False, stop=False).tokens("The Lasers")
        ['the', 'lasers']
    """

    language: str = "english"
    stem: bool = True
    stop: bool | Sequence[str] = True
    pairs: bool = True

    def __post_init__(self) -> None:
        if self.stem:
            one_of("language", self.language, languages())
        if not isinstance(self.stop, bool):
            object.__setattr__(self, "stop", tuple(sorted(set(self.stop))))

    @functools.cached_property
    def left_out(self) -> frozenset[str]:
        """The stop words, cut as texts are."""
        if isinstance(self.stop, bool):
            return stop_words(self.language) if self.stop else frozenset()
        return _cut(self.stop)

    def term(self, word: str) -> str | None:
        """The term of one word in lower case; None if it is left out."""
        if word in self.left_out:
            return None
        if len(word.encode(errors="replace")) > LONGEST:
            return None
        if not self.stem:
            return word
        with STEMMING:
            return _stemmer(self.language).stemWord(word)

    def tokens(self, text: str) -> list[str]:
        """The terms of one text, in order."""
        terms = (self.term(word) for _, _, word in words_of(self.normal(text)))
        return [term for term in terms if term]

    def words(self, text: str) -> list[str]:
        """The words of one text in lower case, before any is left out or stemmed."""
        return [word for _, _, word in words_of(self.normal(text))]

    def placed(self, text: str) -> list[tuple[int, str]]:
        """Place among all words, and term, of the words of one text that are not left out."""
        terms = (self.term(word) for word in self.words(text))
        return [(place, term) for place, term in enumerate(terms) if term]

    def spans(self, text: str) -> list[tuple[int, int, str]]:
        """First character, end and term of each word of one text, as it is written."""
        if _normal(text) == text:
            found = [(a, b, self.term(word)) for a, b, word in self._cut(text)]
            return [(a, b, term) for a, b, term in found if term]
        return _spans_of_pieces(self, text)

    def normal(self, text: str) -> str:
        """The text as it is indexed, words with spaces or marks between."""
        plain = _normal(text)
        return paired_text(plain) if self.pairs and not text.isascii() else plain

    def _cut(self, text: str) -> list[tuple[int, int, str]]:
        """First character, end and spelling of each word of a text in its normal form."""
        words = words_of(text)
        if not self.pairs or text.isascii():
            return words
        return [part for first, _, word in words for part in cut_word(first, word)]

    def terms(self, texts: Any) -> Terms:
        """The terms of many texts at once.

        Args:
            texts: Arrow array of text, or a list of str; null is empty.

        Raises:
            DataError: texts that are not UTF-8.

        Example:
            >>> made = Analyzer().terms(["two lasers", None, "a laser"])
            >>> made.offsets.tolist(), [made.words[i] for i in made.ids]
            ([0, 1, 1, 2], ['laser', 'laser'])
        """
        words: dict[str, int] = {}
        offsets, ids = self.vocabulary(words).read(texts)
        kept = ids != STOP
        ends = np.concatenate([[0], np.cumsum(kept)])[offsets]
        return Terms(ends.astype(np.int64), ids[kept], list(words))

    def vocabulary(self, words: dict[str, int]) -> Vocabulary:
        """A fast reader of texts that numbers new terms in `words` as it meets them."""

        def number(word: str) -> int:
            term = self.term(word)
            return words.setdefault(term, len(words)) if term else STOP

        return Vocabulary(number, self.pairs)

    def reader(self, numbers: Mapping[str, int]) -> Vocabulary:
        """A fast reader of texts that knows the numbers of these terms; others are left out."""

        def number(word: str) -> int:
            term = self.term(word)
            return numbers.get(term, STOP) if term else STOP

        return Vocabulary(number, self.pairs)

    def spec(self) -> dict[str, Any]:
        """What it was made with, as JSON can hold it; the stop words themselves."""
        stop = sorted(self.left_out)
        return {"language": self.language, "stem": self.stem, "stop": stop, "pairs": self.pairs}

    @classmethod
    def restore(cls, spec: Mapping[str, Any]) -> "Analyzer":
        """Inverse of `spec`; what was made before there were pairs has none."""
        given: dict[str, Any] = {"pairs": False, **spec}
        return cls(**given)


@functools.cache
def languages() -> tuple[str, ...]:
    """Languages that have a stemmer."""
    import Stemmer

    return tuple(Stemmer.algorithms())


@functools.cache
def stop_words(language: str) -> frozenset[str]:
    """Stop words of a language: of scikit-learn for English, of stop-words for others.

    Raises:
        ValueError: there is no list for the language.
    """
    if language in ("english", "porter"):
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        return _cut(ENGLISH_STOP_WORDS)
    import stop_words as lists

    one_of("language", language, ("english", *lists.AVAILABLE_LANGUAGES))
    return _cut(lists.get_stop_words(language))


def _cut(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in words for _, _, word in words_of(_normal(text)))


@functools.cache
def _stemmer(language: str) -> Any:
    import Stemmer

    return Stemmer.Stemmer(language)


def _normal(text: str) -> str:
    """The text as it is indexed; halves of surrogate pairs are replaced."""
    if text.isascii():
        return text
    sound = text.encode(errors="replace").decode()
    return normal(pa.array([sound], pa.large_string()))[0].as_py()


def _spans_of_pieces(analyzer: Analyzer, text: str) -> list[tuple[int, int, str]]:
    """Spans where the normal form has other characters: each piece between spaces is one span."""
    made = []
    for piece in PIECE.finditer(text):
        start, place = piece.span()
        plain = _normal(piece[0])
        found = [(a, b, analyzer.term(word)) for a, b, word in analyzer._cut(plain)]
        same = len(plain) == place - start
        made += [
            (start + a, start + b, term) if same else (start, place, term)
            for a, b, term in found
            if term
        ]
    return made
