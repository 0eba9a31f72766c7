"""Laws of choosing configurations from few runs: a factory makes what learns, designs and predicts.

It answers `fit(errors)` (tasks x configurations, NaN for holes), `design(costs, runs, cap=)` and
`predict(tried)`, a mapping from configuration to error. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

__all__ = ["LAWS"]

Make = Callable[[], Any]
checked = settings(
    deadline=None, max_examples=15, derandomize=True, phases=(Phase.explicit, Phase.generate)
)
SEEDS, RUNS = st.integers(0, 2**32 - 1), st.integers(1, 12)


def _tasks(seed: int) -> tuple[np.random.Generator, np.ndarray]:
    """Errors of 24 tasks in 12 configurations: of rank 2, and a little noise."""
    rng = np.random.default_rng(seed)
    errors = 0.3 + 0.1 * rng.standard_normal((24, 2)) @ rng.standard_normal((2, 12))
    return rng, errors + 0.001 * rng.standard_normal(errors.shape)


def design_is_allowed(make: Make) -> None:
    """As many configurations as asked, none twice, none above the cap."""

    @checked
    @given(SEEDS, RUNS, st.floats(0, 1))
    def check(seed: int, runs: int, cap: float) -> None:
        rng, errors = _tasks(seed)
        costs = rng.random(12)
        ids = make().fit(errors).design(costs, runs, cap=cap)
        assert len(set(ids.tolist())) == len(ids) == min(runs, int((costs <= cap).sum()))
        assert (costs[ids] <= cap).all()

    check()


def tried_is_kept(make: Make) -> None:
    """What was measured is predicted as it was measured, and all else is a number."""

    @checked
    @given(SEEDS, RUNS)
    def check(seed: int, runs: int) -> None:
        rng, errors = _tasks(seed)
        ids = rng.permutation(12)[:runs]
        guess = make().fit(errors[1:]).predict({int(j): errors[0, j] for j in ids})
        assert (guess[ids] == errors[0, ids]).all()
        assert np.isfinite(guess).all()

    check()


def a_few_runs_tell(make: Make) -> None:
    """Four designed runs on a task of that kind predict the rest better than the mean does."""

    @checked
    @given(SEEDS)
    def check(seed: int) -> None:
        _, errors = _tasks(seed)
        model = make().fit(errors[2:])
        gaps = []
        for task in errors[:2]:
            ids = model.design(np.ones(12), 4)
            guess = model.predict({int(j): task[j] for j in ids})
            gaps.append(np.abs([guess - task, errors[2:].mean(0) - task]).mean(1))
        ours, mean = np.mean(gaps, axis=0)
        assert ours < mean

    check()


LAWS = {"precision choice": (design_is_allowed, tried_is_kept, a_few_runs_tell)}
