"""Places: where a term stands in documents, read from a segment's runs."""

import numpy as np
from numpy.typing import NDArray

from thrifty.core import FormatError
from thrifty.core.kernels import njit
from thrifty.text._segment import Segment
from thrifty.text.postings import GAP, WINDOW

__all__ = ["field_ranges", "in_field", "meet", "places_of", "skipped"]


@njit(forceinline=True, error_model="numpy")
def varint(data, at, end):
    """A number and where it ends; -1 where the bytes do not hold one."""
    value, shift = np.int64(0), 0
    while at < end and shift < 35:
        byte = np.int64(data[at])
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
    return np.int64(-1), at


@njit(forceinline=True, error_model="numpy")
def skipped(data, at, end):
    """Where the places of one posting end that begin here; -1 where bytes are damaged."""
    count, at = varint(data, at, end)
    if count < 0:
        return np.int64(-1)
    while count > 0 and at < end:
        count -= data[at] < 128
        at += 1
    return np.int64(-1) if count else at


@njit(nogil=True, cache=True, error_model="numpy")
def _decode(windows, posts, ends, docs, data, only, out):
    """Document and place of a term, as one number each; how many, or -1 where bytes are damaged.

    Args:
        windows, posts, ends: of the term's runs, checked.
        only: the one document wanted, or -1 for all.
        out: (size,) int64, changed; what does not fit is counted alone.
    """
    made = 0
    for r in range(windows.size):
        first, at, end = np.int64(windows[r]) * WINDOW, np.int64(ends[r]), np.int64(ends[r + 1])
        for i in range(posts[r], posts[r + 1]):
            doc = first + np.int64(docs[i])
            count, at = varint(data, at, end)
            if count < 0 or count > end - at:
                return -1
            place = np.int64(0)
            for _ in range(count):
                step, at = varint(data, at, end)
                if step < 0:
                    return -1
                place += step
                if only < 0 or only == doc:
                    if made < out.size:
                        out[made] = doc << 32 | (place & 0xFFFFFFFF)
                    made += 1
    return made


@njit(nogil=True, cache=True, error_model="numpy")
def meet(a, b):
    """The numbers that stand in both of two rising arrays."""
    out, made, i, j = np.empty(min(a.size, b.size), np.int64), 0, 0, 0
    while i < a.size and j < b.size:
        if a[i] == b[j]:
            out[made] = a[i]
            made += 1
            i += 1
            j += 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return out[:made]


def places_of(segment: Segment, term: int, row: int = -1) -> NDArray[np.int64]:
    """Where a term stands: row << 32 | place, rising; in one row, or in all.

    Raises:
        FormatError: the bytes are damaged.
    """
    arrays = segment.arrays
    first, last = (int(r) for r in arrays["term_runs"][term : term + 2])
    if row >= 0:
        windows = arrays["run_windows"][first:last]
        first += int(np.searchsorted(windows, row // WINDOW))
        last = min(first + 1, last)
    ends = arrays["run_places"][first : last + 1]
    room = int(ends[-1]) - int(ends[0]) if last > first else 0
    out = np.empty(room, np.int64)
    made = _decode(
        arrays["run_windows"][first:last], arrays["run_posts"][first : last + 1], ends,
        arrays["docs"], arrays["places"], row, out,
    )  # fmt: skip
    found = out[: max(made, 0)]
    if made < 0 or made > room or found.max(initial=0) >> 32 >= segment.rows:
        raise FormatError(f"{segment.path}: places are damaged")
    return found


def field_ranges(segment: Segment, row: int) -> list[tuple[int, int]]:
    """First place and end of each field of a document."""
    extents = segment.arrays["extents"][row].astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(extents + GAP)[:-1]])
    return [(int(a), int(a + n)) for a, n in zip(starts, extents, strict=True)]


def in_field(segment: Segment, found: NDArray[np.int64], field: int) -> NDArray[np.int64]:
    """Those of the places that lie in a field."""
    rows, places = found >> 32, found & 0xFFFFFFFF
    extents = segment.arrays["extents"]
    starts = sum((extents[rows, f].astype(np.int64) + GAP for f in range(field)), 0 * rows)
    return found[(places >= starts) & (places < starts + extents[rows, field])]
