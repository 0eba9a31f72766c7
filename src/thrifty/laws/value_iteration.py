"""Laws of optimistic value iteration: `make(actions, maps, steps)` gives a learner.

Its words are `partial_fit(states, actions, rewards, next_states)` of one episode, `policy_`,
`values_`, `inverses_`, `bonus`, `ridge` and `most`. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAWS"]

Make = Callable[..., Any]
DIM, STATES, STEPS, ACTIONS = 4, 3, 2, 800
NEAR = 0.9  # of the best score that a chosen action has


def inverses_are_inverses(make: Make) -> None:
    """However many rank-one updates there were."""
    learner, rows = _taught(make, range(40))
    for step in range(STEPS):
        x = rows[step]
        exact = np.linalg.inv(x.T @ x + learner.ridge * np.eye(DIM))
        np.testing.assert_allclose(learner.inverses_[step], exact, rtol=1e-6, atol=1e-9)


def chosen_actions_are_nearly_the_best(make: Make) -> None:
    """Each value is the score of its action, and at least nine tenths of the largest there is."""
    learner, rows = _taught(make, range(25))
    actions, maps, _ = _world()
    episodes = [_episode(seed) for seed in range(25)]
    for step in range(STEPS):
        gains = np.array([e[2][step] for e in episodes])
        there = np.array([e[3][step] for e in episodes])
        inverse = learner.inverses_[step]
        w = inverse @ (rows[step].T @ (gains + learner.values_[step + 1][there]))
        for state in range(STATES):
            x = actions @ maps[state].T
            bonus = learner.bonus * np.sqrt(np.einsum("ij,jk,ik->i", x, inverse, x))
            scores = x @ w + bonus
            mine = scores[learner.policy_[step, state]]
            assert mine >= NEAR * scores.max()
            hoped = np.clip(mine, 0, learner.most * (STEPS - step))
            np.testing.assert_allclose(learner.values_[step, state], hoped, rtol=1e-4)


def the_order_of_episodes_does_not_matter(make: Make) -> None:
    """The inverses are the same, and so are the values but for rounding."""
    one, _ = _taught(make, range(12))
    other, _ = _taught(make, range(11, -1, -1))
    np.testing.assert_allclose(one.inverses_, other.inverses_, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(one.values_, other.values_, rtol=1e-5)


def _world() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(0)
    actions = rng.dirichlet(np.full(DIM, 0.5), ACTIONS).astype(np.float32).astype(np.float64)
    maps = rng.dirichlet(np.full(DIM, 0.5), (STATES, DIM)).transpose(0, 2, 1)
    return actions, maps, rng.random(DIM)


def _episode(seed: int) -> tuple[NDArray[Any], ...]:
    rng = np.random.default_rng(100 + seed)
    states, there = rng.integers(0, STATES, (2, STEPS))
    return states, rng.integers(0, ACTIONS, STEPS), rng.random(STEPS), there


def _taught(make: Make, seeds: Any) -> tuple[Any, NDArray[Any]]:
    """A learner after some episodes, and the features it has seen, (steps, episodes, d)."""
    actions, maps, _ = _world()
    learner, rows = make(actions, maps, STEPS), []
    for seed in seeds:
        episode = _episode(seed)
        learner.partial_fit(*episode)
        rows.append([maps[s] @ actions[a] for s, a in zip(episode[0], episode[1], strict=True)])
    return learner, np.array(rows).transpose(1, 0, 2)


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "value iteration": (
        inverses_are_inverses,
        chosen_actions_are_nearly_the_best,
        the_order_of_episodes_does_not_matter,
    )
}
