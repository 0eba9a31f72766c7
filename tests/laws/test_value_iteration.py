"""Laws of value iteration: broken by each learner that cheats."""

import numpy as np
import pytest

from thrifty.laws.value_iteration import (
    chosen_actions_are_nearly_the_best,
    inverses_are_inverses,
    the_order_of_episodes_does_not_matter,
)
from thrifty.learn import LSVI


class Deaf(LSVI):
    """Forgets every other step."""

    def _learn(self, step, x, gain, there):
        if step:
            super()._learn(step, x, gain, there)


class Idle(LSVI):
    """Always the first action."""

    @property
    def policy_(self):
        """Zeros."""
        return np.zeros_like(super().policy_)


class Late(LSVI):
    """The last episode counts more."""

    def _learn(self, step, x, gain, there):
        self._seen = getattr(self, "_seen", 0) + 1
        super()._learn(step, x * (1 + 0.1 * self._seen), gain, there)


CHEATS = [
    (inverses_are_inverses, Deaf),
    (chosen_actions_are_nearly_the_best, Idle),
    (the_order_of_episodes_does_not_matter, Late),
]


@pytest.mark.parametrize(("law", "cheat"), CHEATS, ids=[law.__name__ for law, _ in CHEATS])
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it."""
    with pytest.raises(AssertionError):
        law(cheat)
