"""Centre tree: its laws, the nearest of all leaves, missing nodes, refusals."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import CentreTree

ITEMS = st.tuples(st.integers(-50, 50), st.integers(-50, 50))
CASES = [law for name in record_of(CentreTree).laws for law in LAWS[name]]


def make(branches=3, depth=2, seed=0, **options):
    """A tree of random centres in two columns."""
    rng = np.random.default_rng(seed)
    levels = [rng.normal(scale=20, size=(branches**at, 2)) for at in range(1, depth + 1)]
    return CentreTree(levels, **options)


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(make, ITEMS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("branches", "depth"), [(2, 1), (3, 3), (5, 2)])
def test_with_all_probes_the_nearest_leaf_is_found(branches, depth, dtype):
    """As many probes as leaves are a search of all of them."""
    tree = make(branches, depth)
    x = np.random.default_rng(1).normal(scale=20, size=(200, 2)).astype(dtype)
    leaves, gaps = tree.find(x, branches**depth)
    exact = ((x[:, None] - tree.levels[-1].astype(dtype)) ** 2).sum(axis=2)
    np.testing.assert_array_equal(leaves, exact.argmin(axis=1))
    np.testing.assert_allclose(gaps, exact.min(axis=1), rtol=1e-4)


def test_one_probe_goes_down_greedily():
    """The nearest node, then the nearest of its children."""
    tree = make(4, 2)
    x = np.random.default_rng(2).normal(scale=20, size=(100, 2))
    first = ((x[:, None] - tree.levels[0]) ** 2).sum(axis=2).argmin(axis=1)
    children = tree.levels[1].reshape(4, 4, 2)[first]
    leaves = 4 * first + ((x[:, None] - children) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(tree.find(x)[0], leaves)


def test_more_probes_never_lose():
    """Distances fall, or stay, as probes are added."""
    tree, x = make(6, 3), np.random.default_rng(3).normal(scale=20, size=(300, 2))
    costs = [tree.find(x, probes)[1].sum() for probes in (1, 2, 8, 36, 216)]
    assert costs == sorted(costs, reverse=True)


def test_nodes_that_are_not_there_are_never_found():
    """Centres that are infinite stand for nothing."""
    levels = [[[0.0], [np.inf]], [[-1.0], [1.0], [np.inf], [np.inf]]]
    tree = CentreTree(levels, n_probe=4)
    assert tree.find([[5.0], [-3.0]])[0].tolist() == [1, 0]


def test_refusals():
    """Tables that are no tree, rows of another width, counts of other trees."""
    with pytest.raises(ValueError, match=r"^levels must be tables of branches\*\*level centres, "):
        CentreTree([[[0.0], [1.0]], [[0.0]]])
    with pytest.raises(ValueError, match=r"^n_probe must be in 1\.\.65536, got 0$"):
        make(n_probe=0)
    with pytest.raises(ValueError, match=r"^rows must be \(n, 2\), got shape \(1, 3\)$"):
        make().add([[1, 2, 3]])
    with pytest.raises(ValueError, match=r"^rows must be finite numbers whose squares are finite$"):
        make().find([[np.nan, 1]])
    with pytest.raises(IncompatibleError, match=r"^cannot merge counts of trees with different"):
        make().merge(make(seed=1))
    with pytest.raises(FormatError, match=r"^array 'counts' must be at least 0$"):
        CentreTree.restore(make().spec(), make().arrays() | {"counts": np.full(9, -1)})


def test_bytes_are_stable():
    """Golden: the format does not move."""
    tree = CentreTree([[[0.0], [9.0]], [[-1.0], [1.0], [8.0], [10.0]]]).add([[7.0]])
    assert hashlib.sha256(tree.to_bytes()).hexdigest()[:16] == "88e5c05f0d9f6049"
