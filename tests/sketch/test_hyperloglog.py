"""HyperLogLog: its laws, its distance from the exact count, its sparse form, its edges."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import BudgetError, FormatError, IncompatibleError, dump, record_of
from thrifty.hashing import hash_column
from thrifty.laws import LAWS
from thrifty.sketch import HyperLogLog
from thrifty.sketch._registers import distinct, ends, standard_error

RECORD = record_of(HyperLogLog)
LAW_CASES = [law for name in RECORD.laws for law in LAWS[name]]


@pytest.mark.parametrize("p", [4, 12])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, p):
    """The laws the record names hold, where the sketch goes over to registers and where not."""
    law(
        lambda: (
            HyperLogLog(p, seed=7) if law.__name__ != "within_keeps_the_budget" else HyperLogLog()
        )
    )


def ranks_of(keys, p, seed):
    """Registers by the definition: 1 + the leading zeros of the 64 - p bits, in plain integers."""
    ranks = [0] * (1 << p)
    for word in hash_column(keys, seed).tolist():
        rest = word & ((1 << (64 - p)) - 1)
        place = word >> (64 - p)
        ranks[place] = max(ranks[place], 64 - p - rest.bit_length() + 1)
    return ranks


@pytest.mark.parametrize("p", [4, 9, 14])
@pytest.mark.parametrize("batches", [1, 7])
def test_registers_are_those_of_the_definition(p, batches):
    """However the keys come, also by way of the sparse form, these are the registers."""
    keys = np.arange(30_000) * 7
    sketch = HyperLogLog(p, seed=3)
    for batch in np.array_split(keys, batches):
        sketch.add(batch)
    assert sketch.arrays()["ranks"].tolist() == ranks_of(keys, p, 3)
    few = HyperLogLog(p, seed=3).add(keys[:3])
    other = HyperLogLog(p, seed=3).add(keys)
    assert few.arrays()["ranks"].size == 0
    assert other.merge(few) == few.merge(other) == sketch


def test_ranks_behind_many_zeros():
    """A mark whose first bits behind the register's are zero takes its rank from the other bits."""
    p, seed, keys = 4, 0, np.arange(3_000_000)
    words = hash_column(keys, seed)
    middle = (words >> np.uint64(38)) & np.uint64((1 << 22) - 1)
    rare = keys[np.argsort(middle)[:4]]
    few = HyperLogLog(p, seed=seed).add(rare)
    assert few.arrays()["marks"].size == 4
    full = few.merge(HyperLogLog(p, seed=seed).add(keys[:100]))
    assert full.arrays()["ranks"].tolist() == ranks_of(np.append(keys[:100], rare), p, seed)


@pytest.mark.parametrize("n", [0, 1, 2, 10, 100, 1000, 1024])
def test_few_keys_are_counted_exactly(n):
    """Up to 2**p / 4 keys the count is exact here, and takes 4 bytes a key."""
    sketch = HyperLogLog(p=12).add(range(n))
    assert (sketch.count(), sketch.nbytes) == (n, 4 * n)
    assert sketch.interval(0.99) == (n, n, n)


def test_the_form_depends_on_the_keys_alone():
    """At one key more than 2**p / 4 it is registers, by whatever way it came there."""
    keys = np.arange(1025)
    at_once = HyperLogLog(p=12).add(keys)
    one_by_one = HyperLogLog(p=12)
    for key in keys[::-1]:
        one_by_one.add(int(key))
    merged = HyperLogLog(p=12).add(keys[:600]).merge(HyperLogLog(p=12).add(keys[500:]))
    assert at_once.arrays()["ranks"].size == 4096
    assert at_once.arrays()["marks"].size == 0
    assert at_once == one_by_one == merged


@pytest.mark.parametrize("n", [5_000, 20_000, 100_000])
@pytest.mark.parametrize("p", [8, 12])
def test_agrees_with_exact(p, n):
    """Mean and spread over 64 seeds are within 4 standard errors of exact count and formula."""
    seeds = 64
    counts = np.array([HyperLogLog(p, seed=s).add(np.arange(n)).count() for s in range(seeds)])
    error = 1.04 / 2 ** (p / 2)
    assert abs(counts.mean() / n - 1) <= 4 * error / np.sqrt(seeds) + error**2
    assert np.sqrt(((counts / n - 1) ** 2).mean()) <= error * (1 + 4 / np.sqrt(2 * seeds))


def test_the_standard_error_is_that_of_the_formulas():
    """That of linear counting for few keys; for many the least possible, 1.03 / sqrt(m)."""
    m = 2**14
    for x in (0.01, 0.05):
        linear = np.sqrt(m * (np.exp(x) - x - 1))
        assert 0.9 < standard_error(x * m, 14) / linear <= 1
    for n in (1e6, 1e9, 1e12):
        assert 1.02 < standard_error(n, 14) / n * 128 < 1.04
    assert standard_error(0, 14) == 0


def test_ends_are_found_where_there_is_no_error():
    """An estimate of nothing, or one that is certain, has its ends at once."""
    assert ends(0.0, lambda n: 0.0, 2.0) == pytest.approx((0, 0), abs=1e-8)
    assert ends(1e12, lambda n: 0.0, 2.0) == pytest.approx((1e12, 1e12))
    assert ends(100.0, lambda n: n, 2.0)[1] >= 2.0**69


def test_the_estimate_is_inverse_to_the_expected_registers():
    """From registers as expected of n keys it gives n, from 1 to 2**60, within 0.1 percent."""
    p, top = 12, 52
    for n in 2.0 ** np.arange(0, 61, 5):
        upto = np.append(np.exp(-n / 2**p * np.exp2(-np.arange(top + 1.0))), 1)
        counts = np.diff(upto, prepend=0) * 2**p
        assert distinct(counts, p) == pytest.approx(n, rel=1e-3)


@pytest.mark.parametrize("n", [900, 5_000, 50_000])
def test_intervals_cover(n):
    """Of 300 intervals at 90 percent 90 percent hold the truth, within 4 standard errors."""
    keys = np.arange(n)
    sketches = [HyperLogLog(10, seed=s).add(keys) for s in range(300)]
    held = np.mean([n in sketch.interval(0.9) for sketch in sketches])
    assert abs(held - 0.9) <= 4 * np.sqrt(0.9 * 0.1 / 300)
    wider = sketches[0].interval(0.99)
    assert wider.low < sketches[0].interval(0.9).low < sketches[0].count() < wider.high


def test_error_bound_is_of_the_normal():
    """1.96 standard errors at 95 percent."""
    assert HyperLogLog(12).error_bound() == pytest.approx(1.96 * 1.04 / 64, rel=1e-4)


@pytest.mark.parametrize("error", [0.00204, 0.01, 0.0325, 0.26, 0.5, 1])
def test_for_error_is_the_smallest_that_reaches_it(error):
    """One register bit less would not do."""
    p = HyperLogLog.for_error(error, seed=5).p
    assert 1.04 / 2 ** (p / 2) <= error
    assert p == 4 or 1.04 / 2 ** ((p - 1) / 2) > error


def test_within_takes_the_most_precise():
    """Registers are as many as the budget has bytes, down to a power of two, at most 2**18."""
    assert [HyperLogLog.within(b).p for b in (16, 31, 32, "5 kB", "1 GB")] == [4, 4, 5, 12, 18]
    assert HyperLogLog.within("1 kB", seed=3).seed == 3


@pytest.mark.parametrize(
    "column",
    [["a", None, "b", "a"], pa.array(["b", "a", None]).dictionary_encode(), np.array(["a", "b"])],
    ids=["list", "dictionary", "numpy"],
)
def test_columns_of_any_kind(column):
    """Nulls are not counted, and how a text is stored does not matter."""
    assert HyperLogLog().add(column) == HyperLogLog().add(["a", "b"])


def test_values_not_storage_are_counted():
    """An int, a whole float and a bool are one key, all NaN are one, a 10 MB key is a key."""
    sketch = HyperLogLog().add([1]).add([1.0]).add(True).add([np.nan, -np.nan]).add("x" * 10**7)
    assert sketch.count() == 3
    assert HyperLogLog().add([]).add(None).add(pa.nulls(4)).count() == 0


def test_bad_arguments_are_named():
    """The message says which argument, which rule, which value."""
    with pytest.raises(ValueError, match=r"^p must be in 4\.\.18, got 3$"):
        HyperLogLog(3)
    with pytest.raises(TypeError, match=r"^p must be a whole number in 4\.\.18, got 4\.0$"):
        HyperLogLog(4.0)
    with pytest.raises(ValueError, match=r"^seed must be in 0\.\.\d+, got -1$"):
        HyperLogLog(seed=-1)
    with pytest.raises(ValueError, match=r"^error must be in 0\.00204\.\.1, got 0\.002$"):
        HyperLogLog.for_error(0.002)
    with pytest.raises(ValueError, match=r"^confidence must be in 1e-09\.\.0\.999999999, got 1$"):
        HyperLogLog().interval(1)
    with pytest.raises(ValueError, match=r"^confidence must be in 1e-09\.\.0\.999999999, got 0$"):
        HyperLogLog().error_bound(0)
    with pytest.raises(BudgetError, match=r"^budget must be at least 16 B for HyperLogLog, got "):
        HyperLogLog.within(15)
    with pytest.raises(TypeError, match=r"^column must be of text, numbers, times or bools, got "):
        HyperLogLog().add([[1]])


def test_another_seed_does_not_merge():
    """Both sides are shown."""
    message = r"^cannot merge HyperLogLog\(p=14, seed=1\) with HyperLogLog\(p=14, seed=2\)$"
    with pytest.raises(IncompatibleError, match=message):
        HyperLogLog(seed=1).merge(HyperLogLog(seed=2))


@pytest.mark.parametrize(
    ("marks", "ranks", "message"),
    [
        (np.zeros(0, np.uint32), np.full(16, 62, np.uint8), "a rank is out of range"),
        (np.zeros(0, np.uint32), np.zeros(8, np.uint8), "8 ranks and 0 marks do not fit "),
        (np.uint32([65]), np.zeros(16, np.uint8), "16 ranks and 1 marks do not fit "),
        (np.uint32([64, 128]), np.zeros(0, np.uint8), "a rank is out of range"),
        (np.uint32([64 + 40]), np.zeros(0, np.uint8), "a rank is out of range"),
        (np.uint32([129, 65]), np.zeros(0, np.uint8), "marks must be at most 4 in order"),
        (np.uint32([65, 66]), np.zeros(0, np.uint8), "marks must be at most 4 in order"),
        (np.uint32([65, 129, 193, 257, 321]), np.zeros(0, np.uint8), "marks must be at most 4 in"),
        (np.zeros(0, np.uint64), np.zeros(0, np.uint8), "array 'marks' must be uint32 of shape "),
    ],
)
def test_lying_bytes_are_refused(marks, ranks, message):
    """Arrays that no stream leaves behind, under valid checksums, are a FormatError."""
    data = dump(
        kind="hyperloglog", version=1, header={"p": 4, "seed": 0},
        arrays={"marks": marks, "ranks": ranks},
    )  # fmt: skip
    with pytest.raises(FormatError, match=message):
        HyperLogLog.from_bytes(data)


@pytest.mark.peers
def test_agrees_with_datasketches():
    """Counts are no further from the truth than 4 standard errors beside those of datasketches."""
    datasketches = pytest.importorskip("datasketches")
    theirs, ours = datasketches.hll_sketch(12), HyperLogLog(12)
    keys = [f"user{i}" for i in range(50_000)]
    for key in keys:
        theirs.update(key)
    assert abs(ours.add(keys).count() / theirs.get_estimate() - 1) <= 4 * np.sqrt(2) * 1.04 / 64


def test_bytes_are_stable():
    """Golden: both forms of a fixed stream do not move between versions or machines."""
    few, many = (HyperLogLog(p=8, seed=1).add(range(n)).to_bytes() for n in (50, 5000))
    assert hashlib.sha256(few).hexdigest()[:16] == "4d65d41b98c442fb"
    assert hashlib.sha256(many).hexdigest()[:16] == "5ba94fe851604196"
