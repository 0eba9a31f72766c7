"""Herding: laws, the choices of the textbook's loop, features of a kernel, refusals."""

import numpy as np
import pytest

from thrifty.core import record_of
from thrifty.laws import LAWS
from thrifty.learn import Atoms, fourier_features, kernel_herding

CASES = [law for name in record_of(kernel_herding).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: kernel_herding)


def test_scans_choose_as_the_loop_does():
    """W += mean - features of the row of the largest product with w."""
    x = np.random.default_rng(0).standard_normal((400, 3))
    rows = fourier_features(x, 64).astype(np.float64)
    w = mean = rows.mean(axis=0)
    ids = []
    for _ in range(30):
        ids.append(int((rows @ w).argmax()))
        w = w + mean - rows[ids[-1]]
    herd = kernel_herding(rows, 30, search="scan")
    assert herd.ids.tolist() == ids
    assert herd.scans == 30


def test_the_index_is_as_near_to_the_mean():
    """At 300 rows its error is at most 1.5 times that of scans."""
    x = np.random.default_rng(1).standard_normal((20_000, 4))
    rows = fourier_features(x, 64)
    ours, scans = kernel_herding(Atoms(rows), 300), kernel_herding(rows, 300, search="scan")
    assert ours.errors[-1] <= 1.5 * scans.errors[-1]
    assert ours.scans < 30


def test_features_are_of_the_kernel_and_the_seed():
    """Of length 1; the median distance is the bandwidth; another seed gives others."""
    x = np.random.default_rng(2).standard_normal((200, 3))
    rows = fourier_features(x, 64)
    np.testing.assert_allclose((rows**2).sum(axis=1), 1, rtol=1e-5)
    assert not np.array_equal(rows, fourier_features(x, 64, seed=1))
    np.testing.assert_array_equal(rows, fourier_features(x, 64))
    np.testing.assert_allclose(fourier_features(3 * x, 64), rows, atol=1e-4)
    assert np.isfinite(fourier_features(np.zeros((3, 2)), 4)).all()


def test_refusals():
    """Arguments out of range are named."""
    with pytest.raises(ValueError, match=r"^size must be in 1\.\.1000000000, got 0$"):
        kernel_herding(np.eye(3), 0)
    with pytest.raises(ValueError, match=r"^search must be one of index, scan, got 'guess'$"):
        kernel_herding(np.eye(3), 2, search="guess")
    with pytest.raises(ValueError, match=r"^num_features must be even, got 5$"):
        fourier_features(np.eye(3), 5)
    with pytest.raises(
        ValueError, match=r"^x must be \(n, d\) finite numbers, both above 0, got s"
    ):
        fourier_features([1.0, 2.0])
