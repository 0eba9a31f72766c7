"""Group testing: who is positive, from fewer tests of pools than there are people."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr, expit, logit

from thrifty.core import IncompatibleError, in_range, method
from thrifty.hashing import mix64

__all__ = ["best_pool", "decode_pools", "pool_design", "pool_posterior"]

LEAST = 1e-9  # a test is never quite certain, so that no answer contradicts another
MOST_EXACT = 20
Floats = NDArray[np.float64]
Pools = NDArray[np.bool_]


def pool_design(
    num_people: int, num_tests: int, *, pool_size: int, seed: int = 0, tries: int = 8
) -> Pools:
    """Pools by hashing: as in a Bloom filter each person joins some, and pools are filled evenly.

    People take turns, in hashed order; each turn goes to the emptiest of hashed pools that
    share the fewest people with the person so far.

    Args:
        num_people: to be tested, 1..1,000,000.
        num_tests: pools, 1..1,000,000.
        pool_size: most people in a pool; pools are filled to it, where people are enough.
        seed: of the hash, 0..2**64 - 1.
        tries: pools looked at a turn, 1..1,000.

    Returns:
        (num_tests, num_people) bool.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> pools = pool_design(100, 30, pool_size=10)
        >>> int(pools.sum(axis=1).max()), bool((np.ptp(pools.sum(axis=0)) <= 1).all())
        (10, True)
    """
    n = int(in_range("num_people", num_people, 1, 10**6))
    t = int(in_range("num_tests", num_tests, 1, 10**6))
    size = min(int(in_range("pool_size", pool_size, 1, 10**6)), n)
    in_range("tries", tries, 1, 1000)
    pools, room = np.zeros((t, n), bool), np.full(t, size)
    met = [set() for _ in range(n)]
    turn = 0
    while room.any() and turn < t:
        order = np.argsort(mix64(np.arange(n) + turn * n, seed), kind="stable")
        for person in order.tolist():
            place = _choose(pools, room, met[person], person, tries, seed + turn)
            if place >= 0:
                members = np.flatnonzero(pools[place])
                met[person].update(members.tolist())
                for other in members.tolist():
                    met[other].add(person)
                pools[place, person], room[place] = True, room[place] - 1
        turn += 1
    return pools


def _choose(
    pools: Pools, room: NDArray[np.int64], met: set[int], person: int, tries: int, salt: int
) -> int:
    """Of some hashed pools with room: the one with fewest people already met, then the emptiest."""
    free = np.flatnonzero((room > 0) & ~pools[:, person])
    if free.size == 0:
        return -1
    drawn = mix64(np.arange(tries) + person * tries, salt) % np.uint64(free.size)
    places = np.unique(free[drawn.astype(np.int64)])
    emptiest = free[room[free] == room[free].max()][:1]
    places = np.concatenate([places, emptiest])
    known = np.fromiter(met, np.int64, len(met))
    crowd = pools[np.ix_(places, known)].sum(axis=1)
    return int(places[np.lexsort((places, -room[places], crowd))[0]])


@method(
    source="loopy belief propagation: Kschischang, Frey and Loeliger 2001, doi:10.1109/18.910572; "
    "pools as in a Bloom filter: Coleman et al. 2020, Bloom origami assays",
    memory="40 bytes a place in a pool",
    time="O(sweeps * places in pools)",
    error="exact where pools and people make a tree; loops make it too sure of itself",
    exact="pool_posterior, a sum over all 2**n states",
    laws=("pools",),
    evidence=("group_testing",),
)
def decode_pools(
    pools: ArrayLike,
    results: ArrayLike,
    prior: ArrayLike,
    *,
    tpr: float = 0.99,
    tnr: float = 0.99,
    sweeps: int = 50,
    damping: float = 0.5,
) -> Floats:
    """Probability that each person is positive, by messages between people and tests.

    A pool is positive with probability tpr if anyone in it is, else with 1 - tnr. A test tells each
    member how likely its result is with and without them, given what the other tests say of
    the other members; a person adds what the tests say to the prior, in log odds.

    Args:
        pools: (tests, people) of 0 and 1.
        results: (tests,) of 0 and 1; NaN or None where a result is missing.
        prior: probability of a positive, one for all or (people,), 0..1.
        tpr: true positive rate, 0.5..1.
        tnr: true negative rate, 0.5..1.
        sweeps: of messages, 1..10,000.
        damping: share of its last value a message keeps, 0..0.99.

    Returns:
        (people,) probabilities.

    Raises:
        IncompatibleError: results or prior do not fit the pools.
        ValueError: an argument is out of range.

    Example:
        >>> pools = [[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]]
        >>> decode_pools(pools, [0, 1, 0], 0.1).round(2).tolist()
        [0.0, 0.0, 0.01, 0.91]
    """
    table, positive, odds = _checked(pools, results, prior)
    in_range("sweeps", sweeps, 1, 10_000)
    in_range("damping", damping, 0, 0.99)
    yes, no = _likelihoods(positive, tpr, tnr)
    test, person = np.nonzero(table)
    says = np.zeros(test.size)
    for _ in range(sweeps):
        total = odds + np.bincount(person, says, odds.size)
        healthy = -np.logaddexp(0, total[person] - says)  # log probability, without this test
        others = np.bincount(test, healthy, len(table))[test] - healthy
        none = np.exp(np.minimum(others, 0))
        fresh = np.log(yes[test]) - np.log(no[test] * none + yes[test] * (1 - none))
        says = damping * says + (1 - damping) * fresh
    return expit(odds + np.bincount(person, says, odds.size))


def pool_posterior(
    pools: ArrayLike, results: ArrayLike, prior: ArrayLike, *, tpr: float = 0.99, tnr: float = 0.99
) -> Floats:
    """Exact probability of each state of at most 20 people; bit i of the state is person i.

    Args:
        pools, results, prior, tpr, tnr: as of `decode_pools`.

    Returns:
        (2**people,) probabilities.

    Raises:
        IncompatibleError: results or prior do not fit the pools.
        ValueError: there are more than 20 people, or an argument is out of range.

    Example:
        >>> states = pool_posterior([[1, 1]], [1], 0.5, tpr=1, tnr=1)
        >>> states.round(3).tolist()
        [0.0, 0.333, 0.333, 0.333]
    """
    table, positive, odds = _checked(pools, results, prior)
    in_range("number of people", odds.size, 1, MOST_EXACT)
    yes, no = _likelihoods(positive, tpr, tnr)
    states = np.arange(1 << odds.size)
    score = np.zeros(states.size)
    for person, odd in enumerate(odds):
        score += np.where(states >> person & 1, odd, 0.0)
    masks = table.astype(np.int64) @ (1 << np.arange(odds.size))
    for mask, there, absent in zip(masks.tolist(), yes, no, strict=True):
        score += np.where(states & mask, np.log(there), np.log(absent))
    power = np.exp(score - score.max())
    return power / power.sum()


def best_pool(
    probabilities: ArrayLike,
    pool_size: int,
    *,
    states: bool = False,
    tpr: float = 0.99,
    tnr: float = 0.99,
) -> NDArray[np.int64]:
    """The pool whose result tells most: people are added one by one while the gain grows.

    Args:
        probabilities: (people,) of being positive so far, as of `decode_pools`, and taken to be
            independent; or with `states` (2**people,) of all states, as of `pool_posterior`.
        pool_size: most people in it, 1..1,000,000.
        states: probabilities are of states.
        tpr, tnr: as of `decode_pools`.

    Returns:
        Numbers of people, ascending.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> best_pool([0.01, 0.3, 0.2, 0.9], 2).tolist()
        [1, 2]
    """
    odds = np.asarray(probabilities, np.float64)
    _check_chances("probabilities", odds)
    in_range("pool_size", pool_size, 1, 10**6)
    for name, rate in (("tpr", tpr), ("tnr", tnr)):
        in_range(name, rate, 0.5, 1)
    people = odds.size.bit_length() - 1 if states else odds.size
    if states and odds.size != 1 << people:
        raise ValueError(f"probabilities of states must be 2**people, got {odds.size}")
    chosen: list[int] = []
    empty, best = 1.0, 0.0
    while len(chosen) < min(pool_size, people):
        rest = np.setdiff1d(np.arange(people), chosen)
        none = _empty_with(odds, chosen, rest) if states else empty * (1 - odds[rest])
        gains = _gain(none, tpr, tnr)
        place = int(gains.argmax())
        if gains[place] <= best + 1e-12:
            break
        best, empty = float(gains[place]), float(none[place])
        chosen.append(int(rest[place]))
    return np.sort(np.array(chosen, np.int64))


def _empty_with(states: Floats, chosen: list[int], rest: NDArray[np.int64]) -> Floats:
    """Probability that a pool with each of the rest is without a positive."""
    numbers, mask = np.arange(states.size), sum(1 << person for person in chosen)
    clear = [(numbers & (mask | 1 << person)) == 0 for person in rest.tolist()]
    return np.array([states[kept].sum() for kept in clear])


def _gain(none: Floats, tpr: float, tnr: float) -> Floats:
    """Information in nats that a result gives about whether its pool is empty."""

    def entropy(share: Floats | float) -> Floats:
        return entr(share) + entr(1 - np.asarray(share))

    seen = none * (1 - tnr) + (1 - none) * tpr
    return entropy(seen) - none * entropy(tnr) - (1 - none) * entropy(tpr)


def _checked(
    pools: ArrayLike, results: ArrayLike, prior: ArrayLike
) -> tuple[Pools, NDArray[np.int64], Floats]:
    """Pools, results (-1 where missing) and prior log odds."""
    table = np.asarray(pools)
    if table.ndim != 2 or not np.isin(table, (0, 1)).all():
        raise ValueError(f"pools must be a table of 0 and 1, got shape {table.shape}")
    found = np.array(results, np.float64).reshape(-1)
    if found.size != len(table):
        raise IncompatibleError(f"{found.size} results do not fit {len(table)} pools")
    positive = np.where(np.isnan(found), -1, found)
    if not np.isin(positive, (-1, 0, 1)).all():
        raise ValueError("results must be 0, 1 or missing")
    chances = np.asarray(prior, np.float64)
    _check_chances("prior", chances)
    if chances.shape not in ((), (table.shape[1],)):
        people = table.shape[1]
        raise IncompatibleError(f"prior of shape {chances.shape} does not fit {people} people")
    odds = logit(np.clip(np.broadcast_to(chances, table.shape[1]), LEAST, 1 - LEAST))
    return table.astype(bool), positive.astype(np.int64), odds


def _check_chances(name: str, chances: Floats) -> None:
    if not ((chances >= 0) & (chances <= 1)).all():
        raise ValueError(f"{name} must be in 0..1")


def _likelihoods(positive: NDArray[np.int64], tpr: float, tnr: float) -> tuple[Floats, Floats]:
    """Of each result: with a positive in the pool, and without; 1 where it is missing."""
    there = np.clip(in_range("tpr", tpr, 0.5, 1), LEAST, 1 - LEAST)
    absent = np.clip(in_range("tnr", tnr, 0.5, 1), LEAST, 1 - LEAST)
    missing = positive < 0
    yes = np.where(missing, 1.0, np.where(positive == 1, there, 1 - there))
    return yes, np.where(missing, 1.0, np.where(positive == 1, 1 - absent, absent))
