"""Laws of choosing an index: a factory without arguments gives what chooses, as `index.tuned`.

Each law raises AssertionError if broken. What chooses is called with vectors, queries or none,
`budget=`, `recall=`, `k=`, `metric=` and `seed=`, and answers with `index`, `effort` and `recall`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core import BudgetError
from thrifty.laws.vectors import refuses

__all__ = ["LAWS"]

Make = Callable[[], Callable[..., Any]]
ROWS, DIM, K = 2000, 12, 5
METRICS = ("cosine", "inner", "l2")


def _rows(count: int, seed: int) -> NDArray[np.float32]:
    places = np.random.default_rng(0).standard_normal((100, DIM))
    rng = np.random.default_rng(seed)
    noise = 0.4 * rng.standard_normal((count, DIM))
    return (places[rng.integers(0, 100, count)] + noise).astype(np.float32)


def _exact(rows: NDArray, queries: NDArray, metric: str) -> NDArray[np.int64]:
    rows, queries = rows.astype(np.float64), queries.astype(np.float64)
    products = queries @ rows.T
    if metric == "cosine":
        products /= np.linalg.norm(rows, axis=1)
    if metric == "l2":
        products -= np.square(rows).sum(axis=1) / 2
    return np.argsort(-products, axis=1)[:, :K]


def the_budget_is_kept(make: Make) -> None:
    """What is chosen holds all rows in the budget, and is what the choice says it is."""
    rows, least = _rows(ROWS, 1), ROWS * (2 * DIM + 8)
    for budget in (2 * least, 10 * least):
        chosen = make()(rows, budget=budget, recall=0.8, k=K, metric="l2")
        assert chosen.index.nbytes <= budget
        assert len(chosen.index) == ROWS
        assert all(one.nbytes <= budget for one in chosen.tried)
        assert chosen.curve in [one.curve for one in chosen.tried]
    refuses(BudgetError, lambda: make()(rows, budget=least - 1, recall=0.8, k=K))


def fresh_queries_find_enough(make: Make) -> None:
    """Of queries never seen, the recall is what was asked for, less four standard errors."""
    rows, fresh = _rows(ROWS, 1), _rows(1000, 3)
    for metric, queries in zip(METRICS, (None, _rows(600, 2), None), strict=True):
        best = _exact(rows, fresh, metric)
        chosen = make()(rows, queries, budget="1 GB", recall=0.9, k=K, metric=metric)
        ids, _ = chosen.index.search(fresh, K, effort=chosen.effort)
        shares = np.array([np.isin(a, b).mean() for a, b in zip(best, ids, strict=True)])
        assert shares.mean() >= 0.9 - 4 * shares.std() / np.sqrt(len(fresh))
        assert chosen.recall.low >= 0.9 or chosen.effort == 1
        assert chosen.recall.low <= chosen.recall.estimate <= chosen.recall.high


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "tuned": (the_budget_is_kept, fresh_queries_find_enough),
}
