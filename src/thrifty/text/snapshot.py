"""Snapshot: the segments of one commit, and how they answer; it never changes."""

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import DataError, FormatError
from thrifty.text import bm25
from thrifty.text._best import GROUPS, finish
from thrifty.text._demands import masks, widened
from thrifty.text._lexicon import Lexicon, Weighted
from thrifty.text._places import field_ranges, places_of
from thrifty.text._segment import Segment
from thrifty.text._textscoring import Scoring
from thrifty.text.analyzer import Analyzer
from thrifty.text.filters import columns_of, mask_of
from thrifty.text.postings import WINDOW, rounded
from thrifty.text.store import Store
from thrifty.text.textquery import TextQuery, parse

__all__ = ["Hits", "Snapshot", "filled"]

Filter = str | np.ndarray | None
MARKED = re.compile(r'[":*]')


class Hits(NamedTuple):
    """Answers to queries, best first.

    Args:
        rows: (m, k) int64 numbers of documents in this snapshot, -1 where there are fewer.
        scores: (m, k) float32, -inf where there are fewer.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


class Snapshot:
    """Documents at one commit.

    Raises:
        FormatError: files are damaged.
    """

    def __init__(self, store: Store, analyzer: Analyzer, scoring: Scoring) -> None:
        self.generation, self.scoring, self.analyzer = store.generation, scoring, analyzer
        self.segments: list[Segment] = []
        base = 0
        for entry in store.segments:
            self.segments.append(Segment(store.path, entry, base))
            base += self.segments[-1].rows
        self.rows = base
        self.bases = np.array([segment.base for segment in self.segments] + [base], np.int64)
        self.documents = sum(int(entry["live"]) for entry in store.segments)
        total = sum(int(entry["length"]) for entry in store.segments)
        self.average = total / self.documents if self.documents and total else 1.0
        self.lexicon = Lexicon(analyzer, self.segments, self.documents, scoring.gain)

    def search(
        self,
        queries: Sequence[str],
        k: int,
        filter: Filter = None,
        expansion: Sequence[Weighted] | None = None,
    ) -> Hits:
        """The best documents of each query."""
        fields, allowed, more = list(self.scoring.fields), self.allowed(filter), expansion
        if not MARKED.search("".join(queries)):
            return self._plain(queries, k, allowed, more)
        parsed = [parse(query, fields) for query in queries]
        if any(query.beginnings for query in parsed):
            wide = [widened(self, query) for query in parsed]
            given = expansion if expansion is not None else [()] * len(parsed)
            more = [[*a, *b] for a, b in zip(wide, given, strict=True)]
        composed, local = self.lexicon.queries([query.text for query in parsed], more)
        hits = self._room(len(queries), k)
        for q, query in enumerate(parsed):
            one, own = _only(composed, local, q)
            held = self.demanded(query, allowed)
            self._search(one, own, held, *(x[q : q + 1] for x in hits))
        return _finished(hits, k)

    def _plain(
        self,
        queries: Sequence[str],
        k: int,
        allowed: Sequence[np.ndarray],
        more: Sequence[Weighted] | None,
    ) -> Hits:
        """The best documents of queries that are words alone."""
        composed, local = self.lexicon.queries(queries, more)
        hits = self._room(len(queries), k)
        self._search(composed, local, allowed, *hits)
        return _finished(hits, k)

    def _room(self, m: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        width = max(1, min(k, self.documents))
        return (
            np.empty((m, width), np.float32), np.empty((m, width), np.int64), np.zeros(m, np.int64)
        )  # fmt: skip

    def _search(
        self,
        composed: tuple[np.ndarray, ...],
        local: Sequence[np.ndarray],
        allowed: Sequence[np.ndarray],
        scores: np.ndarray,
        rows: np.ndarray,
        held: np.ndarray,
    ) -> None:
        ends, _, weights = composed
        a, c = self.scoring.terms(self.average)
        widest = int(np.diff(ends).max(initial=0))
        largest = max((segment.rows for segment in self.segments), default=0)
        sums = np.zeros(min(WINDOW, -(-largest // 64) * 64), np.float32)
        peaks = np.zeros(GROUPS, np.int32)
        room = (
            sums, sums.view(np.int32), np.empty(scores.shape[1], np.float32), peaks,
            peaks.view(np.float32), np.empty((4, widest), np.int64),
            np.empty((3, widest + 1), np.float32),
        )  # fmt: skip
        for segment, terms, alive in zip(self.segments, local, allowed, strict=True):
            arrays, built = segment.arrays, float(segment.header["average"])
            slack = np.float32(max(1.0, self.average / built) / 255)
            bm25.search(
                arrays["term_runs"], arrays["run_windows"], arrays["run_posts"],
                arrays["run_peaks"], arrays["docs"], arrays["counts"], arrays["lengths"], alive,
                ends, terms, weights, self.scoring.values, a, c, np.float32(self.scoring.floor),
                slack, segment.base, scores, rows, held, *room,
            )  # fmt: skip

    def allowed(self, filter: Filter) -> list[np.ndarray]:
        """A mask of each segment, empty where all its documents may be found."""
        if filter is None:
            return [segment.alive for segment in self.segments]
        if isinstance(filter, str):
            self._known(columns_of(filter))
            given = [mask_of(filter, self._reader(segment)) for segment in self.segments]
        else:
            mask = self._mask(filter)
            given = [mask[s.base : s.base + s.rows] for s in self.segments]
        return [
            (part & (segment.alive != 0) if segment.alive.size else part).astype(np.uint8)
            for part, segment in zip(given, self.segments, strict=True)
        ]

    def demanded(self, query: TextQuery, allowed: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """Of the allowed documents of each segment, those that hold all that a query demands."""
        return masks(self, query, allowed) if query.demands else allowed

    def _reader(self, segment: Segment) -> Callable[[Sequence[str]], pa.Table]:
        schema = self.columns

        def read(names: Sequence[str]) -> pa.Table:
            here = [name for name in names if name in segment.schema.names]
            wanted = pa.schema([schema.field(name) for name in names])
            return filled(segment.columns(here), wanted)

        return read

    def _mask(self, filter: np.ndarray) -> np.ndarray:
        given = np.asarray(filter)
        if given.dtype == bool:
            if given.shape != (self.rows,):
                raise ValueError(f"filter must be of {self.rows} rows, got {given.shape}")
            return given
        if given.dtype.kind not in "iu" or given.ndim != 1:
            raise TypeError(f"filter must be a text, a mask or row numbers, got {given.dtype}")
        mask = np.zeros(self.rows, bool)
        mask[self.checked(given)] = True
        return mask

    def checked(self, rows: Any) -> NDArray[np.int64]:
        """Row numbers that are in range.

        Raises:
            ValueError: one is not.
        """
        given = np.asarray(rows, np.int64).reshape(-1)
        wrong = given[(given < 0) | (given >= self.rows)]
        if wrong.size:
            raise ValueError(f"rows must be in 0..{self.rows - 1}, got {int(wrong[0])}")
        return given

    def place(self, row: int) -> tuple[Segment, int]:
        """The segment of a document and its number there."""
        at = int(np.searchsorted(self.bases, row, side="right")) - 1
        return self.segments[at], int(row) - self.segments[at].base

    @property
    def columns(self) -> pa.Schema:
        """All columns that some documents have."""
        if not self.segments:
            return pa.schema([])
        try:
            return pa.unify_schemas([segment.schema for segment in self.segments])
        except pa.ArrowException as error:
            raise FormatError(f"segments disagree on their columns: {error}") from error

    def documents_of(self, rows: Any, columns: Sequence[str] | None = None) -> pa.Table:
        """Columns of documents, in the order asked for."""
        numbers, schema = self.checked(rows), self.columns
        names = schema.names if columns is None else list(columns)
        self._known(names)
        there = set(schema.names)
        wanted = pa.schema([schema.field(n) if n in there else (n, pa.null()) for n in names])
        tables = []
        places = [self.place(row) for row in numbers.tolist()]
        for segment, group in itertools.groupby(places, key=lambda place: place[0]):
            here = [name for name in names if name in segment.schema.names]
            tables.append(filled(segment.take([own for _, own in group], here), wanted))
        return pa.concat_tables(tables) if tables else wanted.empty_table()

    def _known(self, names: Sequence[str]) -> None:
        there = self.columns.names
        for name in names:
            if self.segments and name not in there:
                raise DataError(f"column {name!r} must be one of {', '.join(there)}")

    def explain(self, query: str, row: int, more: Weighted = ()) -> list[dict[str, Any]]:
        """What each term of a query gives to the score of a document, field by field."""
        segment, own = self.place(int(self.checked([row])[0]))
        parsed = parse(query, list(self.scoring.fields))
        wide = [*widened(self, parsed), *more]
        (_, slots, weights), _ = self.lexicon.queries([parsed.text], [wide])
        names = self.lexicon.words(slots)
        made = []
        for name, weight in zip(names, weights.tolist(), strict=True):
            term = segment.find(name.encode(errors="replace"))
            if term >= 0:
                made += self._shares(segment, own, name, term, weight)
        return made

    def _shares(
        self, segment: Segment, row: int, name: str, term: int, weight: float
    ) -> list[dict[str, Any]]:
        scoring, arrays = self.scoring, segment.arrays
        places = places_of(segment, term, row) & 0xFFFFFFFF
        ranges = field_ranges(segment, row)
        counts = [int(((places >= a) & (places < b)).sum()) for a, b in ranges]
        units = np.array(counts) * scoring.weights
        if not units.sum():
            return []
        a, c = scoring.terms(self.average)
        f = rounded(int(units.sum()))
        score = weight * (f / (f + a + c * arrays["lengths"][row]) + scoring.floor)
        df = self.lexicon.df(name)
        return [
            {
                "term": name, "field": field, "tf": count, "df": df,
                "idf": self.lexicon.idf(df), "weight": scoring.fields[field],
                "score": float(score * unit / units.sum()),
            }
            for field, count, unit in zip(scoring.fields, counts, units.tolist(), strict=True)
            if count
        ]  # fmt: skip


def _only(
    composed: tuple[np.ndarray, ...], local: Sequence[np.ndarray], q: int
) -> tuple[tuple[np.ndarray, ...], list[np.ndarray]]:
    """One query of several."""
    ends, slots, weights = composed
    part = slice(int(ends[q]), int(ends[q + 1]))
    one = np.array([0, ends[q + 1] - ends[q]], np.int64)
    return (one, slots[part], weights[part]), [np.ascontiguousarray(terms[part]) for terms in local]


def _finished(hits: tuple[np.ndarray, ...], k: int) -> Hits:
    finish(*hits)
    return Hits(_padded(hits[1], k, -1), _padded(hits[0], k, -np.inf))


def _padded(array: np.ndarray, k: int, value: float) -> np.ndarray:
    missing = k - array.shape[1]
    if missing <= 0:
        return array
    return np.pad(array, ((0, 0), (0, missing)), constant_values=value)


def filled(table: pa.Table, wanted: pa.Schema) -> pa.Table:
    """A table with columns of null where it lacks them."""
    if table.schema.equals(wanted):
        return table
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in wanted
    ]
    return pa.table(columns, schema=wanted)
