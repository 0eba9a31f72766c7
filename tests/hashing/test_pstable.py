"""PStable: its laws, its codes against the plain slices, its collisions by integration, edges."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from thrifty.core import IncompatibleError, record_of
from thrifty.hashing import PStable
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(PStable).laws for law in LAWS[name]]


@pytest.mark.parametrize(("hashes", "width"), [(1, 1.0), (3, 20.0), (2, 1e-3)])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, hashes, width):
    """The laws the record names hold at several widths."""
    law(lambda: PStable(24, hashes, 200, width=width, seed=7))


def test_codes_are_equal_where_the_slices_are():
    """Rows share a code exactly where all slices of the table agree."""
    family = PStable(5, 2, 4, width=2.0, seed=3)
    x = np.random.default_rng(1).standard_normal((200, 5)).astype(np.float32)
    slices = np.floor((x @ family.planes).astype(np.float64) + family.shifts).reshape(200, 4, 2)
    codes = family(x)
    for table in range(4):
        same = (slices[:, None, table] == slices[None, :, table]).all(axis=2)
        np.testing.assert_array_equal(same, codes[:, None, table] == codes[None, :, table])


@pytest.mark.parametrize("distance", [0.01, 0.5, 1.0, 3.0, 30.0])
def test_collision_is_the_integral(distance):
    """The closed form is the integral of the density of the step times the chance to stay."""
    exact, _ = quad(lambda t: 2 * norm.pdf(t / distance) / distance * (1 - t), 0, 1, points=[0.1])
    assert abs(PStable(3, 1, 1).collision(distance) - exact) < 1e-7
    assert abs(PStable(3, 4, 1).collision(distance) - exact**4) < 1e-7


def test_seed_changes_the_codes():
    """Another seed gives other slices."""
    x = np.ones((1, 8))
    assert not np.array_equal(PStable(8, 2, 20, seed=1)(x), PStable(8, 2, 20, seed=2)(x))


def test_sizes():
    """No rows give no codes; the bytes are those of the record; the same vector always meets."""
    family = PStable(8, 2, 3)
    assert family(np.empty((0, 8))).shape == (0, 3)
    assert family.nbytes == 4 * 8 * 6 + 8 * 6
    assert family.collision(0) == pytest.approx(1, abs=1e-8)


def test_refusals():
    """Each bad argument is named with its rule and value; so is a batch of another width."""
    with pytest.raises(ValueError, match=r"^dim must be in 1\.\.2147483647, got 0$"):
        PStable(0, 1, 1)
    with pytest.raises(ValueError, match=r"^hashes must be in 1\.\.64, got 65$"):
        PStable(1, 65, 1)
    with pytest.raises(ValueError, match=r"^tables must be in 1\.\.65536, got 0$"):
        PStable(1, 1, 0)
    with pytest.raises(ValueError, match=r"^width must be in 1e-30\.\.1e\+30, got 0$"):
        PStable(1, 1, 1, width=0)
    says = r"^a batch of shape \(2, 7\) does not fit PStable\(8, 1, 1, width=1\.0, seed=0\)$"
    with pytest.raises(IncompatibleError, match=says):
        PStable(8, 1, 1)(np.zeros((2, 7)))
