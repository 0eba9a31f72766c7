"""Count-min: its laws, its distance from exact sums, its bounds, edges and golden bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from evidence.sketch._streams import zipf
from thrifty.core import BudgetError, FormatError, IncompatibleError, dump, record_of
from thrifty.hashing import hash_column
from thrifty.laws import LAWS
from thrifty.sketch import CountMin
from thrifty.sketch._counters import TURNS

RECORD = record_of(CountMin)
LAW_CASES = [law for name in RECORD.laws for law in LAWS[name]]
PAIRS = st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(0, 1000))
STREAM = zipf(200_000, 20_000, seed=1)
KEYS, COUNTS = np.unique(STREAM, return_counts=True)


class OfPairs(CountMin):
    """A sketch that is given keys and weights as pairs."""

    def add(self, pairs):
        """Pairs of a key and its weight."""
        keys, weights = zip(*pairs, strict=True) if pairs else ((), ())
        return super().add(list(keys), list(weights))


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold, with weights and without."""
    law(lambda: CountMin(2, 5, seed=7))
    law(lambda: OfPairs(2, 5, seed=7), PAIRS)


@pytest.mark.parametrize("law", LAWS["summary"], ids=lambda law: law.__name__)
def test_law_of_conservative_update(law):
    """With conservative update it moves, copies and is refused as any summary is."""
    law(lambda: CountMin(2, 5, conservative=True, seed=7))


@pytest.mark.parametrize("conservative", [False, True])
def test_counters_are_those_of_the_definition(conservative):
    """Places by the high product of the turned word; sums, or raised to the least plus one."""
    rows, width = 3, 11
    grid = [[0] * width for _ in range(rows)]
    for word in hash_column(STREAM[:2500], 5).tolist():
        places = [(word * int(TURNS[row]) % 2**64) * width >> 64 for row in range(rows)]
        least = min(grid[row][place] for row, place in enumerate(places))
        for row, place in enumerate(places):
            if conservative:
                grid[row][place] = max(grid[row][place], least + 1)
            else:
                grid[row][place] += 1
    made = CountMin(rows, width, conservative=conservative, seed=5).add(STREAM[:2500])
    assert made.arrays()["table"].reshape(rows, width).tolist() == grid


@pytest.mark.parametrize("conservative", [False, True])
def test_estimates_are_never_too_low(conservative):
    """And exact where the rows are wide; a key that never came may have a count, a null has 0."""
    narrow = CountMin(4, 500, conservative=conservative).add(STREAM)
    assert (narrow.estimate(KEYS) >= COUNTS).all()
    wide = CountMin(8, 100_000, conservative=conservative).add(STREAM)
    assert (wide.estimate(KEYS) == COUNTS).mean() > 0.9999
    assert wide.estimate(["x", None]).tolist() == [0, 0]
    assert wide.estimate([]).shape == (0,)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("conservative", [False, True])
def test_bounds_hold_as_often_as_said(conservative, confidence):
    """Over 20 seeds errors stay within the bound for that share of the keys, or more."""
    shares = []
    for seed in range(20):
        made = CountMin(4, 500, conservative=conservative, seed=seed).add(STREAM)
        error = made.estimate(KEYS) - COUNTS
        shares.append(np.mean(error <= made.error_bound(confidence)))
        found = made.interval(KEYS, confidence)
        assert np.array_equal(found.high, found.estimate)
        assert np.mean((found.low <= COUNTS) & (found.high >= COUNTS)) == shares[-1]
    noise = 4 * np.std(shares) / np.sqrt(20)
    assert np.mean(shares) >= confidence - noise
    if not conservative:
        assert np.mean(shares) <= confidence + noise + 0.02


def test_the_bound_of_the_paper_holds():
    """Too high by more than total * e / width with at most the chance exp(-rows)."""
    made = CountMin.for_error(0.01, 0.98).add(STREAM)
    assert (made.rows, made.width) == (4, 272)
    error = made.estimate(KEYS) - COUNTS
    assert np.mean(error > 0.01 * len(STREAM)) <= np.exp(-4)
    assert made.error_bound(1 - np.exp(-4)) <= 0.01 * made.total()


def test_conservative_update_errs_less():
    """For every key its estimate is at most that of the plain sketch; on average well below."""
    plain = CountMin(4, 500).add(STREAM).estimate(KEYS)
    careful = CountMin(4, 500, conservative=True).add(STREAM).estimate(KEYS)
    assert (careful <= plain).all()
    assert (careful - COUNTS).mean() < 0.7 * (plain - COUNTS).mean()


def test_a_merge_of_conservative_ones_is_never_too_low():
    """Nor more than the plain sketch says."""
    parts = [CountMin(4, 500, conservative=True).add(part) for part in np.split(STREAM, 4)]
    found = parts[0].merge(parts[1]).merge(parts[2]).merge(parts[3]).estimate(KEYS)
    assert (found >= COUNTS).all()
    assert (found <= CountMin(4, 500).add(STREAM).estimate(KEYS)).all()


def test_weights_are_sums():
    """A weight counts as so many keys; negative ones take away; one number is for all."""
    heavy = CountMin(4, 100).add(["a", "b", None], [3, 2, 9])
    assert heavy == CountMin(4, 100).add(["a", "a", "b", "a", "b"])
    assert heavy.add(["a"], -1).estimate(["a", "b"]).tolist() == [2, 2]
    assert heavy.add(["c", "d"], 5.0).total() == 14
    assert heavy.subtract(CountMin(4, 100).add(["a"])).estimate("a").tolist() == [1]


def test_weights_that_could_overflow_are_refused():
    """Nothing is added, and what was there stays right."""
    made = CountMin(2, 50).add("a", 2**61).add("a", -(2**60)).add("a", 2**60)
    before = made.to_bytes()
    with pytest.raises(ValueError, match=r"^weights must add up to less than 2\*\*62, got 4\.6"):
        made.add(["b", "a"], [1, 2**61])
    with pytest.raises(ValueError, match=r"^weights must add up to less than 2\*\*62, got 4\.6"):
        made.merge(made)
    assert made.to_bytes() == before
    assert made.estimate("a").tolist() == [2**61]


def test_within_is_as_wide_as_fits():
    """Four rows, 8 bytes a counter."""
    made = CountMin.within("1 MB", seed=3)
    assert (made.rows, made.width, made.seed, made.conservative) == (4, 31_250, 3, False)


def test_bad_arguments_are_named():
    """The message says which argument, which rule, which value."""
    with pytest.raises(ValueError, match=r"^rows must be in 1\.\.32, got 33$"):
        CountMin(33, 1)
    with pytest.raises(ValueError, match=r"^width must be in 1\.\.4294967296, got 0$"):
        CountMin(1, 0)
    with pytest.raises(TypeError, match=r"^width must be a whole number in 1\.\.\d+, got 2\.0$"):
        CountMin(1, 2.0)
    with pytest.raises(TypeError, match=r"^conservative must be True or False, got 1$"):
        CountMin(1, 2, conservative=1)
    with pytest.raises(ValueError, match=r"^error must be in 1e-09\.\.1, got 2$"):
        CountMin.for_error(2)
    with pytest.raises(ValueError, match=r"^confidence must be in 0\.\.0\.9999999999999, got 1$"):
        CountMin().error_bound(1)
    with pytest.raises(BudgetError, match=r"^budget must be at least 32 B for CountMin, got 31$"):
        CountMin.within(31)
    with pytest.raises(TypeError, match=r"^column must be of text, numbers, times or bools, got "):
        CountMin().estimate([[1]])
    careful = CountMin(2, 4, conservative=True)
    with pytest.raises(ValueError, match=r"^weights must be at least 0, got -1$"):
        careful.add(["a"], [-1])
    with pytest.raises(IncompatibleError, match=r"^cannot subtract from CountMin\(rows=2, "):
        careful.subtract(careful)
    with pytest.raises(IncompatibleError, match=r"^cannot subtract CountMin\(rows=1, .* from Coun"):
        CountMin(2, 4).subtract(CountMin(1, 4))


@pytest.mark.parametrize(
    ("changed", "table"),
    [
        ({"width": 3}, np.zeros(4, np.int64)),
        ({"rows": 32, "width": 2**32}, np.zeros(4, np.int64)),
        ({"rows": 2.0}, np.zeros(4, np.int64)),
        ({"conservative": 1}, np.zeros(4, np.int64)),
        ({"conservative": True}, np.array([0, -1, 0, 0])),
        ({"more": 1}, np.zeros(4, np.int64)),
        ({}, np.zeros(4, np.int32)),
        ({}, np.full(4, -(2**63))),
        ({}, np.array([2**62, 0, 0, 0])),
    ],
)
def test_lying_bytes_are_refused(changed, table):
    """Counters that do not fit the header, or that could overflow, are a FormatError."""
    header = {"rows": 2, "width": 2, "conservative": False, "seed": 0} | changed
    data = dump(kind="count-min", version=1, header=header, arrays={"table": table})
    with pytest.raises(FormatError):
        CountMin.from_bytes(data)


@pytest.mark.peers
def test_agrees_with_datasketches():
    """The mean error is that of datasketches at the same rows and width, within a tenth."""
    datasketches = pytest.importorskip("datasketches")
    theirs = datasketches.count_min_sketch(4, 500)
    for key in STREAM.tolist():
        theirs.update(key)
    error = np.mean([theirs.get_estimate(int(key)) for key in KEYS] - COUNTS)
    ours = [CountMin(4, 500, seed=s).add(STREAM).estimate(KEYS).mean() for s in range(20)]
    spread = 4 * np.std(ours) * np.sqrt(1 + 1 / 20)
    assert abs(np.mean(ours) - COUNTS.mean() - error) <= spread


def test_bytes_are_stable():
    """Golden: the bytes of a fixed stream do not move between versions or machines."""
    data = CountMin(3, 50, seed=1).add(range(300)).add(range(20), range(20)).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "eba6a1cc1aa529c5"
