"""Group testing: laws, the sum over all states, designs, greedy pools, refusals."""

import numpy as np
import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import best_pool, decode_pools, pool_design, pool_posterior

CASES = [law for name in record_of(decode_pools).laws for law in LAWS[name]]


def marginals(pools, results, prior, **rates):
    """Probabilities of people from those of states."""
    states = pool_posterior(pools, results, prior, **rates)
    number = np.arange(states.size)
    return np.array([states[number >> i & 1 == 1].sum() for i in range(np.shape(pools)[1])])


@pytest.mark.parametrize("decode", [decode_pools, marginals])
@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law, decode):
    """The laws the record names hold for messages, and but for many people for the exact sum."""
    if decode is marginals and law.__name__ == "names_do_not_matter":
        pytest.skip("30 people are too many for a sum over all states")
    law(lambda: decode)


def test_messages_are_near_the_exact_sum():
    """On 60 random designs of 12 people the mean difference is below 0.01."""
    gaps = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        pools = pool_design(12, 8, pool_size=4, seed=seed)
        sick = rng.random(12) < 0.1
        results = np.where((pools & sick).any(axis=1), rng.random(8) < 0.95, rng.random(8) < 0.02)
        rates = {"tpr": 0.95, "tnr": 0.98}
        exact = marginals(pools, results, 0.1, **rates)
        gaps.append(np.abs(decode_pools(pools, results, 0.1, **rates) - exact).mean())
    assert np.mean(gaps) < 0.01


def test_results_without_error_are_certain():
    """A negative pool frees all its members, whatever else is positive."""
    pools = pool_design(60, 30, pool_size=8)
    sick = np.zeros(60, bool)
    sick[[5, 41]] = True
    results = (pools & sick).any(axis=1)
    found = decode_pools(pools, results, 0.03, tpr=1, tnr=1)
    free = (pools & ~results[:, None]).any(axis=0)
    assert (found[free] < 1e-6).all()
    assert (found[sick] > 0.5).all()


@pytest.mark.parametrize(("people", "tests", "size"), [(100, 30, 10), (50, 7, 9), (5, 3, 20)])
def test_designs_are_even_and_keep_to_the_size(people, tests, size):
    """No pool is larger than allowed, everyone is in as many as the others, give or take one."""
    pools = pool_design(people, tests, pool_size=size, seed=3)
    assert pools.shape == (tests, people)
    assert (pools.sum(axis=1) <= size).all()
    assert np.ptp(pools.sum(axis=0)) <= 1
    assert pools.sum() == tests * min(size, people)
    assert (pools == pool_design(people, tests, pool_size=size, seed=3)).all()


def test_designs_seldom_repeat_a_meeting():
    """Fewer pairs share two pools or more than in random pools of the same size."""
    pools = pool_design(100, 40, pool_size=8).astype(int)
    rng = np.random.default_rng(0)
    chance = np.zeros_like(pools)
    for row in chance:
        row[rng.choice(100, 8, replace=False)] = 1

    def repeated(table):
        met = table.T @ table
        return (met[np.triu_indices(100, 1)] > 1).sum()

    assert repeated(pools) < 0.5 * repeated(chance)


def test_the_best_pool_is_the_best_of_all():
    """Among all pools of two of five people none tells more, for people and for states."""
    rng = np.random.default_rng(4)
    chances = rng.random(5) / 2
    states = np.ones(1)
    for chance in chances:
        states = np.concatenate([states * (1 - chance), states * chance])
    pool = best_pool(chances, 2, tpr=0.95, tnr=0.9)
    assert (best_pool(states, 2, states=True, tpr=0.95, tnr=0.9) == pool).all()

    def told(members):
        empty = (1 - chances[list(members)]).prod()
        seen = empty * 0.1 + (1 - empty) * 0.95
        h = [-p * np.log(p) - (1 - p) * np.log(1 - p) for p in (seen, 0.1, 0.95)]
        return h[0] - empty * h[1] - (1 - empty) * h[2]

    first = max(range(5), key=lambda i: told([i]))
    rest = [told([first, j]) for j in range(5) if j != first]
    assert told(pool) == pytest.approx(max([*rest, told([first])]))


def test_adaptive_tests_find_the_sick():
    """Greedy pools of the exact posterior: 10 people, one sick, in fewer than 10 tests."""
    for sick in range(10):
        pools, results = np.zeros((0, 10), int), []
        while True:
            states = pool_posterior(pools, results, 0.1, tpr=1, tnr=1)
            if states.max() > 0.999:
                break
            row = np.zeros((1, 10), int)
            row[0, best_pool(states, 10, states=True, tpr=1, tnr=1)] = 1
            pools, results = np.concatenate([pools, row]), [*results, row[0, sick]]
        assert states.argmax() == 1 << sick
        assert len(results) < 10


REFUSED = {
    "pools": (lambda: decode_pools([[2]], [1], 0.1), r"^pools must be a table of 0 and 1, got sha"),
    "results": (lambda: decode_pools([[1]], [2], 0.1), r"^results must be 0, 1 or missing$"),
    "prior": (lambda: decode_pools([[1]], [1], 2), r"^prior must be in 0\.\.1$"),
    "tpr": (lambda: decode_pools([[1]], [1], 0.1, tpr=0), r"^tpr must be in 0\.5\.\.1, got 0$"),
    "sweeps": (lambda: decode_pools([[1]], [1], 0.1, sweeps=0), r"^sweeps must be in 1\.\.10000, "),
    "people": (
        lambda: pool_posterior(np.ones((1, 21)), [1], 0.1),
        r"^number of people must be in 1\.\.20, got 21$",
    ),
    "size": (lambda: pool_design(3, 3, pool_size=0), r"^pool_size must be in 1\.\.1000000, got 0$"),
    "chances": (lambda: best_pool([-1], 2), r"^probabilities must be in 0\.\.1$"),
    "states": (
        lambda: best_pool([0.5, 0.25, 0.25], 2, states=True),
        r"^probabilities of states must be 2\*\*people, got 3$",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals(call, message):
    """Arguments out of range are named."""
    with pytest.raises(ValueError, match=message):
        call()


def test_what_does_not_fit_is_named():
    """Results and priors of other tests and people."""
    with pytest.raises(IncompatibleError, match=r"^2 results do not fit 1 pools$"):
        decode_pools([[1, 0]], [1, 0], 0.1)
    with pytest.raises(IncompatibleError, match=r"^prior of shape \(3,\) does not fit 2 people$"):
        decode_pools([[1, 0]], [1], [0.1, 0.1, 0.1])
