"""TextIndex: documents on disk, found by their words; added and removed without rebuilding."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import method, one_of, parse_bytes, whole
from thrifty.text._handle import LARGEST, Handle
from thrifty.text._lexicon import Weighted
from thrifty.text._textscoring import settings_of
from thrifty.text._writer import Extras
from thrifty.text.analyzer import Analyzer
from thrifty.text.snapshot import Filter, Hits, Snapshot
from thrifty.text.snippets import snippet
from thrifty.text.store import Store
from thrifty.text.textquery import parse

__all__ = ["Added", "TextIndex"]

FIELDS = MappingProxyType({"title": 1.0, "text": 1.0})


class Added(NamedTuple):
    """What an `add` did.

    Args:
        documents: taken in.
        replaced: of them, in the place of an older one of the same id.
    """

    documents: int
    replaced: int


@method(
    source="Robertson, Zaragoza and Taylor 2004 (fields); Lv and Zhai 2011 (BM25+); Turtle and "
    "Flood 1995 (MaxScore)",
    memory="about 3 bytes a posting and 2 a place, on disk; 4 * k bytes a query",
    time="postings of the terms that decide, window by window",
    error="exact",
    exact="the score of every document",
    laws=("text",),
    evidence=("textindex",),
)
class TextIndex(Handle):
    """Find documents by their words.

    Made by `create` or `open`. Scores are BM25 or BM25+ over fields with weights; statistics are of
    the documents that are there, so that removing and adding again answers as a new index does.

    Example:
        >>> import tempfile
        >>> index = TextIndex.create(tempfile.mkdtemp() + "/index", fields={"text": 1.0})
        >>> rows = [{"id": "a", "text": "a red laser"}, {"id": "b", "text": "blue lasers, red"}]
        >>> index.add(pa.Table.from_pylist(rows)), index.commit()
        (Added(documents=2, replaced=0), None)
        >>> hits = index.search(["blue laser"], k=5)
        >>> index.ids(hits.rows[0]), len(index)
        (['b', 'a'], 2)
    """

    @classmethod
    def create(
        cls,
        path: str | Path,
        fields: Mapping[str, float] = {"title": 1.0, "text": 1.0},
        analyzer: Analyzer | None = None,
        *,
        k1: float = 1.2,
        b: float = 0.65,
        method: str = "bm25",
        delta: float = 1.0,
        memory: int | str = "256 MB",
        extras: Extras | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make an empty index in a new folder, open for writing.

        Args:
            path: of the folder.
            fields: text columns that are searched, and how much a word there counts, 0.001..1000.
            analyzer: how texts become terms.
            k1: how slowly a word that is repeated counts less, 0..100.
            b: how much long documents are held back, 0..1.
            method: "bm25+" adds delta for every term that is there; "bm25" does not.
            delta: of "bm25+", 0..10.
            memory: that documents may take before they are written as a segment.
            extras: puts further files into every segment, see `Writer`.
            settings: whatever else should be kept, as JSON can hold it.

        Raises:
            ValueError: an argument outside its range.
            IncompatibleError: the folder holds something.
            SaveError: the folder cannot be written.
        """
        kept = settings_of(fields, k1, b, method, delta)
        kept |= {"analyzer": (analyzer or Analyzer()).spec(), "more": dict(settings or {})}
        parse_bytes(memory)
        return cls(Store.create(path, kept), memory=memory, extras=extras)

    @classmethod
    def open(
        cls,
        path: str | Path,
        write: bool = False,
        *,
        memory: int | str = "256 MB",
        extras: Extras | None = None,
    ) -> Self:
        """Open an index, memory-mapped, in the time of looking at its tables.

        Raises:
            FormatError: no index is there, or its files are cut, altered, swapped or newer.
            SaveError: write, and another writer holds the lock.
        """
        return cls._opened(path, write, memory=memory, extras=extras)

    def __len__(self) -> int:
        return self._snapshot.documents

    def __repr__(self) -> str:
        return f"TextIndex({str(self.path)!r}, documents={len(self)})"

    # writing

    def add(self, table: pa.Table, id: str = "id") -> Added:
        """Take in documents, which are found from the next `commit` on.

        Args:
            table: with the columns of all fields, and of ids; all columns are kept.
            id: the column of ids, text or whole numbers; a document of an id that is there already
                takes its place.

        Raises:
            DataError: a column is missing or of another kind, an id is missing or there twice.
            ValueError: the index is open for reading.
        """
        with self._lock:
            return Added(*self._writing().add(table, id))

    def remove(self, ids: Sequence[str]) -> int:
        """Leave documents out from the next `commit` on; how many.

        Raises:
            DataError: an id is not in the index; then none is left out.
            ValueError: the index is open for reading.
        """
        with self._lock:
            return self._writing().remove([str(name) for name in dict.fromkeys(ids)])

    # reading

    def search(
        self,
        queries: Sequence[str],
        k: int = 10,
        *,
        filter: Filter = None,
        expansion: Sequence[Weighted] | None = None,
    ) -> Hits:
        """The documents of the best scores, for each query.

        Args:
            queries: words, "a phrase", begin*, field:word; see `textquery.parse`.
            k: documents wanted, at least 1.
            filter: a condition on columns such as 'year > 2020', a bool mask over all rows, or row
                numbers; only these documents are found.
            expansion: for each query, terms with weights above 0, as the analyzer makes them, that
                are scored beside its words.

        Raises:
            ValueError: k below 1, a weight that is not above 0, or a filter of another length.
            TypeError: queries that are not text.
            DataError: a filter that cannot be read, or names a column that is not there.
            FormatError: files are damaged.
        """
        k = whole("k", k, 1, LARGEST)
        if isinstance(queries, str) or not all(isinstance(query, str) for query in queries):
            raise TypeError(f"queries must be a list of texts, got {queries!r:.100}")
        if expansion is not None:
            _check(expansion, len(queries))
        return self._snapshot.search(list(queries), k, filter, expansion)

    def documents(self, rows: Any, columns: Sequence[str] | None = None) -> pa.Table:
        """Columns of the documents of these rows, in their order.

        Raises:
            ValueError: a row is not there.
            DataError: a column is not there.
        """
        return self._snapshot.documents_of(rows, columns)

    def ids(self, rows: Any) -> list[str]:
        """The ids of these rows; rows below 0, which stand for no document, are left out."""
        snapshot = self._snapshot
        given = [int(row) for row in np.asarray(rows).reshape(-1) if row >= 0]
        places = [snapshot.place(row) for row in snapshot.checked(given)]
        return [segment.ids([own])[0] for segment, own in places]

    def explain(self, query: str, row: int, expansion: Weighted = ()) -> list[dict[str, Any]]:
        """What each term of a query gives to a document's score: the scores add up to it.

        Returns:
            A dict for each term and field: term, field, tf, df, idf, weight, score.
        """
        return self._snapshot.explain(query, int(row), expansion)

    def snippet(self, query: str, row: int, field: str, **how: Any) -> Any:
        """The part of a field that shows the query best; see `snippets.snippet`."""
        snapshot = self._snapshot
        one_of("field", field, tuple(snapshot.scoring.fields))
        text = snapshot.documents_of([row], [field])[field][0].as_py() or ""
        parsed = parse(query, list(snapshot.scoring.fields))
        return snippet(text, parsed.text, self._analyzer, beginnings=parsed.beginnings, **how)

    def df(self, terms: Sequence[str]) -> NDArray[np.int64]:
        """In how many documents each term stands, as the analyzer makes terms."""
        return np.array([self._snapshot.lexicon.df(term) for term in terms], np.int64)

    @property
    def analyzer(self) -> Analyzer:
        """How texts become terms."""
        return self._analyzer

    @property
    def settings(self) -> dict[str, Any]:
        """What it was made with."""
        return dict(self._store.settings)

    @property
    def columns(self) -> pa.Schema:
        """Columns of the documents."""
        return self._snapshot.columns

    @property
    def path(self) -> Path:
        """The folder it lies in."""
        return self._store.path

    @property
    def snapshot(self) -> Snapshot:
        """The newest commit that was read; it never changes, and answers on its own."""
        return self._snapshot

    @property
    def segments(self) -> list[tuple[Path, int, int]]:
        """Folder, first row and number of rows of each segment of the snapshot."""
        return [(s.path, s.base, s.rows) for s in self._snapshot.segments]

    @property
    def nbytes(self) -> int:
        """Bytes of all files of the snapshot."""
        entries = [segment.entry["files"] for segment in self._snapshot.segments]
        return sum(int(size) for files in entries for size, _ in files.values())


def _check(expansion: Sequence[Weighted], count: int) -> None:
    if len(expansion) != count:
        raise ValueError(f"expansion must be of {count} queries, got {len(expansion)}")
    for terms in expansion:
        for _, weight in terms:
            if not 0 < weight < float("inf"):
                raise ValueError(f"weights of expansion must be above 0, got {weight!r}")
