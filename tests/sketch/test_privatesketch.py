"""PrivateSketch: its promise audited, its noise against the formula, densities, merges, edges."""

import hashlib

import numpy as np
import pytest

from thrifty.core import FormatError, IncompatibleError, record_of
from thrifty.hashing import PStable, SimHash
from thrifty.laws import LAWS
from thrifty.laws.privacy import measure_epsilon
from thrifty.sketch import RACE, PrivateSketch
from thrifty.sketch.privatesketch import two_sided_geometric

LAW_CASES = [law for name in record_of(PrivateSketch).laws for law in LAWS[name]]


class Mechanism:
    """Releases of a small sketch as the laws want them."""

    def __init__(self, replace=False, paired=False):
        self.replace, self.paired = replace, paired
        self.made = {}

    def race(self, rows):
        """Rows, and their opposites where they come in pairs; made once."""
        key = str(rows)
        if key not in self.made:
            self.made[key] = RACE(SimHash(3, 2, 3, seed=1)).add(rows)
            if self.paired:
                self.made[key].add(-np.asarray(rows))
        return self.made[key]

    def exact(self, rows):
        """Counters without noise."""
        return self.race(rows).counts

    def release(self, rows, epsilon, seed):
        """Counters with noise."""
        options = {"contribution": 1 + self.paired, "replace": self.replace, "seed": seed}
        return PrivateSketch.release(self.race(rows), epsilon, **options).arrays()["counts"]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold for one more person."""
    law(Mechanism)


def test_a_person_replaced_is_hidden():
    """With replace, neighbours of equal size keep epsilon; without it they would not."""
    rows = [[1, 2, 3], [4, 0, -1], [5, -2, 4]]
    other = [*rows[:2], [-5, 2, -4]]
    hidden, seen = (
        measure_epsilon(Mechanism(replace=kept), rows, other, 1.0, runs=3000)
        for kept in (True, False)
    )
    assert hidden[0] <= 1.0
    assert seen[1] > 1.2


def test_pairs_of_rows_are_hidden():
    """A row inserted with its opposite changes two counters a table, and stays hidden."""
    rows = [[1, 2, 3], [4, 0, -1]]
    low, likely = measure_epsilon(Mechanism(paired=True), rows, [*rows, [5, -2, 4]], 2.0, runs=3000)
    assert low <= 2.0
    assert likely >= 1.0


@pytest.mark.parametrize(("epsilon", "sensitivity"), [(0.01, 1), (1.0, 1), (1.0, 50), (5.0, 2)])
def test_noise_is_two_sided_geometric(epsilon, sensitivity):
    """Chances of small values and the variance are the formula's within 5 standard errors."""
    noise = two_sided_geometric((200_000,), epsilon, sensitivity, seed=3)
    a = np.exp(-epsilon / sensitivity)
    for k in (-2, -1, 0, 1, 5):
        chance = (1 - a) / (1 + a) * a ** abs(k)
        error = np.sqrt(chance * (1 - chance) / noise.size)
        assert abs((noise == k).mean() - chance) <= 5 * error
    square = noise.astype(float) ** 2
    error = square.std() / np.sqrt(noise.size)
    assert abs(square.mean() - 2 * a / (1 - a) ** 2) <= 5 * error


def data(seed=0):
    """Rows around two centres, and two queries near and one far."""
    x = np.random.default_rng(seed).standard_normal((3000, 3))
    x[::2] += 4
    return x.astype(np.float32), np.array([[0, 0, 0], [4, 4, 4], [40, -40, 0]], np.float32)


@pytest.mark.parametrize("width", [None, 32], ids=["plain", "hashed"])
def test_estimates_are_unbiased(width):
    """Over 200 draws of noise the mean estimate is within 4 standard errors of RACE's own."""
    x, queries = data()
    race = RACE(SimHash(3, 4, 20, seed=2), width).add(x)
    found = [PrivateSketch.release(race, 1.0, seed=seed).estimate(queries) for seed in range(200)]
    error = np.std(found, axis=0, ddof=1) / np.sqrt(200)
    assert (np.abs(np.mean(found, axis=0) - race.estimate(queries)) <= 4 * error).all()


def test_the_total_is_estimated():
    """The number of rows is in its interval as often as promised; the width is the formula's."""
    x, _ = data()
    race = RACE(SimHash(3, 4, 20, seed=2)).add(x)
    found = [PrivateSketch.release(race, 1.0, seed=seed).total() for seed in range(300)]
    share = np.mean([len(x) in interval for interval in found])
    assert abs(share - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / 300)
    totals = [interval.estimate for interval in found]
    formula = np.sqrt(2 * 20 * 16) / 1.0
    assert abs(np.std(totals, ddof=1) / formula - 1) <= 4 / np.sqrt(2 * 300) + 0.01


def test_densities_are_near_the_exact_ones():
    """Densities of 3,000 rows at epsilon 5 are within 0.1 of the kernel's; a far one near 0."""
    x, queries = data()
    family = PStable(3, 2, 60, width=4.0, seed=1)
    private = PrivateSketch.release(RACE(family, 64).add(x), 5.0, seed=1)
    far = np.linalg.norm(queries[:, None] - x[None], axis=2)
    assert (np.abs(private.density(queries) - family.collision(far).mean(axis=1)) < 0.1).all()
    found = private.interval(queries)
    np.testing.assert_allclose(found.estimate, private.estimate(queries))
    assert (found.low < found.high).all()


def test_merging_adds_rows_and_noise():
    """Two parts of the people make one sketch of all; its noise is that of both."""
    x, queries = data()
    family = SimHash(3, 3, 40, seed=2)
    parts = [PrivateSketch.release(RACE(family).add(x[i::2]), 2.0, seed=i) for i in (0, 1)]
    both = parts[0].merge(parts[1])
    assert both.noise_variance == 2 * parts[0].noise_variance
    slack = 5 * np.sqrt(both.noise_variance / 40)
    gap = np.abs(both.estimate(queries) - RACE(family).add(x).estimate(queries))
    assert (gap <= slack).all()
    other = PrivateSketch.release(RACE(family).add(x), 1.0, seed=1)
    with pytest.raises(IncompatibleError, match=r"^cannot merge PrivateSketch.*epsilon=2\.0\)"):
        both.merge(other)


def test_bytes_come_back():
    """Bytes hold the noisy counters and the promise; damage is refused."""
    x, queries = data()
    race = RACE(SimHash(3, 3, 10, seed=2), 5).add(x)
    private = PrivateSketch.release(race, 1.0, contribution=2, replace=True, seed=1)
    twin = PrivateSketch.from_bytes(private.to_bytes())
    assert twin == private
    assert twin.sensitivity == 40
    np.testing.assert_array_equal(twin.density(queries), private.density(queries))
    with pytest.raises(FormatError):
        PrivateSketch.from_bytes(private.to_bytes()[:-3])
    assert race.total == len(x), "the sketch without noise has not changed"


def test_refusals():
    """Each bad argument is named with its rule and value."""
    race = RACE(SimHash(3, 2, 5))
    with pytest.raises(TypeError, match=r"^race must be a RACE sketch, got list$"):
        PrivateSketch.release([], 1.0)
    for epsilon in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"^epsilon must be in 1e-06\.\.100, got"):
            PrivateSketch.release(race, epsilon)
    with pytest.raises(ValueError, match=r"^contribution must be in 1\.\.1000000, got 0$"):
        PrivateSketch.release(race, 1.0, contribution=0)
    with pytest.raises(ValueError, match=r"^sensitivity must be in 1\.\.2147483647, got 0$"):
        two_sided_geometric((2,), 1.0, 0)
    private = PrivateSketch.release(race, 1.0, seed=1)
    with pytest.raises(IncompatibleError, match=r"^rows of shape \(1, 2\) must be \(n, 3\)$"):
        private.estimate([[1, 2]])
    with pytest.raises(ValueError, match=r"^confidence must be in 0\.5\.\.0\.9999, got 1$"):
        private.total(1)


def test_bytes_are_stable():
    """Golden: the bytes of fixed rows with fixed noise do not move between versions."""
    race = RACE(SimHash(3, 2, 5, seed=1, density=0.5), 3).add([[1, 2, 3], [4, 0, -1]])
    data = PrivateSketch.release(race, 1.0, seed=7).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "a8d73e25769d4d71"
