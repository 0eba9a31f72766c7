"""DWTA: its laws, its codes against the plain formula, sparse rows, its edges."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp

from thrifty.core import IncompatibleError, record_of
from thrifty.hashing import DWTA
from thrifty.laws.lsh import LAWS

LAW_CASES = [law for name in record_of(DWTA).laws for law in LAWS[name]]
SHAPES = {"slide": {"bin_size": 8}, "bolt": {"bin_size": 512, "permutations": 2}}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, shape):
    """The laws the record names hold, with full bins and with bins of empty places."""
    law(lambda: DWTA(512, 100, 2, seed=7, **shape))


def winners(family, row):
    """The plain formula: place of the largest number among the coordinates dealt to each bin."""
    starts, coordinates, positions = family._by_bin
    for a, b in pairwise(starts):
        entries = [(-row[c], p) for c, p in zip(coordinates[a:b], positions[a:b], strict=True)]
        entries = [entry for entry in entries if not np.isnan(entry[0])]
        yield min(entries)[1] if entries else family.bin_size - 1


@pytest.mark.parametrize("permutations", [None, 2, 40])
def test_agrees_with_the_formula(permutations):
    """A code joins the winners of its bins; ties go to the first place, NaN never wins."""
    family = DWTA(30, 6, 2, 8, seed=3, permutations=permutations)
    x = np.random.default_rng(1).integers(0, 4, (50, 30)).astype(np.float32)
    x[::3, ::2] = np.nan
    slow = np.array([list(winners(family, row)) for row in x]).reshape(50, 6, 2)
    np.testing.assert_array_equal(family(x), slow[..., 0] * 8 + slow[..., 1])


def test_sparse_rows_without_zeros_have_the_codes_of_dense_ones():
    """Where every coordinate is stored, sparse and dense rows share every code."""
    x = np.random.default_rng(2).integers(1, 9, (40, 50)).astype(np.float32)
    family = DWTA(50, 10, 2, 8, seed=1)
    np.testing.assert_array_equal(family(sp.csr_array(x)), family(x))


def test_empty_bins_borrow_a_winner():
    """With one stored value every bin takes its winner from a bin that holds the coordinate."""
    family = DWTA(64, 30, 1, 16, seed=4)
    starts, _, positions = family._by_coordinate
    places = [set(positions[a:b].tolist()) for a, b in pairwise(starts)]
    coordinate = next(i for i, own in enumerate(places) if 15 not in own)
    x = sp.csr_array(([1.0], ([0], [coordinate])), shape=(1, 64))
    assert set(family(x)[0].tolist()) <= places[coordinate]


def test_similar_sparse_rows_collide_more():
    """Of sparse rows, those that share more stored values share more codes."""
    rng = np.random.default_rng(6)
    base = np.zeros((1, 400), np.float32)
    base[0, rng.choice(400, 40, replace=False)] = rng.random(40) + 0.5
    near, far = base.copy(), base.copy()
    near[0, np.flatnonzero(base)[:4]] = 0
    far[0, np.flatnonzero(base)[:30]] = 0
    family = DWTA(400, 500, 1, 8, seed=2)
    codes = family(sp.csr_array(np.concatenate([base, near, far])))
    share_near, share_far = (codes[0] == codes[1]).mean(), (codes[0] == codes[2]).mean()
    assert share_near - share_far > 4 * np.sqrt(0.5 / 500)


def test_a_row_of_nothing_has_the_last_place():
    """A row with no stored value gets the last place of every bin, as an all-NaN row does."""
    family = DWTA(16, 3, 2, 4)
    assert family(sp.csr_array((1, 16), dtype=np.float32)).tolist() == [[15, 15, 15]]
    assert family(np.full((1, 16), np.nan)).tolist() == [[15, 15, 15]]


def test_seed_changes_the_codes():
    """Another seed gives other codes."""
    x = np.random.default_rng(3).standard_normal((5, 32))
    assert not np.array_equal(DWTA(32, 9, 1, 8, seed=1)(x), DWTA(32, 9, 1, 8, seed=2)(x))


def test_codes_are_stable():
    """Golden: codes of a fixed row do not move between versions or machines."""
    x = (np.arange(64) * 37 % 64).astype(np.float32)[None]
    assert DWTA(64, 4, 2, 8, seed=1)(x).tolist() == [[45, 49, 40, 1]]


def test_refusals():
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=r"^bin_size must be a power of two from 2, got 6$"):
        DWTA(8, 1, 1, 6)
    with pytest.raises(ValueError, match=r"^bin_size\*\*hashes must be in 2\.\.16777216, got \d+$"):
        DWTA(8, 1, 9, 8)
    with pytest.raises(ValueError, match=r"^hashes must be in 1\.\.24, got 0$"):
        DWTA(8, 1, 0, 8)
    with pytest.raises(ValueError, match=r"^tables must be in 1\.\.65536, got 0$"):
        DWTA(8, 0, 1, 8)
    with pytest.raises(ValueError, match=r"^permutations must be in 1\.\.65536, got -1$"):
        DWTA(8, 1, 1, 8, permutations=-1)
    says = r"^a batch of shape \(2, 7\) does not fit DWTA\(8, 1, 1, 8, seed=0\)$"
    with pytest.raises(IncompatibleError, match=says):
        DWTA(8, 1, 1, 8)(np.zeros((2, 7)))
