"""Laws of two-kind mixtures of levels: `make(levels)` gives an estimator of fields of such levels.

Each law raises AssertionError if broken. An estimator has `fit(levels, weights)`,
`predict_proba(levels)`, share_, m_ and u_.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["LAWS"]

Make = Callable[[Sequence[int]], Any]


def _pairs(seed: int, rows: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Levels of pairs of which a fifth match, and which do; a tenth of the values is missing."""
    rng = np.random.default_rng(seed)
    match = rng.random(rows) < 0.2
    columns = [
        np.where(match, rng.choice(3, rows, p=(0.05, 0.15, 0.8)), rng.choice(3, rows, p=one))
        for one in ((0.9, 0.08, 0.02), (0.7, 0.2, 0.1), (0.95, 0.04, 0.01), (0.8, 0.15, 0.05))
    ]
    levels = np.column_stack(columns)
    levels[rng.random(levels.shape) < 0.1] = -1
    return levels, match


def shares_are_recovered(make: Make) -> None:
    """The shares that made the pairs come back within 5 standard errors of so many pairs."""
    levels, match = _pairs(1)
    model = make([3] * 4).fit(levels)
    slack = 5 * 0.5 / np.sqrt(match.sum())
    assert abs(model.share_ - match.mean()) <= slack
    for field in range(4):
        for kind, fitted in ((match, model.m_), (~match, model.u_)):
            known = levels[kind & (levels[:, field] >= 0), field]
            exact = np.bincount(known, minlength=3) / known.size
            assert np.abs(fitted[field] - exact).max() <= slack


def probabilities_are_calibrated(make: Make) -> None:
    """Of the pairs given a probability near p, about p match."""
    levels, match = _pairs(2)
    found = make([3] * 4).fit(levels).predict_proba(levels)
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-9
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        inside = (found[:, 1] >= low) & (found[:, 1] <= low + 0.2)
        if inside.sum() >= 50:
            slack = 5 * 0.5 / np.sqrt(inside.sum()) + 0.02
            assert abs(found[inside, 1].mean() - match[inside].mean()) <= slack


def counts_stand_for_pairs(make: Make) -> None:
    """A row with weight 3 is three rows; order does not matter."""
    levels, _ = _pairs(3, 500)
    rows, counts = np.unique(levels, axis=0, return_counts=True)
    plain, weighed = make([3] * 4).fit(levels), make([3] * 4).fit(rows[::-1], counts[::-1])
    assert abs(plain.share_ - weighed.share_) < 1e-9
    for one, other in zip([*plain.m_, *plain.u_], [*weighed.m_, *weighed.u_], strict=True):
        assert np.abs(one - other).max() < 1e-9


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "mixtures": (shares_are_recovered, probabilities_are_calibrated, counts_stand_for_pairs),
}
