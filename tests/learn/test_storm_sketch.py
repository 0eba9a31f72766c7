"""StormSketch: its laws, its risks against the exact surrogate, edges, golden bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, dump, record_of
from thrifty.laws import LAWS
from thrifty.learn import StormSketch

LAW_CASES = [law for name in record_of(StormSketch).laws for law in LAWS[name]]
ROWS = st.lists(st.integers(-9, 9), min_size=3, max_size=3)


class Three(StormSketch):
    """Of three columns."""

    @classmethod
    def within(cls, budget):
        """Within a budget."""
        return super().within(budget, 3, radius=7.0, bits=2)


@pytest.mark.parametrize("paired", [True, False], ids=["paired", "plain"])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, paired):
    """The laws the record names hold, with rows in pairs and alone."""
    law(lambda: Three(3, radius=7.0, tables=5, bits=2, paired=paired, seed=1), ROWS)


@pytest.mark.parametrize("paired", [True, False], ids=["paired", "plain"])
def test_risk_is_the_mean_surrogate(paired):
    """Over 200 seeds the mean risk of models is within 4 standard errors of the surrogate's."""
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((300, 4)) * np.array([1, 2, 0.5, 1])
    models = rng.standard_normal((6, 4))
    models *= np.array([0, 0.2, 0.5, 0.9, 1, 3])[:, None] / np.linalg.norm(models, axis=1)[:, None]
    short = rows / np.maximum(3.0, np.linalg.norm(rows, axis=1, keepdims=True))
    within = models / np.maximum(1.0, np.linalg.norm(models, axis=1, keepdims=True))
    found = []
    for seed in range(200):
        sketch = StormSketch(4, radius=3.0, tables=50, bits=3, paired=paired, seed=seed)
        found.append(sketch.add(rows).risk(models))
        exact = sketch.surrogate(within @ short.T).mean(axis=1)
    error = np.std(found, axis=0, ddof=1) / np.sqrt(200)
    assert (np.abs(np.mean(found, axis=0) - exact) <= 4 * error + 1e-4).all()
    assert (np.std(found, axis=0) <= np.sqrt(exact / 50) * (1 + 4 / np.sqrt(400))).all()


def test_surrogates_have_the_right_shape():
    """Paired it is even, convex near 0 and least there; plain it rises with the product."""
    t = np.linspace(-1, 1, 201)
    paired = StormSketch(2, radius=1.0, tables=1, bits=4).surrogate(t)
    np.testing.assert_allclose(paired, paired[::-1])
    assert paired.argmin() == 100
    assert (np.diff(paired[60:141], 2) > 0).all()
    assert (np.diff(StormSketch(2, radius=1.0, tables=1, paired=False).surrogate(t)) > 0).all()


def test_weights_and_rows():
    """Weights count rows; rows that are not finite are left out; nothing has no risk."""
    sketch = StormSketch(2, radius=1.0, tables=3)
    assert np.isnan(sketch.risk([[0.1, 0.2]])).all()
    sketch.add([[0.1, 0.2], [np.nan, 0], [np.inf, 1]], [5, 7, 9])
    assert sketch.rows == 5
    assert sketch.subtract(sketch).rows == 0


def test_refusals():
    """Each bad argument is named; rows of another length and strangers are refused."""
    with pytest.raises(ValueError, match=r"^dim must be in 1\.\.100000, got 0$"):
        StormSketch(0, radius=1)
    with pytest.raises(ValueError, match=r"^radius must be in 1e-30\.\.1e\+30, got 0$"):
        StormSketch(2, radius=0)
    with pytest.raises(ValueError, match=r"^bits must be in 2\.\.16, got 1$"):
        StormSketch(2, radius=1, bits=1)
    with pytest.raises(ValueError, match=r"^tables must be in 1\.\.65536, got 0$"):
        StormSketch(2, radius=1, tables=0)
    sketch = StormSketch(2, radius=1, tables=3)
    with pytest.raises(IncompatibleError, match=r"^rows of shape \(1, 3\) must be \(n, 2\)$"):
        sketch.risk([[1, 2, 3]])
    with pytest.raises(ValueError, match=r"^weights must be integers, got float64$"):
        sketch.add([[1, 2]], [0.5])
    with pytest.raises(IncompatibleError, match=r"^cannot subtract StormSketch\(dim=2.*seed=1\)"):
        sketch.subtract(StormSketch(2, radius=1, tables=3, seed=1))


def test_lying_bytes_are_refused():
    """Counters that do not fit the spec are a FormatError."""
    sketch = StormSketch(2, radius=1.0, tables=3)
    for change in ({"tables": 4}, {"bits": 5}, {"dim": 0}, {"dim": 2**40}, {"radius": None}):
        header = {**sketch.spec(), **change}
        data = dump(kind="storm-sketch", version=1, header=header, arrays=sketch.arrays())
        with pytest.raises(FormatError):
            StormSketch.from_bytes(data)


def test_bytes_are_stable():
    """Golden: the bytes of fixed rows do not move between versions."""
    data = StormSketch(2, radius=2.0, tables=3, seed=1).add([[1, 0.5], [-0.5, 3]]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "69d9e8ad844abd60"


def test_a_budget_is_used_and_holds_the_planes_too():
    """Counters and planes fill it but for less than one table; below one it is refused."""
    sketch = StormSketch.within("50 kB", 6, radius=1.0, bits=3)
    table = 8 * 8 + 4 * 3 * 8
    assert sketch.tables == 50_000 // table
    with pytest.raises(BudgetError, match=rf"^budget must be at least {table} B for a STORM s"):
        StormSketch.within(table - 1, 6, radius=1.0, bits=3)
