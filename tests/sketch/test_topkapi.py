"""Topkapi: its laws, certain intervals, majorities that no merge loses, edges and bytes."""

import hashlib
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.laws.summary import merge_commutes
from thrifty.sketch import Topkapi

LAW_CASES = [law for name in record_of(Topkapi).laws for law in LAWS[name]]


def stream(n=20_000, keys=2_000, seed=0):
    """Texts whose ranks are drawn in proportion to 1 / rank."""
    mass = np.cumsum(1.0 / np.arange(1, keys + 1))
    places = np.random.default_rng(seed).random(n) * mass[-1]
    return [f"key {rank}" for rank in np.searchsorted(mass, places)]


def assert_bounds(sketch, exact):
    """Every count, of keys that lead a cell or not, is in its interval."""
    keys = [*exact, "never"]
    estimate, low, high = sketch.estimate(keys)
    counts = np.array([exact[key] for key in keys])
    assert (low <= counts).all()
    assert (counts <= high).all()
    assert (low <= estimate).all()
    assert (estimate <= high).all()
    assert all(exact[value] in count for value, count in sketch.frequent(10**9))
    assert sketch.total == sum(exact.values())


@pytest.mark.parametrize("items", [st.integers(-3, 3), st.text(max_size=2)], ids=str)
@pytest.mark.parametrize("law", [*LAW_CASES, merge_commutes], ids=lambda law: law.__name__)
def test_law(law, items):
    """The laws the record names hold, and a merge commutes, with few cells."""
    law(lambda: Topkapi(3, 2, seed=7), items)


@pytest.mark.parametrize("width", [1, 10, 100, 3000])
def test_agrees_with_exact(width):
    """Intervals are certain, whole and merged from parts, added twice too."""
    texts = stream()
    assert_bounds(Topkapi(width).add(texts), Counter(texts))
    merged = Topkapi(width)
    for start in range(0, len(texts), 1700):
        merged.absorb(Topkapi(width).add(texts[start : start + 1700]))
    assert_bounds(merged, Counter(texts))
    assert_bounds(merged.absorb(merged), Counter(texts + texts))


def test_intervals_are_as_narrow_as_promised():
    """The share of values whose interval reaches further below than promised is as small."""
    texts = stream(keys=5000)
    for confidence in (0.5, 0.9):
        wide = []
        for seed in range(20):
            sketch = Topkapi(150, 3, seed=seed).add(texts)
            top = [text for text, n in Counter(texts).most_common(10)]
            counts = [n for text, n in Counter(texts).most_common(10)]
            wide.append(counts - sketch.estimate(top).low > sketch.error_bound(confidence))
        assert np.mean(wide) <= 1 - confidence


@given(st.lists(st.lists(st.integers(0, 2), max_size=9), min_size=1, max_size=6))
def test_a_majority_is_never_lost(parts):
    """What is more than half of a cell leads it, however the stream was cut and merged."""
    union = Topkapi(1, 1)
    for part in parts:
        union.absorb(Topkapi(1, 1).add(part))
    whole = [item for part in parts for item in part]
    majority = [item for item, n in Counter(whole).items() if 2 * n > len(whole)]
    assert [value for value, _ in union.frequent()][: len(majority)] == majority


def test_the_frequent_are_found():
    """The twenty most frequent of 2,000 are the first twenty, with nearly their counts."""
    texts = stream(100_000)
    exact = Counter(texts).most_common(20)
    found = Topkapi(1000).add(texts).frequent(20)
    assert {value for value, _ in found} == {value for value, _ in exact}
    assert all(abs(count.estimate / dict(exact)[v] - 1) < 0.01 for v, count in found)


def test_weights_count_as_repeats():
    """A value of weight w counts as w of it; nulls and weights of 0 do not count."""
    column = pa.array(["a", None, "b", "a", "c", None])
    sketch = Topkapi().add(column, weights=[5, 100, 2, 3, 0, 1])
    assert [(v, c.low, c.high) for v, c in sketch.frequent()] == [("a", 8, 8), ("b", 2, 2)]
    assert Topkapi().add(column.dictionary_encode(), [5, 100, 2, 3, 0, 1]) == sketch
    texts = stream(3000)
    weights = np.random.default_rng(1).integers(0, 2000, 3000)
    exact = Counter()
    for text, weight in zip(texts, weights.tolist(), strict=True):
        exact[text] += weight
    assert_bounds(Topkapi(30).add(texts, weights), exact)


def test_it_holds_what_it_says():
    """What fits a budget fits it full of long values too."""
    sketch, most = Topkapi.within("100 kB", longest=64), 0
    for start in range(0, 20_000, 500):
        sketch.add([f"{i:080d}" for i in range(start, start + 500)])
        most = max(most, sketch.nbytes)
    assert 60_000 < most <= 100_000


def test_for_error_is_the_formula():
    """Cells e / share, rows ln(1 / (1 - confidence)), so that the bound is kept."""
    sketch = Topkapi.for_error(0.01, 0.99).add(["x"] * 1000)
    assert (sketch.width, sketch.depth) == (272, 5)
    assert 0 < sketch.error_bound(0.99) <= 10
    assert Topkapi(2).add("x").error_bound() == 1


def test_bad_arguments_are_named():
    """Each refusal names the argument, its rule and its value."""
    with pytest.raises(ValueError, match=r"^width must be in 1\.\.268435456, got 0$"):
        Topkapi(0)
    with pytest.raises(ValueError, match=r"^depth must be in 1\.\.32, got 33$"):
        Topkapi(depth=33)
    with pytest.raises(BudgetError, match=r"^budget must be at least 4.. B for a Topkapi, got 9$"):
        Topkapi.within(9)
    with pytest.raises(ValueError, match=r"^weights must be at least 0, got -1$"):
        Topkapi().add(["a"], weights=-1)
    with pytest.raises(TypeError, match=r"^column must be of text, .*, got list<item: int64>$"):
        Topkapi().add([[1]])
    with pytest.raises(IncompatibleError, match=r"^cannot merge .*seed=0\) with .*seed=1\)$"):
        Topkapi().merge(Topkapi(seed=1))
    full = Topkapi().add("a", weights=2**62)
    with pytest.raises(ValueError, match=r"^weights must sum to less than 2\*\*63, got 4.*8 more$"):
        full.add("a", weights=2**62)
    with pytest.raises(ValueError, match=r"^weights must sum to less than 2\*\*63, got more by .*"):
        full.merge(full)


@pytest.mark.parametrize(
    "changed",
    [
        {"counts": [[-1, 1]]}, {"counts": [[3, 1]]}, {"totals": [[2**62] * 3]},
        {"ids": [[1, 2, 3]]},
        {"value_kinds": [9, 9, 9]}, {"width": 2**40}, {"depth": 2}, {"depth": "1"}, {"longest": 0},
    ],
    ids=str,
)  # fmt: skip
def test_lies_are_damage(changed):
    """Cells that cannot be are refused, whatever their checksums."""

    class Lies(Topkapi):
        def arrays(self):
            held = super().arrays()
            lies = {k: np.array(v, held[k].dtype) for k, v in changed.items() if k in held}
            return held | lies

        def spec(self):
            return super().spec() | {k: v for k, v in changed.items() if isinstance(v, int | str)}

    data = Lies(3, 1).add(["a"]).to_bytes()
    with pytest.raises(FormatError):
        Topkapi.from_bytes(data)


def test_bytes_are_stable():
    """Golden: the byte format of a fixed stream does not move between versions."""
    data = Topkapi(16, 2, seed=1).add(stream(5000)).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "b5c1db1fe11ebf8e"
