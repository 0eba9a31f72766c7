"""World: a linear world of few states and very many actions, whose best policy is known."""

import numpy as np

__all__ = ["World"]


class World:
    """Features are mixtures of `dim` kinds of outcome; an action is one, changed by the state.

    Args:
        actions, dim, states, steps: how many. seed: of all.
    """

    def __init__(self, actions: int, dim: int, states: int, steps: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.steps = steps
        self.actions = rng.dirichlet(np.full(dim, 0.3), actions).astype(np.float32)
        columns = rng.dirichlet(np.full(dim, 0.3), (states, dim)).transpose(0, 2, 1)
        turned = np.stack([np.eye(dim)[rng.permutation(dim)] for _ in range(states)])
        self.maps = 0.3 * columns + 0.7 * turned
        self.rewards = rng.random((steps, dim))
        self.nexts = rng.dirichlet(np.full(states, 0.3), (steps, dim))
        self.best = self._values(None)

    def _values(self, policy: np.ndarray | None) -> np.ndarray:
        values = np.zeros(self.maps.shape[0])
        for step in range(self.steps - 1, -1, -1):
            weights = (self.rewards[step] + self.nexts[step] @ values) @ self.maps
            if policy is None:
                values = (self.actions @ weights.T).max(axis=0)
            else:
                values = np.einsum("sd,sd->s", self.actions[policy[step]], weights)
        return values

    def regret(self, policy: np.ndarray) -> float:
        """What a policy (steps, states) is short of the best, from state 0 on."""
        return float(self.best[0] - self._values(policy)[0])

    def episode(self, policy: np.ndarray, rng: np.random.Generator) -> tuple[list, ...]:
        """States, actions, mean rewards, and next states of chance."""
        states, actions, rewards, state = [0], [], [], 0
        for step in range(self.steps):
            actions.append(int(policy[step, state]))
            x = self.maps[state] @ self.actions[actions[-1]].astype(np.float64)
            rewards.append(float(x @ self.rewards[step]))
            chances = np.maximum(x @ self.nexts[step], 0)
            state = int(rng.choice(chances.size, p=chances / chances.sum()))
            states.append(state)
        return states[:-1], actions, rewards, states[1:]
