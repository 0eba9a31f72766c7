"""Group by: its laws, equal to a summary a key, honest about what it folds, edges and bytes."""

import datetime as dt
import hashlib
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.laws.summary import merge_associates, merge_commutes, merge_is_union
from thrifty.sketch import (
    KLL,
    CountMin,
    FrequentDirections,
    GroupBy,
    HeavyHitters,
    HyperLogLog,
    Reservoir,
)

LAW_CASES = [law for name in record_of(GroupBy).laws for law in LAWS[name]]
PAIRS = st.tuples(st.integers(0, 5), st.integers(0, 20))


class Pairs(GroupBy):
    """Takes rows as pairs of a key and a value."""

    def add(self, keys, values=None, weights=None):
        """Add pairs."""
        if values is None:
            keys, values = [key for key, _ in keys], [value for _, value in keys]
        return super().add(keys, values, weights)


def rows(n=20_000, keys=500, seed=0):
    """Keys drawn in proportion to 1 / rank, and values."""
    rng = np.random.default_rng(seed)
    mass = np.cumsum(1.0 / np.arange(1, keys + 1))
    texts = [f"key {rank}" for rank in np.searchsorted(mass, rng.random(n) * mass[-1])]
    return np.array(texts), rng.integers(0, 1000, n)


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold, while all keys fit and when most fold."""
    law(lambda: Pairs(HyperLogLog(4), "1 MB", seed=7), PAIRS)
    few = Pairs(HyperLogLog(4), 64_000, seed=7)
    law(few.copy, st.tuples(st.integers(0, 2**62), st.integers(0, 20)))


@pytest.mark.parametrize("law", [merge_commutes, merge_is_union, merge_associates])
def test_merging_is_adding_while_all_fits(law):
    """As long as nothing is folded, a merge is the union, in any order."""
    law(lambda: Pairs(HyperLogLog(4), "1 MB"), PAIRS)


KINDS = {
    "distinct": (HyperLogLog(8), lambda v: v), "quantiles": (KLL(50), lambda v: v),
    "frequent": (HeavyHitters(40), lambda v: v.astype(str)),
    "rows": (Reservoir(5, stream=3), lambda v: pa.table({"v": v, "w": v * 2})),
    "batch": (Reservoir(5, stream=3), lambda v: pa.record_batch({"v": v})),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_agrees_with_a_summary_a_key(name):
    """Each key's summary is byte for byte that of its rows alone, in one batch and in parts."""
    of, form = KINDS[name]
    keys, values = rows(3000, 40)
    grouped = GroupBy(of, "20 MB").add(keys, form(values))
    parts = GroupBy(of, "20 MB")
    for start in range(0, 3000, 700):
        parts.add(pa.array(keys[start : start + 700]), form(values[start : start + 700]))
    assert len(grouped) == len(parts) == len(set(keys))
    for key in set(keys.tolist()):
        alone = of.copy().add(form(values[keys == key]))
        group = grouped.group(key)
        assert group.summary == alone
        assert (group.key, group.rows) == (key, (sum(keys == key),) * 3)
        assert name == "quantiles" or parts.group(key).summary.to_bytes() == alone.to_bytes()
    assert grouped.rest.rows == (0, 0, 0)


def test_weights_and_matrices_are_given_on():
    """Weights, one a row or one for all, and rows of numbers reach the summary of their key."""
    keys, values = ["a", "b", "a", None], [1, 2, 3, 4]
    grouped = GroupBy(CountMin(1, 64), "1 MB").add(keys, values, [5, 6, 7, 8])
    assert grouped.group("a").summary.estimate([1, 3]).tolist() == [5, 7]
    assert grouped.group("b").summary.total() == 6
    assert GroupBy(CountMin(1, 64), "1 MB").add(keys, values, 2).group("a").summary.total() == 4
    assert grouped.keyless == 1
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]
    for form in (rows, np.array(rows)):
        found = GroupBy(FrequentDirections(2, 4), "1 MB").add(keys, form)
        assert found.group("a").summary.rows.tolist() == [rows[0], rows[2]]


@pytest.mark.parametrize("parts", [1, 8])
def test_what_is_folded_is_said(parts):
    """In a small budget intervals of rows hold the truth, no row is lost, the heavy are kept."""
    keys, values = rows(40_000, 5_000)
    exact = Counter(keys.tolist())
    sketches = []
    for some in np.array_split(np.arange(40_000), parts):
        sketch = GroupBy(HyperLogLog(4), 400_000)
        for start in range(0, len(some), 1000):
            sketch.add(keys[some[start : start + 1000]], values[some[start : start + 1000]])
            assert sketch.nbytes <= 400_000
        sketches.append(sketch)
    whole = sketches[0]
    for sketch in sketches[1:]:
        whole = whole.merge(sketch)
    groups = list(whole.groups())
    assert 50 < len(groups) < 5_000
    assert all(group.rows.low <= exact[group.key] <= group.rows.high for group in groups)
    assert sum(group.rows.low for group in groups) + whole.rest.rows.low == 40_000
    assert {group.key for group in groups} >= {key for key, _ in exact.most_common(20)}
    assert whole.nbytes <= 400_000
    assert whole.rest.summary.count() > 0
    most = [group.rows.low for group in groups]
    assert most == sorted(most, reverse=True)


def test_a_flood_of_new_keys_stays_within_the_budget():
    """A batch of more keys than fit folds as it goes."""
    sketch = GroupBy(KLL(8), "200 kB").add(np.arange(20_000), np.arange(20_000))
    assert sketch.nbytes <= 200_000
    assert sketch.rest.rows.low + sum(group.rows.low for group in sketch.groups()) == 20_000
    assert sketch.rest.summary.weight == sketch.rest.rows.low


def test_keys_of_any_type():
    """Keys come back as they were, codes are their entries, and each type has its own groups."""
    days = [dt.date(2020, 1, 1), dt.date(2020, 1, 2), None]
    grouped = GroupBy(HyperLogLog(4), "1 MB").add(days, [1, 2, 3])
    assert {group.key for group in grouped.groups()} == set(days[:2])
    coded = pa.array(["a", "b", "a"]).dictionary_encode()
    grouped.add(coded, [1, 2, 3]).add([b"x", b"y"], ["p", "q"]).add(7, 1)
    assert grouped.group("a").rows.low == 2
    assert {group.key for group in grouped.groups()} == {*days[:2], "a", "b", b"x", b"y", 7}
    assert grouped.group("never") is None
    assert GroupBy.from_bytes(grouped.to_bytes()).group(b"x").key == b"x"


def test_nothing_has_no_groups():
    """Empty columns and rows without a key leave it empty."""
    sketch = GroupBy(HyperLogLog(4), "1 MB").add([], []).add([None, None], [1, 2])
    assert (len(sketch), list(sketch.groups()), sketch.keyless) == (0, [], 2)


def test_bad_arguments_are_named():
    """Each refusal names the argument, its rule and its value."""
    with pytest.raises(TypeError, match=r"^of must be a summary, and not of groups, got 'x'$"):
        GroupBy("x")
    with pytest.raises(TypeError, match=r"^of must be a summary, and not of groups, got GroupBy.*"):
        GroupBy(GroupBy(HyperLogLog(4)))
    with pytest.raises(BudgetError, match=r"^budget must be at least .* for groups of KLL.*got 9$"):
        GroupBy(KLL(8), 9)
    sketch = GroupBy(KLL(8), "1 MB")
    with pytest.raises(ValueError, match=r"^values must be 2, one a row, got 1$"):
        sketch.add(["a", "b"], [1])
    with pytest.raises(ValueError, match=r"^weights must be 2, one a row, got \(1,\)$"):
        sketch.add(["a", "b"], [1, 2], [1])
    with pytest.raises(TypeError, match=r"^column must be of text, .*, got list<item: int64>$"):
        sketch.add([[1]], [1])
    with pytest.raises(TypeError, match=r"^column must be values of one type, got Python int .*"):
        sketch.add([2**63], [1])
    with pytest.raises(IncompatibleError, match=r"^cannot merge .*'k': 8.*'k': 9.*"):
        sketch.merge(GroupBy(KLL(9), "1 MB"))


@pytest.mark.parametrize(
    "changed",
    [
        {"words": [1, 1]}, {"words": [1]}, {"rows": [0, 1]}, {"tally": [-1, 0, 0]}, {"seen": [1]},
        {"value_kinds": [0]}, {"of/ranks.shapes": [[1]]}, {"of": {"kind": "?", "spec": {}}},
        {"of": {"kind": "group-by", "spec": {}}}, {"of": 3}, {"budget": 2**60}, {"budget": "1 MB"},
        {"longest": 0}, {"seed": -1},
    ],
    ids=str,
)  # fmt: skip
def test_lies_are_damage(changed):
    """Groups that cannot be are refused, whatever their checksums."""

    class Lies(GroupBy):
        def arrays(self):
            held = super().arrays()
            changes = {k: np.array(v, held[k].dtype) for k, v in changed.items() if k in held}
            return held | changes

        def spec(self):
            held = super().spec()
            return held | {k: v for k, v in changed.items() if k in held}

    data = Lies(HyperLogLog(4), "1 MB").add(["a", "b"], [1, 2]).to_bytes()
    with pytest.raises(FormatError):
        GroupBy.from_bytes(data)


def test_bytes_are_stable():
    """Golden: the byte format of a fixed stream does not move between versions."""
    sketch = GroupBy(CountMin(2, 16), "200 kB", seed=1).add(*rows(5000, 400))
    assert hashlib.sha256(sketch.to_bytes()).hexdigest()[:16] == "8efa9bc80fa3f217"
