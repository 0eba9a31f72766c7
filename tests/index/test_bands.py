"""Bands: keys against the plain definition, the curve against measured collisions, edges."""

import numpy as np
import pytest

from thrifty.core import IncompatibleError
from thrifty.index import Bands


def test_keys_are_equal_where_the_band_is():
    """Rows share a key in a band exactly where all its codes are equal, and in no other band."""
    codes = np.random.default_rng(1).integers(0, 3, (300, 11)).astype(np.uint32)
    bands = Bands(5, 2)
    keys = bands.keys(codes)
    for band in range(5):
        part = codes[:, 2 * band : 2 * band + 2]
        same = (part[:, None] == part[None]).all(axis=2)
        np.testing.assert_array_equal(keys[:, band][:, None] == keys[:, band][None], same)
    assert (keys & np.uint64(1)).all()
    assert np.unique(Bands(5, 2).keys(np.zeros((1, 10)))).size == 5


@pytest.mark.parametrize("similarity", [0.3, 0.6, 0.8, 0.95])
def test_found_is_the_share_that_meets(similarity):
    """Random signatures of this agreement meet as often as the formula says, within 4 errors."""
    rng = np.random.default_rng(2)
    a, fresh = rng.integers(0, 2**32, (2, 4000, 40), dtype=np.uint32)
    b = np.where(rng.random(a.shape) < similarity, a, fresh)
    bands = Bands(8, 5)
    met = (bands.keys(a) == bands.keys(b)).any(axis=1).mean()
    expected = float(bands.found(similarity))
    assert abs(met - expected) <= 4 * np.sqrt(expected * (1 - expected) / 4000) + 1e-9


@pytest.mark.parametrize("recall", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 0.95])
def test_bands_are_the_longest_that_find_enough(threshold, recall):
    """The bands reach the recall, and longer ones of the same signature do not."""
    bands = Bands.for_threshold(threshold, 128, recall=recall)
    assert bands.bands * bands.rows <= 128
    assert bands.found(threshold) >= recall
    for rows in range(bands.rows + 1, 129):
        assert Bands(128 // rows, rows).found(threshold) < recall


def test_a_short_signature_is_cut_as_fine_as_it_goes():
    """Where no bands reach the recall every code is a band of its own."""
    assert Bands.for_threshold(0.1, 4) == Bands(4, 1)


def test_refusals():
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=r"^bands must be in 1\.\.65536, got 0$"):
        Bands(0, 1)
    with pytest.raises(ValueError, match=r"^rows must be in 1\.\.65536, got 0$"):
        Bands(1, 0)
    with pytest.raises(ValueError, match=r"^threshold must be in 0\.01\.\.1, got 2$"):
        Bands.for_threshold(2, 128)
    with pytest.raises(ValueError, match=r"^tables must be in 1\.\.65536, got 0$"):
        Bands.for_threshold(0.5, 0)
    with pytest.raises(ValueError, match=r"^recall must be in 0\.5\.\.0\.9999, got 1$"):
        Bands.for_threshold(0.5, 128, recall=1)
    says = r"^codes of shape \(2, 9\) do not fit Bands\(bands=5, rows=2\)$"
    with pytest.raises(IncompatibleError, match=says):
        Bands(5, 2).keys(np.zeros((2, 9), np.uint32))
