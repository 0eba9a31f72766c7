"""Search: documents by words and by meaning, with what each answer is owed to."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import FormatError, whole
from thrifty.models.encoders import opened_encoder
from thrifty.models.expansion import Expander, Term, expanded
from thrifty.models.fusion import Fused, Fusion
from thrifty.models.rankings import judge
from thrifty.models.search_answers import answers
from thrifty.models.search_documents import DOCUMENT, Layout
from thrifty.models.search_vectors import FEEDBACK, VectorSide
from thrifty.text.snapshot import Snapshot
from thrifty.text.textindex import TextIndex
from thrifty.text.textquery import parse

__all__ = ["SearchIndex"]

DEPTH = 300  # documents of each ranking that are fused
MOST = 1 << 31
AT_ONCE = 256  # queries
Run = dict[str, list[tuple[str, float]]]


class SearchIndex:
    """An index of documents: by words, and by vectors where it has them.

    Made by `thrifty.models.index_documents`; opened for reading here.

    Example:
        >>> import json, tempfile
        >>> from thrifty.models.search_build import index_documents
        >>> folder = Path(tempfile.mkdtemp())
        >>> rows = [{"_id": "a", "text": "A red laser."}, {"_id": "b", "text": "Blue cats."}]
        >>> lines = "".join(json.dumps(row) + chr(10) for row in rows)
        >>> _ = (folder / "x.jsonl").write_text(lines)
        >>> facts = index_documents([str(folder / "x.jsonl")], folder / "index")
        >>> index = SearchIndex.open(folder / "index")
        >>> [found["id"] for found in index.search("lasers")], len(index)
        (['a'], 2)
    """

    def __init__(self, text: TextIndex, vectors: VectorSide | None, layout: Layout) -> None:
        self._text, self.vectors, self.layout = text, vectors, layout
        self._ids: tuple[Any, list[Any]] | None = None

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open an index for reading; what a search does not look at stays on disk.

        Raises:
            FormatError: there is no index, or its files are cut, altered, swapped or newer.
        """
        text = TextIndex.open(path)
        more = text.settings.get("more")
        if not more or "layout" not in more:
            raise FormatError(f"{path} must be made by thrifty index, got an index of texts alone")
        layout = Layout.restore(more["layout"])
        encoder = opened_encoder(Path(path), more.get("encoder"))
        there = encoder is not None or layout.vectors is not None
        return cls(text, VectorSide(layout, encoder) if there else None, layout)

    def __len__(self) -> int:
        return len(self._text)

    def __repr__(self) -> str:
        return f"SearchIndex({str(self._text.path)!r}, documents={len(self)})"

    @property
    def text(self) -> TextIndex:
        """The index of words."""
        return self._text

    @property
    def fusion(self) -> Fusion:
        """How rankings by words and by vectors become one."""
        return Fusion(**self._text.settings["more"].get("fusion", {}))

    def search(
        self,
        query: str,
        k: int = 10,
        *,
        filter: Any = None,
        explain: bool = False,
        highlight: bool = True,
        expand: Expander | None = None,
        fusion: Fusion | None = None,
        words_only: bool = False,
    ) -> list[dict[str, Any]]:
        """The best documents for a query.

        Args:
            query: words, "a phrase", begin*, field:word.
            k: documents wanted.
            filter: a condition on columns such as 'year > 2020'.
            explain: say what each part of the query gave to each score.
            highlight: the part of each text that shows the query best.
            expand: adds words to the query, see `thrifty.models.expansion`.
            fusion: how rankings become one; None as the index says.
            words_only: leave vectors out.

        Returns:
            For each document its id, score, fields (all columns but vectors), snippets (by field:
            text, spans, before, after) and explain (parts whose scores add up to the score).

        Raises:
            TypeError: the query is not text, or k no whole number.
            ValueError: k is below 1.
            DataError: a filter that cannot be read, or names a column that is not there.
        """
        snapshot = self._text.snapshot
        more = {"expand": expand, "fusion": fusion, "words_only": words_only}
        ranked, terms = self._ranked(snapshot, [query], k, filter=filter, **more)
        how = {"explain": explain, "highlight": highlight}
        return answers(self, snapshot, query, ranked[0], terms[0], **how)

    def run(
        self, queries: Mapping[str, str], k: int = 100, *, filter: Any = None, **how: Any
    ) -> Run:
        """Documents and scores for many queries; passages count as their documents.

        Args:
            queries: texts by name.
            k: documents wanted.
            filter: as of `search`.
            how: expand, fusion and words_only, as of `search`.

        Raises:
            TypeError: a query is not text.
            ValueError: k is below 1.
        """
        names, texts, snapshot = list(queries), list(queries.values()), self._text.snapshot
        wanted = 4 * k if self.layout.chunk else k
        found: Run = {}
        for low in range(0, len(names), AT_ONCE):
            piece = texts[low : low + AT_ONCE]
            ranked, _ = self._ranked(snapshot, piece, wanted, filter=filter, **how)
            rows = np.concatenate([one.rows for one in ranked])
            ids = iter(self.names(snapshot, rows))
            for name, one in zip(names[low : low + AT_ONCE], ranked, strict=True):
                best: dict[str, float] = {}
                for score in one.scores.tolist():
                    best.setdefault(next(ids), score)
                found[name] = list(best.items())[:k]
        return found

    def evaluate(
        self, queries: Mapping[str, str], qrels: Mapping[str, Mapping[str, float]], **how: Any
    ) -> dict[str, float]:
        """Quality on judged queries, and how many a second are answered.

        Args:
            queries: texts by name.
            qrels: grade of each judged document, by query.
            how: as of `run`.

        Returns:
            ndcg@10, mrr@10, recall@100, queries_per_second, queries and more.

        Raises:
            DataError: no query has a relevant document.
        """
        asked = {name: text for name, text in queries.items() if name in qrels}
        for name in list(asked)[:1]:
            self.run({name: asked[name]}, **how)  # kernels are loaded, pages are warm
        start = time.perf_counter()
        found = self.run(asked, 100, **how)
        seconds = time.perf_counter() - start
        facts = judge({name: [row for row, _ in rows] for name, rows in found.items()}, qrels)
        return {**facts.facts(), "queries_per_second": len(asked) / max(seconds, 1e-9)}

    def describe(self) -> dict[str, Any]:
        """What is in the index: documents, fields, bytes, columns, encoder, fusion."""
        more = self._text.settings["more"]
        encoder = more.get("encoder")
        columns = {field.name: str(field.type) for field in self._text.columns}
        return {
            "path": str(self._text.path), "documents": len(self),
            "fields": dict(self._text.settings["fields"]), "id": self.layout.key,
            "title": self.layout.title, "bytes": self._text.nbytes, "columns": columns,
            "segments": len(self._text.segments), "has_vectors": self.vectors is not None,
            "vectors": self.layout.vectors, "encoder": encoder, "chunk": self.layout.chunk,
            "fusion": self.fusion.spec() if self.vectors else None,
        }  # fmt: skip

    def refresh(self) -> bool:
        """Go to the newest commit; whether there was one."""
        return self._text.refresh()

    def candidates(
        self, snapshot: Snapshot, queries: Sequence[str], k: int, filter: Any = None,
        more: Sequence[list[tuple[str, float]]] | None = None,
    ) -> list[tuple[Any, Any]]:  # fmt: skip
        """The two rankings of each query: rows and scores by words, rows and cosines by vectors."""
        hits = snapshot.search(queries, k, filter, more)
        words = [(rows[rows >= 0], scores[rows >= 0]) for rows, scores in zip(*hits, strict=True)]
        if self.vectors is None:
            none = np.zeros(0, np.int64), np.zeros(0, np.float32)
            return [(pair, none) for pair in words]
        allowed = snapshot.allowed(filter)
        folders = [segment.path for segment in snapshot.segments]
        bases = [segment.base for segment in snapshot.segments]
        asked = self._asked(snapshot, queries, words)
        found = []
        for place, query in enumerate(queries):
            parsed = parse(query, list(snapshot.scoring.fields))
            only = snapshot.demanded(parsed, allowed)
            one = asked[place : place + 1]
            found += [(words[place], *self.vectors.search(folders, bases, one, k, only))]
        return found

    def _ranked(
        self, snapshot: Snapshot, queries: Sequence[str], k: int, *, filter: Any = None,
        expand: Expander | None = None, fusion: Fusion | None = None, words_only: bool = False,
    ) -> tuple[list[Fused], list[list[Term]]]:  # fmt: skip
        """One ranking for each query, and the terms that were added to it."""
        count = whole("k", k, 1, MOST)
        if isinstance(queries, str) or not all(isinstance(query, str) for query in queries):
            raise TypeError(f"query must be text, got {queries!r:.100}")
        terms = [expanded(expand, query, self) if expand else [] for query in queries]
        more = [[(term.term, term.weight) for term in one if term.kept] for one in terms]
        given = more if any(more) else None
        if self.vectors is None or words_only:
            hits = snapshot.search(queries, count, filter, given)
            pairs = zip(*hits, strict=True)
            return [_alone(rows, scores) for rows, scores in pairs], terms
        fuse = fusion or self.fusion
        both = self.candidates(snapshot, queries, max(DEPTH, count), filter, given)
        fused = [fuse(*pair) for pair in both]
        return [one.first(count) for one in fused], terms

    def _asked(
        self, snapshot: Snapshot, queries: Sequence[str], words: Sequence[Any]
    ) -> NDArray[np.float32]:
        """The vector of each query; without an encoder, that of what it finds by words."""
        side = self.vectors
        assert side is not None
        if side.encoder is not None:
            return side.encoder.encode(list(queries))
        folders = [segment.path for segment in snapshot.segments]
        bases = [segment.base for segment in snapshot.segments]
        tops = [(rows[:FEEDBACK], scores[:FEEDBACK]) for rows, scores in words]
        rows = np.concatenate([rows for rows, _ in tops])
        vectors = side.vectors_of(folders, bases, rows).astype(np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.where(norms > 0, norms, 1)
        owner = np.repeat(np.arange(len(tops)), [rows.size for rows, _ in tops])
        made = np.zeros((len(tops), vectors.shape[1]), np.float32)
        weights = np.concatenate([scores for _, scores in tops])
        np.add.at(made, owner, vectors * weights[:, None])
        return made

    def names(self, snapshot: Snapshot, rows: NDArray[np.int64]) -> list[str]:
        """Ids of many rows; of passages, those of their documents."""
        column = DOCUMENT if self.layout.chunk else self.layout.key
        held = self._ids
        if held is None or held[0] is not snapshot:
            tables = [segment.columns([column])[column] for segment in snapshot.segments]
            chunks = [chunk.cast(pa.large_string()) for table in tables for chunk in table.chunks]
            held = self._ids = (snapshot, [pa.chunked_array(chunks, pa.large_string())])
        return held[1][0].take(pa.array(rows)).to_pylist() if rows.size else []


def _alone(rows: NDArray[np.int64], scores: NDArray[np.float32]) -> Fused:
    there = rows >= 0
    kept = scores[there].astype(np.float64)
    return Fused(rows[there], kept, kept, np.zeros(kept.size))
