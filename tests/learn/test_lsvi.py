"""LSVI: laws by scan and by both lifts, a bandit that is learned, refusals."""

import numpy as np
import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import LSVI

CASES = [law for name in record_of(LSVI).laws for law in LAWS[name]]
WAYS = [{"search": "scan"}, {"lift": "tangent", "effort": 0.3}, {"lift": "norm", "effort": 0.3}]


@pytest.mark.parametrize("way", WAYS, ids=["scan", "tangent", "norm"])
@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law, way):
    """The laws the record names hold."""
    law(lambda *given: LSVI(*given, **way))


def test_a_bandit_is_learned_by_the_index():
    """After a hundred rounds the arm is nearly the best, and few scans were needed."""
    rng = np.random.default_rng(0)
    arms, worth = rng.dirichlet(np.ones(6), 5000), np.array([0.1, 0.9, 0.3, 0.5, 0.2, 0.4])
    bandit = LSVI(arms, np.eye(6)[None], 1, bonus=0.3)
    for _ in range(100):
        arm = bandit.predict(0, [0])
        bandit.partial_fit([0], arm, (rng.random(1) < arms[arm] @ worth).astype(float), [0])
    best = (arms @ worth).max()
    assert arms[bandit.predict(0, [0])[0]] @ worth > 0.9 * best
    assert bandit.actions.scans < 20
    assert bandit.values_[1].tolist() == [0.0]


def test_rewards_come_back_from_later_steps():
    """An action that earns nothing but leads to a good state is learned."""
    actions, maps = np.eye(2), np.stack([np.eye(2), np.zeros((2, 2))])
    learner = LSVI(actions, maps, 2, bonus=1e-6, ridge=1e-3, search="scan")
    learner.partial_fit([0, 0], [0, 0], [0, 1], [0, 0])
    learner.partial_fit([0, 1], [1, 1], [0, 0], [1, 1])
    assert learner.policy_[0, 0] == 0
    assert learner.values_[0, 0] > 0.9
    assert learner.nbytes > 0


def test_refusals():
    """What does not fit or is out of range is named."""
    rows, maps = np.eye(3), np.eye(3)[None]
    learner = LSVI(rows, maps, 2, search="scan")
    with pytest.raises(
        IncompatibleError, match=r"^maps of shape \(1, 2, 2\) do not fit actions of shape \(3, 3\)$"
    ):
        LSVI(rows, np.eye(2)[None], 2)
    with pytest.raises(
        ValueError,
        match=r"^actions must be 2 dimensions of numbers of size at most 1000, got shape \(3, 3\)$",
    ):
        LSVI(rows * np.nan, maps, 2)
    with pytest.raises(ValueError, match=r"^lift must be one of tangent, norm, got 'none'$"):
        LSVI(rows, maps, 2, lift="none")
    with pytest.raises(ValueError, match=r"^states must be in 0\.\.0, got \[0, 1\]$"):
        learner.partial_fit([0, 1], [0, 0], [0, 0], [0, 0])
    with pytest.raises(ValueError, match=r"^actions must be whole numbers, got float64$"):
        learner.partial_fit([0, 0], [0.5, 0], [0, 0], [0, 0])
    with pytest.raises(ValueError, match=r"^rewards must be in 0\.\.1\.0, got \[0\.0, 2\.0\]$"):
        learner.partial_fit([0, 0], [0, 0], [0, 2], [0, 0])
    with pytest.raises(IncompatibleError, match=r"^columns of shapes .* do not fit 2 steps$"):
        learner.partial_fit([0], [0, 0], [0, 0], [0, 0])
    with pytest.raises(ValueError, match=r"^step must be in 0\.\.1, got 2$"):
        learner.predict(2, [0])
