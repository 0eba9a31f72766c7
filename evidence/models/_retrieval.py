"""Judged collections of short texts, as files, queries and truths."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evidence.datasets import data_folder
from thrifty.models import SearchIndex, index_documents, read_qrels, read_queries
from thrifty.models.rankings import Qrels

__all__ = ["COLLECTIONS", "judged", "made"]

COLLECTIONS = ("cranfield", "npl")


def judged(name: str) -> tuple[dict[str, str], Qrels]:
    """Queries and grades of a collection."""
    folder = data_folder() / f"ir_{name}"
    return read_queries(folder / "queries.jsonl.gz"), read_qrels(folder / "qrels.tsv.gz")


@contextmanager
def made(name: str, **how: object) -> Iterator[SearchIndex]:
    """An index of a collection."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        index_documents(str(data_folder() / f"ir_{name}" / "corpus.jsonl.gz"), path, **how)
        yield SearchIndex.open(path)
