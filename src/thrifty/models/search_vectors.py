"""Vectors of documents: made with the segments of an index, and asked segment by segment."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import DataError, FormatError
from thrifty.index.flat import FlatIndex
from thrifty.index.ivf import IVFIndex
from thrifty.index.vectors import VectorIndex
from thrifty.models.search_documents import Layout

__all__ = ["Encoder", "VectorSide", "joined_texts"]

FLAT, CELLS = "vectors.thrifty", "cells.thrifty"
MANY, EFFORT = 1 << 15, 0.05  # from so many rows on, so much of a segment is looked at
FEEDBACK = 5  # documents whose vectors stand for a query that has none
Pair = tuple[NDArray[np.int64], NDArray[np.float32]]


class Encoder(Protocol):
    """What turns texts into vectors."""

    dim: int

    def encode(self, texts: Any) -> NDArray[np.float32]:
        """Vectors (n, dim) of length 1, or 0 where a text says nothing."""
        ...


class VectorSide:
    """The vectors of an index of documents.

    Args:
        layout: of the documents.
        encoder: of queries, and of documents unless they bring vectors; None where vectors are
            given and queries are taken for what they find by words.
    """

    def __init__(self, layout: Layout, encoder: Encoder | None) -> None:
        self.layout, self.encoder = layout, encoder
        self._opened: dict[Path, VectorIndex | None] = {}
        self._lock = threading.Lock()

    def write(
        self, folder: Path, table: pa.Table, sources: list[tuple[Path, NDArray[np.int64]]]
    ) -> None:
        """Put the vectors of a new segment beside its documents.

        Args:
            folder: of the segment.
            table: its documents.
            sources: folders of the segments it was merged from, and the rows taken of each.

        Raises:
            DataError: vectors of different widths, or not finite.
            SaveError: the disk is full or not writable.
        """
        rows, vectors = self._gathered(sources) if sources else self._made(table)
        if rows.size:
            try:
                made = IVFIndex if rows.size >= MANY else FlatIndex
                index = made(vectors.shape[1], dtype="float16").add(vectors, rows)
            except ValueError as error:
                raise DataError(f"column {self.layout.vectors!r}: {error}") from error
            index.save(folder / (CELLS if made is IVFIndex else FLAT))

    def search(
        self, folders: Sequence[Path], bases: Sequence[int], queries: NDArray[np.float32], k: int,
        allowed: Sequence[NDArray[np.uint8]],
    ) -> list[Pair]:  # fmt: skip
        """The nearest documents of each query.

        Args:
            folders: of the segments.
            bases: number of the first document of each.
            queries: (m, dim); a row of 0 finds nothing.
            k: documents wanted.
            allowed: a mask for each segment, empty where all may be found.

        Returns:
            For each query rows and cosines, nearest first.

        Raises:
            IncompatibleError: queries of another width.
            FormatError: a file is damaged.
        """
        said = np.flatnonzero(queries.any(axis=1))
        rows, scores = [np.zeros((said.size, 0), np.int64)], [np.zeros((said.size, 0), np.float32)]
        for folder, base, mask in zip(folders, bases, allowed, strict=True):
            index = self._index(folder)
            if index is None or not said.size:
                continue
            only = mask.astype(bool) if mask.size else None
            effort = EFFORT if isinstance(index, IVFIndex) else None
            found = index.search(queries[said], k, filter=only, effort=effort)
            rows.append(np.where(found.ids >= 0, found.ids + base, -1))
            scores.append(found.scores)
        one, two = np.concatenate(rows, axis=1), np.concatenate(scores, axis=1)
        made = {int(i): _best(one[j], two[j], k) for j, i in enumerate(said)}
        nothing = np.zeros(0, np.int64), np.zeros(0, np.float32)
        return [made.get(i, nothing) for i in range(len(queries))]

    def vectors_of(
        self, folders: Sequence[Path], bases: Sequence[int], rows: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Vectors of documents; 0 where one has none."""
        made: NDArray[np.float32] | None = None
        for folder, base in zip(folders, bases, strict=True):
            index = self._index(folder)
            if index is None:
                continue
            if made is None:
                made = np.zeros((rows.size, index.dim), np.float32)
            there, vectors = _taken(index, rows - base)
            made[there] = vectors
        return np.zeros((rows.size, 1), np.float32) if made is None else made

    def _made(self, table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows that have a vector, and the vectors."""
        if self.layout.vectors:
            return _listed(table[self.layout.vectors], self.layout.vectors)
        if self.encoder is None:
            return np.zeros(0, np.int64), np.zeros((0, 1), np.float32)
        made = self.encoder.encode(joined_texts(table, self.layout))
        rows = np.flatnonzero(made.any(axis=1))
        return rows, made[rows]

    def _gathered(
        self, sources: list[tuple[Path, NDArray[np.int64]]]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Vectors of rows of older segments, numbered through."""
        rows, parts, start = [np.zeros(0, np.int64)], [], 0
        for folder, kept in sources:
            index = self._index(folder)
            if index is not None:
                there, vectors = _taken(index, kept)
                rows.append(np.flatnonzero(there) + start)
                parts.append(vectors)
            start += len(kept)
        vectors = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
        return np.concatenate(rows), vectors

    def _index(self, folder: Path) -> VectorIndex | None:
        """The vectors of a segment; None where no document has one."""
        with self._lock:
            if folder not in self._opened:
                found: VectorIndex | None = None
                if (folder / CELLS).exists():
                    found = IVFIndex.open(folder / CELLS)
                elif (folder / FLAT).exists():
                    found = FlatIndex.open(folder / FLAT)
                self._opened[folder] = found
            return self._opened[folder]


def joined_texts(table: pa.Table, layout: Layout) -> list[str]:
    """The text columns of each document as one text."""
    columns = [table[name].to_pylist() for name in layout.texts]
    return [" ".join(text for text in row if text) for row in zip(*columns, strict=True)]


def _taken(
    index: VectorIndex, rows: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which rows have a vector, and the vectors.

    Raises:
        FormatError: a row is there twice.
    """
    arrays = index.arrays()
    order = np.argsort(arrays["ids"], kind="stable")
    ids = arrays["ids"][order]
    if (np.diff(ids) <= 0).any():
        raise FormatError("vectors of a segment must be of different documents")
    at = np.minimum(np.searchsorted(ids, rows), ids.size - 1)
    there = ids[at] == rows
    return there, arrays["vectors"][order[at[there]]].astype(np.float32)


def _listed(column: pa.ChunkedArray, name: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    values = column.to_pylist()
    rows = np.array([row for row, v in enumerate(values) if v and any(v)], np.int64)
    widths = {len(values[row]) for row in rows.tolist()}
    if len(widths) > 1:
        shown = " and ".join(map(str, sorted(widths)[:2]))
        raise DataError(f"column {name!r} must hold vectors of one width, got {shown}")
    made = np.array([values[row] for row in rows.tolist()], np.float32)
    return rows, made.reshape(rows.size, -1)


def _best(rows: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Pair:
    """The k largest scores of rows that are there; of equal ones the first rows."""
    order = np.lexsort((rows, -scores))
    order = order[rows[order] >= 0][:k]
    return rows[order], scores[order]
