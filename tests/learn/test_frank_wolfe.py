"""Frank-Wolfe: laws, the projection on a simplex and a ball of atoms, scans, refusals."""

import numpy as np
import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import Atoms, Quadratic, frank_wolfe

CASES = [law for name in record_of(frank_wolfe).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: frank_wolfe)


def test_on_a_simplex_it_is_the_projection():
    """Over the corners of a simplex the least is where sorting says it is."""
    target = np.random.default_rng(0).standard_normal(12)
    ordered = np.sort(target)[::-1]
    levels = (np.cumsum(ordered) - 1) / np.arange(1, 13)
    exact = np.maximum(target - levels[ordered > levels][-1], 0)
    least = frank_wolfe(Quadratic(target), np.eye(12), max_steps=20_000, tol=1e-8)
    np.testing.assert_allclose(least.point, exact, atol=2e-4)


def test_the_index_ends_where_scans_do():
    """With far fewer scans, at the same value within the error."""
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((8000, 16))
    target = 0.5 * rows.max(axis=0)
    scans, ours = (
        frank_wolfe(Quadratic(target), Atoms(rows, search=s), max_steps=400, tol=0, check=64)
        for s in ("scan", "index")
    )
    assert abs(ours.value - scans.value) <= max(ours.error, scans.error) + 1e-9
    assert scans.scans >= len(scans.values)
    assert ours.scans < 100


def test_a_matrix_and_steps_of_fixed_length():
    """Least squares over a hull, with the curvature and without it."""
    rng = np.random.default_rng(2)
    rows, matrix = rng.standard_normal((500, 6)), rng.standard_normal((10, 6))
    quadratic = Quadratic(matrix @ rows[:9].mean(axis=0), matrix)
    exact = frank_wolfe(quadratic, rows, max_steps=500)
    plain = frank_wolfe(lambda w: quadratic(w), rows, max_steps=500)
    assert exact.value < 1e-4
    assert plain.value < 1e-2
    assert plain.value <= plain.error


def test_no_steps_and_one_atom():
    """Without a step it is one atom; one atom is the hull."""
    rows = np.random.default_rng(3).standard_normal((50, 4))
    least = frank_wolfe(Quadratic(np.zeros(4)), rows, max_steps=0)
    assert least.weights.tolist() == [1.0]
    np.testing.assert_allclose(least.point, rows[least.ids[0]], atol=1e-6)
    alone = frank_wolfe(Quadratic(np.zeros(4)), rows[:1])
    assert alone.error < 1e-6
    assert len(alone.values) == 1


def test_refusals():
    """What does not fit or is out of range is named."""
    rows = np.eye(4)
    with pytest.raises(IncompatibleError, match=r"^gradient of shape \(3,\) does not fit atoms 4$"):
        frank_wolfe(lambda w: (0.0, w[:3]), rows)
    with pytest.raises(
        ValueError, match=r"^objective must be finite with a finite gradient, got n"
    ):
        frank_wolfe(lambda w: (np.nan, w), rows)
    with pytest.raises(ValueError, match=r"^check must be in 1\.\.1000000000, got 0$"):
        frank_wolfe(Quadratic(np.zeros(4)), rows, check=0)
    with pytest.raises(ValueError, match=r"^tol must be in 0\.\.1e\+300, got -1$"):
        frank_wolfe(Quadratic(np.zeros(4)), rows, tol=-1)
    message = r"^matrix of shape \(2, 4\) does not fit a target of shape \(3,\)$"
    with pytest.raises(IncompatibleError, match=message):
        Quadratic(np.zeros(3), np.zeros((2, 4)))
