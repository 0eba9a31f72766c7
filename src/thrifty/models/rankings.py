"""Rankings: how good rankings of documents are, and the files of queries, truths and runs."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty import data
from thrifty.core import DataError, replacing, whole

__all__ = [
    "Judged",
    "judge",
    "ndcg",
    "read_lines",
    "read_qrels",
    "read_queries",
    "read_run",
    "write_run",
]

NEAR, FAR = 10, 100
Qrels = dict[str, dict[str, float]]
Run = dict[str, list[tuple[str, float]]]


@dataclass(frozen=True)
class Judged:
    """Quality of a run, query by query.

    Args:
        queries: ids of the queries that have a relevant document.
        ndcg: (n,) nDCG of the first 10.
        mrr: (n,) one over the place of the first relevant document, 0 beyond the 10th.
        recall: (n,) share of the relevant documents among the first 100.
    """

    queries: list[str]
    ndcg: NDArray[np.float64]
    mrr: NDArray[np.float64]
    recall: NDArray[np.float64]

    def facts(self) -> dict[str, float]:
        """The means, and the standard error of that of nDCG over queries."""
        n = len(self.queries)
        spread = float(self.ndcg.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
        return {
            "queries": n, "ndcg@10": float(self.ndcg.mean()), "mrr@10": float(self.mrr.mean()),
            "recall@100": float(self.recall.mean()), "ndcg@10 standard error": spread,
        }  # fmt: skip


def judge(run: Mapping[str, Sequence[str]], qrels: Mapping[str, Mapping[str, float]]) -> Judged:
    """Judge rankings as trec_eval does.

    Every query of the truth that has a relevant document counts; one without an answer counts 0.
    What was not judged is not relevant; a grade of 0 or less neither.

    Args:
        run: ids of documents, best first, by query.
        qrels: grade of each judged document, by query.

    Raises:
        DataError: no query of the truth has a relevant document, or none of them is in the run.
        ValueError: a ranking names a document twice.

    Example:
        >>> found = judge({"q": ["a", "b"]}, {"q": {"b": 1, "c": 1}}).facts()
        >>> found["mrr@10"], found["recall@100"], round(found["ndcg@10"], 4)
        (0.5, 0.5, 0.3869)
    """
    names = [name for name, grades in qrels.items() if any(g > 0 for g in grades.values())]
    if not names:
        raise DataError("qrels must have a relevant document, got none")
    if not any(name in run for name in names):
        raise DataError("run must have a query of the qrels, got none: are the ids the same?")
    rows = [_judged(name, run.get(name, ()), qrels[name]) for name in names]
    return Judged(names, *np.array(rows, np.float64).T)


def ndcg(ranked: ArrayLike, ideal: ArrayLike, k: int = NEAR) -> float:
    """Discounted gain of the first k: sum of grade / log2(place + 1), over the best possible.

    Args:
        ranked: grades of the ranking, best first.
        ideal: grades of all documents, in any order; those of 0 or less gain nothing.
        k: how deep, 1..2**31.

    Returns:
        0..1; 0 where nothing can be gained.

    Raises:
        ValueError: k is out of range.

    Example:
        >>> bool(ndcg([0, 1], [1, 0]) == 1 / np.log2(3))
        True
    """
    whole("k", k, 1, 2**31)
    best = -np.sort(-np.maximum(np.asarray(ideal, np.float64), 0))
    top = _discounted(best[:k])
    got = np.maximum(np.asarray(ranked, np.float64), 0)
    return float(_discounted(got[:k]) / top) if top > 0 else 0.0


def _discounted(gains: NDArray[np.float64]) -> float:
    return float((gains / np.log2(np.arange(2, gains.size + 2))).sum())


def _judged(name: str, ranked: Sequence[str], grades: Mapping[str, float]) -> list[float]:
    if len(set(ranked)) < len(ranked):
        raise ValueError(f"run must name a document once a query, got one twice for {name!r}")
    gains = [max(grades.get(document, 0), 0) for document in ranked[:FAR]]
    first = next((place for place, gain in enumerate(gains[:NEAR], start=1) if gain > 0), 0)
    relevant = sum(grade > 0 for grade in grades.values())
    found = sum(gain > 0 for gain in gains)
    return [ndcg(gains, list(grades.values())), 1 / first if first else 0.0, found / relevant]


def read_queries(path: str | Path) -> dict[str, str]:
    """Queries by id, from BEIR's queries.jsonl, lines of id, tab and text, or a text a line.

    Args:
        path: the file; .gz and .zst are read as they are. A text without an id gets the number of
            its line, from 1.

    Raises:
        DataError: no such file, a line that does not fit, an id that comes twice, or no query.
    """
    found: dict[str, str] = {}
    for number, line in read_lines(path):
        name, text = _query(path, number, line)
        if name in found:
            raise DataError(f"{path}, line {number}: query {name!r} comes twice")
        found[name] = text
    if not found:
        raise DataError(f"{path}: no query in it")
    return found


def _query(path: str | Path, number: int, line: str) -> tuple[str, str]:
    if line.lstrip().startswith("{"):
        try:
            item = json.loads(line)
            name = next(item[key] for key in ("_id", "id", "query_id") if key in item)
            text = next(item[key] for key in ("text", "query") if key in item)
        except (ValueError, RecursionError, StopIteration):
            shown = line[:60]
            raise DataError(
                f"{path}, line {number}: a query must be JSON with _id and text, got {shown!r}"
            ) from None
        return str(name), str(text)
    name, tab, text = line.partition("\t")
    return (name.strip(), text.strip()) if tab else (str(number), line.strip())


def read_qrels(path: str | Path) -> Qrels:
    """Grades of judged documents, from BEIR's qrels.tsv or TREC's four columns.

    Args:
        path: lines of query, document and grade, or of query, 0, document and grade; a line of
            names at the head is left out.

    Raises:
        DataError: no such file, a line that does not fit, or nothing in it.
    """
    found: Qrels = {}
    for number, line in read_lines(path):
        words = line.split("\t") if line.count("\t") >= 2 else line.split()
        try:
            if len(words) not in (3, 4):
                raise ValueError
            grade = float(words[-1])
        except ValueError:
            if number == 1 and len(words) in (3, 4):
                continue
            raise DataError(
                f"{path}, line {number}: a judgement must be query, document and grade, "
                f"got {line[:60]!r}"
            ) from None
        found.setdefault(words[0].strip(), {})[words[-2].strip()] = grade
    if not found:
        raise DataError(f"{path}: no judgement in it")
    return found


def read_run(path: str | Path) -> Run:
    """A run in TREC's six columns: query, Q0, document, place, score, name of the run.

    Returns:
        Documents and scores by query, highest score first, in the order of the file where equal.

    Raises:
        DataError: no such file, a line that does not fit, or nothing in it.
    """
    found: Run = {}
    for number, line in read_lines(path):
        words = line.split()
        try:
            query, _, document, _, score, _ = words
            found.setdefault(query, []).append((document, float(score)))
        except ValueError:
            raise DataError(
                f"{path}, line {number}: a line of a run must be query, Q0, document, place, "
                f"score and name, got {line[:60]!r}"
            ) from None
    if not found:
        raise DataError(f"{path}: no answer in it")
    return {name: sorted(rows, key=lambda row: -row[1]) for name, rows in found.items()}


def write_run(
    path: str | Path, run: Mapping[str, Sequence[tuple[str, float]]], name: str = "thrifty"
) -> None:
    """Write a run in TREC's six columns, whole or not at all.

    Args:
        path: the file.
        run: documents and scores, best first, by query.
        name: of the run.

    Raises:
        SaveError: the file cannot be written.
        ValueError: a name has space in it, which the form cannot hold.
    """
    names = itertools.chain([name], run, (row[0] for rows in run.values() for row in rows))
    for word in names:
        if len(word.split()) != 1:
            raise ValueError(f"names of a run must be without space, got {word!r}")
    with replacing(path) as file:
        for query, rows in run.items():
            for place, (document, score) in enumerate(rows, start=1):
                line = f"{query} Q0 {document} {place} {score:.6g} {name}\n"
                file.write(line.encode())


def read_lines(path: Any) -> Iterator[tuple[int, str]]:
    """Numbered lines of a text file that hold something; .gz and .zst are read as they are.

    Raises:
        DataError: no such file.
    """
    number = 0
    for batch in data.open(path, format="text").batches():
        for line in batch.column(0).to_pylist():
            number += 1
            if line.strip():
                yield number, line
