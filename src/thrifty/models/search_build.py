"""Build: an index of documents made from files, added to and taken from; whole at any moment."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from thrifty import data
from thrifty.core import DataError, IncompatibleError, parse_bytes
from thrifty.core.atomic import alive
from thrifty.data.report import Report
from thrifty.data.source import Source
from thrifty.models.encoder import WordEncoder
from thrifty.models.encoders import ENCODER, FolderEncoder, opened_encoder
from thrifty.models.fusion import Fusion
from thrifty.models.search_documents import DOCUMENT, Layout, layout_of, tables
from thrifty.models.search_vectors import Encoder, VectorSide, joined_texts
from thrifty.text.analyzer import Analyzer
from thrifty.text.textindex import TextIndex

__all__ = ["add_documents", "index_documents", "remove_documents", "writing"]

Told = Callable[[dict[str, Any]], None]
TOKEN = 16  # bytes of the encoder's sample for each word, while it learns


def index_documents(
    files: Sequence[str] | str,
    out: str | Path,
    *,
    text: str | None = None,
    title: str | None = None,
    id: str | None = None,
    vectors: str | None = None,
    encoder: str | Path | None = None,
    chunk: int | None = None,
    overlap: int = 50,
    memory: int | str = "2 GB",
    language: str = "english",
    fusion: Fusion | None = None,
    strict: bool = False,
    progress: Told | None = None,
) -> dict[str, Any]:
    """Make an index of the rows of files.

    It is made beside its place and moved there when it is whole.

    Args:
        files: as of `data.open`.
        out: the folder to make.
        text: columns to search, with commas between; None takes the likeliest.
        title: the column of titles; None takes "title" if it is there.
        id: the column of ids; None takes a usual name, else rows are numbered.
        vectors: a column of vectors that come with the rows.
        encoder: "builtin" learns word vectors from the files; else the folder of a
            sentence-transformers model; None searches by words alone, and by given vectors.
        chunk: words of a passage; None leaves documents whole.
        overlap: words that passages share.
        memory: budget of what grows with the documents while they are read.
        language: of stemmer and stop words.
        fusion: how rankings become one; None is the default.
        strict: stop at the first row that cannot be used.
        progress: called with a dict of phase, fraction and rows_per_second.

    Returns:
        documents, bytes, seconds, and what was left out.

    Raises:
        DataError: files or columns cannot be used.
        IncompatibleError: something is at that place already.
        SaveError: the folder cannot be written.
        ValueError: an argument out of range.
    """
    begun, out, tell = time.perf_counter(), Path(out), progress or (lambda state: None)
    budget = parse_bytes(memory)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise IncompatibleError(f"{out} must be a new or empty folder, or be added to with --add")
    source = data.open(files, strict=strict)
    names = {"text": text, "title": title, "id": id, "vectors": vectors}
    layout = layout_of(source, **names, chunk=chunk, overlap=overlap)
    analyzer, fields = Analyzer(language), dict.fromkeys(layout.texts, 1.0)
    with _beside(out) as place:
        made = _encoder(encoder, source, layout, analyzer, budget, tell)
        more = {
            "layout": layout.spec(), "encoder": _told(encoder), "next": 1,
            "fusion": (fusion or Fusion()).spec(),
        }  # fmt: skip
        side = VectorSide(layout, made)
        how = {"memory": max(budget // 3, 1 << 20), "extras": side.write, "settings": more}
        with TextIndex.create(place, fields, analyzer, **how) as index:
            if isinstance(made, WordEncoder):
                made.save(place / ENCODER)
            facts = _fill(index, source, layout, tell)
    return facts | {"seconds": time.perf_counter() - begun, "out": str(out)}


def add_documents(
    out: str | Path,
    files: Sequence[str] | str,
    *,
    memory: int | str = "2 GB",
    strict: bool = False,
    progress: Told | None = None,
) -> dict[str, Any]:
    """Add the rows of files to an index; those of an id that is there take its place.

    Until all are read the index is what it was, and it is so again after a failure.

    Args:
        out: the folder of the index.
        files: as of `data.open`, with the columns that the index was made of.
        memory: budget, as of `index_documents`.
        strict: stop at the first row that cannot be used.
        progress: called with a dict of phase, fraction and rows_per_second.

    Raises:
        DataError: files or columns cannot be used.
        FormatError: there is no index, or it is damaged.
        SaveError: the folder cannot be written, or another writer is at it.
    """
    begun, tell = time.perf_counter(), progress or (lambda state: None)
    source = data.open(files, strict=strict)
    budget = max(parse_bytes(memory) // 3, 1 << 20)
    with writing(out, memory=budget) as (index, layout):
        facts = _fill(index, source, layout, tell)
    return facts | {"seconds": time.perf_counter() - begun, "out": str(out)}


def remove_documents(out: str | Path, ids: Sequence[str]) -> dict[str, Any]:
    """Take documents out of an index, all of them or none; passages go with their document.

    Raises:
        DataError: an id is not in the index.
        FormatError: there is no index, or it is damaged.
        SaveError: the folder cannot be written, or another writer is at it.
    """
    begun = time.perf_counter()
    with writing(out) as (index, layout):
        names = list(dict.fromkeys(ids))
        if layout.chunk:
            whole = {name: _passages(index, name) for name in names}
            names = [part for name, parts in whole.items() for part in parts or [name]]
        removed = index.remove(names)
        index.commit()
        facts = {"removed": removed, "documents": len(index), "bytes": index.nbytes}
    return facts | {"seconds": time.perf_counter() - begun, "out": str(out)}


@contextmanager
def writing(out: str | Path, **how: Any) -> Iterator[tuple[TextIndex, Layout]]:
    """The index and its layout, open for writing; closed at the end, committed or not.

    Raises:
        DataError: the index was made by something else.
        FormatError: there is no index, or it is damaged.
        SaveError: the folder cannot be written, or another writer is at it.
    """
    more = TextIndex.open(out).settings.get("more") or {}
    if "layout" not in more:
        raise DataError(f"{out} must be made by thrifty index, got an index of texts alone")
    layout = Layout.restore(more["layout"])
    side = VectorSide(layout, opened_encoder(Path(out), more.get("encoder")))
    with TextIndex.open(out, write=True, extras=side.write, **how) as index:
        yield index, layout


def _fill(index: TextIndex, source: Source, layout: Layout, tell: Told) -> dict[str, Any]:
    """Read the files into the index, and commit."""
    begun, before = time.perf_counter(), len(index)
    more, report, added, replaced = index.settings["more"], source.fresh_report(), 0, 0

    def told(state: dict[str, Any]) -> None:
        speed = state["rows"] / max(time.perf_counter() - begun, 1e-9)
        tell({"phase": "indexing", "fraction": state["fraction"], "rows_per_second": speed})

    first = int(more["next"])
    for table in tables(source, layout, first, told, report):
        if layout.chunk and before:
            _shorten(index, table, layout)
        made = index.add(table, layout.key)
        added, replaced = added + made.documents, replaced + made.replaced
    if layout.id is None:
        more["next"] = first + added
    tell({"phase": "writing", "fraction": 1.0})
    index.commit()
    for kind, count in source.report.counts.items():
        report.counts[kind] = max(count, report.counts.get(kind, 0))
        report.examples.setdefault(kind, source.report.examples.get(kind, []))
    return {
        "documents": len(index), "added": added, "replaced": replaced, "bytes": index.nbytes,
        "fields": list(layout.texts), "left_out": report.to_dict(),
    }  # fmt: skip


def _shorten(index: TextIndex, table: Any, layout: Layout) -> None:
    """Take out the passages of a document that is replaced by one of fewer."""
    counts: dict[str, int] = {}
    for owner in table[DOCUMENT].to_pylist():
        counts[owner] = counts.get(owner, 0) + 1
    extra = [name for owner, n in counts.items() for name in _passages(index, owner, n + 1)]
    if extra:
        index.remove(extra)


def _passages(index: TextIndex, owner: str, first: int = 1) -> list[str]:
    """Ids of the passages of a document that are there, from a number on."""
    found: list[str] = []
    while _there(index, name := f"{owner}#{first + len(found)}"):
        found.append(name)
    return found


def _there(index: TextIndex, name: str) -> bool:
    for segment in index.snapshot.segments:
        row = int(segment.rows_of([name])[0])
        if row >= 0 and (not segment.alive.size or segment.alive[row]):
            return True
    return False


def _encoder(
    named: str | Path | None, source: Source, layout: Layout, analyzer: Analyzer, budget: int,
    tell: Told,
) -> Encoder | None:  # fmt: skip
    """The encoder of a name; the built-in one learns from the files first."""
    if named is None:
        return None
    if str(named) != "builtin":
        return FolderEncoder(named)

    def columns() -> Iterator[list[str]]:
        for table in tables(source, layout, 1, told, Report()):
            yield joined_texts(table, layout)

    def told(state: dict[str, Any]) -> None:
        tell({"phase": "learning", "fraction": state["fraction"]})

    tokens = max(budget // 4 // TOKEN, 1 << 16)
    return WordEncoder(analyzer=analyzer, dim=128).fit(columns(), tokens=min(tokens, 1 << 25))


def _told(encoder: str | Path | None) -> dict[str, str] | None:
    if encoder is None:
        return None
    if str(encoder) == "builtin":
        return {"kind": "builtin"}
    return {"kind": "folder", "path": str(Path(encoder).absolute())}


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A folder to be filled, which takes its place at the end, or goes if it was not filled."""
    _sweep(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    place = out.with_name(f".{out.name}.{os.getpid()}.part")
    shutil.rmtree(place, ignore_errors=True)
    try:
        yield place
        if out.exists():
            out.rmdir()  # it is empty, or somebody has put something there meanwhile
        os.rename(place, out)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _sweep(out: Path) -> None:
    """Remove what killed processes left beside the place."""
    part = re.compile(rf"\.{re.escape(out.name)}\.(\d+)\.part")
    with suppress(OSError):
        for path in out.parent.iterdir():
            match = part.fullmatch(path.name)
            if match and not alive(int(match[1])):
                shutil.rmtree(path, ignore_errors=True)
