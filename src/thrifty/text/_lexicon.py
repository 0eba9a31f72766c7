"""Lexicon: what a snapshot knows of the terms that queries hold, found once each."""

import threading
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.text._segment import Segment
from thrifty.text.analyzer import Analyzer
from thrifty.text.vocabulary import STOP, Vocabulary

__all__ = ["Lexicon", "Queries"]

MOST = 1 << 20  # spellings held; then it starts anew
FEW = 64  # terms of a query that are sorted by insertion
Weighted = Sequence[tuple[str, float]]
Queries = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]


@njit(error_model="numpy")
def _sort(slots, weights):
    """Heaviest first, and equal ones in the order they came; by insertion."""
    for i in range(1, slots.size):
        slot, weight, j = slots[i], weights[i], i
        while j > 0 and weights[j - 1] < weight:
            slots[j], weights[j] = slots[j - 1], weights[j - 1]
            j -= 1
        slots[j], weights[j] = slot, weight


@njit(nogil=True, cache=True, error_model="numpy")
def _compose(offsets, ids, amounts, scales, ends, slots, weights):
    """The different terms of each query and their weights, heaviest first if they are few."""
    place = np.full(scales.size, -1, np.int64)
    made = 0
    for q in range(offsets.size - 1):
        start = made
        for i in range(offsets[q], offsets[q + 1]):
            slot = ids[i]
            if slot < 0 or scales[slot] == 0:
                continue
            if place[slot] < start:
                place[slot] = made
                slots[made], weights[made] = slot, np.float32(0)
                made += 1
            weights[place[slot]] += amounts[i] * scales[slot]
        ends[q + 1] = made
        if made - start <= FEW:
            _sort(slots[start:made], weights[start:made])


class Lexicon:
    """Numbers, document counts and scales of terms in some segments.

    Args:
        analyzer: of documents and queries.
        segments: where terms are looked up.
        documents: how many there are.
        gain: what an idf is multiplied by: k1 + 1.
    """

    def __init__(
        self, analyzer: Analyzer, segments: Sequence[Segment], documents: int, gain: float
    ) -> None:
        self._analyzer, self._segments = analyzer, segments
        self._documents, self._gain = documents, gain
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._slots: dict[str, int] = {}
        self._vocabulary = Vocabulary(self._number, self._analyzer.pairs)
        self._dfs: list[int] = []
        self._scales = np.zeros(64, np.float32)
        self._local = np.full((64, max(len(self._segments), 1)), -1, np.int32)

    def _number(self, word: str) -> int:
        term = self._analyzer.term(word)
        return self.slot(term) if term else STOP

    def slot(self, term: str) -> int:
        """The number of a term, looked up in all segments when it is first met."""
        held = self._slots.get(term)
        if held is not None:
            return held
        slot, word = len(self._slots), term.encode(errors="replace")
        local = [segment.find(word) for segment in self._segments]
        df = sum(s.df(t) for s, t in zip(self._segments, local, strict=True) if t >= 0)
        if slot == self._scales.size:
            self._scales = np.concatenate([self._scales, np.zeros(slot, np.float32)])
            more = np.full_like(self._local, -1)
            self._local = np.concatenate([self._local, more])
        self._local[slot, : len(local)] = local
        self._scales[slot] = self.idf(df) * self._gain
        self._dfs.append(df)
        self._slots[term] = slot
        return slot

    def idf(self, df: int) -> float:
        """How much a term of so many documents weighs; 0 where it stands in none."""
        return float(np.log((self._documents + 1) / df)) if df else 0.0

    def df(self, term: str) -> int:
        """In how many documents a term stands."""
        with self._lock:
            return self._dfs[self.slot(term)]

    def words(self, slots: NDArray[np.int32]) -> list[str]:
        """The terms of these numbers."""
        names = list(self._slots)
        return [names[slot] for slot in slots.tolist()]

    def local(self, segment: int, slots: NDArray[np.int32]) -> NDArray[np.int32]:
        """The terms' numbers in a segment, -1 where it has none."""
        return np.ascontiguousarray(self._local[slots, segment])

    def queries(
        self, texts: Sequence[str], more: Sequence[Weighted] | None = None
    ) -> tuple[Queries, list[NDArray[np.int32]]]:
        """Terms and weights of queries, heaviest first, and the terms' numbers in each segment.

        Args:
            texts: of the queries.
            more: terms with weights, as they stand in the index, that a query holds beside.
        """
        with self._lock:
            if len(self._vocabulary) > MOST:
                self._clear()
            offsets, ids = self._vocabulary.read_few(texts)
            amounts = np.ones(ids.size, np.float32)
            if more is not None and any(more):
                offsets, ids, amounts = self._joined(offsets, ids, amounts, more)
            ends, slots = np.zeros(len(offsets), np.int64), np.empty(ids.size, np.int32)
            weights = np.empty(ids.size, np.float32)
            _compose(offsets, ids, amounts, self._scales, ends, slots, weights)
            slots, weights = slots[: ends[-1]], weights[: ends[-1]]
            for q in np.flatnonzero(np.diff(ends) > FEW).tolist():
                own = slice(int(ends[q]), int(ends[q + 1]))
                order = np.argsort(-weights[own], kind="stable")
                slots[own], weights[own] = slots[own][order], weights[own][order]
            local = [self.local(s, slots) for s in range(len(self._segments))]
        return (ends, slots, weights), local

    def _joined(
        self, offsets: np.ndarray, ids: np.ndarray, amounts: np.ndarray, more: Iterable[Weighted]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Queries with terms and weights put behind their words."""
        ends, all_ids, all_amounts = [0], [], []
        for q, terms in enumerate(more):
            words = slice(offsets[q], offsets[q + 1])
            slots = [self.slot(term) for term, _ in terms]
            all_ids += [ids[words], np.array(slots, np.int32)]
            all_amounts += [amounts[words], np.array([w for _, w in terms], np.float32)]
            ends.append(ends[-1] + int(offsets[q + 1] - offsets[q]) + len(terms))
        return np.array(ends, np.int64), np.concatenate(all_ids), np.concatenate(all_amounts)
