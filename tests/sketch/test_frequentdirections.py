"""Frequent directions: its laws, its bounds against the exact Gram matrix, means, edges, bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.laws.summary import merge_is_union
from thrifty.sketch import FrequentDirections

LAW_CASES = [law for name in record_of(FrequentDirections).laws for law in LAWS[name]]
ROWS = st.tuples(*[st.integers(-9, 9)] * 3)


class Three(FrequentDirections):
    """Of three columns."""

    @classmethod
    def within(cls, budget):
        """Within a budget."""
        return super().within(budget, 3)


def matrix(n, d, decay=0.85, seed=0):
    """Normal rows with falling variances, turned at random."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return rng.normal(size=(n, d)) * decay ** np.arange(d) @ turn


def assert_bounds(sketch, a):
    """A'A - B'B is in 0..bound in every direction, and the bound is as low as any tail allows."""
    ends = np.linalg.eigvalsh(a.T @ a - sketch.rows.T @ sketch.rows)
    tails = np.append(np.cumsum(np.linalg.svd(a, compute_uv=False)[::-1] ** 2)[::-1], 0)
    slack = 1e-10 * tails[0]
    assert ends.min() >= -slack
    assert ends.max() <= sketch.error_bound() + slack
    for k in range(min(sketch.ell, len(tails) - 1) + 1):
        assert sketch.error_bound() <= tails[k] / (sketch.ell + 1 - k) + slack
    np.testing.assert_allclose(sketch.energy, tails[0])


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: Three(3, 2), ROWS)


def test_merging_is_adding_while_all_fits():
    """As long as nothing is refactored, a merge is the union."""
    merge_is_union(lambda: FrequentDirections(3, 100), ROWS)


@pytest.mark.parametrize("ell", [1, 4, 15, 40])
@pytest.mark.parametrize("parts", [1, 5])
def test_agrees_with_exact(ell, parts):
    """The bounds hold for one stream and for parts merged as a tree, in uneven batches."""
    a = matrix(700, 30, seed=ell)
    sketches = []
    for part in np.array_split(a, parts):
        sketch = FrequentDirections(30, ell)
        for batch in np.array_split(part, 7):
            sketch.add(batch)
        sketches.append(sketch)
    while len(sketches) > 1:
        sketches = [sketches[0].merge(sketches[1]), *sketches[2:]]
    assert_bounds(sketches[0], a)
    assert sketches[0].error_bound() == 0 or ell < 30
    assert len(sketches[0].rows) <= 2 * ell


def test_directions_are_those_of_the_svd():
    """Strong directions are the singular vectors, squares are within the bound."""
    a = matrix(2000, 20, decay=0.5)
    sketch = FrequentDirections(20, 8).add(a)
    squares, found = sketch.directions(3)
    _, values, vectors = np.linalg.svd(a, full_matrices=False)
    np.testing.assert_allclose(np.abs((found * vectors[:3]).sum(axis=1)), 1, atol=1e-3)
    assert (squares <= values[:3] ** 2 * (1 + 1e-9)).all()
    assert (values[:3] ** 2 <= squares + sketch.error_bound() * (1 + 1e-9)).all()
    for x in np.random.default_rng(1).normal(size=(20, 20)):
        assert (a @ x / np.linalg.norm(x) ** 1) @ (a @ x) / np.linalg.norm(x) in sketch.along(x)


def test_centered_directions_are_principal_components():
    """About the mean, which is exact, squares are those of the centred rows."""
    a = matrix(500, 6, decay=0.5) + np.array([5, -3, 2, 0, 1, 100])
    sketch = FrequentDirections(6, 6).add(a)
    np.testing.assert_allclose(sketch.mean, a.mean(axis=0))
    values = np.linalg.svd(a - a.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(sketch.directions(6, centered=True)[0], values**2, rtol=1e-6)


def test_weights_count_as_repeats():
    """A row of weight 3 counts as three, of weight 0 as none."""
    a = matrix(50, 5)
    weights = np.arange(50) % 4
    sketch = FrequentDirections(5, 9).add(a, weights)
    repeated = np.repeat(a, weights, axis=0)
    np.testing.assert_allclose(sketch.rows.T @ sketch.rows, repeated.T @ repeated, atol=1e-9)
    np.testing.assert_allclose(sketch.mean, repeated.mean(axis=0))
    assert sketch.weight == len(repeated)


def test_rows_that_are_not_finite_are_counted():
    """NaN, infinite and huge numbers skip their row; the others count."""
    sketch = FrequentDirections(2, 3).add([[1, 2], [np.nan, 1], [np.inf, 0], [3, 4], [1e150, 0]])
    assert (sketch.skipped, sketch.weight, sketch.energy) == (3, 2, 30)


def test_nothing_has_no_directions():
    """An empty sketch has no directions and no mean."""
    sketch = FrequentDirections(3).add([]).add(np.zeros((4, 3)))
    assert sketch.directions(2)[1].shape == (0, 3)
    assert np.isnan(FrequentDirections(3).mean).all()
    assert FrequentDirections(3).directions(2, centered=True)[0].shape == (0,)
    assert sketch.along([0, 0, 0]) == (0, 0, 0)


def test_for_error_is_the_formula():
    """Ell + 1 is one over the share, so that the share is kept."""
    a = matrix(400, 50, decay=1.0)
    sketch = FrequentDirections.for_error(0.1, 50).add(a)
    assert sketch.ell == 9
    assert 0.01 * sketch.energy < sketch.error_bound() <= 0.1 * sketch.energy


def test_it_holds_what_it_says():
    """What fits a budget fits it full."""
    sketch = FrequentDirections.within("100 kB", 50)
    for _ in range(5):
        sketch.add(matrix(333, 50))
        assert sketch.nbytes <= 100_000
    assert sketch.ell == 124


def test_bad_arguments_are_named():
    """Each refusal names the argument, its rule and its value."""
    with pytest.raises(ValueError, match=r"^d must be in 1\.\.16777216, got 0$"):
        FrequentDirections(0)
    with pytest.raises(ValueError, match=r"^ell must be in 1\.\.1048576, got 0$"):
        FrequentDirections(3, 0)
    with pytest.raises(BudgetError, match=r"^budget must be at least 136 B for directions of 3 .*"):
        FrequentDirections.within(9, 3)
    sketch = FrequentDirections(3)
    with pytest.raises(ValueError, match=r"^rows must be \(n, 3\), got shape \(1, 2\)$"):
        sketch.add([[1, 2]])
    with pytest.raises(TypeError, match=r"^rows must be numbers, got <U1$"):
        sketch.add([["a", "b", "c"]])
    with pytest.raises(ValueError, match=r"^weights must be at least 0, got -1$"):
        sketch.add([[1, 2, 3]], weights=-1)
    with pytest.raises(ValueError, match=r"^k must be in 1\.\.64, got 0$"):
        sketch.directions(0)
    with pytest.raises(IncompatibleError, match=r"^cannot merge .*d=3, ell=32.*d=4, ell=32.*"):
        sketch.merge(FrequentDirections(4))


@pytest.mark.parametrize(
    "changed",
    [
        {"rows": [[1, 2]]}, {"rows": [[np.nan, 1, 2]]}, {"rows": [[1e160, 1, 2]]},
        {"rows": np.ones((5, 3))}, {"sums": [1.0]}, {"sums": [1, 2, np.inf]}, {"d": 2**40},
        {"tally": [1, -1, 0, 0]}, {"d": "3"}, {"ell": 0},
    ],
    ids=str,
)  # fmt: skip
def test_lies_are_damage(changed):
    """Rows that cannot be are refused, whatever their checksums."""

    class Lies(FrequentDirections):
        def arrays(self):
            held = super().arrays()
            return held | {k: np.array(v, float) for k, v in changed.items() if k in held}

        def spec(self):
            held = super().spec()
            return held | {k: v for k, v in changed.items() if k in held}

    with pytest.raises(FormatError):
        FrequentDirections.from_bytes(Lies(3, 2).add([[1, 2, 3]]).to_bytes())


def test_bytes_are_stable():
    """Golden: the byte format does not move between versions (rows that are not refactored)."""
    data = FrequentDirections(3, 4).add(np.arange(18).reshape(6, 3)).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "e2a7f53b1b5aa16c"
