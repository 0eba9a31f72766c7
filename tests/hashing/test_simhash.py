"""SimHash: its laws, its codes against the plain formula, its edges."""

import numpy as np
import pytest
import scipy.sparse as sp

from thrifty.core import IncompatibleError, record_of
from thrifty.hashing import SimHash
from thrifty.laws.lsh import LAWS

LAW_CASES = [law for name in record_of(SimHash).laws for law in LAWS[name]]


@pytest.mark.parametrize("density", [None, 1 / 3], ids=["gaussian", "signs"])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, density):
    """The laws the record names hold, with Gaussian and with sparse sign planes."""
    law(lambda: SimHash(128, 3, 200, seed=7, density=density))


@pytest.mark.parametrize("bits", [1, 5, 24])
def test_agrees_with_the_formula(bits):
    """A code is the signs of the projections read as a binary number."""
    x = np.random.default_rng(bits).integers(-9, 9, (50, 20)).astype(np.float32)
    family = SimHash(20, bits, 3, seed=2, density=0.5)
    signs = (x @ family.planes > 0).reshape(50, 3, bits).astype(int)
    np.testing.assert_array_equal(family(x), signs @ (1 << np.arange(bits)[::-1]))


def test_sparse_rows_have_the_codes_of_dense_ones():
    """A CSR batch and its dense form share every code."""
    x = np.random.default_rng(5).integers(-1, 2, (40, 30)).astype(np.float32)
    family = SimHash(30, 8, 5, density=0.5)
    np.testing.assert_array_equal(family(sp.csr_array(x)), family(x))


def test_given_planes_are_used():
    """Planes that are given decide the codes."""
    planes = np.eye(3, dtype=np.float32)
    codes = SimHash(3, 3, 1, planes=planes)(np.array([[1, -1, 1], [-1, 2, 3]]))
    assert codes.tolist() == [[5], [3]]


def test_seed_changes_the_planes():
    """Another seed gives other planes."""
    assert not np.array_equal(SimHash(8, 2, 2, seed=1).planes, SimHash(8, 2, 2, seed=2).planes)


def test_empty_batch():
    """No rows give no codes."""
    assert SimHash(8, 2, 3)(np.empty((0, 8))).shape == (0, 3)


def test_nbytes_is_the_planes():
    """The bytes are those of the formula in the record."""
    assert SimHash(10, 4, 3).nbytes == 4 * 10 * 4 * 3


def test_refusals():
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=r"^bits must be in 1\.\.24, got 25$"):
        SimHash(8, 25, 1)
    with pytest.raises(ValueError, match=r"^dim must be in 1\.\.2147483647, got 0$"):
        SimHash(0, 2, 1)
    with pytest.raises(ValueError, match=r"^tables must be in 1\.\.65536, got 0$"):
        SimHash(8, 2, 0)
    with pytest.raises(ValueError, match=r"^density must be in 1e-06\.\.1, got 2$"):
        SimHash(8, 2, 1, density=2)


def test_what_does_not_fit_is_refused():
    """Planes or batches of another shape are shown beside the family."""
    says = r"^a batch of shape \(2, 7\) does not fit SimHash\(8, 2, 1, seed=0\)$"
    with pytest.raises(IncompatibleError, match=says):
        SimHash(8, 2, 1)(np.zeros((2, 7)))
    says = r"^planes of shape \(8, 3\) do not fit SimHash\(8, 2, 1, seed=0\)$"
    with pytest.raises(IncompatibleError, match=says):
        SimHash(8, 2, 1, planes=np.zeros((8, 3)))
