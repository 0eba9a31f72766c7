"""HeavyHitters: its laws, its bounds against exact counts, every type of value, edges and bytes."""

import datetime as dt
import decimal
import hashlib
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.laws.summary import merge_associates, merge_commutes, merge_is_union
from thrifty.sketch import HeavyHitters

LAW_CASES = [law for name in record_of(HeavyHitters).laws for law in LAWS[name]]
NOON = dt.datetime(2020, 2, 29, 12, 30, 15, 250_000)
ALL = 10**9


def stream(n=20_000, keys=2_000, seed=0):
    """Texts whose ranks are drawn in proportion to 1 / rank."""
    mass = np.cumsum(1.0 / np.arange(1, keys + 1))
    places = np.random.default_rng(seed).random(n) * mass[-1]
    return [f"key {rank}" for rank in np.searchsorted(mass, places)]


def assert_bounds(sketch, exact, total):
    """All counts are inside their intervals, which are as narrow as promised; none is missing."""
    found = dict(sketch.frequent(ALL))
    assert sketch.error_bound() * (sketch.slots + 1) <= total - sum(c.low for c in found.values())
    assert all(exact[value] in count for value, count in found.items())
    assert {v for v, n in exact.items() if n > sketch.error_bound()} <= set(found)


@pytest.mark.parametrize("items", [st.integers(-3, 3), st.text(max_size=2)], ids=str)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, items):
    """The laws the record names hold, with so few slots that most lists purge."""
    law(lambda: HeavyHitters(2, seed=7), items)


@pytest.mark.parametrize("law", [merge_commutes, merge_is_union, merge_associates])
def test_merging_is_adding_while_there_are_slots(law):
    """As long as nothing is purged, a merge is the union, in any order."""
    law(lambda: HeavyHitters(200, seed=7))


def test_merging_commutes_when_it_purges():
    """The order of two does not matter, purged or not."""
    merge_commutes(lambda: HeavyHitters(3, seed=7))


@pytest.mark.parametrize("slots", [1, 2, 10, 100, 1000, 5000])
def test_agrees_with_exact(slots):
    """Every count is in its interval, and the error is at most N / (slots + 1)."""
    texts = stream()
    assert_bounds(HeavyHitters(slots).add(texts), Counter(texts), len(texts))


@pytest.mark.parametrize("slots", [3, 50, 700])
def test_merges_keep_the_bound(slots):
    """The same for eight parts, merged as a tree, and for one merged with itself."""
    parts = [stream(3000, seed=seed) for seed in range(8)]
    sketches = [HeavyHitters(slots).add(part) for part in parts]
    while len(sketches) > 1:
        sketches = [a.merge(b) for a, b in zip(sketches[::2], sketches[1::2], strict=True)]
    exact = Counter(text for part in parts for text in part)
    assert_bounds(sketches[0], exact, 24_000)
    twice = Counter({text: 2 * n for text, n in exact.items()})
    assert_bounds(sketches[0].absorb(sketches[0]), twice, 48_000)


def test_batches_do_not_matter():
    """One batch, many, chunks, slices and codes give the same bytes."""
    texts = stream()
    whole = HeavyHitters(64).add(texts).to_bytes()
    many = HeavyHitters(64)
    for start in range(0, len(texts), 777):
        many.add(texts[start : start + 777])
    assert many.to_bytes() == whole
    chunked = pa.chunked_array([texts[:5], texts[5:900], texts[900:]])
    assert HeavyHitters(64).add(chunked).to_bytes() == whole
    padded = pa.array(["x", *texts, None], pa.large_string()).slice(1)
    assert HeavyHitters(64).add(padded).to_bytes() == whole


def test_values_stay_with_their_counts_through_many_purges():
    """Values that come, go and come again are never mixed up."""
    rng = np.random.default_rng(5)
    sketch, exact = HeavyHitters(20), Counter()
    for _ in range(300):
        batch = rng.integers(0, 100, 50)
        batch[:10] = rng.integers(0, 3, 10)
        sketch.add([f"v{i}" for i in batch])
        exact.update(f"v{i}" for i in batch)
    assert_bounds(sketch, exact, 15_000)


def test_weights_count_as_repeats():
    """A value of weight w counts as w of it, beside nulls, in one dictionary and in plain."""
    column = pa.array(["a", None, "b", "a", "c", None])
    sketch = HeavyHitters(10).add(column, weights=[5, 100, 2, 3, 0, 1])
    assert [(v, c.low) for v, c in sketch.frequent()] == [("a", 8), ("b", 2)]
    assert HeavyHitters(10).add(column.dictionary_encode(), [5, 100, 2, 3, 0, 1]) == sketch
    assert HeavyHitters(10).add(["a"], weights=2**62).estimate("a").low.tolist() == [2**62]
    texts = stream(5000)
    weights = np.random.default_rng(1).integers(0, 2000, 5000)
    exact = Counter()
    for text, weight in zip(texts, weights.tolist(), strict=True):
        exact[text] += weight
    assert_bounds(HeavyHitters(40).add(texts, weights), exact, int(weights.sum()))


@pytest.mark.parametrize("entries", [["a", "b", None], ["a", "b", None, *"defghijk"]])
def test_dictionaries_count_as_plain(entries):
    """Codes count as their entries: nulls in codes and entries are skipped, unused ones are not."""
    codes = pa.array([0, 1, None, 2, 0], pa.int8())
    column = pa.DictionaryArray.from_arrays(codes, pa.array(entries))
    assert HeavyHitters(10).add(column) == HeavyHitters(10).add(["a", "b", "a"])


VALUES = {
    "text": ["", "a", "\u00e4\u6f22"],
    "bytes": [b"", b"\xff\x00"],
    "ints": [0, -1, 2**63 - 1, -(2**63)],
    "reals": [1.5, -0.25, float("inf"), 1e300],
    "bools": [True, False],
    "decimals": [decimal.Decimal("1.50"), decimal.Decimal("-0.01")],
    "dates": [dt.date(1969, 12, 31), dt.date(2020, 2, 29)],
    "instants": [NOON, dt.datetime(1969, 12, 31, 23, 59, 59)],
    "times": [dt.time(3, 4, 5, 6)],
    "spans": [dt.timedelta(hours=3), dt.timedelta(days=-1)],
}


@pytest.mark.parametrize("name", VALUES)
def test_values_come_back(name):
    """Every type of value comes back as it was, also through bytes."""
    sketch = HeavyHitters(20).add(VALUES[name])
    for twin in (sketch, HeavyHitters.from_bytes(sketch.to_bytes())):
        found = [value for value, _ in twin.frequent()]
        assert {(v, type(v)) for v in found} == {(v, type(v)) for v in VALUES[name]}


def test_values_of_odd_types_come_back():
    """Large unsigned ints, zoned and fine instants, float32, NaN and -0.0 come back by value."""

    def only(column):
        ((value, _),) = HeavyHitters(5).add(column).frequent()
        return value

    assert only(pa.array([2**64 - 1], pa.uint64())) == 2**64 - 1
    zoned = pa.array([NOON], pa.timestamp("us", "Europe/Paris"))
    assert only(zoned) == NOON.replace(tzinfo=dt.UTC)
    fine = np.datetime64("2020-02-29T12:30:15.000000001", "ns")
    assert only(pa.array([fine])) == fine
    far = np.datetime64("20000-01-01", "s")
    assert only(pa.array([far])) == far
    assert only(np.array([0.5], np.float32)) == 0.5
    assert np.isnan(only([float("nan"), -float("nan")]))
    assert str(only([-0.0])) == "0.0"
    assert only(pa.array([NOON], pa.timestamp("ns"))) == NOON


def test_long_values_are_cut():
    """Of a long text its first bytes are kept, whole characters of them, and "..."; bytes too."""
    sketch = HeavyHitters(5, longest=4).add(
        ["abcdefgh"] * 3 + ["\u00e4\u00e4b\u00e4"] * 2 + ["abcd"]
    )
    assert [value for value, _ in sketch.frequent()] == ["abcd...", "\u00e4\u00e4...", "abcd"]
    assert HeavyHitters(5, longest=5).add(["ab\u6f22\u6f22"]).frequent()[0].value == "ab\u6f22..."
    assert HeavyHitters(5, longest=2).add([b"abc"]).frequent()[0].value == b"ab..."


def test_keys_of_ten_megabytes_do_not_stay():
    """Keys of 10 MB are counted apart, and little of them is held."""
    keys = [letter * 10_000_000 + end for letter, end in ("ax", "ay", "bx")]
    sketch = HeavyHitters(10).add([*keys, keys[0]])
    assert [count.low for _, count in sketch.frequent()] == [2, 1, 1]
    assert sketch.nbytes < 4000
    assert sketch.estimate(keys).estimate.tolist() == [2, 1, 1]


def test_it_holds_what_it_says():
    """A sketch that fits a budget fits it full of long values too."""
    sketch = HeavyHitters.within("100 kB", longest=64)
    most = 0
    for start in range(0, 20_000, 500):
        sketch.add([f"{i:080d}" for i in range(start, start + 500)])
        most = max(most, sketch.nbytes)
    assert 50_000 < most <= 100_000


@pytest.mark.parametrize("share", [0.5, 0.1, 0.003])
def test_for_error_keeps_the_share(share):
    """No count lacks more than that share, and one slot fewer would not promise it."""
    texts = stream()
    sketch = HeavyHitters.for_error(share).add(texts)
    assert sketch.error_bound() <= share * len(texts)
    assert 1 / (sketch.slots + 1) <= share < 1 / sketch.slots


def test_estimates_of_keys():
    """A counted key has its interval, another one is 0 and at most the bound."""
    texts = stream()
    sketch = HeavyHitters(100).add(texts)
    top = sketch.frequent(1)[0]
    found = sketch.estimate([top.value, "never"])
    assert tuple(ends[0] for ends in found) == top.count
    assert tuple(ends[1] for ends in found) == (0, 0, sketch.error_bound())
    assert sketch.estimate([]).low.shape == (0,)


@pytest.mark.peers
def test_agrees_with_datasketches():
    """The hundred most frequent of a skewed stream are those that datasketches finds."""
    peer = pytest.importorskip("datasketches")
    texts = stream(50_000)
    theirs = peer.frequent_strings_sketch(12)
    for text in texts:
        theirs.update(text)
    kind = peer.frequent_items_error_type.NO_FALSE_NEGATIVES
    names = [item[0] for item in theirs.get_frequent_items(kind)[:50]]
    ours = [value for value, _ in HeavyHitters(2048).add(texts).frequent(60)]
    assert set(names) <= set(ours)


def test_nothing_is_nothing():
    """Empty columns and nulls of any type leave it empty."""
    sketch = HeavyHitters(3).add([]).add(pa.nulls(4)).add(pa.array([None], pa.string())).add(None)
    assert sketch.frequent() == []
    assert len(sketch) == sketch.total == sketch.error_bound() == 0


def test_bad_arguments_are_named():
    """Each refusal names the argument, its rule and its value."""
    with pytest.raises(ValueError, match=r"^slots must be in 1\.\.67108864, got 0$"):
        HeavyHitters(0)
    with pytest.raises(ValueError, match=r"^longest must be in 1\.\.1048576, got 0$"):
        HeavyHitters(longest=0)
    with pytest.raises(ValueError, match=r"^share must be in 1\.490.*\.\.0\.5, got 0\.6$"):
        HeavyHitters.for_error(0.6)
    with pytest.raises(BudgetError, match=r"^budget must be at least .* for heavy hitters, got 9$"):
        HeavyHitters.within(9)
    with pytest.raises(ValueError, match=r"^weights must be at least 0, got -1$"):
        HeavyHitters().add(["a"], weights=-1)
    with pytest.raises(TypeError, match=r"^column must be of text, .*, got list<item: int64>$"):
        HeavyHitters().add([[1]])
    with pytest.raises(IncompatibleError, match=r"^cannot merge .*slots=1, .*slots=2, .*$"):
        HeavyHitters(1).merge(HeavyHitters(2))


def test_weights_do_not_overflow():
    """Weights that reach 2**63 in all are refused, added or merged."""
    full = HeavyHitters().add("a", weights=2**62)
    with pytest.raises(ValueError, match=r"^weights must sum to less than 2\*\*63, got 4.*8 more$"):
        full.add("a", weights=2**62)
    with pytest.raises(ValueError, match=r"^weights must sum to less than 2\*\*63, got more by .*"):
        full.merge(full)


def lie(**changed):
    """Bytes of a small sketch with other arrays or another spec."""

    class Lies(HeavyHitters):
        def arrays(self):
            held = super().arrays()
            return held | {k: np.array(v, held[k].dtype) for k, v in changed.items() if k in held}

        def spec(self):
            return super().spec() | {k: v for k, v in changed.items() if k in ("slots", "longest")}

    return Lies(4).add(["a", "bb"]).to_bytes()


@pytest.mark.parametrize(
    "changed",
    [
        {"counts": [1, -1]}, {"counts": [1, 2]}, {"hashes": [2, 1]}, {"hashes": [1]},
        {"tally": [-1, 2]}, {"tally": [1, 2]}, {"value_kinds": [12, 0]}, {"value_kinds": [3, 0]},
        {"value_kinds": [64, 0]}, {"value_ends": [0, 2, 1]}, {"value_ends": [0, 1, 9]},
        {"value_lengths": [9, 1]}, {"slots": 0}, {"slots": "4"}, {"longest": 0},
        {"longest": 1}, {"slots": 2**40},
    ],
    ids=str,
)  # fmt: skip
def test_lies_are_damage(changed):
    """Arrays and numbers that do not belong together are refused, whatever their checksums."""
    with pytest.raises(FormatError):
        HeavyHitters.from_bytes(lie(**changed))
    assert HeavyHitters.from_bytes(lie(slots=2**26)).nbytes < 4000


def test_bytes_are_stable():
    """Golden: the byte format of a fixed stream does not move between versions."""
    data = HeavyHitters(64, seed=1).add(stream(5000)).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "2e3199afe7a5f2c7"
