"""Matches: where the words of a query stand in some texts, all texts in one call."""

import functools
import itertools
import threading
import unicodedata
from collections.abc import Sequence

import numpy as np

from thrifty.core.kernels import njit
from thrifty.hashing._ngrams import find_words
from thrifty.text._pairs import RUN
from thrifty.text.analyzer import Analyzer
from thrifty.text.vocabulary import STOP, Vocabulary

__all__ = ["Found", "Matcher", "matcher"]

MOST = 1 << 18  # spellings held; then it starts anew
Found = list[tuple[int, int, str]]


@njit(forceinline=True, error_model="numpy")
def _characters(data, begin, end):
    """Characters of UTF-8 that begin among these bytes."""
    count = 0
    for i in range(begin, end):
        count += (data[i] & 0xC0) != 0x80
    return count


@njit(nogil=True, cache=True, error_model="numpy")
def _match(data, offsets, marks, starts, ids, wanted, bounds, out):
    """First character, end and number of each word that is wanted; where those of a row end.

    Args:
        data, offsets: the texts, and (n + 1,) int64.
        marks, starts, ids: as a vocabulary lays them out and numbers them.
        wanted: uint8 by number.
        bounds: room for the words of a row. out: (words, 3) int64, changed.
    """
    made, word = 0, 0
    ends = np.zeros(starts.size, np.int64)
    for row in range(starts.size - 1):
        found = find_words(marks, starts[row], starts[row + 1] - 1, bounds)
        at, character, shift = offsets[row], 0, offsets[row] - starts[row]
        for t in range(found):
            number = ids[word + t]
            if number < 0 or not wanted[number]:
                continue
            first, last = bounds[2 * t] + shift, bounds[2 * t + 1] + shift
            character += _characters(data, at, first)
            out[made, 0], out[made, 2] = character, number
            character += _characters(data, first, last)
            out[made, 1], at = character, last
            made += 1
        word += found
        ends[row + 1] = made
    return ends


class Matcher:
    """Finds the words of queries in texts; each spelling is analysed once.

    Args:
        analyzer: that texts and queries are cut with.
    """

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer, self._lock = analyzer, threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._numbers: dict[str, int] = {}
        self._terms: list[str] = []
        self._vocabulary = Vocabulary(self._number, self._analyzer.pairs)

    def _number(self, word: str) -> int:
        term = self._analyzer.term(word)
        if not term:
            return STOP
        number = self._numbers.setdefault(term, len(self._terms))
        if number == len(self._terms):
            self._terms.append(term)
        return number

    def find(
        self, texts: Sequence[str], query: str, beginnings: tuple[str, ...] = ()
    ) -> list[Found]:
        """First character, end and term of each word that matches, for each text.

        Args:
            texts: as they are written.
            query: words that match.
            beginnings: of terms that match as well.
        """
        made: list[Found] = [[] for _ in texts]
        plain = [place for place, text in enumerate(texts) if text and self._plain(text)]
        asked = [self._analyzer.normal(query), *(texts[place] for place in plain)]
        terms, found = self._quick(asked, beginnings)
        for place, own in zip(plain, found, strict=True):
            made[place] = own
        for place, text in enumerate(texts):
            if text and not self._plain(text):
                spans = self._analyzer.spans(text)
                made[place] = [s for s in spans if s[2] in terms or s[2].startswith(beginnings)]
        return made

    def _plain(self, text: str) -> bool:
        """Whether words are cut where they stand: the text is its own normal form, in no pairs."""
        if text.isascii():
            return True
        pairs = self._analyzer.pairs and RUN.search(text)
        return not pairs and unicodedata.is_normalized("NFKC", text)

    def _quick(
        self, texts: Sequence[str], beginnings: tuple[str, ...]
    ) -> tuple[frozenset[str], list[Found]]:
        """The terms of the first text, and where they stand in each of the others."""
        parts = [text.encode(errors="replace") for text in texts]
        offsets = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        data = np.frombuffer(b"".join(parts), np.uint8)
        with self._lock:
            if len(self._vocabulary) > MOST:
                self._clear()
            laid, (ends, ids) = self._vocabulary.numbered(data, offsets)
            terms = np.unique(ids[: ends[1]])
            names = self._names(terms[terms >= 0].tolist(), beginnings)
            wanted = np.zeros(len(self._terms) + 1, np.uint8)
        wanted[list(names)] = 1
        _, marks, starts = laid
        bounds = np.empty(int(np.diff(starts).max()) + 66, np.int64)
        out = np.empty((ids.size, 3), np.int64)
        edges = _match(data, offsets, marks, starts, ids, wanted, bounds, out).tolist()
        rows = [(a, b, names[number]) for a, b, number in out[: edges[-1]].tolist()]
        found = [rows[begin:end] for begin, end in itertools.pairwise(edges[1:])]
        return frozenset(names.values()), found

    def _names(self, numbers: list[int], beginnings: tuple[str, ...]) -> dict[int, str]:
        """The terms of these numbers, and of all that begin so."""
        names = {number: self._terms[number] for number in numbers}
        if beginnings:
            all_terms = enumerate(self._terms)
            names |= {i: term for i, term in all_terms if term.startswith(beginnings)}
        return names


@functools.lru_cache(maxsize=8)
def matcher(analyzer: Analyzer) -> Matcher:
    """The matcher that all searches with an analyzer share."""
    return Matcher(analyzer)
