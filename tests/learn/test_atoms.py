"""Atoms: a linear step finds the best atom where all are looked at, and a good one otherwise."""

import numpy as np
import pytest

from thrifty.core import IncompatibleError
from thrifty.learn import Atoms, LinearSteps

ROWS = np.random.default_rng(0).standard_normal((3000, 8)) + 20


@pytest.mark.parametrize("search", ["index", "scan"])
def test_an_exact_step_is_the_argmax(search):
    """The gap is that of a loop over all atoms."""
    atoms, rng = Atoms(ROWS, search=search), np.random.default_rng(1)
    for _ in range(20):
        point, gradient = rng.standard_normal((2, 8))
        step = LinearSteps(atoms).at(point, gradient, exact=True)
        gaps = (point - ROWS) @ gradient
        assert step.exact
        assert step.id == gaps.argmax()
        np.testing.assert_allclose(step.gap, gaps.max(), rtol=1e-5)


def test_the_index_finds_most_of_the_gap():
    """From the mean, on average 0.8 of the best gap or more, though few cells are looked at."""
    atoms, rng = Atoms(ROWS), np.random.default_rng(2)
    shares = []
    for gradient in rng.standard_normal((100, 8)):
        gap = atoms.gap(atoms.lowest(gradient, 0.2), atoms.mean, gradient)
        shares.append(gap / ((atoms.mean - ROWS) @ gradient).max())
    assert np.mean(shares) > 0.8
    assert max(shares) <= 1 + 1e-5


def test_a_gap_that_is_not_believed_is_scanned():
    """At the best atom no atom has a gap: all are looked at, and the effort doubles."""
    atoms, gradient = Atoms(ROWS), np.ones(8)
    steps = LinearSteps(atoms, 0.1)
    best = atoms.row(steps.at(atoms.mean, gradient, exact=True).id)
    before = steps.scans
    step = steps.at(best, gradient)
    assert step.exact
    assert abs(step.gap) < 1e-6
    assert steps.scans == before + 1
    worst = atoms.row(int(ROWS.sum(axis=1).argmax()))
    assert steps.at(worst, gradient, least=1e9).exact


def test_misses_double_the_effort():
    """An index that is far below a scan is asked for more, up to what a scan costs."""
    atoms = Atoms(ROWS)
    atoms.lowest = lambda gradient, effort: 0 if effort < 1 else Atoms.lowest(atoms, gradient, 1)
    steps = LinearSteps(atoms, 0.05)
    for gradient in np.random.default_rng(3).standard_normal((9, 8)):
        steps.at(atoms.mean, gradient)
    assert steps.effort == 0.4


def test_rows_come_back():
    """As float32 beside their mean; bytes are counted."""
    atoms = Atoms(ROWS)
    np.testing.assert_allclose(atoms.row([3, 5]), ROWS[[3, 5]], atol=1e-6)
    assert len(atoms) == 3000
    assert atoms.dim == 8
    assert atoms.nbytes > 2 * 4 * 8 * 3000
    assert Atoms(ROWS, search="scan").nbytes == 4 * 8 * 3000 + 64


def test_refusals():
    """What does not fit is named."""
    with pytest.raises(
        ValueError, match=r"^rows must be of shape \(n, d\), both above 0, got \(3,\)$"
    ):
        Atoms([1.0, 2.0, 3.0])
    for bad in (np.nan, np.inf, 1e16):
        with pytest.raises(
            ValueError, match=r"^rows must be finite and of size at most 1e15, got o"
        ):
            Atoms([[1.0, bad]])
    with pytest.raises(ValueError, match=r"^search must be one of index, scan, got 'guess'$"):
        Atoms(ROWS, search="guess")
    with pytest.raises(IncompatibleError, match=r"^point of shape \(3,\) does not fit atoms 8$"):
        Atoms(ROWS).fitting("point", np.ones(3))
    with pytest.raises(ValueError, match=r"^effort must be in 1e-06\.\.1, got 0$"):
        LinearSteps(Atoms(ROWS), 0)
