"""Demands: which documents hold what a query demands, and which words a beginning stands for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from thrifty.text._places import in_field, meet, places_of
from thrifty.text._segment import Segment
from thrifty.text.textquery import Demand, TextQuery

if TYPE_CHECKING:
    from thrifty.text.snapshot import Snapshot

__all__ = ["masks", "widened"]

WIDEST = 1000  # words that a beginning stands for, at most


def masks(
    snapshot: "Snapshot", query: TextQuery, allowed: Sequence[np.ndarray]
) -> list[NDArray[np.uint8]]:
    """The allowed documents of each segment that hold all that is demanded."""
    made = []
    for segment, mask in zip(snapshot.segments, allowed, strict=True):
        kept = np.ones(segment.rows, np.uint8) if not mask.size else mask
        for demand in query.demands:
            kept = kept & _holding(snapshot, segment, demand)
        made.append(kept)
    return made


def widened(snapshot: "Snapshot", query: TextQuery) -> list[tuple[str, float]]:
    """Terms that the beginnings of a query stand for, each as rare as all of them together."""
    made: list[tuple[str, float]] = []
    for beginning in query.beginnings:
        terms = _starting(snapshot, beginning)
        dfs = [snapshot.lexicon.df(term) for term in terms]
        together = min(sum(dfs), snapshot.documents)
        idf = snapshot.lexicon.idf(together)
        made += [
            (term, idf / snapshot.lexicon.idf(df))
            for term, df in zip(terms, dfs, strict=True)
            if df
        ]
    return made


def _starting(snapshot: "Snapshot", beginning: str) -> list[str]:
    """Terms that begin so: as it is written, or as its words are cut and put in lower case."""
    words = snapshot.analyzer.words(beginning)
    if not words:
        return []
    start = words[-1].encode(errors="replace")
    found = {w for segment in snapshot.segments for w in segment.starting_with(start, WIDEST)}
    return [word.decode(errors="replace") for word in sorted(found)[:WIDEST]]


def _holding(snapshot: "Snapshot", segment: Segment, demand: Demand) -> NDArray[np.uint8]:
    mask = np.zeros(segment.rows, np.uint8)
    field = None if demand.field is None else list(snapshot.scoring.fields).index(demand.field)
    if demand.beginning:
        for term in _starting(snapshot, demand.text):
            mask[_places(segment, term, field) >> 32] = 1
        return mask
    phrase = snapshot.analyzer.placed(demand.text)
    if not phrase:
        return np.ones(segment.rows, np.uint8)  # stop words alone demand nothing
    (first, term), *rest = phrase
    found = _places(segment, term, field)
    for place, term in rest:
        own, shift = _places(segment, term, field), place - first
        own = own[(own & 0xFFFFFFFF) >= shift] - shift
        found = meet(found, own)
    mask[found >> 32] = 1
    return mask


def _places(segment: Segment, term: str, field: int | None) -> NDArray[np.int64]:
    number = segment.find(term.encode(errors="replace"))
    if number < 0:
        return np.zeros(0, np.int64)
    found = places_of(segment, number)
    return found if field is None else in_field(segment, found, field)
