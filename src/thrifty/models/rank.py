"""Rank: nodes of a file of edges by PageRank; edges wait on disk, ranks are in memory."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from thrifty import data
from thrifty.core import DataError, one_of, replacing
from thrifty.learn.pagerank import Ranks, pagerank

__all__ = ["RankedNodes", "rank"]

BLOCK = 1 << 20  # edges
ENDINGS = (".parquet", ".csv")
Told = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class RankedNodes:
    """Nodes by rank.

    Args:
        names: of the nodes, highest rank first.
        values: (nodes,) ranks, which sum to 1.
        error: the sum of all differences from the exact ranks is at most this.
        edges: that were read.
        left_out: rows without one of the two ends.
        passes: over the edges.
        seconds: that it took.
    """

    names: list[str]
    values: NDArray[np.float64]
    error: float
    edges: int
    left_out: int
    passes: int
    seconds: float

    def facts(self, top: int = 20) -> dict[str, Any]:
        """What there is to say, and the first nodes."""
        best = zip(self.names[:top], self.values[:top].tolist(), strict=True)
        return {
            "nodes": len(self.names), "edges": self.edges, "left_out": self.left_out,
            "error": self.error, "passes": self.passes, "seconds": self.seconds,
            "top": [{"node": name, "rank": value} for name, value in best],
        }  # fmt: skip

    def write(self, path: str | Path) -> None:
        """All nodes with their ranks, highest first, as Parquet or CSV by the ending.

        Raises:
            ValueError: another ending.
            SaveError: the file cannot be written.
        """
        ending = one_of("ending of the file", Path(path).suffix, ENDINGS)
        table = pa.table({"node": self.names, "rank": self.values})
        with replacing(path) as file:
            (pq.write_table if ending == ".parquet" else pacsv.write_csv)(table, file)


class _Edges:
    """Edges as pairs of numbers in a file; nodes are numbered as they appear."""

    def __init__(self, file: IO[bytes]) -> None:
        self.numbers: dict[str, int] = {}
        self.count = self.left_out = 0
        self._file = file

    def add(self, sources: Any, targets: Any) -> None:
        """Append the rows that have both ends."""
        there = pc.and_(pc.is_valid(sources), pc.is_valid(targets))
        self.left_out += len(sources) - (pc.sum(there).as_py() or 0)
        ends = [self._numbered(side.filter(there)) for side in (sources, targets)]
        pairs = np.stack(ends, axis=1).astype(np.int32)
        self._file.write(pairs.tobytes())
        self.count += len(pairs)

    def _numbered(self, names: Any) -> NDArray[np.int64]:
        coded = names.cast(pa.string()).dictionary_encode()
        numbers = self.numbers
        own = [numbers.setdefault(name, len(numbers)) for name in coded.dictionary.to_pylist()]
        return np.array(own, np.int64)[coded.indices.to_numpy()] if own else np.zeros(0, np.int64)

    def blocks(self) -> Iterator[NDArray[np.int32]]:
        """The pairs, a million at a time."""
        self._file.seek(0)
        while chunk := self._file.read(8 * BLOCK):
            yield np.frombuffer(chunk, np.int32).reshape(-1, 2)


def rank(
    files: list[str] | str,
    *,
    source: str | None = None,
    target: str | None = None,
    personal: str | None = None,
    damping: float = 0.85,
    undirected: bool = False,
    strict: bool = False,
    progress: Told | None = None,
) -> RankedNodes:
    """Rank the nodes of files of edges.

    The files are read once; edges are kept on disk as pairs of numbers and read anew in each pass,
    so that memory holds the names and ranks of the nodes only.

    Args:
        files: as of `data.open`; a text file has two names a line, with space between.
        source: the column of where a link starts; the first if None.
        target: the column of where it ends; the second if None.
        personal: the node where a walk starts anew; anywhere if None.
        damping: probability of following a link, 0..0.9999.
        undirected: follow each edge both ways.
        strict: stop at the first row that cannot be used.
        progress: called with a dict of phase, fraction and rows_per_second.

    Raises:
        DataError: the files cannot be read, a column is not there, or there are no edges.
        ValueError: personal is no node, or damping is out of range.
    """
    begun = time.perf_counter()
    with TemporaryFile() as file:
        edges = _Edges(file)
        _read(data.open(files, strict=strict), source, target, edges, progress)
        options = {"damping": damping, "undirected": undirected}
        found = _ranked(edges, personal, progress, **options)
    order = np.argsort(-found.values, kind="stable")
    names = list(edges.numbers)
    return RankedNodes(
        [names[place] for place in order.tolist()], found.values[order], found.error,
        edges.count, edges.left_out, found.passes, time.perf_counter() - begun,
    )  # fmt: skip


def _ranked(edges: _Edges, personal: str | None, progress: Told | None, **options: Any) -> Ranks:
    if edges.count == 0:
        raise DataError("the files hold no edges")
    if personal is not None and personal not in edges.numbers:
        raise ValueError(f"personal must be a node of the graph, got {personal!r}")
    start = None if personal is None else edges.numbers[personal]
    if progress is not None:
        progress({"phase": "ranking", "fraction": 0.0})
    few = edges.count <= BLOCK
    links = np.concatenate(list(edges.blocks())) if few else edges.blocks
    return pagerank(links, len(edges.numbers), restart=start, **options)


def _read(
    source: data.Source,
    first: str | None,
    second: str | None,
    edges: _Edges,
    progress: Told | None,
) -> None:
    names, begun = source.schema.names, time.perf_counter()
    single = len(names) == 1 and first is None and second is None
    if len(names) == 1 and not single:
        raise DataError(f"edges must have two columns, got {names[0]!r}")
    columns = names if single else [first or names[0], second or names[1]]

    def tell(done: int, rows: int) -> None:
        if progress is not None:
            speed = rows / max(time.perf_counter() - begun, 1e-9)
            share = min(1.0, done / max(source.nbytes, 1))
            progress({"phase": "reading", "fraction": share, "rows_per_second": speed})

    for batch in source.batches(columns, progress=tell):
        if single:
            words = pc.split_pattern_regex(pc.utf8_trim_whitespace(batch.column(0)), r"[\s,;]+")
            enough = pc.greater_equal(pc.fill_null(pc.list_value_length(words), 0), 2)
            edges.left_out += len(words) - (pc.sum(enough).as_py() or 0)
            words = words.filter(enough)
            edges.add(pc.list_element(words, 0), pc.list_element(words, 1))
        else:
            edges.add(batch.column(0), batch.column(1))
