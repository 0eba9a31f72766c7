"""Dedup: which texts of a file are nearly the same, in bounded memory."""

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from thrifty import data
from thrifty.core import DataError, Interval, budget_for, in_range, method, replacing
from thrifty.hashing import MinHash
from thrifty.index import Bands
from thrifty.models._buckets import compare, gather_buckets, most_pairs
from thrifty.models._exact import exact_pairs
from thrifty.models._signed import Signed
from thrifty.models._union import flatten, link
from thrifty.models.recall import precision_and_recall

__all__ = ["Duplicates", "cluster_blocks", "dedup", "write_clusters"]

LEAST = 8_000_000
PER_ROW, PER_ENTRY = 8, 48
CLUSTERS = pa.schema([("row", pa.int64()), ("cluster", pa.int64()), ("size", pa.int64())])
Told = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Duplicates:
    """What near-duplicates there are.

    Args:
        rows: that were read.
        empty: rows without a text, which are like nothing.
        clusters: groups of two rows or more.
        duplicates: rows that are like an earlier row: what could be left out.
        pairs: that met in a bucket and were compared.
        taken: pairs of them that were alike enough.
        left_out: rows of crowded buckets that were compared with a part of the bucket only.
        bands: how the signatures were cut.
        precision: share of the taken pairs whose similarity reaches the threshold.
        recall: share of all pairs that reach it that were taken.
        seconds: that it took.
        root: (rows,) int32, the first row of the cluster of each row.
    """

    rows: int
    empty: int
    clusters: int
    duplicates: int
    pairs: int
    taken: int
    left_out: int
    bands: Bands
    precision: Interval
    recall: Interval
    seconds: float
    root: NDArray[np.int32]

    def facts(self) -> dict[str, Any]:
        """All but the rows, as JSON can hold it."""
        found = {name: value for name, value in asdict(self).items() if name != "root"}
        for name in ("precision", "recall"):
            found[name] = getattr(self, name)._asdict()
        return found


@method(
    source="Broder 1997, doi:10.1109/SEQUEN.1997.666900; bands: Leskovec, Rajaraman and Ullman "
    "2014, Mining of massive datasets, chapter 3",
    memory="at most `memory`, of which 8 bytes a row; 4 * tables + 8 * bands bytes a row on disk",
    time="one pass over the texts, and bands sorts of the rows",
    error="a pair of similarity s is found with probability 1 - (1 - s**rows)**bands; precision "
    "and recall of the run are estimated from the pairs that met",
    exact="clusters linked by pairs whose exact Jaccard similarity reaches the threshold",
    laws=("alike",),
    evidence=("dedup",),
)
def dedup(
    paths: Any,
    text: str,
    *,
    threshold: float = 0.8,
    out: str | Path | None = None,
    memory: int | str = "512 MB",
    family: MinHash | None = None,
    recall: float = 0.95,
    exact: bool = False,
    strict: bool = False,
    format: str | None = None,
    progress: Told | None = None,
) -> Duplicates:
    """Find clusters of rows whose texts are nearly the same.

    Texts become MinHash signatures, written to disk; rows whose signatures agree on a band are
    compared, and pairs that agree on enough codes join clusters (single linkage). The clusters do
    not depend on the budget.

    Args:
        paths: the files; see `data.open`.
        text: the column.
        threshold: least Jaccard similarity of the sets of shingles, 0.01..1.
        out: a Parquet file for the rows that are in clusters of two or more: row, cluster (its
            first row) and size; None writes nothing.
        memory: budget of all that grows with the rows, as "512 MB" or an int of bytes.
        family: how texts are signed; None is `MinHash(128, words=3)`.
        recall: of pairs of exactly the threshold, the share that shall meet, 0.5..0.9999.
        exact: read the texts of pairs that look alike again, and take those whose shingles do
            overlap so much; all their shingles must fit half the budget.
        strict: raise where a row cannot be used, instead of counting it.
        format: of the files; None tells it.
        progress: called with a dict of phase and fraction.

    Returns:
        The clusters and how good they are.

    Raises:
        BudgetError: the budget cannot hold 8 bytes a row and 8 MB, or what `exact` needs.
        DataError: the column is missing or not of text, or strict and a row is bad.
        SaveError: the disk is full or not writable.
        ValueError: an argument is out of range.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "texts.csv"
        >>> line = "the quick brown fox jumps over the lazy dog again and again"
        >>> _ = path.write_text(chr(10).join(["text", line, "something else", line]))
        >>> found = dedup(path, "text")
        >>> found.clusters, found.duplicates, found.root.tolist()
        (1, 1, [0, 1, 0])
    """
    start = time.perf_counter()
    family = MinHash(128, words=3) if family is None else family
    budget = budget_for("near-duplicates", memory, LEAST)
    bands = Bands.for_threshold(threshold, family.tables, recall=recall)
    source = data.open(paths, format=format, strict=strict)
    tell = progress or (lambda state: None)
    beside = None if out is None else Path(out).absolute().parent
    with tempfile.TemporaryDirectory(prefix=".dedup-", dir=beside) as folder:
        with Signed(folder, bands, family.tables) as signed:
            _sign(source, text, family, signed, tell)
        room = budget_for("so many rows", budget, LEAST + PER_ROW * signed.rows)
        needed = _needed(threshold, family.tables, exact=exact)
        found = _Clusters(signed, needed, budget=room, noting=exact)
        found.join(tell)
    quality = precision_and_recall(found.matches, needed, threshold, bands)
    if exact:
        found.verify(source, text, family, threshold)
        quality = quality._replace(precision=Interval(1.0, 1.0, 1.0))
    facts: dict[str, Any] = {"rows": signed.rows, "empty": signed.empty, "bands": bands}
    facts |= found.facts()
    result = Duplicates(**facts, **quality._asdict(), seconds=time.perf_counter() - start)
    if out is not None:
        write_clusters(out, result.root)
    return result


def _needed(threshold: float, tables: int, *, exact: bool) -> int:
    """Codes that must agree: three standard errors fewer where the texts decide in the end."""
    error = math.sqrt(threshold * (1 - threshold) * tables) if exact else 0.0
    return max(1, math.ceil(threshold * tables - 3 * error - 1e-9))


class _Clusters:
    """Rows joined band by band, a range of keys at a time; or only noted, to be verified."""

    def __init__(self, signed: Signed, needed: int, *, budget: int, noting: bool = False) -> None:
        room = budget - PER_ROW * signed.rows
        self.noting, self.room, self.noted = noting, room // 2, [np.zeros(0, np.int64)]
        self.signed, self.needed, self.left = signed, needed, 0
        self.parts = max(1, math.ceil(PER_ENTRY * signed.rows / (room // 2)))
        self.step = max(8192, room // 4 // (8 * signed.tables))
        self.parent, self.taken = np.arange(signed.rows, dtype=np.int32), 0
        self.matches = np.zeros(signed.tables + 1, np.int64)

    def join(self, tell: Told) -> None:
        """Go through all bands."""
        steps = [(j, p) for j in range(self.signed.bands.bands) for p in range(self.parts)]
        for done, (band, part) in enumerate(steps):
            tell({"phase": "comparing", "fraction": done / len(steps)})
            self._join_part(band, part)
        self.taken = int(self.matches[self.needed :].sum())

    def verify(self, source: Any, text: str, family: MinHash, threshold: float) -> None:
        """Join the noted pairs whose shingles do overlap so much."""
        pairs = np.unique(np.concatenate(self.noted))
        overlap = exact_pairs(source, text, family, pairs, room=self.room)
        right = pairs[overlap >= threshold - 1e-12]
        self.taken = right.size
        for pair in right.tolist():
            link(self.parent, pair >> 32, pair & 0xFFFFFFFF)

    def facts(self) -> dict[str, Any]:
        """Numbers of clusters and pairs, and the clusters."""
        sizes = np.zeros(self.parent.size, np.int32)
        flatten(self.parent, sizes)
        return {
            "clusters": int((sizes > 1).sum()),
            "duplicates": int(np.maximum(sizes - 1, 0).sum()),
            "pairs": int(self.matches.sum()),
            "taken": self.taken,
            "left_out": self.left,
            "root": self.parent,
        }

    def _join_part(self, band: int, part: int) -> None:
        keys, rows = self.signed.band(band, part, self.parts)
        order = np.argsort(keys, kind="stable")
        members = np.empty(2 * rows.size + 2, np.int32)
        starts = np.empty(rows.size + 2, np.int64)
        count = gather_buckets(keys, order, rows, self.parent, members, starts)
        del keys, rows, order
        shape = (band, self.signed.bands.rows)
        for low, high in _spans(starts[: count + 1], self.step):
            inside = members[starts[low] : starts[high]]
            cuts = starts[low : high + 1] - starts[low]
            codes = self.signed.gather(inside)
            pairs = np.empty(most_pairs(cuts) if self.noting else 0, np.int64)
            held = (self.parent, self.matches, pairs)
            left, noted = compare(cuts, inside, codes, shape, self.needed, *held)
            self.left += left
            self.noted.append(pairs[:noted].copy())


def _spans(starts: NDArray[np.int64], step: int) -> Iterator[tuple[int, int]]:
    """Ranges of buckets of about so many rows together."""
    low = 0
    while low < starts.size - 1:
        high = int(np.searchsorted(starts, starts[low] + step, side="right")) - 1
        high = max(high, low + 1)
        yield low, high
        low = high


def _sign(source: Any, text: str, family: MinHash, signed: Signed, tell: Told) -> None:
    total = max(1, source.nbytes)

    def moved(nbytes: int, rows: int) -> None:
        tell({"phase": "reading", "fraction": min(1.0, nbytes / total)})

    for batch in source.batches([text], progress=moved):
        try:
            signed.add(family(batch[text]))
        except TypeError as error:
            raise DataError(f"column {text!r} must be of text, got {batch[text].type}") from error
    in_range("rows", signed.rows, 0, 2**31 - 1)


def cluster_blocks(root: NDArray[np.int32], rows: int = 1 << 18) -> Iterator[pa.RecordBatch]:
    """Rows of clusters of two or more, as batches of row, cluster and size.

    Args:
        root: (n,) the first row of the cluster of each row.
        rows: looked at for one batch.

    Example:
        >>> [batch.to_pylist() for batch in cluster_blocks(np.array([0, 1, 0]))]
        [[{'row': 0, 'cluster': 0, 'size': 2}, {'row': 2, 'cluster': 0, 'size': 2}]]
    """
    sizes = np.zeros(root.size, np.int32)
    np.add.at(sizes, root, 1)
    for start in range(0, root.size, rows):
        block = root[start : start + rows]
        some = np.flatnonzero(sizes[block] > 1)
        columns = (some + start, block[some], sizes[block[some]])
        arrays = [pa.array(column.astype(np.int64)) for column in columns]
        yield pa.record_batch(arrays, schema=CLUSTERS)


def write_clusters(path: str | Path, root: NDArray[np.int32]) -> None:
    """Write the rows of clusters of two or more to a Parquet file.

    Raises:
        SaveError: the disk is full or not writable.
    """
    with replacing(path) as file, pq.ParquetWriter(file, CLUSTERS) as writer:
        for batch in cluster_blocks(root):
            writer.write_batch(batch)
