"""Laws of retrievers that learn documents: a factory gives one that has learned 60 or more."""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LAWS"]

QUERIES = ["red bus", "", "cat on a wheel", "zzz"]


def rows_are_documents(make: Callable[[], Any]) -> None:
    """Rows are different documents, and scores fall."""
    found = make().search(QUERIES, 20)
    assert found.rows.shape == found.scores.shape == (len(QUERIES), 20)
    assert (found.rows >= 0).all()
    assert all(len(set(rows)) == 20 for rows in found.rows.tolist())
    assert (np.diff(found.scores, axis=1) <= 0).all()


def fewer_are_the_first(make: Callable[[], Any]) -> None:
    """The best of a few are the first of many."""
    retriever = make()
    few, many = retriever.search(QUERIES, 3), retriever.search(QUERIES, 20)
    np.testing.assert_allclose(few.scores, many.scores[:, :3], rtol=1e-5)


def same_seed_same_answers(make: Callable[[], Any]) -> None:
    """Made twice alike, it answers alike."""
    assert (make().search(QUERIES, 5).rows == make().search(QUERIES, 5).rows).all()


LAWS = {"retrieval": (rows_are_documents, fewer_are_the_first, same_seed_same_answers)}
