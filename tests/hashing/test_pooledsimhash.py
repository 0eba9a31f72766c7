"""PooledSimHash: its laws, its codes against planes written out, features, edges."""

import numpy as np
import pytest
import scipy.sparse as sp

from thrifty.core import IncompatibleError, record_of
from thrifty.hashing import PooledSimHash, SimHash, TextFeatures
from thrifty.hashing.pooledsimhash import project
from thrifty.laws.lsh import LAWS

LAW_CASES = [law for name in record_of(PooledSimHash).laws for law in LAWS[name]]


@pytest.mark.parametrize("bits", [1, 3])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, bits):
    """The laws the record names hold."""
    law(lambda: PooledSimHash(128, bits, 200, seed=7))


@pytest.mark.parametrize("bits", [1, 5, 24])
def test_codes_are_those_of_the_planes(bits):
    """Written out column by column, the numbers are planes that give the same codes."""
    family = PooledSimHash(20, bits, 3, seed=2)
    planes = np.empty((20, 3 * bits), np.int16)
    for column in range(20):
        project(np.uint64(column), family.pool, family._key, planes[column])
    x = np.random.default_rng(bits).integers(-9, 9, (50, 20)).astype(np.float32)
    plain = SimHash(20, bits, 3, planes=planes)
    np.testing.assert_array_equal(family(x), plain(x))
    np.testing.assert_array_equal(family(sp.csr_array(x)), plain(x))


def test_the_numbers_are_gaussian():
    """Entries of many columns have mean 0, variance 1 and no correlation between planes."""
    family = PooledSimHash(10**6, 1, 8, seed=3)
    planes = np.empty((20_000, 8), np.int16)
    for column in range(len(planes)):
        project(np.uint64(column), family.pool, family._key, planes[column])
    values = planes / 1024
    error = 4 / np.sqrt(values.size) + 4 / np.sqrt(family.pool.size)
    assert abs(values.mean()) <= error
    assert abs(values.var() - 1) <= 2 * error
    assert np.abs(np.corrcoef(values.T) - np.eye(8)).max() <= 4 / np.sqrt(len(planes)) + 0.01


def test_texts_by_their_features():
    """Hashed words of texts have codes; similar texts share more of them."""
    texts = ["the cat sat on the mat", "the cat sat on a mat", "stocks fell sharply today"]
    codes = PooledSimHash(2**31, 1, 500, seed=1).of_rows(*TextFeatures((1, 1))(texts))
    assert (codes[0] == codes[1]).mean() > 0.7 > (codes[0] == codes[2]).mean()


def test_sizes():
    """No rows give no codes; the bytes are those of the record for any width."""
    assert PooledSimHash(8, 2, 3)(np.empty((0, 8))).shape == (0, 3)
    assert PooledSimHash(2**40, 2, 3).nbytes == 131_072
    assert not np.array_equal(PooledSimHash(8, 2, 2, seed=1).pool, PooledSimHash(8, 2, 2).pool)


def test_refusals():
    """Each bad argument is named with its rule and value; batches that do not fit are shown."""
    with pytest.raises(ValueError, match=r"^bits must be in 1\.\.24, got 25$"):
        PooledSimHash(8, 25, 1)
    with pytest.raises(ValueError, match=r"^dim must be in 1\.\.4611686018427387904, got 0$"):
        PooledSimHash(0, 2, 1)
    with pytest.raises(ValueError, match=r"^tables must be in 1\.\.65536, got 0$"):
        PooledSimHash(8, 2, 0)
    says = r"^a batch of shape \(2, 7\) does not fit PooledSimHash\(8, 2, 1, seed=0\)$"
    with pytest.raises(IncompatibleError, match=says):
        PooledSimHash(8, 2, 1)(np.zeros((2, 7)))
    for rows in (([0, 2], [1], [1.0]), ([0, 1], [1], [1.0, 2]), ([1, 1], [], []), ([], [], [])):
        with pytest.raises(ValueError, match=r"^indptr must rise from 0 to"):
            PooledSimHash(8, 2, 1).of_rows(*rows)
