"""LSVI: optimistic value iteration where there are very many actions, few of them looked at."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, in_range, method, one_of, whole
from thrifty.learn._bonus import LiftedActions

__all__ = ["LSVI"]

Floats = NDArray[np.float64]
LIFTS, EFFORT = ("tangent", "norm"), 0.03


@method(
    source="LSVI-UCB: Jin, Yang, Wang and Jordan 2020, arXiv:1907.05388; actions by lifted inner "
    "products: Shrivastava, Song and Xu 2021, arXiv:2105.08285",
    memory="about 7 * (d * d / 2 + 1.5 * d) bytes an action with the index, 4 * d without; "
    "8 * steps * (d * d + d * states)",
    time="steps * states searches an episode, whatever the number of episodes so far; d * d a "
    "transition for the inverse",
    error="each action's optimistic value at least half of what the bound allows, or a scan; "
    "regret is measured",
    exact='LSVI(..., search="scan"): all actions through a Cholesky factor',
    laws=("value iteration",),
    evidence=("lsvi",),
)
class LSVI:
    """Learn to act over a few steps in a linear world, from what actions led to.

    Features of an action in a state are `maps[state] @ actions[action]`, so all states share one
    index of actions. Each step keeps a ridge regression of reward and next value on features,
    its inverse by rank-one updates; a policy takes in each state the action of the largest
    estimate plus `bonus` times its uncertainty, chosen among few by a bound that is an inner
    product, then scored exactly.

    Args:
        actions: (n, d) finite numbers of size at most 1e3.
        maps: (states, d, d), of actions to features in each state; finite, of size at most 1e3.
        steps: of an episode, 1..10_000.
        bonus: how much uncertainty is worth, 1e-9..1e9.
        ridge: added to the diagonal, 1e-9..1e9.
        most: reward of a step at most, 1e-9..1e9; values are clipped to what is left of it.
        search: "index" or "scan".
        lift: "tangent", which is tight near the last choice, or "norm", of the paper, which wants
            values that are not negative.
        candidates: scored exactly, 1..10_000.
        effort: share of the index looked at, 1e-6..1; None for 0.03.
        seed: of the index, 0..2**64 - 1.

    Raises:
        IncompatibleError: maps do not fit the actions.
        ValueError: an argument out of range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> arms = rng.dirichlet(np.ones(4), 1000)
        >>> bandit = LSVI(arms, np.eye(4)[None], 1, bonus=0.1, search="scan")
        >>> for _ in range(50):
        ...     arm = bandit.predict(0, [0])
        ...     _ = bandit.partial_fit([0], arm, arms[arm] @ [0, 0, 1, 0.5], [0])
        >>> bool(arms[bandit.predict(0, [0])[0], 2] > 0.9)
        True
    """

    def __init__(
        self,
        actions: ArrayLike,
        maps: ArrayLike,
        steps: int,
        *,
        bonus: float = 1.0,
        ridge: float = 1.0,
        most: float = 1.0,
        search: str = "index",
        lift: str = "tangent",
        candidates: int = 32,
        effort: float | None = None,
        seed: int = 0,
    ) -> None:
        rows = np.ascontiguousarray(_finite("actions", actions, 2), dtype=np.float32)
        self.maps = _finite("maps", maps, 3)
        if self.maps.shape[1:] != (rows.shape[1], rows.shape[1]):
            shapes = f"maps of shape {self.maps.shape} do not fit actions of shape {rows.shape}"
            raise IncompatibleError(shapes)
        self.steps = whole("steps", steps, 1, 10_000)
        self.bonus = in_range("bonus", bonus, 1e-9, 1e9)
        self.ridge = in_range("ridge", ridge, 1e-9, 1e9)
        self.most = in_range("most", most, 1e-9, 1e9)
        self.actions = LiftedActions(
            rows,
            lift=one_of("lift", lift, LIFTS),
            candidates=whole("candidates", candidates, 1, 10_000),
            effort=EFFORT if effort is None else in_range("effort", effort, 1e-6, 1),
            indexed=one_of("search", search, ("index", "scan")) == "index",
            seed=whole("seed", seed, 0, 2**64 - 1),
        )
        self._begin()

    def _begin(self) -> None:
        (count, dim), states = self.actions.actions.shape, len(self.maps)
        self.num_actions = count
        self.inverses_ = np.tile(np.eye(dim) / self.ridge, (self.steps, 1, 1))
        self._rewards = np.zeros((self.steps, dim))
        self._nexts = np.zeros((self.steps, states, dim))
        self._radii = np.full((self.steps, states), np.inf)
        self._policy = np.zeros((self.steps, states), np.int64)
        self._values = np.zeros((self.steps + 1, states))
        self._fresh = False

    def partial_fit(
        self, states: ArrayLike, actions: ArrayLike, rewards: ArrayLike, next_states: ArrayLike
    ) -> Self:
        """Take in one episode.

        Args:
            states, actions, rewards, next_states: (steps,), of each step in turn.

        Raises:
            IncompatibleError: another number of steps.
            ValueError: a state or action that is none, or a reward that is not in 0..most.
        """
        here = self._whole("states", states, len(self.maps))
        taken = self._whole("actions", actions, self.num_actions)
        there = self._whole("next_states", next_states, len(self.maps))
        gains = np.asarray(rewards, dtype=np.float64)
        if any(column.shape != (self.steps,) for column in (here, taken, gains, there)):
            shapes = (here.shape, taken.shape, gains.shape, there.shape)
            raise IncompatibleError(f"columns of shapes {shapes} do not fit {self.steps} steps")
        if not ((gains >= 0) & (gains <= self.most)).all():
            raise ValueError(f"rewards must be in 0..{self.most}, got {gains.tolist()}")
        for step in range(self.steps):
            x = self.maps[here[step]] @ self.actions.actions[taken[step]]
            self._learn(step, x, gains[step], there[step])
        self._fresh = False
        return self

    def _learn(self, step: int, x: Floats, gain: float, there: int) -> None:
        """One row more of a step's regression; its inverse by Sherman and Morrison."""
        inverse = self.inverses_[step]
        moved = inverse @ x
        inverse -= np.outer(moved, moved) / (1 + x @ moved)
        self._rewards[step] += gain * x
        self._nexts[step, there] += x

    def predict(self, step: int, states: ArrayLike) -> NDArray[np.int64]:
        """The action that the policy takes at a step in each of these states.

        Raises:
            ValueError: the step or a state is none.
        """
        chosen = whole("step", step, 0, self.steps - 1)
        return self.policy_[chosen, self._whole("states", states, len(self.maps))]

    @property
    def policy_(self) -> NDArray[np.int64]:
        """(steps, states) int64, the action of each."""
        return self._planned()._policy

    @property
    def values_(self) -> Floats:
        """(steps + 1, states), what is hoped for from each step on; 0 at the end."""
        return self._planned()._values

    @property
    def nbytes(self) -> int:
        """Bytes of actions, their index and the regressions."""
        held = (self.maps, self.inverses_, self._rewards, self._nexts, self._values, self._radii)
        return self.actions.nbytes + self._policy.nbytes + sum(array.nbytes for array in held)

    def _planned(self) -> Self:
        """Values from the last step back, if there is something new."""
        for step in () if self._fresh else range(self.steps - 1, -1, -1):
            inverse = self.inverses_[step]
            w = inverse @ (self._rewards[step] + self._values[step + 1] @ self._nexts[step])
            spread = self.bonus * (self.maps.transpose(0, 2, 1) @ np.linalg.cholesky(inverse))
            found = self.actions.best(w @ self.maps, spread, self._radii[step])
            self._policy[step] = found.ids
            self._radii[step] = np.maximum(found.bonuses, 1e-12)
            self._values[step] = np.clip(found.scores, 0, self.most * (self.steps - step))
        self._fresh = True
        return self

    def _whole(self, name: str, given: ArrayLike, count: int) -> NDArray[np.int64]:
        column = np.asarray(given)
        if column.size and column.dtype.kind not in "iu":
            raise ValueError(f"{name} must be whole numbers, got {column.dtype}")
        if column.size and not (column.min() >= 0 and column.max() < count):
            raise ValueError(f"{name} must be in 0..{count - 1}, got {column.tolist()}")
        return column.astype(np.int64)


def _finite(name: str, given: ArrayLike, ndim: int) -> Floats:
    array = np.asarray(given, dtype=np.float64)
    if array.ndim != ndim or not array.size or not (np.abs(array) <= 1e3).all():
        what = f"{ndim} dimensions of numbers of size at most 1000"
        raise ValueError(f"{name} must be {what}, got shape {array.shape}")
    return array
