"""Low rank: its laws, noise that is told, and what is refused."""

import numpy as np
import pytest

from thrifty.core import record_of
from thrifty.laws import LAWS
from thrifty.learn import low_rank

LAW_CASES = [law for name in record_of(low_rank).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: lambda z, rank: low_rank(z, rank, ridge=1e-6).filled)


def test_the_noise_is_told():
    """Of rank 3 with noise 0.1, half seen: its variance within a fifth; holes are near."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 100))
    noisy = z + 0.1 * rng.standard_normal(z.shape)
    seen = rng.random(z.shape) < 0.5
    found = low_rank(np.where(seen, noisy, np.nan), 3)
    assert found.noise == pytest.approx(0.01, rel=0.2)
    assert np.sqrt(np.mean((found.filled - z)[~seen] ** 2)) < 0.1


def test_sizes_and_rows_of_holes():
    """Any unit gives the same shape of answer; a row that nobody saw is zero."""
    rng = np.random.default_rng(1)
    z = rng.standard_normal((10, 2)) @ rng.standard_normal((2, 8))
    z[3] = np.nan
    small, large = (low_rank(scale * z, 2).filled for scale in (1e-6, 1e6))
    assert small * 1e12 == pytest.approx(large, rel=1e-4, abs=1e-2)
    assert not low_rank(z, 2).filled[3].any()
    assert not low_rank(np.zeros((3, 3)), 1).filled.any()


def test_what_is_no_matrix_is_refused():
    """Shapes, holes, infinities and ranks."""
    with pytest.raises(ValueError, match=r"^matrix must be \(n, m\), got shape \(3,\)$"):
        low_rank(np.zeros(3), 1)
    message = r"^matrix must hold some finite numbers, and else NaN, got others$"
    for bad in (np.full((2, 2), np.nan), np.array([[np.inf, 1.0]])):
        with pytest.raises(ValueError, match=message):
            low_rank(bad, 1)
    with pytest.raises(ValueError, match=r"^rank must be in 1\.\.2, got 3$"):
        low_rank(np.zeros((2, 5)), 3)
    with pytest.raises(TypeError, match=r"^rank must be a whole number in 1\.\.2, got 1\.0$"):
        low_rank(np.zeros((2, 5)), 1.0)
