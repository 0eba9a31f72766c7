"""Writer: documents to segments, in bounded memory; what is removed; and the next commit."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
from numpy.typing import NDArray

from thrifty.core import DataError
from thrifty.hashing import hash_column
from thrifty.text._listfacts import count_live, peaks
from thrifty.text._segment import (
    DOCUMENTS,
    Segment,
    save_removed,
    write_postings,
)
from thrifty.text._textscoring import Scoring
from thrifty.text.analyzer import Analyzer
from thrifty.text.postings import Arrays, Gathered, decay, invert
from thrifty.text.store import Store

__all__ = ["Extras", "Writer", "finished", "id_arrays"]

BATCH = 4096
TOKEN = 40  # bytes held for each term until a segment is written
Extras = Callable[[Path, pa.Table, list[tuple[Path, NDArray[np.int64]]]], None]


class Writer:
    """What is added and removed until the next commit.

    Args:
        store: open for writing.
        analyzer: of the documents.
        scoring: fields and weights.
        memory: bytes that documents may take before they become a segment.
        extras: puts more files into a new segment: extras(folder, documents, sources), where
            sources are folders of older segments and the rows taken from them, when it is merged.
    """

    def __init__(
        self, store: Store, analyzer: Analyzer, scoring: Scoring, memory: int, extras: Extras | None
    ) -> None:
        self.store, self.analyzer, self.scoring = store, analyzer, scoring
        self.memory, self.extras = memory, extras
        self.entries = list(store.segments)
        self.segments = [Segment(store.path, entry, 0) for entry in self.entries]
        self.gone: dict[str, set[int]] = {}
        self._clear()

    def _clear(self) -> None:
        self.words: dict[str, int] = {}
        self.vocabulary = self.analyzer.vocabulary(self.words)
        self.gathered = Gathered(self.scoring.weights)
        self.tables: list[pa.Table] = []
        self.held: set[str] = set()
        self.nbytes = 0

    def add(self, table: pa.Table, id: str) -> tuple[int, int]:
        """Take in documents; how many, and how many of them replaced another."""
        table = _plain(table)
        ids = _ids(table, id)
        for name in self.scoring.fields:
            if name not in table.column_names:
                there = ", ".join(table.column_names)
                raise DataError(f"column {name!r} must be one of {there}")
            _textual(table[name].type, name)
        if any(entry["id"] != id for entry in self.entries):
            raise DataError(f"column of ids must be {self.entries[0]['id']!r}, got {id!r}")
        table = self._agreeing(table)
        if self.held and not self.held.isdisjoint(ids):
            self.flush(id)
        replaced = self._leave(ids, required=False)
        for start in range(0, table.num_rows, BATCH):
            self._take(table.slice(start, BATCH), ids[start : start + BATCH])
            if self.nbytes > self.memory:
                self.flush(id)
        self.id = id
        return table.num_rows, replaced

    def _take(self, part: pa.Table, ids: list[str]) -> None:
        before = self.gathered.tokens
        read = [self.vocabulary.read(part[name].combine_chunks()) for name in self.scoring.fields]
        self.gathered.add(read)
        self.tables.append(part)
        self.held.update(ids)
        self.nbytes += part.nbytes + TOKEN * (self.gathered.tokens - before)

    def remove(self, ids: Sequence[str]) -> int:
        """Leave documents out; all must be there."""
        if self.held:
            self.flush(self.id)
        return self._leave(list(ids), required=True)

    def _leave(self, ids: list[str], required: bool) -> int:
        found, unknown = 0, set(ids) if required else set()
        plans = []
        for segment in self.segments:
            gone = self._gone(segment)
            rows = segment.rows_of(ids)
            here = [(int(r), i) for r, i in zip(rows, ids, strict=True) if r >= 0]
            live = {(row, name) for row, name in here if row not in gone}
            unknown -= {name for _, name in live}
            plans.append((gone, {row for row, _ in live}))
            found += len(live)
        if unknown:
            shown = ", ".join(map(repr, sorted(unknown)[:3]))
            raise DataError(f"ids must be in the index, got {len(unknown)} that are not: {shown}")
        for gone, rows in plans:
            gone |= rows
        return found

    def _gone(self, segment: Segment) -> set[int]:
        if segment.name not in self.gone:
            dead = np.flatnonzero(segment.alive == 0) if segment.alive.size else []
            self.gone[segment.name] = {int(row) for row in dead}
        return self.gone[segment.name]

    def flush(self, id: str) -> None:
        """Make a segment of what was taken in; it is found from the next commit on."""
        if not self.tables:
            return
        folder = self.store.new_segment()
        table = pa.concat_tables(self.tables, promote_options="default")
        batches = _write_documents(folder, table)
        arrays, lengths = invert(self.gathered, list(self.words))
        arrays |= id_arrays(_ids(table, id))
        entry = finished(self.store, folder, arrays, lengths, self.scoring, id, batches)
        if self.extras is not None:
            self.extras(folder, table, [])
            entry = self.store.described(folder.name, **_facts(entry))
        self._clear()
        self.entries.append(entry)
        self.segments.append(Segment(self.store.path, entry, 0))

    def commit(self) -> None:
        """Write everything and make it the index."""
        if self.tables:
            self.flush(self.id)
        entries = []
        for entry, segment in zip(self.entries, self.segments, strict=True):
            gone = self.gone.get(segment.name)
            dead = 0 if not segment.alive.size else segment.rows - segment.live
            if gone is None or len(gone) == dead:
                entries.append(entry)
            elif len(gone) < segment.rows:
                entries.append(self._without(entry, segment, np.array(sorted(gone), np.int64)))
        self.store.commit(entries)
        self.entries = entries
        self.segments = [Segment(self.store.path, entry, 0) for entry in entries]
        self.gone = {}

    def _without(self, entry: dict[str, Any], segment: Segment, rows: np.ndarray) -> dict[str, Any]:
        alive = np.ones(segment.rows, np.uint8)
        alive[rows] = 0
        arrays, df = segment.arrays, np.zeros(segment.terms, np.int64)
        count_live(
            arrays["term_runs"], arrays["run_windows"], arrays["run_posts"], arrays["docs"],
            alive, df,
        )  # fmt: skip
        path = self.store.new_file("removed")
        save_removed(path, rows, df)
        length = int(arrays["lengths"][alive == 1].sum(dtype=np.float64))
        live = segment.rows - len(rows)
        return {**entry, "removed": path.name, "live": live, "length": length}

    def _agreeing(self, table: pa.Table) -> pa.Table:
        """The table with the column types that the index has."""
        for segment in self.segments[-1:]:
            for field in segment.schema:
                if field.name not in table.column_names:
                    continue
                place = table.column_names.index(field.name)
                try:
                    column = table[field.name].cast(field.type)
                except pa.ArrowException as error:
                    raise DataError(
                        f"column {field.name!r} must be {field.type}, as it is in the index, "
                        f"got {table[field.name].type}: {error}"
                    ) from error
                table = table.set_column(place, field, column)
        return table


def finished(
    store: Store, folder: Path, arrays: Arrays, lengths: np.ndarray, scoring: Scoring, id: str,
    batches: list[int],
) -> dict[str, Any]:  # fmt: skip
    """Write the arrays of a segment, with the bounds of its runs; its entry in the manifest."""
    total = int(lengths.sum(dtype=np.float64))
    average = total / len(lengths) if total else 1.0
    arrays["lengths"] = lengths.astype(np.float32)
    arrays["run_peaks"] = np.empty(arrays["run_windows"].size, np.uint8)
    a, c = decay(scoring.k1, scoring.b, scoring.unit, average)
    peaks(
        arrays["run_windows"], arrays["run_posts"], arrays["docs"], arrays["counts"],
        arrays["lengths"], scoring.values, a, c, arrays["run_peaks"],
    )  # fmt: skip
    write_postings(folder, arrays, {"average": average, "weights": list(scoring.weights)})
    facts = {
        "documents": len(lengths), "live": len(lengths), "length": total, "id": id,
        "batches": batches,
    }  # fmt: skip
    return store.described(folder.name, **facts)


def _facts(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("name", "files")}


def id_arrays(ids: Sequence[str]) -> Arrays:
    """Hashes of ids in rising order, and their rows."""
    hashes = hash_column(pa.array(ids, pa.string()))
    order = np.argsort(hashes, kind="stable")
    return {"id_hashes": hashes[order], "id_rows": order.astype(np.uint32)}


def _write_documents(folder: Path, table: pa.Table) -> list[int]:
    """Write documents; the rows of each batch."""
    table = table.replace_schema_metadata({"thrifty": folder.name})
    batches, path = table.to_batches(max_chunksize=BATCH), str(folder / DOCUMENTS)
    with pa.OSFile(path, "wb") as file, ipc.new_file(file, table.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return [batch.num_rows for batch in batches]


def _plain(table: pa.Table) -> pa.Table:
    """A table without dictionaries, and with every name once."""
    if not isinstance(table, pa.Table):
        table = pa.table(table)
    names = table.column_names
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f"columns must have different names, got {twice[0]!r} twice")
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            column = table[field.name].cast(field.type.value_type)
            table = table.set_column(place, field.name, column)
    return table


def _textual(kind: pa.DataType, name: str) -> None:
    if not any(
        is_kind(kind)
        for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_null)
    ):
        raise DataError(f"column {name!r} must be text, got {kind}")


def _ids(table: pa.Table, name: str) -> list[str]:
    """The ids of a table as text, each once."""
    if name not in table.column_names:
        raise DataError(f"column {name!r} must be one of {', '.join(table.column_names)}")
    column = table[name]
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py()
        raise DataError(f"column {name!r} must hold an id in every row, got none in row {row}")
    ids = [str(value) for value in column.to_pylist()]
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        twice = next(i for i in ids if i in seen or seen.add(i))
        raise DataError(f"column {name!r} must hold each id once, got {twice!r} twice")
    return ids
