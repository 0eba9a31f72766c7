"""Laws of retrievers: broken by each retriever that cheats."""

import numpy as np
import pytest

from thrifty.laws.retrieval import (
    fewer_are_the_first,
    rows_are_documents,
    same_seed_same_answers,
)
from thrifty.models.wide_retriever import Retrieved


class Honest:
    """The same sixty documents for every query."""

    def search(self, queries, k):
        """The first k."""
        rows = np.tile(np.arange(k), (len(queries), 1))
        return Retrieved(rows, np.exp(-rows.astype(np.float32)))


class Twice(Honest):
    """One document again and again."""

    def search(self, queries, k):
        """Rows of 0."""
        found = super().search(queries, k)
        return found._replace(rows=0 * found.rows)


class Shaky(Honest):
    """Scores that depend on k."""

    def search(self, queries, k):
        """Scores times k."""
        found = super().search(queries, k)
        return found._replace(scores=found.scores * k)


class Moody(Honest):
    """Other documents each time."""

    count = 0

    def search(self, queries, k):
        """Rows from another start."""
        Moody.count += 1
        found = super().search(queries, k)
        return found._replace(rows=found.rows + Moody.count)


CHEATS = [
    (rows_are_documents, Twice),
    (fewer_are_the_first, Shaky),
    (same_seed_same_answers, Moody),
]


@pytest.mark.parametrize(("law", "cheat"), CHEATS, ids=[law.__name__ for law, _ in CHEATS])
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it, and kept by an honest one."""
    law(Honest)
    with pytest.raises(AssertionError):
        law(cheat)
