"""CoMoments: its laws, NumPy's correlations, missing values, large means, intervals, its edges."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.sketch import CoMoments

LAW_CASES = [law for name in record_of(CoMoments).laws for law in LAWS[name]]
ROWS = st.tuples(*[st.integers(-9, 9) | st.just(float("nan"))] * 3)


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: CoMoments(3), ROWS)


def holed(n=500, dim=6, seed=3):
    """Correlated rows with a tenth of the values missing."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, dim)) @ rng.standard_normal((dim, dim))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


@pytest.mark.parametrize("cuts", [(), (1,), (100, 101, 300)])
@pytest.mark.parametrize("shift", [0.0, 1e7])
def test_agrees_with_numpy_pair_by_pair(cuts, shift):
    """In any parts, and far from zero, correlations are NumPy's over the rows both columns have."""
    rows = holed() + shift
    merged = CoMoments(6)
    for part in np.split(rows, cuts):
        merged.absorb(CoMoments(6).add(part))
    for i in range(6):
        for j in range(6):
            both = np.isfinite(rows[:, i]) & np.isfinite(rows[:, j])
            exact = np.corrcoef(rows[both, i], rows[both, j])[0, 1]
            assert merged.counts()[i, j] == both.sum()
            assert abs(merged.correlations()[i, j] - exact) < 1e-7


def test_the_strongest_pairs_come_first():
    """A copy with noise is found before a weak link; a constant is in no pair."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal(400)
    rows = np.column_stack([x, np.ones(400), x + 0.1 * rng.standard_normal(400), 0.3 * x])
    rows[:, 3] += rng.standard_normal(400)
    found = CoMoments(4).add(rows).correlated(2)
    assert [(pair.first, pair.second) for pair in found] == [(0, 2), (0, 3)]
    assert len(CoMoments(4).add(rows).correlated(99)) == 3


def test_intervals_cover():
    """Of 400 samples of normal rows, 95 % intervals hold the truth within 4 standard errors."""
    rng, truth = np.random.default_rng(5), 0.6
    inside = 0
    for _ in range(400):
        x, noise = rng.standard_normal((2, 50))
        rows = np.column_stack([x, truth * x + np.sqrt(1 - truth**2) * noise])
        inside += truth in CoMoments(2).add(rows).correlated(1)[0].correlation
    assert abs(inside / 400 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 400)


def test_edges():
    """No rows, one row and few rows give no pair; a perfect line is certain."""
    assert CoMoments(2).correlated() == []
    assert CoMoments(2).add([[1, 2]]).correlated() == []
    line = CoMoments(2).add([[i, -i] for i in range(5)]).correlated()
    assert line == [(0, 1, (-1.0, -1.0, -1.0))]
    assert np.isnan(CoMoments(1).add([[1], [1]]).correlations()[0, 0])


def test_refusals():
    """Each message names the argument, the rule and the value."""
    with pytest.raises(ValueError, match=r"^dim must be in 1\.\.4096, got 0$"):
        CoMoments(0)
    with pytest.raises(ValueError, match=r"^rows must be of shape \(n, 2\), got \(1, 3\)$"):
        CoMoments(2).add([[1, 2, 3]])
    with pytest.raises(ValueError, match=r"^k must be in "):
        CoMoments(2).correlated(0)
    with pytest.raises(ValueError, match=r"^confidence must be in "):
        CoMoments(2).correlated(confidence=1)
    with pytest.raises(IncompatibleError, match=r"^cannot merge CoMoments\(dim=2\) with CoM.*3\)$"):
        CoMoments(2).merge(CoMoments(3))
    with pytest.raises(FormatError):
        CoMoments.from_bytes(b"")


def test_bytes_are_stable():
    """Golden: the byte format does not move between versions."""
    data = CoMoments(2).add([[1, 2], [3, 5], [4, np.nan]]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "bc36bcf658cb59e2"
