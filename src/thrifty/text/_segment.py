"""Segment: the files of one segment, memory-mapped, and checked before they are used."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
from numpy.typing import NDArray

from thrifty.core import FormatError, opened, save, taken
from thrifty.core.kernels import njit
from thrifty.hashing import hash_column
from thrifty.text.postings import WINDOW, Arrays
from thrifty.text.store import fingerprint

__all__ = ["DOCUMENTS", "POSTINGS", "Segment", "save_removed", "write_postings"]

POSTINGS, DOCUMENTS = "postings.thrifty", "documents.arrow"
KIND, REMOVED, VERSION = "text-segment", "text-removed", 1
SHAPES = {
    "term_text": np.uint8, "term_ends": np.int64, "term_runs": np.uint32,
    "run_windows": np.uint16, "run_posts": np.uint32, "run_peaks": np.uint8,
    "run_places": np.uint32, "docs": np.uint16, "counts": np.uint8, "places": np.uint8,
    "lengths": np.float32, "id_hashes": np.uint64, "id_rows": np.uint32,
}  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def _at_least(text, ends, word):
    """Place of the first term not below the word; below 0 where the ends are damaged."""
    low, high = 0, ends.size - 1
    while low < high:
        middle = (low + high) >> 1
        a, b = ends[middle], ends[middle + 1]
        if a < 0 or b < a or b > text.size:
            return np.int64(-2)
        i, n = 0, min(b - a, word.size)
        while i < n and text[a + i] == word[i]:
            i += 1
        below = text[a + i] < word[i] if i < n else b - a < word.size
        if below:
            low = middle + 1
        else:
            high = middle
    return np.int64(low)


class Segment:
    """One segment of a snapshot.

    Args:
        folder: of the index.
        entry: of the manifest.
        base: number of its first document.

    Raises:
        FormatError: a file is not there, cut, altered or another one.
    """

    def __init__(self, folder: Path, entry: Mapping[str, Any], base: int) -> None:
        self.entry, self.base = dict(entry), base
        self.name, self.path = str(entry["name"]), folder / str(entry["name"])
        self.id = str(entry["id"])
        for file, expected in dict(entry["files"]).items():
            _same(self.path / file, expected)
        self.header, arrays = opened(self.path / POSTINGS, kind=KIND, version=VERSION)
        self._batches: dict[int, pa.RecordBatch] = {}
        self._pages = pa.memory_map(str(self.path / DOCUMENTS))  # a writer may remove the name
        self.rows = int(entry["documents"])
        self.arrays = self._checked(arrays)
        self.alive, self.live_df = _removed(folder, entry.get("removed"), self)

    def __len__(self) -> int:
        return self.rows

    @property
    def live(self) -> int:
        """Documents that are not removed."""
        return int(np.count_nonzero(self.alive)) if self.alive.size else self.rows

    def place(self, word: bytes) -> int:
        """Where a term stands or would stand among the sorted terms.

        Raises:
            FormatError: the terms are damaged.
        """
        arrays = self.arrays
        wanted = np.frombuffer(word, np.uint8)
        found = _at_least(arrays["term_text"], arrays["term_ends"], wanted)
        if found < 0:
            raise self._broken("terms")
        return int(found)

    def word(self, term: int) -> bytes:
        """The bytes of a term."""
        a, b = (int(end) for end in self.arrays["term_ends"][term : term + 2])
        if not 0 <= a <= b <= self.arrays["term_text"].size:
            raise self._broken("terms")
        return self.arrays["term_text"][a:b].tobytes()

    @property
    def terms(self) -> int:
        """Number of different terms."""
        return self.arrays["term_ends"].size - 1

    def find(self, word: bytes) -> int:
        """Number of a term whose runs were checked, or -1."""
        place = self.place(word)
        if place >= self.terms or self.word(place) != word:
            return -1
        self._check_runs(place)
        return place

    def starting_with(self, prefix: bytes, limit: int) -> list[bytes]:
        """Terms that begin with these bytes, at most so many."""
        place, made = self.place(prefix), []
        while place < self.terms and len(made) < limit:
            word = self.word(place)
            if not word.startswith(prefix):
                break
            made.append(word)
            place += 1
        return made

    def df(self, term: int) -> int:
        """In how many documents a term stands that are not removed."""
        if self.live_df is not None:
            return int(self.live_df[term])
        first, last = (int(r) for r in self.arrays["term_runs"][term : term + 2])
        posts = self.arrays["run_posts"]
        return int(posts[last]) - int(posts[first])

    def rows_of(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """The row of each id, removed or not, or -1."""
        words = hash_column(pa.array(ids, pa.string()))
        hashes, places = self.arrays["id_hashes"], self.arrays["id_rows"]
        found = np.searchsorted(hashes, words)
        rows = np.full(len(ids), -1, np.int64)
        for i in range(len(ids)):
            at = int(found[i])
            while at < hashes.size and hashes[at] == words[i]:
                row = int(places[at])
                if row < self.rows and self.ids([row])[0] == ids[i]:
                    rows[i] = row
                at += 1
        return rows

    def ids(self, rows: Sequence[int]) -> list[str]:
        """The ids of these rows."""
        return [str(value) for value in self.take(rows, [self.id])[self.id].to_pylist()]

    @cached_property
    def _file(self) -> Any:
        try:
            return ipc.open_file(self._pages)
        except (pa.ArrowException, OSError) as error:
            raise FormatError(f"{self.path / DOCUMENTS}: damaged: {error}") from error

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of the documents."""
        return self._file.schema

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Rows before the end of each batch."""
        ends = np.asarray(self.entry["batches"], np.int64)
        if self._file.num_record_batches != ends.size:
            raise self._broken("documents")
        return np.cumsum(ends)

    def batch(self, number: int) -> pa.RecordBatch:
        """One batch of documents, whose values are not yet checked: a view of the file."""
        if number in self._batches:
            return self._batches[number]
        try:
            batch = self._file.get_batch(number)
        except (pa.ArrowException, OSError) as error:
            raise FormatError(f"{self.path / DOCUMENTS}: damaged: {error}") from error
        if batch.num_rows != self.entry["batches"][number]:
            raise self._broken("documents")
        return self._batches.setdefault(number, batch)

    def take(self, rows: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """These columns of these rows, checked."""
        made, names, ends = [], list(columns), self._ends
        numbers = np.searchsorted(ends, np.asarray(rows, np.int64), side="right").tolist()
        for row, number in zip(rows, numbers, strict=True):
            batch = self.batch(number)
            start = int(ends[number]) - batch.num_rows
            made.append(self.valid(batch.select(names).slice(int(row) - start, 1)))
        return pa.Table.from_batches(made, pa.schema([self.schema.field(n) for n in names]))

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Whole columns, checked."""
        batches = [self.valid(self.batch(i).select(list(names))) for i in range(self._ends.size)]
        return pa.Table.from_batches(batches, pa.schema([self.schema.field(n) for n in names]))

    def valid(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch, if its values are what they say."""
        try:
            batch.validate(full=True)
        except pa.ArrowException as error:
            raise FormatError(f"{self.path / DOCUMENTS}: damaged: {error}") from error
        return batch

    def _checked(self, arrays: Arrays) -> Arrays:
        """Every array is there, and as long as the others say."""
        sound = {name: taken(arrays, name, dtype, (None,)) for name, dtype in SHAPES.items()}
        fields = len(self.header["weights"])
        sound["extents"] = taken(arrays, "extents", np.uint32, (self.rows, fields))
        runs = sound["run_windows"].size
        lengths = {
            "term_ends": sound["term_runs"].size, "run_posts": runs + 1, "run_peaks": runs,
            "run_places": runs + 1, "counts": sound["docs"].size, "lengths": self.rows,
            "id_hashes": self.rows, "id_rows": self.rows,
        }  # fmt: skip
        wrong = [name for name, size in lengths.items() if sound[name].size != size]
        if wrong or not sound["term_ends"].size:
            raise self._broken(", ".join(wrong) or "term_ends")
        return sound

    def check(self) -> None:
        """Every list lies inside of its arrays: what `find` checks for one term, for all.

        Raises:
            FormatError: one does not.
        """
        arrays = self.arrays
        limits = {
            "term_ends": arrays["term_text"].size, "term_runs": arrays["run_windows"].size,
            "run_posts": arrays["docs"].size, "run_places": arrays["places"].size,
        }  # fmt: skip
        for name, limit in limits.items():
            ends = arrays[name].astype(np.int64)
            if ends[0] != 0 or ends[-1] != limit or (np.diff(ends) < 0).any():
                raise self._broken(name)
        if int(arrays["run_windows"].max(initial=0)) * WINDOW >= self.rows:
            raise self._broken("run_windows")

    def _check_runs(self, term: int) -> None:
        """The runs of a term lie inside of their arrays, and go up."""
        arrays, limit = self.arrays, self.arrays["run_windows"].size
        first, last = (int(r) for r in arrays["term_runs"][term : term + 2])
        if not 0 <= first < last <= limit:
            raise self._broken("term_runs")
        windows = arrays["run_windows"][first:last].astype(np.int64)
        posts = arrays["run_posts"][first : last + 1].astype(np.int64)
        places = arrays["run_places"][first : last + 1].astype(np.int64)
        rising = (np.diff(windows) > 0).all() and (np.diff(posts) > 0).all()
        if not rising or posts[-1] > arrays["docs"].size or windows[-1] * WINDOW >= self.rows:
            raise self._broken("run_posts")
        if (np.diff(places) < 0).any() or places[-1] > arrays["places"].size:
            raise self._broken("run_places")

    def _broken(self, what: str) -> FormatError:
        return FormatError(f"{self.path}: {what} are damaged")


def write_postings(folder: Path, arrays: Arrays, header: Mapping[str, Any]) -> None:
    """Write the arrays of a segment.

    Raises:
        SaveError: the disk is full or not writable.
    """
    save(folder / POSTINGS, kind=KIND, version=VERSION, header=dict(header), arrays=arrays)


def save_removed(path: Path, rows: np.ndarray, df: np.ndarray) -> None:
    """Write which rows of a segment are removed, and the document counts of the others."""
    parts = {"rows": rows.astype(np.uint32), "df": df.astype(np.uint32)}
    save(path, kind=REMOVED, version=VERSION, header={}, arrays=parts)


def _same(path: Path, expected: Sequence[int]) -> None:
    try:
        found = fingerprint(path)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    if found != list(expected):
        raise FormatError(f"{path}: cut, altered, or another file than was written")


def _removed(folder: Path, name: str | None, segment: Segment) -> tuple[np.ndarray, Any]:
    """Mask of the rows that are there (empty: all) and their document counts (None: all)."""
    if not name:
        return np.zeros(0, np.uint8), None
    try:
        _, arrays = opened(folder / name, kind=REMOVED, version=VERSION)
    except OSError as error:
        raise FormatError(f"{folder / name}: cannot be read: {error.strerror}") from error
    rows = taken(arrays, "rows", np.uint32, (None,))
    if rows.max(initial=0) >= segment.rows:
        raise FormatError(f"{folder / name}: damaged")
    alive = np.ones(segment.rows, np.uint8)
    alive[rows] = 0
    return alive, taken(arrays, "df", np.uint32, (segment.terms,))
