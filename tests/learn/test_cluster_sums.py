"""Cluster sums: their laws, a loop over rows, far rows for empty clusters, refusals."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import ClusterSums

ITEMS = st.tuples(st.integers(-50, 50), st.integers(-50, 50))
CASES = [law for name in record_of(ClusterSums).laws for law in LAWS[name]]
CENTRES = [[0, 0], [10, 10], [-20, 5]]


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold, for rows of whole numbers."""
    law(lambda: ClusterSums(CENTRES, spares=3), ITEMS)


def case(dtype, number=400):
    """Rows and centres in five columns."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(number, 5)).astype(dtype), rng.normal(size=(7, 5))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_the_loop(dtype, weighted):
    """Sums, counts and cost are those of each row's nearest centre."""
    x, centres = case(dtype)
    weights = np.random.default_rng(2).random(len(x)) if weighted else None
    sums = ClusterSums(centres).add(x[:150], None if weights is None else weights[:150])
    sums.add(x[150:], None if weights is None else weights[150:])
    heavy = np.ones(len(x)) if weights is None else weights
    expected, counts, cost = np.zeros((7, 5)), np.zeros(7), 0.0
    for row, weight in zip(x.astype(np.float64), heavy, strict=True):
        gaps = ((row - centres) ** 2).sum(axis=1)
        place = gaps.argmin()
        expected[place] += weight * row
        counts[place] += weight
        cost += weight * gaps[place]
    tight = 1e-9 if dtype is np.float64 else 1e-4
    np.testing.assert_allclose(sums.sums, expected, atol=tight)
    np.testing.assert_allclose(sums.counts, counts)
    assert sums.inertia == pytest.approx(cost, rel=tight)


def test_a_mapped_file_is_read(tmp_path):
    """Rows need not be in memory."""
    x, centres = case(np.float32, 40_000)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert ClusterSums(centres).add(mapped) == ClusterSums(centres).add(x)


def test_empty_clusters_take_the_farthest_rows():
    """Farthest first, each row once, whatever the order of parts."""
    rows = np.array([[1.0], [50.0], [-40.0], [2.0], [30.0]])
    centres = [[0.0], [1000.0], [2000.0]]
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0]):
        parts = [ClusterSums(centres, spares=2).add(rows[[i]]) for i in order]
        merged = parts[0]
        for part in parts[1:]:
            merged.absorb(part)
        np.testing.assert_allclose(merged.step(), [[43 / 5], [50], [-40]])
    kept = ClusterSums(centres, spares=0).add(rows).step()
    np.testing.assert_allclose(kept, [[43 / 5], [1000], [2000]])


def test_refusals():
    """Rows and centres that are none, and passes around other centres."""
    sums = ClusterSums(CENTRES)
    with pytest.raises(ValueError, match=r"^rows must be \(n, 2\), got shape \(1, 3\)$"):
        sums.add([[1, 2, 3]])
    with pytest.raises(ValueError, match=r"^rows must be finite numbers whose squares are finite$"):
        sums.add([[1, np.nan]])
    with pytest.raises(ValueError, match=r"^weights must be 1 numbers of at least 0$"):
        sums.add([[1, 2]], [-1])
    with pytest.raises(ValueError, match=r"^centres must be a finite table, got shape \(2,\)$"):
        ClusterSums([1, 2])
    with pytest.raises(ValueError, match=r"^spares must be in 0\.\.10000, got -1$"):
        ClusterSums(CENTRES, spares=-1)
    with pytest.raises(IncompatibleError, match=r"^cannot merge ClusterSums\(.*\) with Clus"):
        sums.merge(ClusterSums([[0, 0], [10, 10], [-20, 6]]))


def test_arrays_that_lie_are_refused():
    """Other centres than the header says, and more far rows than there may be."""
    sums = ClusterSums(CENTRES, spares=1).add([[3, 3]])
    with pytest.raises(FormatError, match=r"^array 'centres' must be those that the header names$"):
        ClusterSums.restore(sums.spec(), sums.arrays() | {"centres": sums.centres + 1})
    many = {"far": np.zeros((2, 2)), "gaps": np.zeros(2)}
    with pytest.raises(FormatError, match=r"^array 'far' must have at most 1 rows$"):
        ClusterSums.restore(sums.spec(), sums.arrays() | many)


def test_bytes_are_stable():
    """Golden: the format does not move."""
    data = ClusterSums(CENTRES).add([[1, 2], [9, 9]]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "20755764b31530fc"
