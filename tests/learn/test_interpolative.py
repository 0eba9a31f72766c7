"""Interpolative: its laws, agreement with SciPy, parts that merge, and what is refused."""

import numpy as np
import pytest
from scipy.linalg import interpolative as peer
from scipy.linalg import qr

from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import Triangle, interpolation

LAW_CASES = [law for name in record_of(interpolation).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: interpolation)


def test_the_error_is_near_the_least():
    """Within SciPy's and within sqrt(1 + k (m - k)) of the truncated SVD."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 40)) * 0.8 ** np.arange(40) @ rng.standard_normal((40, 40))
    spectrum = np.linalg.svd(z, compute_uv=False)
    for k in (1, 5, 20):
        found = interpolation(z, k)
        left = np.linalg.norm(z - z[:, found.columns] @ found.mix)
        best = np.linalg.norm(spectrum[k:])
        columns, mix = peer.interp_decomp(z, k, rand=False)
        theirs = z - peer.reconstruct_matrix_from_id(z[:, columns[:k]], columns, mix)
        assert left <= 1.05 * np.linalg.norm(theirs)
        assert best <= left <= np.sqrt(1 + k * (40 - k)) * best


def test_the_pivots_are_scipys():
    """Of the sketch as of the matrix itself; eps counts the diagonal."""
    z = np.random.default_rng(1).standard_normal((300, 12)) * np.geomspace(1, 1e-3, 12)
    r, pivots = qr(z, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(r)) / abs(r[0, 0])
    assert interpolation(z, 5).columns.tolist() == sorted(pivots[:5].tolist())
    found = interpolation(z, eps=float(diagonal[7]) * 1.0001)
    assert found.columns.tolist() == sorted(pivots[:7].tolist())


def test_parts_merge_to_the_whole_and_memory_stays_bounded():
    """Batches of any size, merged, are the triangle of all rows; wide ranges of size too."""
    z = np.random.default_rng(2).standard_normal((500, 6)) * np.geomspace(1, 1e-9, 6)
    whole = np.linalg.qr(z)[1]
    one, two = Triangle(6), Triangle(6)
    for start in range(0, 300, 7):
        one.add(z[start : min(start + 7, 300)])
        assert one.nbytes <= 8 * 6 * (6 + 4 * 6 + 7)
    merged = one.merge(two.add(z[300:])).rows
    assert np.abs(merged) == pytest.approx(np.abs(whole), rel=1e-6)
    assert Triangle(6).rows.shape == (0, 6)


def test_columns_of_zeros_and_few_rows():
    """Nothing to choose from is no error: k columns stay, one without k."""
    found = interpolation(np.zeros((4, 3)))
    assert (found.columns.size, found.errors.tolist()) == (1, [0, 0, 0, 0])
    assert interpolation(np.zeros((4, 3)), 2).mix.shape == (2, 3)
    few = interpolation(np.eye(2, 5), 4)
    assert few.columns.size == 4
    assert few.errors[2:].tolist() == [0, 0, 0, 0]


def test_what_does_not_fit_is_refused():
    """Widths, counts, shares, and numbers that are none."""
    with pytest.raises(IncompatibleError, match=r"^rows must be \(n, 3\), got shape \(2, 2\)$"):
        Triangle(3).add(np.zeros((2, 2)))
    with pytest.raises(IncompatibleError, match=r"^rows must be \(n, 3\), got shape \(2, 2\)$"):
        Triangle(3).merge(Triangle(2).add(np.eye(2)))
    with pytest.raises(ValueError, match=r"^rows must be finite, got NaN or infinity$"):
        interpolation([[1.0, np.nan]])
    with pytest.raises(ValueError, match=r"^k must be in 1\.\.2, got 3$"):
        interpolation(np.eye(2), 3)
    with pytest.raises(TypeError, match=r"^k must be a whole number in 1\.\.2, got 0\.5$"):
        interpolation(np.eye(2), 0.5)
    with pytest.raises(ValueError, match=r"^eps must be in 0\.\.1, got 2$"):
        interpolation(np.eye(2), eps=2)
    with pytest.raises(ValueError, match=r"^width must be in 1\.\.16777216, got 0$"):
        Triangle(0)
