"""Laws of indexes of text: a factory without arguments makes an empty index, open for writing.

Its documents have the columns id and text. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["LAWS"]

Make = Callable[[], Any]
ROWS = 300
QUERIES = ["w1 w2", "w3 w4 w5 w40", "w0", "w120 w7 w7", "nothing", "", "w2 w9 w11 w13 w60 w61"]


def scores_fall_and_rows_are_valid(make: Make) -> None:
    """Rows are different, in range, -1 and -inf where there are fewer; scores fall."""
    index = _filled(make())
    rows, scores = index.search(QUERIES, 20)
    assert rows.shape == scores.shape == (len(QUERIES), 20)
    for own, told in zip(rows, scores, strict=True):
        held = own[own >= 0]
        assert (np.diff(told[: held.size]) <= 0).all()
        assert len(set(held.tolist())) == held.size
        assert (held < ROWS).all()
        assert (own[held.size :] == -1).all()
        assert (told[held.size :] == -np.inf).all()


def cuts_do_not_matter(make: Make) -> None:
    """However documents are cut into adds and commits, and after a merge, scores are the same."""
    whole = _answers(_filled(make()))
    for cut in (1, 100, 299):
        index = make()
        for part in (_table(range(cut)), _table(range(cut, ROWS))):
            index.add(part)
            index.commit()
        assert _answers(index) == whole
        index.merge()
        assert _answers(index) == whole


def queries_together_or_alone(make: Make) -> None:
    """Queries asked together are answered as each alone."""
    index = _filled(make())
    rows, scores = index.search(QUERIES, 10)
    for q, query in enumerate(QUERIES):
        own, told = index.search([query], 10)
        np.testing.assert_array_equal(own[0], rows[q])
        np.testing.assert_array_equal(told[0], scores[q])


def fewer_are_a_prefix(make: Make) -> None:
    """A smaller k gives the first of a larger one."""
    index = _filled(make())
    rows, scores = index.search(QUERIES, ROWS)
    for k in (1, 2, 7, 50):
        fewer, told = index.search(QUERIES, k)
        np.testing.assert_array_equal(fewer, rows[:, :k])
        np.testing.assert_array_equal(told, scores[:, :k])


def removed_and_added_again(make: Make) -> None:
    """Removed documents are not found, and adding them again answers as a new index does."""
    whole = _answers(_filled(make()))
    index = _filled(make())
    gone = list(range(0, ROWS, 3))
    index.remove([str(row) for row in gone])
    index.commit()
    assert len(index) == ROWS - len(gone)
    fresh = make()
    fresh.add(_table(row for row in range(ROWS) if row % 3))
    fresh.commit()
    assert _answers(index) == _answers(fresh)
    index.add(_table(gone))
    index.commit()
    assert _answers(index) == whole


def a_filter_is_kept(make: Make) -> None:
    """Under a filter exactly the allowed of all answers are found, with the scores they had."""
    index = _filled(make())
    rows, scores = index.search(QUERIES, ROWS)
    mask = np.random.default_rng(3).random(ROWS) < 0.2
    some, told = index.search(QUERIES, ROWS, filter=mask)
    for q in range(len(QUERIES)):
        held = rows[q] >= 0
        held[held] = mask[rows[q][held]]
        count = int(held.sum())
        np.testing.assert_array_equal(some[q, :count], rows[q][held])
        np.testing.assert_array_equal(told[q, :count], scores[q][held])
        assert (some[q, count:] == -1).all()


def _table(rows: Any) -> pa.Table:
    """Documents of 5 to 40 words of a Zipf distribution, the same for the same row."""
    texts, ids = [], []
    for row in rows:
        rng = np.random.default_rng(row)
        words = np.minimum(rng.zipf(1.3, rng.integers(5, 41)), 150)
        texts.append(" ".join(f"w{word}" for word in words))
        ids.append(str(row))
    return pa.table({"id": pa.array(ids, pa.string()), "text": pa.array(texts, pa.string())})


def _filled(index: Any) -> Any:
    index.add(_table(range(ROWS)))
    index.commit()
    return index


def _answers(index: Any) -> list[list[tuple[float, str]]]:
    """Scores and ids of all that is found, equal scores in order of their ids."""
    rows, scores = index.search(QUERIES, ROWS)
    return [
        sorted(zip(told[: (own >= 0).sum()].tolist(), index.ids(own), strict=True))
        for own, told in zip(rows, scores, strict=True)
    ]


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "text": (
        scores_fall_and_rows_are_valid,
        cuts_do_not_matter,
        queries_together_or_alone,
        fewer_are_a_prefix,
        removed_and_added_again,
        a_filter_is_kept,
    ),
}
