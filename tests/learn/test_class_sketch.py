"""Class sketch: its laws, exact counts and its bound, budgets, refusals."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import ClassCounts, ClassSketch

ITEMS = st.tuples(st.lists(st.integers(0, 30), max_size=6), st.sampled_from(["a", "b", "c"]))
CASES = [law for name in record_of(ClassSketch).laws for law in LAWS[name]]


class Three(ClassSketch):
    """A sketch of three classes unless others are given, as the laws of budgets ask."""

    @classmethod
    def within(cls, budget, classes=("a", "b", "c"), num_features=31, **options):
        """The widest of three classes."""
        return super().within(budget, classes, num_features, **options)


def make(**options):
    """A small sketch."""
    return Three(["a", "b", "c"], 31, **({"width": 8, "depth": 2, "seed": 5} | options))


@pytest.mark.parametrize("storage", ["float64", "float32"])
@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law, storage):
    """The laws the record names hold for numbers of either size."""
    law(lambda: make(storage=storage), ITEMS)


def streams(seed, number=20_000):
    """Skewed columns of two classes."""
    rng = np.random.default_rng(seed)
    columns = np.minimum(rng.zipf(1.3, number), 10**6)
    return [(part.tolist(), label) for part, label in zip(np.split(columns, 2), "ab", strict=True)]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_counts_are_never_low_and_seldom_high(depth):
    """Over 20 seeds: no count too low; those above the bound of 90 % are at most 10 % (4 se)."""
    batch = streams(3)
    exact = ClassCounts(["a", "b"]).add(batch)
    columns = np.unique(np.concatenate([codes for codes, _ in batch]))
    truth = exact.lookup(columns)
    missed = []
    for seed in range(20):
        sketch = ClassSketch(["a", "b"], width=300, depth=depth, seed=seed).add(batch)
        over = sketch.lookup(columns) - truth
        assert (over >= 0).all()
        missed.append((over > sketch.error_bound(0.9)).mean())
    assert np.mean(missed) <= 0.1 + 4 * np.std(missed) / np.sqrt(20)
    assert np.mean(missed) < 0.1
    np.testing.assert_array_equal(sketch.totals, exact.totals)


def test_wide_sketches_are_exact():
    """Where every column has a counter of its own, nothing is off; columns seen are told too."""
    batch = streams(4, 200)
    exact = ClassCounts(["a", "b"]).add(batch)
    columns = np.unique(np.concatenate([codes for codes, _ in batch]))
    sketch = ClassSketch(["a", "b"], width=1 << 20).add(batch)
    np.testing.assert_array_equal(sketch.lookup(columns), exact.lookup(columns))
    assert sketch.distinct == pytest.approx(exact.distinct, abs=1)


def test_columns_seen_are_estimated():
    """Within 4 standard errors of linear counting, at twice as many columns as counters."""
    sketch = ClassSketch([0, 1], width=2000, seed=2).add([(range(4000), 1)])
    error = 4 * np.sqrt(2000 * (np.exp(2) - 2 - 1))
    assert abs(sketch.distinct - 4000) < error


def test_refusals():
    """Arguments out of range, and a sketch with another hash."""
    with pytest.raises(ValueError, match=r"^depth must be in 1\.\.16, got 17$"):
        make(depth=17)
    with pytest.raises(ValueError, match=r"^storage must be one of float64, float32, got 'int8'$"):
        make(storage="int8")
    with pytest.raises(ValueError, match=r"^labels must be among the 3 classes, got 'd'$"):
        make().add([([1], "d")])
    with pytest.raises(ValueError, match=r"^confidence must be in 0\.\.1, got 2$"):
        make().error_bound(2)
    with pytest.raises(IncompatibleError, match=r"^cannot subtract .*seed=6\) from .*seed=5\)$"):
        make().subtract(make(seed=6))


def test_a_budget_too_small_is_refused():
    """With what would do."""
    with pytest.raises(BudgetError, match=r"^budget must be at least 64 B for a class sketch, got"):
        ClassSketch.within(63, [0, 1], 10)


def test_a_spec_that_lies_allocates_nothing():
    """A width that the array has not is damage, found before room is made for it."""
    sketch = make()
    with pytest.raises(FormatError, match=r"^array 'table' must be float64 of shape \(2, 1099"):
        ClassSketch.restore(sketch.spec() | {"width": 2**40}, sketch.arrays())


def test_bytes_are_stable():
    """Golden: hashes and format do not move."""
    data = ClassSketch(["x", "y"], 100, width=16, seed=1).add([([1, 2, 50], "x")]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "1596b72fd6d5105c"
