"""Profile compare: what was changed is found, what is only chance is not, distances are right."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import norm

from thrifty.models.profile import profile
from thrifty.models.profile_compare import changes

KINDS = {"x": "number", "city": "category", "note": "text"}


def table(n=20_000, seed=0, shift=0.0, missing=0.01, weights=(0.5, 0.3, 0.2, 0.0)):
    """Rows whose distributions can be moved."""
    rng = np.random.default_rng(seed)
    cities = rng.choice(["Rome", "Oslo", "Lima", "Cairo"], n, p=weights)
    return pa.table(
        {
            "x": pa.array(rng.standard_normal(n) + shift, mask=rng.random(n) < missing),
            "city": cities,
            "note": [f"note number {i}" for i in rng.integers(0, 5_000, n)],
        }
    )


def compared(before, after):
    """The changes between two tables."""
    kinds = [{n: k for n, k in KINDS.items() if n in t.column_names} for t in (before, after)]
    tables = zip((before, after), kinds, strict=True)
    return changes(*(profile(t, memory="64 MB", types=k, threads=1) for t, k in tables))


def test_chance_is_not_a_change():
    """Two samples of one distribution: nothing is sure after Holm's correction."""
    found = compared(table(seed=1), table(seed=2))
    assert [change for change in found if change.p <= 0.05] == []


def test_a_shift_of_numbers_is_found_with_its_distance():
    """Moved by half a standard deviation, the distance is the normal one, within the sketches."""
    found = compared(table(seed=1), table(seed=2, shift=0.5))
    change = next(c for c in found if (c.column, c.what) == ("x", "values"))
    exact = 2 * norm.cdf(0.25) - 1
    assert exact - 0.05 < change.distance < exact + 4 / np.sqrt(20_000)
    assert change.p < 1e-6
    assert change.before.startswith("median ")


def test_missing_values_are_tested():
    """A share that rose is told in per cent."""
    found = compared(table(seed=1), table(seed=2, missing=0.05))
    change = next(c for c in found if c.what == "missing")
    assert change.column == "x"
    assert change.p < 1e-6
    assert float(change.after.rstrip("%")) == pytest.approx(5, abs=0.7)


def test_a_new_value_is_named():
    """A city that was not there before, and the total variation of all cities."""
    found = compared(table(seed=1), table(seed=2, weights=(0.4, 0.3, 0.2, 0.1)))
    values = next(c for c in found if (c.column, c.what) == ("city", "values"))
    assert values.distance == pytest.approx(0.1, abs=0.02)
    assert values.p < 1e-6
    new = [c for c in found if c.what == "new value"]
    assert [c.after.partition(":")[0] for c in new] == ["'Cairo'"]


def test_columns_and_types_are_compared():
    """What is in one table only, or has another type, is told without a test."""
    before, after = table(100), table(100).drop_columns(["city"]).append_column("z", [[1.0] * 100])
    found = {(c.column, c.what): c for c in compared(before, after)}
    assert found["city", "column"].after == "none"
    assert found["z", "column"].before == "none"
    assert np.isnan(found["z", "column"].p)
