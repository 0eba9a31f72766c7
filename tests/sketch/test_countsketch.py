"""Count-sketch: its laws, unbiased estimates, its bounds, edges and golden bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from evidence.sketch._streams import zipf
from thrifty.core import BudgetError, FormatError, IncompatibleError, dump, record_of
from thrifty.hashing import hash_column
from thrifty.hashing.keys import mix
from thrifty.laws import LAWS
from thrifty.sketch import CountMin, CountSketch
from thrifty.sketch._counters import TURNS

RECORD = record_of(CountSketch)
LAW_CASES = [law for name in RECORD.laws for law in LAWS[name]]
PAIRS = st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-1000, 1000))
STREAM = zipf(200_000, 20_000, seed=1)
KEYS, COUNTS = np.unique(STREAM, return_counts=True)


class OfPairs(CountSketch):
    """A sketch that is given keys and weights as pairs."""

    def add(self, pairs):
        """Pairs of a key and its weight."""
        keys, weights = zip(*pairs, strict=True) if pairs else ((), ())
        return super().add(list(keys), list(weights))


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold, with weights of both signs and without."""
    law(lambda: CountSketch(3, 5, seed=7))
    law(lambda: OfPairs(3, 5, seed=7), PAIRS)


def test_counters_and_medians_are_those_of_the_definition():
    """Signs by the bits of a second hash, one a row; the estimate is the median of the rows."""
    rows, width = 5, 11
    grid = [[0] * width for _ in range(rows)]

    def cells(word):
        signs = int(mix(np.uint64(word ^ 0xD6E8FEB86659FD93)))
        for row in range(rows):
            place = (word * int(TURNS[row]) % 2**64) * width >> 64
            yield row, place, 1 - 2 * (signs >> row & 1)

    for word in hash_column(STREAM[:2500], 5).tolist():
        for row, place, sign in cells(word):
            grid[row][place] += sign
    made = CountSketch(rows, width, seed=5).add(STREAM[:2500])
    assert made.arrays()["table"].reshape(rows, width).tolist() == grid
    words = hash_column(KEYS[:300], 5).tolist()
    medians = [sorted(s * grid[r][p] for r, p, s in cells(word))[2] for word in words]
    assert made.estimate(KEYS[:300]).tolist() == medians


@pytest.mark.parametrize("rows", [1, 5])
def test_estimates_are_unbiased(rows):
    """Mean error over 100 seeds within 4 standard errors of 0, for heavy and for rare keys."""
    keys = np.append(KEYS[np.argsort(-COUNTS)[:3]], KEYS[np.argsort(COUNTS)[:3]])
    exact = COUNTS[np.searchsorted(KEYS, keys)]
    found = np.array(
        [CountSketch(rows, 101, seed=s).add(STREAM).estimate(keys) for s in range(100)]
    )
    error = found - exact
    assert (np.abs(error.mean(axis=0)) <= 4 * error.std(axis=0) / 10 + 1e-9).all()


def test_the_error_of_a_row_is_that_of_the_formula():
    """Over 100 seeds the standard error of a rare key is sqrt(second moment / width)."""
    rare = KEYS[np.argsort(COUNTS)[0]]
    moment = float((COUNTS.astype(float) ** 2).sum())
    error = [CountSketch(1, 1001, seed=s).add(STREAM).second_moment() / moment for s in range(100)]
    assert abs(np.mean(error) - 1) <= 4 * np.sqrt(2 / 1001 / 100)
    keys = np.arange(10_000)
    flat = [CountSketch(1, 101, seed=s).add(keys).estimate(int(rare))[0] - 1 for s in range(200)]
    assert abs(np.std(flat) / np.sqrt(10_000 / 101) - 1) <= 4 / np.sqrt(2 * 200)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("rows", [1, 5])
def test_bounds_hold_as_often_as_said(rows, confidence):
    """Over 20 seeds that share of keys keeps the bound, within 4 standard errors and a cell."""
    shares = []
    for seed in range(20):
        made = CountSketch(rows, 501, seed=seed).add(STREAM)
        found = made.interval(KEYS, confidence)
        shares.append(np.mean((found.low <= COUNTS) & (found.high >= COUNTS)))
        assert (found.high - found.estimate == made.error_bound(confidence)).all()
    noise = 4 * np.std(shares) / np.sqrt(20)
    cell = 1 / 501
    assert confidence - noise - cell <= np.mean(shares) <= confidence + noise + 0.02


def test_for_error_reaches_it():
    """Errors beyond the one asked for are as rare as asked for."""
    made = CountSketch.for_error(0.05, 0.98, seed=2).add(STREAM)
    assert (made.rows, made.width) == (5, 3200)
    limit = 0.05 * np.sqrt((COUNTS.astype(float) ** 2).sum())
    assert np.mean(np.abs(made.estimate(KEYS) - COUNTS) > limit) <= 0.02


def test_flat_streams_favour_it():
    """Where no key is heavy its errors are smaller than those of count-min of the same size."""
    keys = np.arange(100_000)
    signed = np.abs(CountSketch(5, 1000).add(keys).estimate(keys) - 1).mean()
    assert signed < 0.2 * np.abs(CountMin(5, 1000).add(keys).estimate(keys) - 1).mean()


def test_weights_have_signs():
    """Sums may be negative; nulls are left out and estimated as 0."""
    made = CountSketch(5, 1000).add(["a", "b", None, "a"], [3, -2, 9, 1])
    assert made.estimate(["a", "b", None, "c"]).tolist() == [4, -2, 0, 0]
    assert made.subtract(CountSketch(5, 1000).add("a", 7)).estimate("a").tolist() == [-3]
    with pytest.raises(ValueError, match=r"^weights must add up to less than 2\*\*62, got 4\.6"):
        made.add("a", -(2**62))


def test_bad_arguments_are_named():
    """The message says which argument, which rule, which value."""
    with pytest.raises(ValueError, match=r"^rows must be odd, got 4$"):
        CountSketch(4)
    with pytest.raises(TypeError, match=r"^rows must be a whole number in 1\.\.32, got 3\.0$"):
        CountSketch(3.0)
    with pytest.raises(ValueError, match=r"^error must be in 0\.0001\.\.1, got 0$"):
        CountSketch.for_error(0)
    with pytest.raises(ValueError, match=r"^confidence must be in 0\.\.0\.9999999999999, got 1$"):
        CountSketch().interval("a", 1)
    with pytest.raises(BudgetError, match=r"^budget must be at least 40 B for CountSketch, got"):
        CountSketch.within(39)
    with pytest.raises(TypeError, match=r"^weights must be numbers, got <U1$"):
        CountSketch().add(["a"], ["b"])
    with pytest.raises(IncompatibleError, match=r"^cannot subtract CountSketch\(rows=1, .* from "):
        CountSketch(3, 4).subtract(CountSketch(1, 4))


@pytest.mark.parametrize("changed", [{"rows": 2}, {"rows": 5}, {"width": 2**32}, {"seed": -1}])
def test_lying_bytes_are_refused(changed):
    """Counters that do not fit the header are a FormatError."""
    header = {"rows": 3, "width": 2, "seed": 0} | changed
    arrays = {"table": np.zeros(header["rows"] * 2 if header["rows"] == 2 else 6, np.int64)}
    data = dump(kind="count-sketch", version=1, header=header, arrays=arrays)
    with pytest.raises(FormatError):
        CountSketch.from_bytes(data)


def test_bytes_are_stable():
    """Golden: the bytes of a fixed stream do not move between versions or machines."""
    data = CountSketch(3, 50, seed=1).add(range(300)).add(range(20), range(-9, 11)).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "b1b9e10602d14918"
