"""Postings: the inverted lists of a segment, sorted by term, three bytes a posting.

Documents are cut into windows of 65,536. The list of a term is cut into runs, one for each window
in which it appears: so a posting is a 16-bit place in its window and an 8-bit count, and whatever
bytes stand in a file, no place lies outside of a window.

Arrays of a segment of n documents, T terms, R runs, P postings:
    term_text uint8, term_ends (T + 1,) int64   the terms, sorted by their UTF-8 bytes
    term_runs (T + 1,) uint32                   the runs of each term
    run_windows (R,) uint16                     which window
    run_posts (R + 1,) uint32                   its postings
    run_peaks (R,) uint8                        bound of what the best of them scores, see `peak`
    run_places (R + 1,) uint32                  its bytes in places
    docs (P,) uint16, counts (P,) uint8         the postings, see `_textcounts`
    places uint8                                a posting's number of places, and their steps
    lengths (n,) float32                        weighted number of terms of a document
    extents (n, fields) uint32                  places of a field, stop words included
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.text._textcounts import code_values

__all__ = ["WINDOW", "Arrays", "Gathered", "decay", "invert", "rounded", "sort_terms"]

Arrays = dict[str, np.ndarray]
WINDOW = 1 << 16
GAP = 64  # places left free between two fields, so that no phrase spans them


class Gathered:
    """Terms of documents, in the order they came, until they are inverted.

    Args:
        weights: (fields,) float64, in units.
    """

    def __init__(self, weights: Sequence[int]) -> None:
        self.weights = np.asarray(weights, np.int64)
        self.parts: list[tuple[np.ndarray, ...]] = []
        self.documents = self.tokens = 0

    def add(self, fields: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        """Take in the same documents' offsets and ids of every field; ids below 0 are no terms."""
        extents = np.stack([np.diff(offsets) for offsets, _ in fields], axis=1).astype(np.uint32)
        kept = np.stack([_kept(offsets, ids) for offsets, ids in fields], axis=1)
        ends = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64)
        terms, places = np.empty(ends[-1], np.int32), np.empty(ends[-1], np.uint32)
        starts, bases = ends[:-1].copy(), np.zeros(len(extents), np.int64)
        for f, (offsets, ids) in enumerate(fields):
            _lay(offsets, ids, bases, starts, terms, places)
            bases += extents[:, f].astype(np.int64) + GAP
        self.parts.append((ends, terms, places, extents, kept @ self.weights))
        self.documents += len(extents)
        self.tokens += int(ends[-1])

    def joined(self) -> tuple[np.ndarray, ...]:
        """All parts as one: ends, terms, places, extents, and length in units."""
        fields = len(self.weights)
        empty = (
            np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint32),
            np.zeros((0, fields), np.uint32), np.zeros(0, np.int64),
        )  # fmt: skip
        parts = [empty, *self.parts]
        counts = [np.diff(part[0]) for part in parts]
        ends = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
        return ends, *(np.concatenate(column) for column in list(zip(*parts, strict=True))[1:])


def invert(gathered: Gathered, words: Sequence[str]) -> tuple[Arrays, NDArray[np.int64]]:
    """The arrays of a segment, but for the peaks of its runs.

    Args:
        gathered: what was added; it is emptied.
        words: the term of each id.

    Returns:
        The arrays, and the length of each document in units, (n,) int64.
    """
    ends, terms, places, extents, lengths = gathered.joined()
    gathered.parts, gathered.documents, gathered.tokens = [], 0, 0
    used = np.bincount(terms, minlength=len(words)) if len(words) else np.zeros(0, np.int64)
    present = np.flatnonzero(used)
    order, text, text_ends = sort_terms([words[int(i)] for i in present])
    rank = np.full(len(words), -1, np.int32)
    rank[present[order]] = np.arange(len(present), dtype=np.int32)
    sizes = used[present[order]]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    token_docs, token_places = np.empty(len(terms), np.uint32), np.empty(len(terms), np.uint32)
    _scatter(ends, terms, places, rank, starts[:-1].copy(), token_docs, token_places)
    del terms, places
    runs, posts, nbytes = _measure(starts, token_docs, token_places)
    arrays = _room(len(present), runs, posts, nbytes)
    units = _units(gathered.weights)
    codes, arrays_of = _coder(), arrays
    _write(
        starts, token_docs, token_places, extents, units, codes, arrays_of["term_runs"],
        arrays_of["run_windows"], arrays_of["run_posts"], arrays_of["run_places"],
        arrays_of["docs"], arrays_of["counts"], arrays_of["places"],
    )  # fmt: skip
    arrays |= {"term_text": text, "term_ends": text_ends, "extents": extents}
    return arrays, lengths


def sort_terms(words: Sequence[str]) -> tuple[NDArray[np.int64], np.ndarray, np.ndarray]:
    """Order of the terms by their bytes; then their text and ends in that order."""
    column = pa.array([word.encode(errors="replace") for word in words], pa.large_binary())
    order = pc.sort_indices(column).to_numpy()
    column = column.take(pa.array(order))
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int64, count=len(words) + 1).copy()
    text = np.frombuffer(data, np.uint8, count=int(ends[-1])).copy() if ends[-1] else []
    return order.astype(np.int64), np.asarray(text, np.uint8), ends


def decay(k1: float, b: float, unit: float, average: float) -> tuple[np.float32, np.float32]:
    """K of a document of length n is a + c * n, all in units, where the mean length is average."""
    return np.float32(k1 * (1 - b) / unit), np.float32(k1 * b / (unit * average))


def rounded(count: int) -> np.float32:
    """A count in units as its code keeps it."""
    return code_values()[np.searchsorted(_coder(), np.float32(count), side="left")]


def _kept(offsets: np.ndarray, ids: np.ndarray) -> NDArray[np.int64]:
    """Number of terms of each text."""
    return np.diff(np.concatenate([[0], np.cumsum(ids >= 0)])[offsets])


def _units(weights: np.ndarray) -> NDArray[np.int64]:
    return np.ascontiguousarray(weights, np.int64)


def _coder() -> NDArray[np.float32]:
    """Middles between the values of neighbouring codes."""
    values = code_values()
    return ((values[1:] + values[:-1]) / 2).astype(np.float32)


def _room(terms: int, runs: int, posts: int, nbytes: int) -> Arrays:
    return {
        "term_runs": np.zeros(terms + 1, np.uint32), "run_windows": np.empty(runs, np.uint16),
        "run_posts": np.zeros(runs + 1, np.uint32), "run_places": np.zeros(runs + 1, np.uint32),
        "docs": np.empty(posts, np.uint16), "counts": np.empty(posts, np.uint8),
        "places": np.empty(nbytes, np.uint8),
    }  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def _lay(offsets, ids, bases, starts, terms, places):
    """Put the terms of one field behind those of the fields before, document by document."""
    for row in range(offsets.size - 1):
        at, base = starts[row], bases[row] - offsets[row]
        for i in range(offsets[row], offsets[row + 1]):
            if ids[i] >= 0:
                terms[at], places[at] = ids[i], base + i
                at += 1
        starts[row] = at


@njit(nogil=True, cache=True, error_model="numpy")
def _scatter(ends, terms, places, rank, starts, token_docs, token_places):
    """Sort tokens by term; those of a term stay in order of document and place."""
    for row in range(ends.size - 1):
        for i in range(ends[row], ends[row + 1]):
            term = rank[terms[i]]
            at = starts[term]
            token_docs[at], token_places[at] = row, places[i]
            starts[term] = at + 1


@njit(forceinline=True, error_model="numpy")
def varint_size(value):
    """Bytes of a number in groups of seven bits."""
    size = 1
    while value >= 128:
        value >>= 7
        size += 1
    return size


@njit(forceinline=True, error_model="numpy")
def put_varint(out, at, value):
    """Write a number in groups of seven bits, the lowest first; returns where it ends."""
    while value >= 128:
        out[at] = np.uint8(value & 127 | 128)
        value >>= 7
        at += 1
    out[at] = np.uint8(value)
    return at + 1


@njit(nogil=True, cache=True, error_model="numpy")
def _measure(starts, docs, places):
    """How many runs, postings and bytes of places there will be."""
    runs, posts, nbytes = 0, 0, 0
    for term in range(starts.size - 1):
        i, end, window = starts[term], starts[term + 1], -1
        while i < end:
            j, before = i, np.int64(0)
            while j < end and docs[j] == docs[i]:
                nbytes += varint_size(np.int64(places[j]) - before)
                before = np.int64(places[j])
                j += 1
            nbytes += varint_size(j - i)
            posts += 1
            if docs[i] >> 16 != window:
                window = docs[i] >> 16
                runs += 1
            i = j
    return runs, posts, nbytes


@njit(error_model="numpy")
def _weigh(places, first, last, extents, units):
    """Weighted count of the places first..last of a document: each counts as its field weighs."""
    total, field, end = np.int64(0), 0, np.int64(extents[0])
    for i in range(first, last):
        while np.int64(places[i]) >= end and field + 1 < units.size:
            field += 1
            end += np.int64(extents[field]) + GAP
        total += units[field]
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _write(
    starts, docs, places, extents, units, codes, term_runs, run_windows, run_posts, run_places,
    out_docs, out_counts, out_places,
):  # fmt: skip
    run, post, at = 0, 0, 0
    for term in range(starts.size - 1):
        i, end, window = starts[term], starts[term + 1], -1
        while i < end:
            if docs[i] >> 16 != window:
                window = docs[i] >> 16
                run_windows[run], run_posts[run], run_places[run] = window, post, at
                run += 1
            j = i
            while j < end and docs[j] == docs[i]:
                j += 1
            at = put_varint(out_places, at, j - i)
            before = np.int64(0)
            for t in range(i, j):
                at = put_varint(out_places, at, np.int64(places[t]) - before)
                before = np.int64(places[t])
            total = _weigh(places, i, j, extents[docs[i]], units)
            out_docs[post] = docs[i] & 0xFFFF
            out_counts[post] = np.searchsorted(codes, np.float32(total), side="left")
            post += 1
            i = j
        term_runs[term + 1] = run
    run_posts[run], run_places[run] = post, at
