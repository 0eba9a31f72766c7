"""DensitySketch: its laws, its densities against plain histograms, its samples, merges, edges."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, dump, record_of
from thrifty.laws import LAWS
from thrifty.sketch import DensitySketch

LAW_CASES = [law for name in record_of(DensitySketch).laws for law in LAWS[name]]
ROWS = st.lists(st.integers(-9, 9), min_size=2, max_size=2)


class Two(DensitySketch):
    """Of two columns."""

    @classmethod
    def within(cls, budget):
        """Within a budget, and full."""
        made = super().within(budget, 2, width=0.1, grids=4)
        return made.add(np.random.default_rng(0).random((2000, 2)))


@pytest.mark.parametrize("heavy", [3, 500])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, heavy):
    """The laws the record names hold, with few heavy cells and with room for all."""
    law(lambda: Two(2, width=3.0, grids=2, counters=50, heavy=heavy, seed=1), ROWS)


@pytest.mark.parametrize("law", LAWS["merge"], ids=lambda law: law.__name__)
def test_parts_make_the_whole_where_all_cells_have_room(law):
    """The laws of merging hold as long as no cell had to go."""
    law(lambda: DensitySketch(2, width=3.0, grids=2, counters=50, heavy=500, seed=1), ROWS)


def histogram(x, points, sketch):
    """Average of the shifted histograms, counted plainly."""
    found = np.zeros(len(points))
    for shift in sketch._shifts:
        rows, cells = (np.floor(z / sketch.width + shift) for z in (x, points))
        same = (rows[None] == cells[:, None]).all(axis=2)
        found += same.sum(axis=1)
    return found / (len(x) * sketch.grids * sketch.width**sketch.dim)


def test_densities_are_those_of_the_histograms():
    """With counters enough for all cells, densities are the plain average exactly."""
    x = np.random.default_rng(1).standard_normal((800, 2)).astype(np.float32)
    sketch = DensitySketch(2, width=0.7, grids=5, counters=2**18, seed=3).add(x)
    np.testing.assert_allclose(sketch.density(x[:50]), histogram(x, x[:50], sketch))


def test_error_of_counts_is_the_sketchs():
    """With few counters the error over 60 seeds is at most that of the count-sketch's formula."""
    x = np.random.default_rng(2).standard_normal((2000, 2)).astype(np.float32)
    errors = []
    for seed in range(60):
        sketch = DensitySketch(2, width=0.5, grids=4, counters=64, seed=seed).add(x)
        scale = len(x) * sketch.width**2
        errors.append((sketch.density(x[:40]) - histogram(x, x[:40], sketch)) * scale)
        cells = [np.unique(np.floor(x / 0.5 + s), axis=0, return_counts=True)[1]
                 for s in sketch._shifts]  # fmt: skip
        moment = sum((count.astype(float) ** 2).sum() for count in cells)
    assert np.sqrt(np.mean(np.square(errors))) <= np.sqrt(moment / 64)


def test_samples_are_like_the_rows():
    """Drawn rows have the means, spreads and quadrants of the rows, up to the width of a cell."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((20_000, 2)) * [1, 0.5] + np.where(rng.random((20_000, 1)) < 0.3, 4, 0)
    sketch = DensitySketch(2, width=0.4, seed=1).add(x)
    assert sketch.covered > 0.99
    drawn = sketch.sample(20_000, seed=5)
    error = 5 * x.std(axis=0) / np.sqrt(20_000)
    assert (np.abs(drawn.mean(axis=0) - x.mean(axis=0)) <= 2 * error + 0.02).all()
    variance = x.var(axis=0) + 0.4**2 / 12
    assert (np.abs(drawn.var(axis=0) / variance - 1) <= 0.06).all()
    low, high = ((z > 2).all(axis=1).mean() for z in (drawn, x))
    assert abs(low - high) <= 5 * np.sqrt(0.25 / 20_000) * 2 + 0.01
    assert sketch.sample(0).shape == (0, 2)


def test_heavy_cells_are_the_heaviest():
    """With room for few cells those kept hold more than the others, and say how much."""
    x = np.vstack([np.zeros((900, 2)), np.random.default_rng(6).uniform(-50, 50, (900, 2))])
    sketch = DensitySketch(2, width=1.0, grids=2, heavy=2, seed=2).add(x)
    assert 0.45 <= sketch.covered <= 0.56
    assert (np.abs(sketch.sample(100)) <= 1).all()


def test_merging_keeps_the_heaviest_of_both():
    """Two halves merged answer as the whole."""
    x = np.random.default_rng(7).standard_normal((3000, 2))
    whole, *halves = (
        DensitySketch(2, width=0.5, heavy=30, seed=1).add(part) for part in (x, x[::2], x[1::2])
    )
    both = halves[0].merge(halves[1])
    np.testing.assert_allclose(both.density(x[:20]), whole.density(x[:20]))
    assert both.rows == 3000
    assert both.covered >= 0.9 * whole.covered


def test_what_is_not_finite_is_left_out():
    """Rows with NaN add nothing, and have no density; an empty sketch has none."""
    sketch = DensitySketch(2, width=1.0)
    assert np.isnan(sketch.density([[0, 0]])).all()
    assert np.isnan(sketch.covered)
    sketch.add([[0, 0], [np.nan, 1], [np.inf, 1]])
    assert sketch.rows == 1
    assert np.isnan(sketch.density([[0, 0], [np.nan, 0]])).tolist() == [False, True]
    assert np.isfinite(sketch.add([[3e38, -3e38]]).sample(5)).all()


def test_refusals():
    """Each bad argument is named with its rule and value."""
    for name, value, rule in (
        ("dim", 0, r"1\.\.1000"), ("width", 0, r"1e-30\.\.1e\+30"), ("grids", 0, r"1\.\.256"),
        ("counters", 0, r"1\.\.268435456"), ("heavy", 0, r"1\.\.16777216"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"^{name} must be in {rule}, got 0$"):
            DensitySketch(**{"dim": 2, "width": 1.0, name: value})
    with pytest.raises(IncompatibleError, match=r"^rows of shape \(1, 3\) must be \(n, 2\)$"):
        DensitySketch(2, width=1.0).add([[1, 2, 3]])
    with pytest.raises(ValueError, match=r"^rows must be added before some are drawn, got none$"):
        DensitySketch(2, width=1.0).sample(1)


def test_lying_bytes_are_refused():
    """Cells of grids that are not there, out of order or too many are a FormatError."""
    sketch = DensitySketch(2, width=1.0, grids=2, counters=9).add([[1, 2], [5, 6]])
    good = sketch.arrays()
    wrong = good["codes"].copy()
    wrong[0, 0] = 2
    lies = [
        ({}, {"codes": wrong}), ({}, {"words": good["words"][::-1].copy()}),
        ({"heavy": 1}, {}), ({"counters": 10}, {}), ({"grids": 1}, {}), ({"dim": 3}, {}),
    ]  # fmt: skip
    for header, arrays in lies:
        told = {"header": {**sketch.spec(), **header}, "arrays": {**good, **arrays}}
        with pytest.raises(FormatError):
            DensitySketch.from_bytes(dump(kind="density-sketch", version=1, **told))


def test_bytes_are_stable():
    """Golden: the bytes of fixed rows do not move between versions."""
    sketch = DensitySketch(2, width=1.0, grids=2, counters=9, seed=1).add([[1, 2], [5, 6]])
    assert hashlib.sha256(sketch.to_bytes()).hexdigest()[:16] == "86ab9567352404de"


def test_a_budget_is_used():
    """Three quarters go to counters, one to cells; below one of each it is refused."""
    sketch = DensitySketch.within("1 MB", 4, width=0.5)
    assert sketch.counters == (1_000_000 - 8 - sketch.heavy * 48) // 40
    assert 0.24 < sketch.heavy * 48 / 1_000_000 < 0.25
    with pytest.raises(BudgetError, match=r"^budget must be at least 96 B for densities of 4 col"):
        DensitySketch.within(95, 4, width=0.5)
