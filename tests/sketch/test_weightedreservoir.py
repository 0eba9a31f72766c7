"""Weighted reservoir: its laws, inclusion by the formula, unbiased sums, edges and bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.stats import chi2

from thrifty.core import FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.sketch import WeightedReservoir

LAW_CASES = [law for name in record_of(WeightedReservoir).laws for law in LAWS[name]]
WEIGHTS = np.array([1.0, 2.0, 3.0, 4.0, 10.0, 0.0])
SHARES = WEIGHTS / WEIGHTS.sum()


def drawn(k, streams, parts=1):
    """Samples of six rows of those weights, whole or merged from parts, as row numbers."""
    rows, found = np.array_split(np.arange(6), parts), []
    for stream in range(streams):
        whole = WeightedReservoir(k)
        for i, part in enumerate(rows):
            sketch = WeightedReservoir(k, stream=f"{stream}/{i}").add(part, WEIGHTS[part])
            whole = whole.merge(sketch)
        found.append(whole.sample().to_numpy())
    return np.array(found)


@pytest.mark.parametrize("items", [st.integers(-3, 3), st.text(max_size=3)], ids=str)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, items):
    """The laws the record names hold."""
    law(lambda: WeightedReservoir(5, seed=7), items)


@pytest.mark.parametrize("parts", [1, 3])
def test_one_row_is_drawn_by_its_weight(parts):
    """Samples of one row are multinomial by weight: chi-square of 700 of them."""
    counts = np.bincount(drawn(1, 700, parts)[:, 0], minlength=6)
    statistic = ((counts - 700 * SHARES)[:5] ** 2 / (700 * SHARES[:5])).sum()
    assert counts[5] == 0
    assert chi2.ppf(1e-5, 4) < statistic < chi2.isf(1e-5, 4)


def test_two_rows_are_drawn_one_after_the_other():
    """Ordered pairs have the chance p_i * p_j / (1 - p_i): chi-square of 2,000 of them."""
    pairs = drawn(2, 2000)
    counts = np.bincount(pairs[:, 0] * 6 + pairs[:, 1], minlength=36).reshape(6, 6)[:5, :5]
    p = SHARES[:5]
    expected = 2000 * np.outer(p / (1 - p), p) * (1 - np.eye(5))
    away = ~np.eye(5, dtype=bool)
    statistic = ((counts - expected)[away] ** 2 / expected[away]).sum()
    assert chi2.ppf(1e-5, 19) < statistic < chi2.isf(1e-5, 19)


def test_sums_of_adjusted_weights_are_unbiased():
    """The mean over 300 streams of estimated sums, whole and merged, is within 4 errors."""
    weights = np.random.default_rng(0).pareto(1.5, 400)
    kind = np.arange(400) % 3 == 0
    totals, parts = [], []
    for stream in range(300):
        left = WeightedReservoir(30, stream=2 * stream).add(np.arange(200), weights[:200])
        right = WeightedReservoir(30, stream=2 * stream + 1).add(np.arange(200, 400), weights[200:])
        whole = left.merge(right)
        adjusted, rows = whole.adjusted(), whole.sample().to_numpy()
        totals.append(adjusted.sum())
        parts.append(adjusted[kind[rows]].sum())
    for found, exact in ((totals, weights.sum()), (parts, weights[kind].sum())):
        assert abs(np.mean(found) - exact) <= 4 * np.std(found) / np.sqrt(300)
    assert np.std(totals) / weights.sum() <= 1 / np.sqrt(29)


def test_all_rows_have_their_own_weight():
    """As long as all rows fit, adjusted weights are the weights, however small or large."""
    sketch = WeightedReservoir(10).add([1, 2, 3], [1e-300, 1e300, 0.0])
    assert dict(zip(sketch.sample().to_pylist(), sketch.adjusted(), strict=True)) == {
        1: 1e-300,
        2: 1e300,
    }
    assert WeightedReservoir(10).add("x").adjusted().tolist() == [1]
    assert sketch.seen == 3


def test_it_holds_what_it_says():
    """A sample within a budget keeps to it with long rows."""
    sketch = WeightedReservoir.within("20 kB", stream="x")
    for _ in range(20):
        sketch.add({"text": ["x" * 500] * 100}, np.arange(100))
        assert sketch.nbytes <= 20_000
    assert 10 <= len(sketch) < 60


def test_bad_arguments_are_named():
    """Each refusal names the argument, its rule and its value."""
    with pytest.raises(ValueError, match=r"^k must be in 1\.\.67108864, got 0$"):
        WeightedReservoir(0)
    with pytest.raises(ValueError, match=r"^weights must be at least 0, got -1$"):
        WeightedReservoir().add([1], weights=-1)
    with pytest.raises(ValueError, match=r"^weights must be finite, got nan$"):
        WeightedReservoir().add([1], weights=float("nan"))
    with pytest.raises(TypeError, match=r"^weights must be numbers, got <U1$"):
        WeightedReservoir().add([1], weights=["x"])
    with pytest.raises(IncompatibleError, match=r"^cannot put rows of \['b'\] among \['a'\]$"):
        WeightedReservoir().add({"a": [1]}).add({"b": [1]})


@pytest.mark.parametrize("changed", [{"weights": [1, -1]}, {"ranks": [2.0, 1.0]}], ids=str)
def test_lies_are_damage(changed):
    """Ranks and weights that cannot be are refused, whatever their checksums."""

    class Lies(WeightedReservoir):
        def arrays(self):
            held = super().arrays()
            return held | {k: np.array(v, held[k].dtype) for k, v in changed.items()}

    with pytest.raises(FormatError):
        WeightedReservoir.from_bytes(Lies(4).add(["a", "b"], [1, 2]).to_bytes())


def test_the_sample_is_stable():
    """Golden: which rows are drawn does not move between versions, nor do the other bytes."""
    sketch = WeightedReservoir(6, stream="day 1", seed=1).add(range(1000), range(1000))
    assert sketch.sample().to_pylist() == [853, 379, 668, 826, 801, 945]
    held = sketch.arrays()
    digest = hashlib.sha256(b"".join(held[name].tobytes() for name in ("weights", "stream")))
    assert digest.hexdigest()[:16] == "ec55f7930efd1401"
