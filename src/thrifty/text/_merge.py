"""Merge: some segments become one, without the documents that were removed; lists are copied."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc

from thrifty.core import FormatError
from thrifty.core.kernels import njit
from thrifty.text._listfacts import count_live
from thrifty.text._places import skipped
from thrifty.text._segment import DOCUMENTS, Segment
from thrifty.text._textscoring import Scoring
from thrifty.text._writer import Extras, finished, id_arrays
from thrifty.text.postings import WINDOW, Arrays
from thrifty.text.snapshot import filled
from thrifty.text.store import Store

__all__ = ["merged"]

LARGE = 1 << 24  # bytes from which an array is made in a file


@njit(nogil=True, cache=True, error_model="numpy")
def _tally(
    term_runs, run_windows, run_posts, run_places, docs, places, terms, new, last, runs, posts,
    nbytes,
):  # fmt: skip
    """Add the runs, postings and bytes of places of each term of a segment; False if damaged."""
    for term in range(term_runs.size - 1):
        to = terms[term]
        for r in range(term_runs[term], term_runs[term + 1]):
            first, at = np.int64(run_windows[r]) * WINDOW, np.int64(run_places[r])
            for i in range(run_posts[r], run_posts[r + 1]):
                end = skipped(places, at, np.int64(run_places[r + 1]))
                doc = first + np.int64(docs[i])
                if end < 0 or doc >= new.size:
                    return False
                if new[doc] >= 0:
                    posts[to] += 1
                    nbytes[to] += end - at
                    window = new[doc] >> 16
                    runs[to] += window != last[to]
                    last[to] = window
                at = end
    return True


@njit(nogil=True, cache=True, error_model="numpy")
def _copy(
    term_runs, run_windows, run_posts, run_places, docs, counts, places, terms, new, last, run,
    post, byte, out_windows, out_posts, out_bytes, out_docs, out_counts, out_places,
):  # fmt: skip
    """Put the postings of a segment behind those before, where `_tally` counted them."""
    for term in range(term_runs.size - 1):
        to = terms[term]
        for r in range(term_runs[term], term_runs[term + 1]):
            first, at = np.int64(run_windows[r]) * WINDOW, np.int64(run_places[r])
            for i in range(run_posts[r], run_posts[r + 1]):
                end = skipped(places, at, np.int64(run_places[r + 1]))
                doc = new[first + np.int64(docs[i])]
                if doc >= 0:
                    if doc >> 16 != last[to]:
                        last[to] = doc >> 16
                        out_windows[run[to]] = doc >> 16
                        out_posts[run[to]], out_bytes[run[to]] = post[to], byte[to]
                        run[to] += 1
                    out_docs[post[to]], out_counts[post[to]] = doc & 0xFFFF, counts[i]
                    post[to] += 1
                    out_places[byte[to] : byte[to] + end - at] = places[at:end]
                    byte[to] += end - at
                at = end


def merged(
    store: Store, segments: Sequence[Segment], names: Sequence[str], scoring: Scoring,
    extras: Extras | None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Make one segment of those named, in the place of the first; commit; the new entries.

    Raises:
        FormatError: a segment is damaged; the index is as it was.
        SaveError: the disk is full or not writable; the index is as it was.
    """
    parts = [segment for segment in segments if segment.name in names]
    for part in parts:
        part.check()
    folder = store.new_segment()
    batches, ids = _documents(folder, parts)
    entries = [dict(segment.entry) for segment in segments if segment.name not in names]
    if sum(batches):
        arrays, lengths = _joined(folder, parts)
        arrays |= id_arrays(ids)
        entry = finished(store, folder, arrays, lengths, scoring, parts[0].id, batches)
        entry = _with_extras(store, folder, entry, parts, extras)
        at = [segment.name for segment in segments].index(parts[0].name)
        entries.insert(at, entry)
    store.commit(entries)
    return entries


def _with_extras(
    store: Store, folder: Path, entry: dict[str, Any], parts: Sequence[Segment],
    extras: Extras | None,
) -> dict[str, Any]:  # fmt: skip
    for path in folder.glob("*.part"):
        path.unlink()
    if extras is not None:
        table = ipc.open_file(pa.memory_map(str(folder / DOCUMENTS))).read_all()
        extras(folder, table, [(part.path, _kept(part)) for part in parts])
    facts = {key: value for key, value in entry.items() if key not in ("name", "files")}
    return store.described(folder.name, **facts)


def _kept(part: Segment) -> np.ndarray:
    """Rows that are there."""
    return np.flatnonzero(part.alive) if part.alive.size else np.arange(part.rows)


def _joined(folder: Path, parts: Sequence[Segment]) -> tuple[Arrays, np.ndarray]:
    """The arrays of all parts as one, and the lengths of the documents."""
    renumbered, start = [], 0
    for part in parts:
        new = np.full(part.rows, -1, np.int64)
        kept = _kept(part)
        new[kept] = np.arange(start, start + len(kept))
        renumbered.append(new)
        start += len(kept)
    text, ends, maps = _terms(parts)
    lists = _lists(folder, parts, maps, renumbered, ends.size - 1)
    extents = [part.arrays["extents"][_kept(part)] for part in parts]
    lengths = [part.arrays["lengths"][_kept(part)].astype(np.float64) for part in parts]
    arrays = {"term_text": text, "term_ends": ends, "extents": np.concatenate(extents), **lists}
    return arrays, np.concatenate(lengths).astype(np.int64)


def _terms(parts: Sequence[Segment]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """All terms that are left, and the new number of each term of each part."""
    columns, live = [], []
    for part in parts:
        arrays = part.arrays
        buffers = [None, *(pa.py_buffer(arrays[name]) for name in ("term_ends", "term_text"))]
        columns.append(pa.Array.from_buffers(pa.large_binary(), part.terms, buffers))
        df = np.zeros(part.terms, np.int64)
        alive = part.alive if part.alive.size else np.ones(part.rows, np.uint8)
        count_live(
            arrays["term_runs"], arrays["run_windows"], arrays["run_posts"], arrays["docs"],
            alive, df,
        )  # fmt: skip
        live.append(df)
    coded = pa.concat_arrays(columns).dictionary_encode()
    codes = coded.indices.to_numpy()
    used = np.bincount(codes, weights=np.concatenate(live), minlength=len(coded.dictionary)) > 0
    words = coded.dictionary.filter(pa.array(used))
    order = pc.sort_indices(words).to_numpy()
    rank = np.full(len(used), -1, np.int64)
    rank[np.flatnonzero(used)[order]] = np.arange(len(order))
    words = words.take(pa.array(order))
    _, ends, data = words.buffers()
    ends = np.frombuffer(ends, np.int64, count=len(words) + 1).copy()
    text = np.frombuffer(data or b"", np.uint8, count=int(ends[-1])).copy()
    cuts = np.cumsum([part.terms for part in parts])[:-1]
    return text, ends, np.split(np.ascontiguousarray(rank[codes]), cuts)


def _lists(
    folder: Path, parts: Sequence[Segment], maps: Sequence[np.ndarray],
    renumbered: Sequence[np.ndarray], terms: int,
) -> Arrays:  # fmt: skip
    """Runs, postings and places, counted and then copied."""
    runs, posts, nbytes = np.zeros((3, terms), np.int64)
    names = ("term_runs", "run_windows", "run_posts", "run_places", "docs")
    last = np.full(terms, -1, np.int64)
    for part, number, new in zip(parts, maps, renumbered, strict=True):
        own = part.arrays
        held = [own[name] for name in names]
        if not _tally(*held, own["places"], number, new, last, runs, posts, nbytes):
            raise FormatError(f"{part.path}: places are damaged")
    starts = [np.concatenate([[0], np.cumsum(sizes)]) for sizes in (runs, posts, nbytes)]
    if max(int(start[-1]) for start in starts) >= 1 << 32:
        raise ValueError("segments must have less than 2**32 postings and bytes of places together")
    sizes = {"run_windows": runs, "docs": posts, "counts": posts, "places": nbytes}
    kinds = {"run_windows": np.uint16, "docs": np.uint16, "counts": np.uint8, "places": np.uint8}
    out = {name: _room(folder, name, kinds[name], int(sizes[name].sum())) for name in sizes}
    out["run_posts"] = np.full(int(runs.sum()) + 1, starts[1][-1], np.uint32)
    out["run_places"] = np.full(int(runs.sum()) + 1, starts[2][-1], np.uint32)
    cursors, last = [start[:-1].copy() for start in starts], np.full(terms, -1, np.int64)
    targets = [out[n] for n in ("run_windows", "run_posts", "run_places", *names[4:])]
    for part, number, new in zip(parts, maps, renumbered, strict=True):
        own = part.arrays
        held = [own[name] for name in names]
        _copy(
            *held, own["counts"], own["places"], number, new, last, *cursors, *targets,
            out["counts"], out["places"],
        )  # fmt: skip
    out["term_runs"] = starts[0].astype(np.uint32)
    return out


def _room(folder: Path, name: str, kind: Any, size: int) -> np.ndarray:
    """An array, in a file where it is large, so that it need not stay in memory."""
    if size * np.dtype(kind).itemsize < LARGE:
        return np.zeros(size, kind)
    return np.memmap(folder / f"{name}.part", kind, mode="w+", shape=(size,)).view(np.ndarray)


def _documents(folder: Path, parts: Sequence[Segment]) -> tuple[list[int], list[str]]:
    """Copy the documents that are there; rows of each batch, and all ids."""
    schema = pa.unify_schemas([part.schema for part in parts])
    schema = schema.with_metadata({"thrifty": folder.name})
    sizes, ids = [], []
    with pa.OSFile(str(folder / DOCUMENTS), "wb") as file, ipc.new_file(file, schema) as writer:
        for part, batch in _batches(parts):
            sizes.append(batch.num_rows)
            ids += [str(value) for value in batch[part.id].to_pylist()]
            for piece in filled(pa.Table.from_batches([batch]), schema).to_batches():
                writer.write_batch(piece)
    return sizes, ids


def _batches(parts: Sequence[Segment]) -> Iterator[tuple[Segment, pa.RecordBatch]]:
    for part in parts:
        start = 0
        for number in range(len(part.entry["batches"])):
            batch = part.valid(part.batch(number))
            size = batch.num_rows
            if part.alive.size:
                batch = batch.filter(pa.array(part.alive[start : start + size] == 1))
            start += size
            if batch.num_rows:
                yield part, batch
