"""Resolve: which records of a file are the same entity, told from several columns."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thrifty import data
from thrifty.core import BudgetError, DataError, budget_for, format_bytes, in_range, method
from thrifty.hashing import MinHash, hash_column
from thrifty.learn import FellegiSunter
from thrifty.models._blocking import candidate_pairs, compare_sets
from thrifty.models._union import flatten, link
from thrifty.models.dedup import write_clusters

__all__ = ["Entities", "resolve"]

LEAST = 16_000_000
LEVELS = 4
GRAMS = MinHash(1, words=None, chars=2)
PER_GRAM, PER_PAIR = 2, 8
Told = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Entities:
    """What records there are of the same entity.

    Args:
        rows: that were read.
        clusters: groups of two rows or more.
        duplicates: rows that are the same entity as an earlier row.
        pairs: that were compared.
        reduction: share of all pairs that did not have to be compared.
        taken: pairs that are the same entity more probably than the threshold.
        precision: expected share of the taken pairs that are right, by the model.
        recall: expected share of the right pairs, among those compared, that were taken.
        match_share: share of the compared pairs that match, by the model.
        fields: for each column the probability of full agreement among matches and others.
        seconds: that it took.
        root: (rows,) int32, the first row of the cluster of each row.
    """

    rows: int
    clusters: int
    duplicates: int
    pairs: int
    reduction: float
    taken: int
    precision: float
    recall: float
    match_share: float
    fields: dict[str, tuple[float, float]]
    seconds: float
    root: NDArray[np.int32]

    def facts(self) -> dict[str, Any]:
        """All but the rows, as JSON can hold it."""
        return {name: value for name, value in asdict(self).items() if name != "root"}


@method(
    source="Fellegi and Sunter 1969, doi:10.1080/01621459.1969.10501049; blocking by rare words "
    "and by MinHash bands of 3-grams",
    memory="at most `memory`: the columns, their n-grams, and 24 bytes and more a pair",
    time="one pass; pairs are bounded by per_row a row and field",
    error="pairs that share no rare word and no band of n-grams are never compared; the rest is as "
    "right as the model, whose own estimate is given",
    exact="comparison of all pairs by a person",
    laws=("alike",),
    evidence=("resolve",),
)
def resolve(
    paths: Any,
    match: Sequence[str],
    *,
    threshold: float = 0.9,
    out: str | Path | None = None,
    memory: int | str = "512 MB",
    per_row: float = 1.0,
    strict: bool = False,
    format: str | None = None,
    progress: Told | None = None,
) -> Entities:
    """Find records that are the same entity, though written differently.

    Pairs that share a rare word or most of their letters are compared field by field (the same,
    close, loosely alike, other or missing, by 2-grams of characters); how much each agreement
    says is learnt from the pairs themselves, without examples; pairs above the threshold join
    clusters.

    Args:
        paths: the files; see `data.open`.
        match: the columns to compare; numbers and dates are compared as they are written.
        threshold: least probability that a pair is the same entity, 0.5..0.9999.
        out: a Parquet file for the rows that are in clusters of two or more: row, cluster (its
            first row) and size; None writes nothing.
        memory: budget of all that grows with the rows, as "512 MB" or an int of bytes.
        per_row: pairs a row that the words of each field may propose, 0.01..1000; more find more
            and take longer.
        strict: raise where a row cannot be used, instead of counting it.
        format: of the files; None tells it.
        progress: called with a dict of phase and fraction.

    Returns:
        The clusters and how good they are expected to be.

    Raises:
        BudgetError: the budget cannot hold the columns or the pairs.
        DataError: a column is missing or cannot be compared, or strict and a row is bad.
        SaveError: the disk is full or not writable.
        ValueError: an argument is out of range.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "people.csv"
        >>> lines = ["name,town", "anna schmidt,bremen", "john brown,leeds", "ana schmidt,bremen"]
        >>> _ = path.write_text(chr(10).join([*lines, "mary stone,york"]))
        >>> resolve(path, ["name", "town"], per_row=100).root.tolist()
        [0, 1, 0, 3]
    """
    start = time.perf_counter()
    in_range("threshold", threshold, 0.5, 0.9999)
    in_range("per_row", per_row, 0.01, 1000)
    if not match:
        raise ValueError("match must be at least one column, got none")
    room = budget_for("matching records", memory, LEAST)
    tell = progress or (lambda state: None)
    columns = _read(paths, list(match), room, tell, strict=strict, format=format)
    rows = len(columns[0])
    held = sum(column.nbytes for column in columns)
    tell({"phase": "blocking", "fraction": 0.0})
    most = max(1, (room - PER_GRAM * held) // (3 * (PER_PAIR + len(columns))))
    pairs, crowded = candidate_pairs(columns, per_row=per_row, most=most)
    if crowded:
        raise BudgetError(
            f"memory must be more than {format_bytes(room)} for the pairs of {rows:,} rows: "
            "raise it, or lower per_row",
            2 * room,
        )
    levels = _levels(columns, pairs, tell)
    tell({"phase": "matching", "fraction": 0.0})
    found = _joined(rows, pairs, levels, threshold, list(match))
    if out is not None:
        write_clusters(out, found["root"])
    return Entities(rows=rows, **found, seconds=time.perf_counter() - start)


def _joined(
    rows: int,
    pairs: NDArray[np.int64],
    levels: NDArray[np.int8],
    threshold: float,
    names: list[str],
) -> dict[str, Any]:
    """Clusters of the pairs that match, and what the model says of them."""
    root, sizes = np.arange(rows, dtype=np.int32), np.zeros(rows, np.int32)
    match, model = np.zeros(0), FellegiSunter([LEVELS] * len(names))
    if pairs.size:
        match = model.fit(levels).predict_proba(levels)[:, 1]
    taken = match >= threshold
    for pair in pairs[taken].tolist():
        link(root, pair >> 32, pair & 0xFFFFFFFF)
    flatten(root, sizes)
    every = max(1, rows * (rows - 1) // 2)
    right = float(match[taken].sum())
    shares = list(zip(model.m_, model.u_, strict=True)) if pairs.size else []
    same = [(float(m[-1]), float(u[-1])) for m, u in shares]
    return {
        "clusters": int((sizes > 1).sum()),
        "duplicates": int(np.maximum(sizes - 1, 0).sum()),
        "pairs": int(pairs.size),
        "reduction": 1 - pairs.size / every,
        "taken": int(taken.sum()),
        "precision": right / int(taken.sum()) if taken.any() else float("nan"),
        "recall": right / float(match.sum()) if match.any() else float("nan"),
        "match_share": model.share_ if pairs.size else float("nan"),
        "fields": dict(zip(names, same, strict=False)),
        "root": root,
    }


def _levels(columns: list[pa.Array], pairs: NDArray[np.int64], tell: Told) -> NDArray[np.int8]:
    """How each field of each pair agrees."""
    levels = np.empty((len(columns), pairs.size), np.int8)
    for field, column in enumerate(columns):
        tell({"phase": "comparing", "fraction": field / len(columns)})
        indptr, grams = GRAMS.shingles(column)
        whole = hash_column(column) | np.uint64(1)
        whole[pc.equal(column, "").to_numpy(zero_copy_only=False)] = 0
        compare_sets(pairs, indptr, grams, whole, levels[field])
    return levels.T


def _read(paths: Any, names: list[str], room: int, tell: Told, **options: Any) -> list[pa.Array]:
    """The columns as texts, in lower case and without spaces at the ends; missing is empty."""
    source = data.open(paths, **options)
    total, held = max(1, source.nbytes), 0

    def moved(nbytes: int, rows: int) -> None:
        tell({"phase": "reading", "fraction": min(1.0, nbytes / total)})

    parts: list[list[pa.Array]] = [[] for _ in names]
    for batch in source.batches(names, progress=moved):
        for name, part in zip(names, parts, strict=True):
            part.append(_texts(name, batch[name]))
            held += part[-1].nbytes
        if 2 * PER_GRAM * held > room:
            message = f"memory must be more than {format_bytes(room)} for the columns to match"
            raise BudgetError(message, 2 * room)
    if not parts[0]:
        raise DataError(f"{source!r} has no rows that can be used")
    return [pa.concat_arrays(part) for part in parts]


def _texts(name: str, column: pa.Array) -> pa.Array:
    try:
        plain = column.cast(pa.large_string()).fill_null("")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"column {name!r} must be of texts, numbers or dates") from error
    return pc.utf8_trim_whitespace(pc.utf8_lower(plain))
