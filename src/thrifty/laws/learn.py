"""Laws of learners: a factory without arguments makes a fresh estimator with one thread.

Each law raises AssertionError if broken. Words: `fit`, `partial_fit` (with `classes` where it is a
classifier), `predict`, `to_bytes`, `from_bytes`, `nbytes`, the parameter `memory`. Rows come in
batches of 64, so a learner that trains tiles must have tiles of a divisor of 64 rows.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from thrifty.core import BudgetError

__all__ = ["LAWS"]

Make = Callable[[], Any]
ROWS, COLUMNS, BATCH = 256, 40, 64


def batches_agree(make: Make) -> None:
    """Rows fed at once or in batches of 64 give the same bytes."""
    rows, y = _rows()
    whole, parts = make(), make()
    _feed(whole, rows, y)
    for start in range(0, ROWS, BATCH):
        _feed(parts, rows[start : start + BATCH], y[start : start + BATCH])
    assert whole.to_bytes() == parts.to_bytes()


def bytes_round_trip(make: Make) -> None:
    """from_bytes(to_bytes(model)) answers alike, and goes on learning alike."""
    rows, y = _rows()
    model = make().fit(rows, y)
    twin = type(model).from_bytes(model.to_bytes())
    assert twin.to_bytes() == model.to_bytes()
    np.testing.assert_array_equal(twin.predict(rows), model.predict(rows))
    _feed(model, rows, y)
    _feed(twin, rows, y)
    assert twin.to_bytes() == model.to_bytes()


def same_seed_same_model(make: Make) -> None:
    """Two fits of the same rows, or of one estimator twice, hold the same bytes."""
    rows, y = _rows()
    model = make().fit(rows, y)
    first = model.to_bytes()
    assert make().fit(rows, y).to_bytes() == first
    assert model.fit(rows, y).to_bytes() == first


def rows_are_answered_alone(make: Make) -> None:
    """What is predicted for a row does not depend on the rows beside it."""
    rows, y = _rows()
    model = make().fit(rows, y)
    whole = model.predict(rows)
    order = np.random.default_rng(3).permutation(ROWS)
    np.testing.assert_allclose(model.predict(rows[order]), whole[order], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.predict(rows[:1]), whole[:1], rtol=1e-4, atol=1e-5)


def budget_is_kept(make: Make) -> None:
    """A fitted model holds no more than `memory`; one too small is refused with what would do."""
    rows, y = _rows()
    free = make().fit(rows, y).nbytes
    smallest = _refused(make().set_params(memory=1), rows, y)
    assert smallest <= free
    for memory in (smallest, (smallest + free) // 2, free, 10 * free):
        assert make().set_params(memory=memory).fit(rows, y).nbytes <= memory
    assert _refused(make().set_params(memory=smallest - 1), rows, y) == smallest


def _rows() -> tuple[csr_array, np.ndarray]:
    """Sparse rows of two kinds, with targets of mean 0 and deviation 1 in each batch of 64."""
    rng = np.random.default_rng(11)
    y = np.concatenate([rng.permutation(np.repeat([-1, 1], BATCH // 2)) for _ in range(4)])
    codes = np.stack([rng.choice(COLUMNS // 2, 5, replace=False) for _ in range(ROWS)])
    codes += (y[:, None] > 0) * (COLUMNS // 2)
    ends = np.arange(0, 5 * ROWS + 1, 5)
    values = rng.random(5 * ROWS, np.float32) + np.float32(0.5)
    return csr_array((values, codes.ravel(), ends), shape=(ROWS, COLUMNS)), y


def _refused(model: Any, rows: csr_array, y: np.ndarray) -> int:
    """What the refusal says would do."""
    try:
        model.fit(rows, y)
    except BudgetError as error:
        return error.smallest
    raise AssertionError(f"a budget of {model.memory} bytes must be refused")


def _feed(model: Any, rows: csr_array, y: np.ndarray) -> None:
    if "classes" in inspect.signature(model.partial_fit).parameters:
        model.partial_fit(rows, y, classes=[-1, 1])
    else:
        model.partial_fit(rows, y)


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "learner": (
        batches_agree,
        bytes_round_trip,
        same_seed_same_model,
        rows_are_answered_alone,
        budget_is_kept,
    ),
}
