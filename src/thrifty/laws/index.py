"""Laws of row indexes: a factory without arguments makes an empty index of width `dim`.

Each law raises AssertionError if broken. Rows stay with the caller: `build(rows, bias)`,
`candidates(queries, limit)`, `search(queries, k, rows, bias, limit=...)`.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

__all__ = ["LAWS"]

Make = Callable[[], Any]
ROWS, QUERIES = 300, 20
EFFORTS = (0, 3, 10, 40, 120, ROWS)


def ids_are_valid_and_sorted(make: Make) -> None:
    """Candidates are unique and sorted; results are candidates' ids, highest score first."""
    index, queries, rows, bias = _built(make)
    for effort in EFFORTS:
        offsets, ids = index.candidates(queries, effort)
        assert offsets[0] == 0
        for i in range(QUERIES):
            own = ids[offsets[i] : offsets[i + 1]]
            assert len(own) <= effort
            assert (np.diff(own) > 0).all()
            assert ((own >= 0) & (own < ROWS)).all()
    found, scores = index.search(queries, 5, rows, bias)
    exact = np.einsum("nd,nkd->nk", queries, rows[found]) + bias[found]
    np.testing.assert_allclose(scores[found >= 0], exact[found >= 0], rtol=1e-4, atol=1e-4)
    assert (scores[:, :-1] >= scores[:, 1:]).all()


def full_effort_is_exact(make: Make) -> None:
    """A limit of all rows gives the answer of the full product."""
    index, queries, rows, bias = _built(make)
    found, _ = index.search(queries, 7, rows, bias, limit=ROWS)
    exact = np.argsort(-(queries @ rows.T + bias), axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(found, exact)


def recall_grows_with_effort(make: Make) -> None:
    """A larger limit keeps every candidate of a smaller one."""
    index, queries, _, _ = _built(make)
    for mode in ("union", "most_frequent"):
        smaller: list[set[int]] = [set()] * QUERIES
        for effort in EFFORTS:
            offsets, ids = index.candidates(queries, effort, mode)
            larger = [set(ids[a:b]) for a, b in pairwise(offsets)]
            assert all(a <= b for a, b in zip(smaller, larger, strict=True)), (mode, effort)
            smaller = larger


def same_seed_same_index(make: Make) -> None:
    """Two indexes made alike over the same rows hold the same bytes."""
    assert _built(make)[0].to_bytes() == _built(make)[0].to_bytes()


def bytes_round_trip(make: Make) -> None:
    """from_bytes(to_bytes(index)) is the index, and answers alike."""
    index, queries, rows, bias = _built(make)
    twin = type(index).from_bytes(index.to_bytes())
    assert twin.to_bytes() == index.to_bytes()
    for a, b in zip(
        index.search(queries, 3, rows, bias), twin.search(queries, 3, rows, bias), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def refresh_follows_the_rows(make: Make) -> None:
    """After a refresh of changed rows and back, unchanged values mean no move is left to make."""
    index, _, rows, bias = _built(make)
    ids = np.arange(0, ROWS, 3, dtype=np.int32)
    assert index.refresh(ids, rows[ids], bias[ids]) == 0
    assert index.refresh(ids, -rows[ids], -bias[ids]) > 0
    assert index.refresh(ids, -rows[ids], -bias[ids]) == 0


def _built(make: Make) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    index = make()
    rng = np.random.default_rng(5)
    rows = rng.integers(-20, 21, (ROWS, index.dim)).astype(np.float32)
    bias = rng.integers(-9, 10, ROWS).astype(np.float32)
    queries = rng.integers(-20, 21, (QUERIES, index.dim)).astype(np.float32)
    return index.build(rows, bias), queries, rows, bias


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "index": (
        ids_are_valid_and_sorted,
        full_effort_is_exact,
        recall_grows_with_effort,
        same_seed_same_index,
        bytes_round_trip,
        refresh_follows_the_rows,
    ),
}
