"""tuned: its laws, its intervals, what it leaves out, what it refuses."""

import re

import numpy as np
import pytest

from thrifty.core import BudgetError, IncompatibleError, record_of
from thrifty.index import FlatIndex, IVFIndex, _tuner_forecast
from thrifty.index._tuner_forecast import reason, samples
from thrifty.index._tuner_trial import Trial, interval
from thrifty.index.tuner import tuned
from thrifty.laws import LAWS


@pytest.mark.parametrize("law", LAWS["tuned"], ids=lambda law: law.__name__)
def test_law(law):
    """The laws of choosing an index hold."""
    assert record_of(tuned).laws == ("tuned",)
    law(lambda: tuned)


def some_rows(count, seed=0, dim=6):
    """Normal rows."""
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def test_the_fastest_that_finds_enough_is_chosen():
    """No other index tried is faster at an effort that is sure to find enough."""
    chosen = tuned(some_rows(800), budget="1 MB", recall=0.8, seed=3)
    enough = [p for one in chosen.tried for p in one.curve if p.recall.low >= 0.8]
    mine = [p for p in chosen.curve if p.recall.low >= 0.8]
    assert max(p.queries_per_second for p in enough) == max(p.queries_per_second for p in mine)
    assert {one.kind for one in chosen.tried} == {
        "FlatIndex", "IVFIndex", "BinaryIndex", "GraphIndex",
    }  # fmt: skip
    for one in chosen.tried:
        efforts = [p.effort for p in one.curve]
        assert efforts == sorted(efforts)


def test_what_cannot_win_is_not_built():
    """Of many rows each kind is built, or left out with a reason; built are all if so asked."""
    rows = some_rows(20_000, dim=8)
    chosen = tuned(rows, budget="2 MB", recall=0.9, seed=3)
    built, left = [one.kind for one in chosen.tried], [one.kind for one in chosen.left_out]
    assert built[:2] == ["FlatIndex", "IVFIndex"]
    assert sorted(built + left) == [
        "BinaryIndex", "FlatIndex", "GraphIndex", "IVFIndex", "IVFIndex",
    ]  # fmt: skip
    assert "GraphIndex" in left
    says = r"of \d+ (and \d+ )?rows it (answers \d+ .*|finds too little)|it holds more .* budget"
    assert all(re.fullmatch(says, one.why) for one in chosen.left_out)
    every = tuned(rows, budget="1 GB", recall=0.9, seed=3, thorough=True)
    assert (len(every.tried), every.left_out) == (5, ())


def test_forecasts():
    """A kind is left out where it is slow, large or finds too little, else it may win."""
    rows = some_rows(20_000, 4)
    trial = Trial(rows[:100], np.arange(100), np.zeros((100, 5), np.int64))
    given = samples(rows, trial, "l2", 0)
    assert [len(one.ids) for one in given] == [1250, 5000]
    for one in given:  # the rows by their numbers, and queries do not find themselves
        np.testing.assert_array_equal(one.rows, rows[one.ids])
        assert np.isin(one.trial.nearest, one.ids).all()
        assert (one.trial.nearest != np.arange(100)[:, None]).all()

    def told(nbytes, wanted, beaten, kind=FlatIndex, **how):
        makers = [[kind(6, metric="l2", **how)] for _ in given]
        return reason(makers, given, 20_000, nbytes, wanted, beaten)

    assert told(10**9, 0.9, 1.0) is None
    assert re.fullmatch(r"of 1250 rows it answers \d+ .*, not 1000000000", told(10**9, 0.9, 1e9))
    assert told(10**5, 0.9, 1.0) == "it holds more than the budget"
    half = {"kind": IVFIndex, "dtype": "float16"}
    assert told(10**9, 1.0, 1.0, **half) == "of 1250 rows it finds too little"
    assert samples(rows[:10_000], trial, "l2", 0) == []


def test_speed_goes_on_falling(monkeypatch):
    """A speed that halves as rows become four times as many halves once more to all rows."""
    rows = some_rows(20_000, 4)
    given = samples(rows, Trial(rows[:9], np.arange(9), np.zeros((9, 5), np.int64)), "l2", 0)
    for beaten in (249.0, 251.0):
        speeds = iter([1000.0, 500.0])
        monkeypatch.setattr(_tuner_forecast, "_speed", lambda *_, s=speeds: (next(s), ""))
        makers = [[FlatIndex(6, metric="l2")] for _ in given]
        why = reason(makers, given, 20_000, 10**9, 0.9, beaten)
        says = (
            "of 1250 and 5000 rows it answers 1000 and 500 queries a second, "
            "which makes 250 of 20000 rows, not 251"
        )
        assert why == (None if beaten < 250 else says)


def test_certainty_is_a_scan():
    """A recall of 1 is that of a scan, and is certain."""
    chosen = tuned(some_rows(300), budget="1 MB", recall=1.0, k=3)
    assert (chosen.effort, chosen.recall.low) == (1.0, 1.0)


def test_rows_asked_for_do_not_find_themselves():
    """Of rows as queries the nearest is another, also where all are alike."""
    rows = np.repeat(some_rows(40), 5, axis=0)
    chosen = tuned(rows, budget="1 MB", recall=0.9, k=2)
    assert isinstance(chosen.index, FlatIndex) or chosen.recall.low >= 0.9
    alone = tuned(np.eye(2), budget="1 MB", recall=0.5, k=7)
    assert len(alone.index) == 2


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
def test_the_interval_holds_the_truth(share):
    """Of many samples, dependent within a query or not, some 95 in 100 intervals hold the share."""
    rng, k, count, trials = np.random.default_rng(1), 10, 300, 2000
    for same in (0.0, 0.3):
        held = 0
        for _ in range(trials):
            each = rng.random((count, k)) < share
            together = (rng.random((count, 1)) < share) & np.ones((1, k), bool)
            shares = np.where(rng.random((count, 1)) < same, together, each).mean(axis=1)
            held += share in interval(shares, k)
        assert held / trials > 0.95 - 4 * np.sqrt(0.95 * 0.05 / trials)


def test_budgets_too_small_are_refused():
    """What cannot be held, or found, within a budget is refused with what could."""
    rows = some_rows(100, dim=8)
    says = (
        r"^budget must be at least 4 kB for a recall of 0\.9 of 100 vectors of 8 numbers, "
        r"got 2399: nothing fits$"
    )
    with pytest.raises(BudgetError, match=says) as caught:
        tuned(rows, budget=2399, recall=0.9)
    assert caught.value.smallest == 4000
    says = r"^budget must be at least 4 kB for .*, got 2400: the surest recall that fits is 0\.\d+$"
    with pytest.raises(BudgetError, match=says):
        tuned(rows, budget=2400, recall=1.0)
    assert tuned(rows, budget=4000, recall=1.0).recall.low == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"vectors": np.ones(3)}, r"vectors must be \(n, d\) and some, got shape \(3,\)"),
        ({"vectors": np.ones((1, 3))}, r"queries must be two or more, got 1"),
        ({"queries": np.ones((1, 6))}, r"queries must be two or more, got 1"),
        ({"recall": 0.0}, r"recall must be in 1e-09\.\.1\.0, got 0\.0"),
        ({"recall": 1.5}, r"recall must be in 1e-09\.\.1\.0, got 1\.5"),
        ({"k": 0}, r"k must be in 1\.\.2147483647, got 0"),
        ({"metric": "dot"}, r"metric must be one of cosine, inner, l2, got 'dot'"),
        ({"budget": "many"}, r"budget must be a size such as \"512 MB\" or \"1 GiB\", got 'many'"),
        ({"vectors": np.full((3, 2), np.nan)}, r"vectors must be finite .*, row 0 is not"),
    ],
)
def test_refusals(given, says):
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=rf"^{says}$"):
        tuned(**{"vectors": some_rows(30), "budget": "1 MB", **given})
    with pytest.raises(IncompatibleError, match=r"^queries of shape \(9, 2\) do not fit .*$"):
        tuned(some_rows(30), np.ones((9, 2)), budget="1 MB")
