"""PEPPP: its laws, the design and the prediction against their formulas, and what is refused."""

import itertools

import numpy as np
import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import PEPPP, pareto

LAW_CASES = [law for name in record_of(PEPPP).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: PEPPP(2))


def tasks(seed=0, noise=0.01):
    """Errors of 30 tasks in 10 configurations, a tenth of them unknown."""
    rng = np.random.default_rng(seed)
    errors = 0.4 + 0.1 * rng.standard_normal((30, 2)) @ rng.standard_normal((2, 10))
    errors += 0.05 * rng.standard_normal((30, 1)) + noise * rng.standard_normal(errors.shape)
    return errors, np.where(rng.random(errors.shape) < 0.1, np.nan, errors)


def test_the_frontier_is_brute_forces():
    """A point is on it if no other is as good in both and better in one; of equals the first."""
    rng = np.random.default_rng(0)
    cost, error = rng.integers(0, 6, (2, 40))
    ours = set(zip(cost[pareto(cost, error)], error[pareto(cost, error)], strict=True))
    points = set(zip(cost, error, strict=True))
    slow = {p for p in points if not any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)}
    assert ours == slow
    assert (np.diff(cost[pareto(cost, error)]) > 0).all()


def test_the_design_is_the_greedy_determinant():
    """Each choice has the largest log det(I + F'F / noise), by determinants written out."""
    model = PEPPP(2).fit(tasks()[1])
    ids, chosen = model.design(np.ones(10), 4), []

    def volume(rows):
        f = model.factors[rows]
        return np.linalg.slogdet(np.eye(f.shape[1]) + f.T @ f / model.noise)[1]

    for best in ids:
        others = {j: volume([*chosen, j]) for j in range(10) if j not in chosen}
        assert others[best] == pytest.approx(max(others.values()), abs=1e-6)
        chosen.append(int(best))
    pairs = max(volume(list(p)) for p in itertools.combinations(range(10), 2))
    assert volume(list(ids[:2])) >= (1 - 1 / np.e) * pairs


def test_the_prediction_is_the_normal_conditional():
    """Mean and spread of a normal vector, given some of it, by its covariance."""
    whole, holed = tasks()
    model = PEPPP(2).fit(holed)
    cov = model.factors @ model.factors.T
    ids, rest = [1, 4, 7], [0, 2, 3, 5, 6, 8, 9]
    gain = cov[np.ix_(rest, ids)] @ np.linalg.inv(cov[np.ix_(ids, ids)] + model.noise * np.eye(3))
    tried = {j: whole[0, j] for j in ids}
    expected = model.mean[rest] + gain @ (whole[0, ids] - model.mean[ids])
    assert model.predict(tried)[rest] == pytest.approx(expected, abs=1e-9)
    wide = np.diag(cov[np.ix_(rest, rest)] - gain @ cov[np.ix_(ids, rest)]) + model.noise
    assert model.spread(tried)[rest] == pytest.approx(np.sqrt(wide), abs=1e-9)
    assert model.spread(tried)[ids].tolist() == [0, 0, 0]
    assert model.predict({}) == pytest.approx(model.mean)


def test_the_spread_is_honest():
    """Of many new tasks, errors over spreads have a mean square near one."""
    whole, _ = tasks(seed=3)
    errors = np.concatenate([tasks(seed=3)[0]])
    ratios = []
    for held in range(30):
        model = PEPPP(2).fit(np.delete(errors, held, axis=0))
        tried = {int(j): whole[held, j] for j in model.design(np.ones(10), 4)}
        rest = [j for j in range(10) if j not in tried]
        ratios.append((model.predict(tried) - whole[held])[rest] / model.spread(tried)[rest])
    assert 0.5 < np.mean(np.square(ratios)) < 2


def test_costs_are_kept():
    """A cap, a total, and fewer runs where there is no more."""
    model, costs = PEPPP(2).fit(tasks()[1]), np.arange(1.0, 11)
    assert costs[model.design(costs, 9, cap=3)].max() <= 3
    ids = model.design(costs, 9, total=7)
    assert costs[ids].sum() <= 7
    assert model.design(costs, 3, total=0.5).size == 0
    front = model.frontier(costs, {0: 0.9, 5: 0.01})
    assert 5 in front


def test_what_does_not_fit_is_refused():
    """Holes alone, costs, ids, errors and numbers."""
    message = r"^errors must hold a number in each row and column, got holes alone$"
    with pytest.raises(ValueError, match=message):
        PEPPP().fit([[1.0, np.nan], [2.0, np.nan]])
    model = PEPPP(2).fit(tasks()[1])
    with pytest.raises(IncompatibleError, match=r"^costs must be of shape \(10,\), got \(3,\)$"):
        model.design(np.ones(3), 1)
    with pytest.raises(TypeError, match=r"^runs must be a whole number in 1\.\.1000000000, got 1"):
        model.design(np.ones(10), 1.5)
    with pytest.raises(IncompatibleError, match=r"^tried must be ids below 10, got others$"):
        model.predict({10: 0.5})
    with pytest.raises(ValueError, match=r"^tried must be finite errors, got others$"):
        model.spread({1: np.nan})
    with pytest.raises(IncompatibleError, match=r"^errors must be of shape \(2,\), got \(3,\)$"):
        pareto([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match=r"^rank must be in 1\.\.10000, got 0$"):
        PEPPP(0)
