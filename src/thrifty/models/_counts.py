"""Counts: terms of documents as sparse rows, of a sample that is bounded in words."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from thrifty.text.analyzer import Analyzer

__all__ = ["counted", "read"]


def read(
    analyzer: Analyzer, columns: Iterable[Any], words: dict[str, int], most: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """Offsets and terms of the documents of the sample, in pieces."""
    reader, step, seen = analyzer.vocabulary(words), 1, 0
    pieces: list[tuple[NDArray[np.int64], NDArray[np.int32]]] = []
    for column in columns:
        made = _every(*reader.read(column), -seen % step, step)
        seen += len(column)
        pieces.append(made)
        while step < 1 << 40 and sum(ids.size for _, ids in pieces) > most:
            step *= 2
            pieces = _halved(pieces)
    yield from pieces


def _halved(pieces: list[Any]) -> list[Any]:
    """Every other document."""
    made, at = [], 0
    for offsets, ids in pieces:
        made.append(_every(offsets, ids, at % 2, 2))
        at += offsets.size - 1
    return made


def _every(
    offsets: NDArray[np.int64], ids: NDArray[np.int32], first: int, step: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Each step-th document, from the first."""
    if step == 1:
        return offsets, ids
    lengths = np.diff(offsets)
    kept = np.zeros(lengths.size, bool)
    kept[first::step] = True
    return np.concatenate([[0], np.cumsum(lengths[kept])]), ids[np.repeat(kept, lengths)]


def counted(pieces: Iterable[Any], width: int | None = None) -> sp.csr_array:
    """Counts of terms, one row a document; what is no term is left out."""
    ends, parts, start = [np.zeros(1, np.int64)], [np.zeros(0, np.int32)], 0
    for offsets, ids in pieces:
        kept = ids >= 0
        ends.append(np.concatenate([[0], np.cumsum(kept)])[offsets][1:] + start)
        parts.append(ids[kept])
        start += parts[-1].size
    indices, indptr = np.concatenate(parts), np.concatenate(ends)
    top = int(indices.max(initial=-1)) + 1 if width is None else width
    shape = (indptr.size - 1, max(top, 1))
    made = sp.csr_array((np.ones(indices.size, np.float32), indices, indptr), shape)
    made.sum_duplicates()
    return made
