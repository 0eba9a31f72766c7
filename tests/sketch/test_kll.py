"""KLL: its laws, ranks against exact ones, every ordered type, weights, merges, edges and bytes."""

import datetime as dt
import decimal
import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.laws.summary import merge_associates, merge_commutes, merge_is_union
from thrifty.sketch import KLL

LAW_CASES = [law for name in record_of(KLL).laws for law in LAWS[name]]
REALS = st.floats(-9, 9) | st.just(float("nan"))
QS = np.array([0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999])


def rank_errors(sketch, values):
    """How far the rank of each quantile is from its share, 0 where a tie spans the share."""
    found = np.array([interval.estimate for interval in sketch.quantiles(QS)])
    ordered = np.sort(values)
    high = np.searchsorted(ordered, found, side="right") / len(values)
    low = np.searchsorted(ordered, found, side="left") / len(values)
    return np.maximum(low - QS, 0) + np.maximum(QS - high, 0)


@pytest.mark.parametrize("items", [REALS, st.integers(-3, 3)], ids=["reals", "ints"])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, items):
    """The laws the record names hold."""
    law(lambda: KLL(8, seed=7), items)


@pytest.mark.parametrize("law", [merge_commutes, merge_is_union, merge_associates])
def test_merging_is_adding_while_all_fits(law):
    """As long as nothing is halved, a merge is the union, in any order."""
    law(lambda: KLL(100, seed=7))


@pytest.mark.parametrize("n", [1, 2, 10, 500])
def test_is_exact_while_all_fits(n):
    """Quantiles are numpy's inverted_cdf, the shares and bounds exact, while no coin was thrown."""
    values = np.random.default_rng(n).normal(size=n).round(1)
    sketch = KLL(500).add(values)
    for q in (0, 1e-9, 0.1, 0.25, 0.5, 0.77, 1):
        exact = np.quantile(values, q, method="inverted_cdf")
        assert sketch.quantile(q) == (exact, exact, exact)
    points = np.linspace(-3, 3, 61)
    shares = (values <= points[:, None]).mean(axis=1)
    np.testing.assert_allclose(sketch.cdf(points), shares, atol=1e-12)
    assert sketch.error_bound() == 0


@pytest.mark.parametrize("kind", ["uniform", "sorted", "falling", "ties", "heavy", "periodic"])
@pytest.mark.parametrize("n", [5_000, 400_000])
def test_agrees_with_exact(kind, n):
    """Ranks are within 4.5 standard errors, in whatever order the values come."""
    rng = np.random.default_rng(5)
    values = {
        "uniform": rng.random(n), "sorted": np.arange(n), "falling": -np.arange(n),
        "ties": rng.integers(0, 5, n), "heavy": rng.pareto(0.3, n), "periodic": np.arange(n) % 64,
    }[kind]  # fmt: skip
    for k in (20, 200):
        sketch = KLL(k, seed=3).add(values)
        assert rank_errors(sketch, values).max() <= 4.5 * 0.6 / k
        assert sketch.quantile(0).estimate == values.min()
        assert sketch.quantile(1).estimate == values.max()


def test_small_batches_and_merges_are_as_good():
    """A thousand batches, and a thousand sketches merged, keep the same bound."""
    values = np.random.default_rng(6).normal(size=60_000)
    one, many = KLL(100), KLL(100)
    for part in np.array_split(values, 1000):
        one.add(part)
        many.absorb(KLL(100).add(part))
    for sketch in (one, many):
        assert rank_errors(sketch, values).max() <= 4.5 * 0.6 / 100
        assert sketch.weight == 60_000
        assert sketch.nbytes <= 24 * 100 + 4600


def test_intervals_cover():
    """95 % intervals hold the true quantile and the true share in at least 93 % of cases."""
    inside = []
    for seed in range(60):
        values = np.random.default_rng(seed).normal(size=30_000)
        sketch = KLL(30).add(values[:20_000]).merge(KLL(30).add(values[20_000:]))
        exact = np.quantile(values, QS[1:-1], method="inverted_cdf")
        found = sketch.quantiles(QS[1:-1])
        inside += [x in interval for x, interval in zip(exact, found, strict=True)]
        inside += [(values <= x).mean() in sketch.rank(x) for x in (-1, 0.2, 1.5)]
    assert np.mean(inside) >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / len(inside))


def test_weights_count_as_repeats():
    """A value of weight w counts as w of it; 0 and nulls do not count."""
    values = pa.array([1.0, None, 2.0, 3.0, float("nan"), 7.0])
    sketch = KLL(50).add(values, weights=[5, 9, 1, 3, 2, 0])
    assert (sketch.weight, sketch.nulls, sketch.nans) == (9, 1, 1)
    assert sketch.quantile(5 / 9).estimate == 1
    assert sketch.quantile(1).estimate == 3
    assert sketch.cdf([0.5, 1, 2, 9]).tolist() == [0, 5 / 9, 6 / 9, 1]
    rng = np.random.default_rng(3)
    values, weights = rng.normal(size=3000), rng.integers(0, 100, 3000)
    sketch = KLL(200).add(values, weights)
    assert rank_errors(sketch, np.repeat(values, weights)).max() <= 4.5 * 0.6 / 200
    assert KLL().add(5, weights=2**61).weight == 2**61


def test_histograms_are_numpys():
    """Counts and edges are numpy's while all fits, and within the bound of ranks beyond."""
    values = np.random.default_rng(4).normal(size=1000)
    for bins in (7, np.array([-1.0, 0.0, 0.5])):
        counts, edges = KLL(1000).add(values).histogram(bins)
        exact = np.histogram(values, bins)
        np.testing.assert_allclose(counts, exact[0])
        np.testing.assert_allclose(edges, exact[1])
    values = np.random.default_rng(4).normal(size=100_000)
    sketch = KLL(200).add(values)
    counts, edges = sketch.histogram(30)
    off = np.abs(counts - np.histogram(values, edges)[0]).max()
    assert off <= 4.5 * np.sqrt(2) * 0.6 / 200 * 100_000
    assert counts.sum() == 100_000


NOON = dt.datetime(2020, 2, 29, 12, 30, 15, 250_000)
TIMES = {
    "days": [dt.date(1969, 12, 31), dt.date(2020, 2, 29), dt.date(9999, 12, 31)],
    "instants": [dt.datetime(1, 1, 1), NOON, NOON + dt.timedelta(days=1)],
    "zoned": [NOON.replace(tzinfo=dt.UTC), (NOON + dt.timedelta(1)).replace(tzinfo=dt.UTC)],
    "times": [dt.time(3, 4, 5, 6), dt.time(23, 59, 59, 999_999)],
    "spans": [dt.timedelta(hours=-3), dt.timedelta(days=4)],
}


@pytest.mark.parametrize("name", TIMES)
def test_times_come_back(name):
    """Each type of time has quantiles of its type, also through bytes."""
    values = TIMES[name]
    sketch = KLL.from_bytes(KLL(8).add(values).to_bytes())
    assert [sketch.quantile(q).estimate for q in (0, 1)] == [values[0], values[-1]]
    assert sketch.quantile(0.4).estimate in values
    assert sketch.rank(values[0]).estimate == 1 / len(values)
    assert len(sketch.histogram(3)[1]) == 4


def test_units_and_widths_do_not_matter():
    """Instants in any unit, dates in both widths, numbers of any type are the same."""
    base = KLL(8).add(pa.array([NOON], pa.timestamp("us")))
    assert KLL(8).add(pa.array([NOON], pa.timestamp("ns"))) == base
    days = pa.array(TIMES["days"][:2])
    assert KLL(8).add(days.cast(pa.date64())) == KLL(8).add(days)
    assert KLL(8).add(pa.array([3], pa.time32("s"))) == KLL(8).add(
        pa.array([3_000_000], "time64[us]")
    )
    number = KLL(8).add([1.0])
    for other in ([True], np.array([1], np.uint8), [decimal.Decimal(1)], pa.array([1]), 1):
        assert KLL(8).add(other) == number
    coded = pa.array([1.0, 1.0, None]).dictionary_encode()
    assert KLL(8).add(coded) == KLL(8).add([1.0, None, 1.0])
    assert KLL(8).add([-0.0]) == KLL(8).add([0.0])


def test_infinite_values_have_ranks():
    """Infinite values are the extremes; a histogram is drawn of the finite ones."""
    sketch = KLL(50).add([float("-inf"), 1.0, 2.0, float("inf")])
    assert [sketch.quantile(q).estimate for q in (0, 0.5, 1)] == [-np.inf, 1, np.inf]
    assert sketch.histogram(2)[0].tolist() == [1, 1]


def test_nothing_has_no_quantiles():
    """An empty sketch, or one of nulls and NaN, answers NaN; its histogram is empty."""
    for sketch in (KLL(), KLL().add([]), KLL().add(pa.nulls(3)), KLL().add([float("nan")] * 2)):
        assert all(np.isnan(end) for end in sketch.quantile(0.5))
        assert np.isnan(sketch.cdf([1.0, 2.0])).all()
        assert np.isnan(sketch.rank(1.0).estimate)
        assert sketch.histogram(3)[0].sum() == sketch.weight == 0
    assert KLL().add(pa.nulls(3)).add(None).nulls == 4


@pytest.mark.parametrize("share", [0.1, 0.02, 0.004])
def test_for_error_keeps_the_share(share):
    """Ranks of a long stream are off by more than the share in at most 5 % of cases."""
    values = np.random.default_rng(8).random(200_000)
    off = [rank_errors(KLL.for_error(share, seed=s).add(values), values) for s in range(12)]
    assert np.mean(np.array(off) > share) <= 0.05
    assert KLL.for_error(share).add(values).error_bound() <= share


@pytest.mark.peers
def test_agrees_with_datasketches():
    """Quantiles of the same stream are as near as both bounds allow."""
    peer = pytest.importorskip("datasketches").kll_doubles_sketch(200)
    values = np.random.default_rng(9).normal(size=50_000)
    peer.update(values)
    sketch = KLL(200).add(values)
    slack = 2 * peer.normalized_rank_error(False) + sketch.error_bound(0.9999)
    for q in (0.1, 0.5, 0.9):
        assert abs(sketch.cdf([peer.get_quantile(q)])[0] - q) <= slack


def test_bad_arguments_are_named():
    """Each refusal names the argument, its rule and its value."""
    with pytest.raises(ValueError, match=r"^k must be in 8\.\.67108864, got 7$"):
        KLL(7)
    with pytest.raises(BudgetError, match=r"^budget must be at least 4\.8 kB for a KLL, got 9$"):
        KLL.within(9)
    with pytest.raises(ValueError, match=r"^q must be in 0\.\.1, got 1\.5$"):
        KLL().quantile(1.5)
    with pytest.raises(ValueError, match=r"^confidence must be in 0\.5\.\.0\.999999, got 1$"):
        KLL().quantile(0.5, confidence=1)
    with pytest.raises(TypeError, match=r"^column must be of numbers or times, got string$"):
        KLL().add(["a"])
    with pytest.raises(ValueError, match=r"^weights must be whole, got 0\.5$"):
        KLL().add([1], weights=0.5)
    with pytest.raises(ValueError, match=r"^weights must sum to less than 2\*\*62, got 4.*8 more$"):
        KLL().add([1], weights=2**62)
    with pytest.raises(ValueError, match=r"^weights must sum to less than 2\*\*62, got more by .*"):
        KLL().add([1], weights=2**61).merge(KLL().add([1], weights=2**61))
    with pytest.raises(IncompatibleError, match=r"^cannot put instants among numbers$"):
        KLL().add([1]).add([NOON])
    with pytest.raises(IncompatibleError, match=r"^cannot put numbers among dates$"):
        KLL().add([dt.date(2000, 1, 1)]).merge(KLL().add([1]))
    with pytest.raises(IncompatibleError, match=r"^cannot put instants among numbers$"):
        KLL().add([1]).rank(NOON)
    with pytest.raises(IncompatibleError, match=r"^cannot merge KLL\(k=8, .*KLL\(k=9, seed=0\)$"):
        KLL(8).merge(KLL(9))


@pytest.mark.parametrize(
    "changed",
    [
        {"items": [2.0, 1.0]}, {"items": [1.0, np.nan]}, {"items": [1.0, 5.0]}, {"items": [1.0]},
        {"sizes": [1, 1]}, {"sizes": [3, -1]}, {"sizes": []}, {"ends": [np.nan, 2.0]},
        {"noise": [-1.0]}, {"noise": [np.nan]}, {"tally": [2, 0, 0, 0, 7]},
        {"tally": [3, 0, 0, 0, 1]}, {"tally": [2, -1, 0, 0, 1]}, {"k": 7}, {"k": 2**40},
        {"k": "8"}, {"seed": -1},
    ],
    ids=str,
)  # fmt: skip
def test_lies_are_damage(changed):
    """Levels that cannot be are refused, whatever their checksums."""

    class Lies(KLL):
        def arrays(self):
            held = super().arrays()
            lies = {k: np.array(v, held[k].dtype) for k, v in changed.items() if k in held}
            return held | lies

        def spec(self):
            return super().spec() | {k: v for k, v in changed.items() if isinstance(v, int | str)}

    with pytest.raises(FormatError):
        KLL.from_bytes(Lies(8).add([1.0, 2.0]).to_bytes())


def test_bytes_are_stable():
    """Golden: the byte format of a fixed stream, and its coins, do not move between versions."""
    data = KLL(20, seed=1).add(np.arange(100_000) * 7919 % 100_003).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "0366d3d8441695b9"
