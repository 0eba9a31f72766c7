"""RACE: its laws, its estimates against the exact kernel sum, hashing into cells, edges."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.hashing import PStable, SimHash
from thrifty.laws import LAWS
from thrifty.sketch import RACE

LAW_CASES = [law for name in record_of(RACE).laws for law in LAWS[name]]
ROWS = st.lists(st.integers(-9, 9), min_size=3, max_size=3)


class Three(RACE):
    """Of three columns."""

    @classmethod
    def within(cls, budget):
        """Within a budget."""
        return super().within(budget, 3)


KINDS = {
    "angles": lambda: Three(SimHash(3, 2, 5, seed=1)),
    "signs": lambda: Three(SimHash(3, 2, 5, seed=1, density=0.5)),
    "hashed": lambda: Three(SimHash(3, 6, 5, seed=1), 8),
    "distances": lambda: Three(PStable(3, 2, 5, width=4.0, seed=1), 50),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, make):
    """The laws the record names hold for angles and distances, hashed and not."""
    law(make, ROWS)


def data(n=300, dim=6, seed=0):
    """Vectors in two groups, and queries near them."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, dim)) + np.where(np.arange(n)[:, None] % 3 == 0, 2, -1)
    return x.astype(np.float32), (x[:8] + 0.1 * rng.standard_normal((8, dim))).astype(np.float32)


def angles(seed, width=None):
    """A sketch by angles, and its kernel."""
    family = SimHash(6, 3, 40, seed=seed)

    def kernel(x, q):
        cosines = (q @ x.T) / np.linalg.norm(q, axis=1)[:, None] / np.linalg.norm(x, axis=1)
        return family.collision(cosines)

    return RACE(family, width), kernel


def distances(seed, width=64):
    """A sketch by distances, and its kernel."""
    family = PStable(6, 2, 40, width=6.0, seed=seed)
    return RACE(family, width), lambda x, q: family.collision(
        np.linalg.norm(q[:, None] - x[None], axis=2)
    )


@pytest.mark.parametrize(
    ("make", "width"), [(angles, None), (angles, 4), (distances, 64), (distances, 7)]
)
def test_estimates_are_unbiased(make, width):
    """Over 150 seeds the mean estimate is within 4 standard errors of the exact kernel sum."""
    x, queries = data()
    weights = np.random.default_rng(1).integers(-2, 5, len(x))
    found = []
    for seed in range(150):
        race, kernel = make(seed, width)
        found.append(race.add(x, weights).estimate(queries))
    exact = kernel(x, queries) @ weights
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - exact) <= 4 * error).all()


def test_variance_keeps_the_bound():
    """The spread over seeds is at most that of the record."""
    x, queries = data()
    found = []
    for seed in range(200):
        race, kernel = angles(seed)
        found.append(race.add(x).estimate(queries))
    bound = np.sqrt(kernel(x, queries)).sum(axis=1) / np.sqrt(40)
    assert (np.std(found, axis=0, ddof=1) <= bound * (1 + 4 / np.sqrt(2 * 200))).all()


def test_intervals_cover():
    """Intervals of 95 % hold the exact sum in 93 to 97 of 100 cases, within 4 standard errors."""
    x, queries = data()
    inside = []
    for seed in range(200):
        race, kernel = angles(seed)
        found = race.add(x).interval(queries)
        exact = kernel(x, queries).sum(axis=1)
        inside.append((found.low <= exact) & (exact <= found.high))
    share, error = np.mean(inside), np.std(np.mean(inside, axis=1), ddof=1) / np.sqrt(200)
    assert 0.92 - 4 * error <= share <= 0.98 + 4 * error


def test_density_is_the_mean_kernel():
    """The density divides by the sum of weights; without any it is NaN."""
    x, queries = data()
    race, _ = angles(0)
    race.add(x, weights=3)
    assert race.total == 3 * len(x)
    np.testing.assert_allclose(race.density(queries), race.estimate(queries) / race.total)
    assert np.isnan(angles(0)[0].density(queries)).all()


def test_median_of_means_resists_a_spoilt_table():
    """One table gone wrong moves the mean, and hardly the median of means."""
    x, queries = data()
    race, _ = angles(0)
    race.add(x)
    plain = race.estimate(queries, groups=8)
    race.counts[0] += 10**6
    assert (race.estimate(queries) > 10**4).all()
    np.testing.assert_allclose(race.estimate(queries, groups=8), plain, rtol=0.5)


def test_what_is_not_finite_is_left_out():
    """Rows with NaN or infinity add nothing; such queries get NaN."""
    x, queries = data()
    spoilt = np.vstack([x, np.full((2, 6), np.nan), np.full((1, 6), np.inf)])
    race = angles(0)[0].add(spoilt)
    assert race == angles(0)[0].add(x)
    queries[1, 2] = np.nan
    assert np.isnan(race.estimate(queries)).tolist() == [False, True] + [False] * 6
    with np.errstate(all="raise"):
        race.density(queries)


def test_strangers_are_not_subtracted():
    """Subtracting across seeds is refused."""
    with pytest.raises(IncompatibleError, match=r"^cannot subtract RACE\(SimHash.*seed=1\)"):
        angles(0)[0].subtract(angles(1)[0])


def test_refusals():
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=r"^width must be in 2\.\.1048576, got 1$"):
        RACE(SimHash(3, 2, 5), 1)
    with pytest.raises(ValueError, match=r"^width must be given for 2147483647 codes, got None$"):
        RACE(PStable(3, 2, 5))
    planes = np.ones((3, 10), np.float32)
    with pytest.raises(IncompatibleError, match=r"must have planes of its seed, got planes of its"):
        RACE(SimHash(3, 2, 5, planes=planes))
    race = RACE(SimHash(3, 2, 5))
    with pytest.raises(IncompatibleError, match=r"^rows of shape \(2, 4\) must be \(n, 3\)$"):
        race.add(np.zeros((2, 4)))
    with pytest.raises(IncompatibleError, match=r"^weights of shape \(3,\) must be \(2,\)$"):
        race.add(np.zeros((2, 3)), [1, 2, 3])
    with pytest.raises(ValueError, match=r"^weights must be integers, got float64$"):
        race.add(np.zeros((2, 3)), [0.5, 1])
    with pytest.raises(ValueError, match=r"^groups must be in 1\.\.5, got 6$"):
        race.estimate(np.zeros((2, 3)), groups=6)
    with pytest.raises(ValueError, match=r"^confidence must be in 0\.5\.\.0\.9999, got 1$"):
        race.interval(np.zeros((2, 3)), 1)


def test_lying_bytes_are_refused():
    """Counters of another shape, rows of another sum and families of a wild size are refused."""
    good = RACE(SimHash(3, 2, 5)).add([[1, 2, 3]])

    class Lies(RACE):
        told = ()

        def spec(self):
            return self.told[0]

        def arrays(self):
            return {"counts": self.told[1]}

    uneven = good.counts.copy()
    uneven[0, 0] += 1
    wild = {"family": {**good.spec()["family"], "shape": [2**20, 24, 2**16]}, "width": None}
    for told in ((good.spec(), uneven), (good.spec(), good.counts[:4]), (wild, good.counts)):
        lie = Lies(SimHash(3, 2, 5))
        lie.told = told
        with pytest.raises(FormatError):
            RACE.from_bytes(lie.to_bytes())


def test_bytes_are_stable():
    """Golden: the bytes of fixed rows do not move between versions."""
    data = RACE(SimHash(3, 2, 5, seed=1, density=0.5), 3).add([[1, 2, 3], [4, 0, -1]]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "dcfcdcd8f19f3c4b"


# budgets


def test_a_budget_is_used_and_holds_the_planes_too():
    """Counters and planes fill it but for less than one table."""
    race = RACE.within("100 kB", 20, bits=6, seed=3)
    held = race.counts.nbytes + race.family.planes.nbytes
    assert 100_000 - (8 * 64 + 4 * 6 * 20) < held <= 100_000
    assert (race.family.dim, race.family.num_codes, race.family.seed) == (20, 64, 3)


def test_for_error_keeps_the_error():
    """Over 60 seeds, densities are off by about the standard error that was asked at most."""
    x, queries = data(200, 5)
    errors = []
    for seed in range(60):
        race = RACE.for_error(0.1, 5, bits=3, seed=seed).add(x)
        cosines = (queries @ x.T) / np.linalg.norm(queries, axis=1)[:, None]
        exact = race.family.collision(cosines / np.linalg.norm(x, axis=1)).mean(axis=1)
        errors.append(race.density(queries) - exact)
    assert race.family.tables == 100
    off = np.sqrt(np.mean(np.square(errors)))
    assert 0.005 < off < 0.1 * (1 + 3 / np.sqrt(2 * 60))


def test_budgets_and_errors_out_of_range_are_refused():
    """Whole messages."""
    with pytest.raises(BudgetError, match=r"^budget must be at least 176 B for a RACE sketch of"):
        RACE.within(100, 3)
    with pytest.raises(ValueError, match=r"^error must be .* got 0$"):
        RACE.for_error(0, 3)
    with pytest.raises(ValueError, match=r"^bits must be .* got 17$"):
        RACE.within("1 MB", 3, bits=17)
