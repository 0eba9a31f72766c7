"""Laws of indexes of dense vectors: a factory without arguments makes an empty one.

An index has `dim`, `metric`, `add`, `remove`, `search(queries, k, filter=, effort=)`, `save`,
`load` and `open` (see mapped.py); an effort of 1 is exact. Vectors that it rounds it must round
alike wherever they stand. Each law raises AssertionError if broken.
"""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core import IncompatibleError

__all__ = ["LAWS", "QUERIES", "ROWS", "equal", "filled", "refuses", "some_rows"]

Make = Callable[[], Any]
ROWS, QUERIES = 400, 30
EFFORTS = (0.02, 0.1, 0.3, 1.0)
NEAR = 5e-3  # relative to the spread of scores: what rounding to 11 bits may cost


def answers_are_sorted(make: Make) -> None:
    """Ids are held, none twice, scores fall; where there are fewer stand -1 and -inf."""
    index, _, queries = filled(make)
    for k in (1, 7, ROWS + 5):
        for effort in (None, *EFFORTS):
            ids, scores = index.search(queries, k, effort=effort)
            assert ids.shape == scores.shape == (QUERIES, k)
            assert (ids.dtype, scores.dtype) == (np.int64, np.float32)
            assert (scores[:, :-1] >= scores[:, 1:]).all()
            assert ((ids >= 0) & (ids < ROWS) == (scores > -np.inf)).all()
            assert (ids[scores == -np.inf] == -1).all()
            assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in ids)


def full_effort_is_exact(make: Make) -> None:
    """With an effort of 1 the answers are those of a full sort, to the rounding of what is held."""
    index, rows, queries = filled(make)
    exact = _scores(index.metric, rows, queries)
    slack = NEAR * float(exact.std())
    ids, scores = index.search(queries, 9, effort=1.0)
    np.testing.assert_allclose(scores, -np.sort(-exact, axis=1)[:, :9], atol=slack)
    np.testing.assert_allclose(scores, np.take_along_axis(exact, ids, axis=1), atol=slack)
    every, _ = index.search(queries, ROWS + 1, effort=1.0)
    assert (np.sort(every[:, :ROWS], axis=1) == np.arange(ROWS)).all()


def recall_grows_with_effort(make: Make) -> None:
    """A larger effort finds at least as many of the nearest, over all queries."""
    index, _, queries = filled(make)
    best, _ = index.search(queries, 10, effort=1.0)
    hits = [_shared(index.search(queries, 10, effort=effort)[0], best) for effort in EFFORTS]
    assert hits == sorted(hits), hits
    assert hits[-1] == best.size


def removed_rows_are_not_found(make: Make) -> None:
    """What was removed is never answered, the rest as if it had never been; ids may come again."""
    index, rows, queries = filled(make)
    gone = np.random.default_rng(5).permutation(ROWS)[: ROWS // 3]
    index.remove(gone)
    assert len(index) == ROWS - gone.size
    for effort in (None, *EFFORTS):
        assert not np.isin(index.search(queries, 20, effort=effort)[0], gone).any()
    left = np.setdiff1d(np.arange(ROWS), gone)
    fresh = make().add(rows[left], left)
    _same(index.search(queries, 20, effort=1.0), fresh.search(queries, 20, effort=1.0))
    index.add(rows[gone], gone)
    _same(index.search(queries, 20, effort=1.0), filled(make)[0].search(queries, 20, effort=1.0))


def the_filter_is_kept(make: Make) -> None:
    """Only what the filter allows is answered, as mask or as ids alike, and exactly at effort 1."""
    index, rows, queries = filled(make)
    for share in (0.02, 0.5):
        mask = np.random.default_rng(6).random(ROWS) < share
        allowed = np.flatnonzero(mask)
        for effort in (None, *EFFORTS):
            ids, _ = index.search(queries, 9, filter=mask, effort=effort)
            assert np.isin(ids[ids >= 0], allowed).all()
        by_mask = index.search(queries, 9, filter=mask, effort=1.0)
        _same(by_mask, index.search(queries, 9, filter=allowed, effort=1.0))
        alone = make().add(rows[allowed], allowed)
        _same(by_mask, alone.search(queries, 9, effort=1.0))
    for nothing in (np.zeros(0, np.bool_), [], [ROWS + 7]):
        assert (index.search(queries, 3, filter=nothing, effort=1.0)[0] == -1).all()


def batches_do_not_matter(make: Make) -> None:
    """Rows added piece by piece and queries asked one by one: the same answers at effort 1."""
    index, rows, queries = filled(make)
    whole = index.search(queries, 9, effort=1.0)
    pieces = make()
    for piece in np.split(rows, [1, 50, 51, 300]):
        pieces.add(piece)
    _same(pieces.search(queries, 9, effort=1.0), whole)
    alone = [index.search(query[None], 9, effort=1.0) for query in queries]
    ids, scores = (np.concatenate(parts) for parts in zip(*alone, strict=True))
    np.testing.assert_array_equal(ids, whole[0])
    np.testing.assert_array_equal(scores, whole[1])


def merging_is_adding(make: Make) -> None:
    """Two indexes merged answer as one that was given all their rows; their ids must differ."""
    index, rows, queries = filled(make)
    ids = np.arange(ROWS)
    one, two = make().add(rows[:250], ids[:250]), make().add(rows[250:], ids[250:])
    both = one.merge(two)
    assert (len(one), len(two), len(both)) == (250, ROWS - 250, ROWS)
    _same(both.search(queries, 9, effort=1.0), index.search(queries, 9, effort=1.0))
    refuses(ValueError, lambda: one.merge(one))


def a_copy_is_apart(make: Make) -> None:
    """Adding to a copy leaves the first as it was."""
    index, rows, queries = filled(make)
    before, answers = index.to_bytes(), index.search(queries, 5)
    index.copy().add(rows).remove([3])
    assert index.to_bytes() == before
    equal(index.search(queries, 5), answers)


def bad_input_is_refused(make: Make) -> None:
    """Each thing that cannot be used is an error, and nothing is changed by it."""
    index, rows, queries = filled(make)
    before = index.to_bytes()
    spoilt = rows[:3].copy()
    spoilt[1, 0] = np.nan
    for bad in (spoilt, np.where(np.isnan(spoilt), np.inf, spoilt)):
        refuses(ValueError, lambda bad=bad: index.add(bad), "row 1")
        refuses(ValueError, lambda bad=bad: index.search(bad), "row 1")
    if index.metric == "cosine":
        refuses(ValueError, lambda: index.add(rows[:2] * [[1], [0]]), "row 1")
    refuses(IncompatibleError, lambda: index.add(rows[:, 1:]))
    refuses(IncompatibleError, lambda: index.search(queries[:, 1:]))
    refuses(IncompatibleError, lambda: index.add(rows[:2], [ROWS]))
    refuses(TypeError, lambda: index.add(rows[:1], [0.5]))
    for ids in ([0, ROWS], [ROWS, ROWS], [ROWS, -1]):
        refuses(ValueError, lambda ids=ids: index.add(rows[:2], ids))
    for ids in ([ROWS], [3, 3], [-1]):
        refuses(ValueError, lambda ids=ids: index.remove(ids))
    refuses(ValueError, lambda: index.search(queries, 0))
    for effort in (0, 1.1, float("nan")):
        refuses(ValueError, lambda effort=effort: index.search(queries, 1, effort=effort))
    assert index.to_bytes() == before
    assert len(index.add([])) == ROWS
    assert index.search(rows[:0], 3)[0].shape == (0, 3)


def searches_go_on_while_others_add(make: Make) -> None:
    """A search sees a whole state: what was there before is found, what is removed later is not."""
    index, rows, _ = filled(make)
    fresh, faults = some_rows(index.dim, 300, 11), []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            ids, scores = index.search(rows[:20], 1, effort=1.0)
            if not ((ids >= 0).all() and (ids < ROWS + 300).all() and np.isfinite(scores).all()):
                faults.append(ids)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for start in range(0, 300, 20):
        index.add(fresh[start : start + 20])
        index.remove(np.arange(200 + start // 20 * 10, 210 + start // 20 * 10))
    done.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert len(index) == ROWS + 300 - 150


def some_rows(dim: int, rows: int, seed: int) -> NDArray[np.float32]:
    """Rows around forty places, so that some are far nearer than others."""
    rng = np.random.default_rng([seed, dim])
    centres = np.random.default_rng(dim).standard_normal((40, dim))
    noise = rng.standard_normal((rows, dim))
    return (centres[rng.integers(0, 40, rows)] + 0.6 * noise).astype(np.float32)


def filled(make: Make) -> tuple[Any, NDArray[np.float32], NDArray[np.float32]]:
    """An index of `ROWS` rows, these, and `QUERIES` queries."""
    index = make()
    rows = some_rows(index.dim, ROWS, 1)
    return index.add(rows), rows, some_rows(index.dim, QUERIES, 2)


def _scores(metric: str, rows: NDArray, queries: NDArray) -> NDArray[np.float64]:
    rows, queries = rows.astype(np.float64), queries.astype(np.float64)
    if metric == "l2":
        return -((queries[:, None] - rows) ** 2).sum(axis=2)
    if metric == "cosine":
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return queries @ rows.T


def _shared(ids: NDArray, best: NDArray) -> int:
    return sum(np.isin(mine, exact).sum() for mine, exact in zip(ids, best, strict=True))


def equal(found: Any, expected: Any) -> None:
    """The same ids and the same scores."""
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, other)


def _same(found: Any, expected: Any) -> None:
    """The same ids, scores alike to what rounding may cost."""
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4, atol=1e-4)


def refuses(kind: type[Exception], call: Callable[[], Any], says: str = "") -> None:
    """The call raises this kind of error, which says this."""
    try:
        call()
    except kind as error:
        if says in str(error):
            return
        raise AssertionError(f"{error} does not say {says}") from error
    raise AssertionError(f"no {kind.__name__} was raised")


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "vectors": (
        answers_are_sorted,
        full_effort_is_exact,
        recall_grows_with_effort,
        removed_rows_are_not_found,
        the_filter_is_kept,
        batches_do_not_matter,
        merging_is_adding,
        a_copy_is_apart,
        bad_input_is_refused,
        searches_go_on_while_others_add,
    ),
}
