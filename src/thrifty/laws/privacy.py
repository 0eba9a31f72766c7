"""Laws of differential privacy: `make()` gives a mechanism that counts rows and hides people.

A mechanism has `exact(rows)`, the counts without noise, and `release(rows, epsilon, seed)`, the
published counts; rows are small vectors of whole numbers, one a person, and a seed of None draws
from the system. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import beta

__all__ = ["LAWS", "measure_epsilon"]

Make = Callable[[], Any]
FEW, DOUBT = 3000, 1e-4
PEOPLE = [[1, 2, 3], [4, 0, -1], [2, 2, 2], [-3, 1, 0]]
ONE_MORE = [5, -2, 4]


def neighbours_look_alike(make: Make) -> None:
    """No event tells whether one more person is there better than epsilon allows, as far as seen.

    The event is chosen by likelihood in one half of the releases and counted in the other.
    """
    for epsilon in (0.5, 2.0):
        low, _ = measure_epsilon(make(), PEOPLE, [*PEOPLE, ONE_MORE], epsilon, runs=FEW)
        assert low <= epsilon, (low, epsilon)


def noise_is_no_larger_than_needed(make: Make) -> None:
    """What the releases give away is at least half of epsilon: the promise is used."""
    for epsilon in (1.0, 2.0):
        _, seen = measure_epsilon(make(), PEOPLE, [*PEOPLE, ONE_MORE], epsilon, runs=FEW)
        assert seen >= epsilon / 2, (seen, epsilon)


def counts_are_right_on_average(make: Make) -> None:
    """The mean of many releases is within 5 standard errors of the exact counts; all are whole."""
    mechanism = make()
    released = np.array([mechanism.release(PEOPLE, 1.0, seed) for seed in range(500)])
    assert released.dtype.kind == "i"
    error = released.std(axis=0, ddof=1) / np.sqrt(len(released))
    assert (np.abs(released.mean(axis=0) - mechanism.exact(PEOPLE)) <= 5 * error).all()


def noise_comes_from_the_system(make: Make) -> None:
    """Without a seed no two releases are the same."""
    first, second = (make().release(PEOPLE, 0.1, None) for _ in range(2))
    assert not np.array_equal(first, second)


def measure_epsilon(
    mechanism: Any, rows: Any, neighbour: Any, epsilon: float, *, runs: int
) -> tuple[float, float]:
    """What the best event found says about epsilon: a bound from below, and an estimate.

    Args:
        mechanism: see above.
        rows: the people.
        neighbour: the people with one more.
        epsilon: that is promised.
        runs: releases of each.
    """
    exact = [np.asarray(mechanism.exact(people), np.int64) for people in (rows, neighbour)]
    scores = np.empty((2, runs))
    for which, people in enumerate((rows, neighbour)):
        for run in range(runs):
            out = np.asarray(mechanism.release(people, epsilon, 2 * run + which))
            scores[which, run] = (np.abs(out - exact[0]) - np.abs(out - exact[1])).sum()
    half = runs // 2
    best = max(np.unique(scores[:, :half]), key=lambda cut: _told(scores[:, :half], cut)[1])
    return _told(scores[:, half:], best)


def _told(scores: np.ndarray, cut: float) -> tuple[float, float]:
    """Log of the ratio of the chances to reach a score: least (with confidence) and likeliest."""
    runs = scores.shape[1]
    without, with_one = (scores >= cut).sum(axis=1)
    high = beta.ppf(1 - DOUBT, without + 1, runs - without) if without < runs else 1.0
    low = beta.ppf(DOUBT, with_one, runs - with_one + 1) if with_one else 0.0
    rare = min(without, with_one) < 50
    likely = -np.inf if rare else np.log(with_one / without)
    return float(np.log(max(low, 1e-12) / high)), float(likely)


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "privacy": (
        neighbours_look_alike,
        noise_is_no_larger_than_needed,
        counts_are_right_on_average,
        noise_comes_from_the_system,
    ),
}
