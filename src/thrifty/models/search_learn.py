"""Learn: the weight of vectors beside words, from queries whose answers were judged."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from thrifty.core import DataError
from thrifty.models.fusion import Fusion, learned_weight
from thrifty.models.search import DEPTH, SearchIndex
from thrifty.models.search_build import writing

__all__ = ["best_fusion", "learn_fusion"]

Queries = Mapping[str, str]
Qrels = Mapping[str, Mapping[str, float]]


def best_fusion(index: SearchIndex, queries: Queries, qrels: Qrels, kind: str = "scores") -> Fusion:
    """The fusion whose weight has the best mean nDCG on judged queries; nothing is changed.

    Args:
        index: with vectors.
        queries: texts by name.
        qrels: grade of each judged document, by query.
        kind: of fusion.

    Raises:
        DataError: the index has no vectors, or no query finds a document that is relevant.
    """
    if index.vectors is None:
        raise DataError("weights can be learned for an index with vectors, got one of words alone")
    snapshot = index.text.snapshot
    names = [name for name in queries if name in qrels]
    pairs = index.candidates(snapshot, [queries[name] for name in names], DEPTH)
    asked = []
    for name, (words, vectors) in zip(names, pairs, strict=True):
        rows = np.union1d(words[0], vectors[0])
        owners = index.names(snapshot, rows)
        grades = [qrels[name].get(owner, 0.0) for owner in owners]
        if any(grade > 0 for grade in grades):
            asked.append((words, vectors, dict(zip(rows.tolist(), grades, strict=True))))
    if not asked:
        raise DataError("qrels must name documents that the queries find, got none")
    return learned_weight(asked, kind)


def learn_fusion(out: str | Path, queries: Queries, qrels: Qrels) -> Fusion:
    """Find the best weight of vectors beside words on judged queries, and keep it in the index.

    Raises:
        DataError: the index has no vectors, or no query finds a document that is relevant.
        FormatError: there is no index, or it is damaged.
        SaveError: the folder cannot be written, or another writer is at it.
    """
    found = best_fusion(SearchIndex.open(out), queries, qrels)
    with writing(out) as (index, _):
        index.settings["more"]["fusion"] = found.spec()
        index.commit()
    return found
