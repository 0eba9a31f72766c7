"""Covariance sketch: its laws, its bounds against exact ones, holes, units, edges, bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.sketch import CovarianceSketch

LAW_CASES = [law for name in record_of(CovarianceSketch).laws for law in LAWS[name]]
ROWS = st.tuples(*[st.integers(-9, 9)] * 3)


class Three(CovarianceSketch):
    """Of three columns."""

    @classmethod
    def within(cls, budget):
        """Within a budget."""
        return super().within(budget, 3)


def table(n, d, factors=4, seed=0, noise=0.3):
    """Columns of a few factors, of other units and means."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, factors)) @ rng.normal(size=(factors, d))
    rows += noise * rng.normal(size=(n, d))
    return rows * 10.0 ** rng.integers(-1, 5, d) + 10.0 ** rng.integers(-3, 3, d)


def assert_bounds(sketch, rows):
    """Every correlation lies in its interval, and within the bound of all."""
    exact = np.corrcoef(rows.T)
    for i in range(sketch.dim):
        for j in range(i):
            estimate, low, high = sketch.interval(i, j)
            assert low - 1e-9 <= exact[i, j] <= high + 1e-9
            assert abs(estimate - exact[i, j]) <= sketch.error_bound() + 1e-9


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: Three(3, 2), ROWS)


@pytest.mark.parametrize("ell", [2, 8, 30])
@pytest.mark.parametrize("parts", [1, 5])
def test_the_bounds_hold(ell, parts):
    """For one stream and for parts of other means, each with units of its own."""
    rows = table(600, 30, seed=ell)
    rows[300:] += 3 * rows.std(axis=0)
    whole = CovarianceSketch(30, ell)
    for part in np.array_split(rows, parts):
        whole.absorb(CovarianceSketch(30, ell).add(part))
    assert_bounds(whole, rows)
    np.testing.assert_array_equal(whole.counts(), 600)
    assert (whole.error_bound() < 1e-6) == (ell == 30)


def test_the_strongest_pairs_are_found():
    """Of 300 columns two move together but for their sign, and come first."""
    rows = table(900, 300, factors=20, seed=3, noise=1.0)
    rows[:, 290] = 5 - rows[:, 7] / 3
    best = CovarianceSketch(300, 150).add(rows).correlated(1)[0]
    assert (best.first, best.second) == (7, 290)
    assert best.correlation.low <= -1 + 1e-9
    assert best.correlation.estimate < -0.8


def test_what_is_missing_stands_at_the_mean():
    """NaN, infinite and huge numbers count as the mean of their block; an empty column is none."""
    rows = table(400, 5)
    holes = rows.copy()
    holes[::3, 1], holes[5, 2], holes[6, 2], holes[:, 4] = np.nan, np.inf, 1e200, np.nan
    sketch = CovarianceSketch(5, 5).add(holes)
    filled = rows.copy()
    filled[::3, 1] = np.nanmean(holes[:, 1])
    filled[5:7, 2] = np.delete(rows[:, 2], [5, 6]).mean()
    assert sketch.counts().tolist() == [400, 266, 398, 400, 0]
    for i, j in ((0, 1), (1, 2), (2, 3)):
        exact = np.corrcoef(filled[:, i], filled[:, j])[0, 1]
        np.testing.assert_allclose(sketch.interval(i, j).estimate, exact, atol=1e-9)
    assert np.isnan(sketch.interval(0, 4).estimate)
    assert all(4 not in pair[:2] for pair in sketch.correlated(20))


def test_units_of_a_sample():
    """A sketch that was scaled merges without loss; one that holds rows cannot be scaled."""
    rows = table(500, 20)
    empty = CovarianceSketch(20, 20).scale_by(rows[::50])
    parts = [empty.copy().add(part) for part in np.array_split(rows, 4)]
    whole = empty.copy()
    for part in parts:
        whole.absorb(part)
    assert_bounds(whole, rows)
    with pytest.raises(ValueError, match=r"^a sketch must be empty to be scaled, got 500 rows in"):
        whole.scale_by(rows)


def test_it_holds_what_it_says():
    """What fits a budget fits it full."""
    sketch = CovarianceSketch.within("100 kB", 50)
    for seed in range(4):
        sketch.add(table(300, 50, seed=seed))
        assert sketch.nbytes <= 100_000


def test_bad_arguments_are_named():
    """Each refusal names the argument, its rule and its value."""
    with pytest.raises(ValueError, match=r"^dim must be in 1\.\.16777216, got 0$"):
        CovarianceSketch(0)
    with pytest.raises(BudgetError, match=r"^budget must be at least 296 B for correlations of 3"):
        CovarianceSketch.within(9, 3)
    with pytest.raises(ValueError, match=r"^rows must be of shape \(n, 3\), got \(1, 2\)$"):
        CovarianceSketch(3).add([[1, 2]])
    with pytest.raises(ValueError, match=r"^column must be in 0\.\.2, got 3$"):
        CovarianceSketch(3).interval(0, 3)
    with pytest.raises(IncompatibleError, match=r"^cannot merge "):
        CovarianceSketch(3).merge(CovarianceSketch(4))
    assert CovarianceSketch(3).correlated() == []


@pytest.mark.parametrize(
    "changed",
    [{"count": [1, 1, -1]}, {"mean": [1, np.nan, 1]}, {"scale": [0, 1, 1]}, {"scatter": [1.0]},
     {"rows": [-1]}, {"ell": 0}, {"dim": 2**40}],
    ids=str,
)  # fmt: skip
def test_lies_are_damage(changed):
    """Moments that cannot be are refused, whatever their checksums."""

    class Lies(CovarianceSketch):
        def arrays(self):
            held = super().arrays()
            return held | {k: np.array(v, held[k].dtype) for k, v in changed.items() if k in held}

        def spec(self):
            held = super().spec()
            return held | {k: v for k, v in changed.items() if k in held}

    with pytest.raises(FormatError):
        CovarianceSketch.from_bytes(Lies(3, 2).add(np.eye(3)).to_bytes())


def test_bytes_are_stable():
    """Golden: neither the format nor a bit of the answer moves, on any machine."""
    rows = (np.arange(4000) * 7919 % 1009).reshape(200, 20) / 7
    data = CovarianceSketch(20, 4).add(rows).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "7acbec8099306a0d"
