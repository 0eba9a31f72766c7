"""VLAD: laws, a loop over sets and centres, every form of sets, refusals."""

import copy

import numpy as np
import pytest

from thrifty.core import record_of
from thrifty.laws import LAWS
from thrifty.learn import VLAD
from thrifty.learn.vlad import residual_sums

CASES = [law for name in record_of(VLAD).laws for law in LAWS[name]]


@pytest.mark.parametrize("intra", [False, True])
@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law, intra):
    """The laws the record names hold."""
    law(lambda: VLAD(4, intra=intra))


def sets_of(number=20, width=5, seed=0):
    """Sets of 0 to 30 descriptors."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(rng.integers(0, 30), width)) for _ in range(number)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_residuals_are_those_of_the_loop(dtype):
    """Sums over each set and centre, empty ones included."""
    rng = np.random.default_rng(1)
    x, centres = rng.normal(size=(200, 3)).astype(dtype), rng.normal(size=(4, 3))
    groups, labels = rng.integers(0, 9, 200), rng.integers(0, 4, 200)
    found = residual_sums(x, groups, labels, centres, 10)
    for group in range(10):
        for label in range(4):
            mine = x[(groups == group) & (labels == label)].astype(np.float64) - centres[label]
            np.testing.assert_allclose(found[group, label], mine.sum(axis=0), atol=1e-4)


def test_codes_are_those_of_the_definition():
    """Nearest centre, sum of differences, signed square root, length 1 by centre and in all."""
    sets = sets_of()
    model = VLAD(6, intra=True).fit(sets)
    centres = model.cluster_centers_
    for rows, code in zip(sets, model.transform(sets), strict=True):
        table = np.zeros((6, 5))
        for row in rows:
            place = ((row - centres) ** 2).sum(axis=1).argmin()
            table[place] += row - centres[place]
        table = np.sign(table) * np.sqrt(np.abs(table))
        for part in table:
            part /= np.linalg.norm(part) or 1
        np.testing.assert_allclose(code, table.ravel() / (np.linalg.norm(table) or 1), atol=1e-9)


def test_every_form_of_sets_is_one():
    """A list, an array of equal sets, and rows with offsets."""
    array = np.random.default_rng(2).normal(size=(7, 10, 3))
    model = VLAD(4).fit(array)
    codes = model.transform(array)
    np.testing.assert_array_equal(model.transform(list(array)), codes)
    flat = (array.reshape(70, 3), np.arange(0, 71, 10))
    np.testing.assert_array_equal(model.transform(flat), codes)
    assert model.transform([]).shape == (0, 12)
    assert model.transform([[], []]).tolist() == [[0.0] * 12] * 2
    assert len(model.get_feature_names_out()) == 12
    np.testing.assert_array_equal(copy.deepcopy(model).transform(array), codes)


def test_refusals():
    """What is no set is named."""
    model = VLAD(2).fit(sets_of())
    with pytest.raises(ValueError, match=r"^X must have 5 columns, got 3$"):
        model.transform([np.ones((4, 3))])
    with pytest.raises(ValueError, match=r"^offsets must rise from 0 to 4$"):
        model.transform((np.ones((4, 5)), [0, 3]))
    with pytest.raises(ValueError, match=r"^a set must be \(rows, d\), got shape \(5,\)$"):
        model.transform([np.ones(5)])
    with pytest.raises(ValueError, match=r"^descriptors must be a finite table, got shape"):
        model.transform([np.full((1, 5), np.nan)])
    with pytest.raises(ValueError, match=r"^n_samples=1 should be >= n_clusters=2$"):
        VLAD(2).fit([np.ones((1, 5))])
