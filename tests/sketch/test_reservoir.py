"""Reservoir: its laws, fair to rows and pairs of rows, any type of row, limits, edges and bytes."""

import datetime as dt
import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st
from scipy.stats import chi2

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.sketch import Reservoir

LAW_CASES = [law for name in record_of(Reservoir).laws for law in LAWS[name]]
TABLE = pa.table({
    "text": ["a", None, "c" * 50], "list": [[1, 2], None, []], "when": [dt.date(2020, 1, 1)] * 3,
    "inner": [{"x": 1.5, "y": "z"}, {"x": None, "y": ""}, None], "code": pa.array(["p", "q", "p"]),
})  # fmt: skip


def chances(samples, n):
    """Chi-square of how often each of n rows is in samples of one size, n - 1 degrees of freedom.

    Counts are negatively correlated, for which the factor (n - 1) / n makes up.
    """
    counts = np.bincount(np.concatenate(samples), minlength=n)
    share = len(samples[0]) / n
    mean = len(samples) * share
    return ((counts - mean) ** 2).sum() / (mean * (1 - share)) * (n - 1) / n


def merged(stream, parts, k):
    """A sample of 0..29 from so many parts that are streams of their own, as row numbers."""
    rows = np.array_split(np.arange(30), parts)
    sketches = [Reservoir(k, stream=f"{stream}/{i}").add(part) for i, part in enumerate(rows)]
    whole = sketches[0]
    for sketch in sketches[1:]:
        whole = whole.merge(sketch)
    assert whole.seen == 30
    return whole.sample().to_numpy()


@pytest.mark.parametrize("items", [st.integers(-3, 3), st.text(max_size=3), st.none()], ids=str)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, items):
    """The laws the record names hold."""
    law(lambda: Reservoir(5, seed=7), items)


@pytest.mark.parametrize("parts", [1, 3])
def test_every_row_is_as_likely(parts):
    """Chi-square of 900 samples of 7 of 30 rows, whole and merged, is that of a fair draw."""
    samples = [merged(stream, parts, 7) for stream in range(900)]
    assert chi2.ppf(1e-5, 29) < chances(samples, 30) < chi2.isf(1e-5, 29)


def test_every_pair_is_as_likely():
    """Pairs of rows from two parts are drawn together as often as k (k - 1) / n / (n - 1)."""
    samples = [merged(stream, 2, 7) for stream in range(1500)]
    share = 7 * 6 / 30 / 29
    inside = np.zeros((1500, 30))
    for row, sample in zip(inside, samples, strict=True):
        row[sample] = 1
    pairs = (inside.T @ inside)[np.triu_indices(30, 1)]
    scores = (pairs - 1500 * share) / np.sqrt(1500 * share * (1 - share))
    assert np.abs(scores).max() < 5
    assert abs(scores.std() - 1) < 0.2


def test_streams_named_by_their_content_are_apart():
    """Without names, parts that differ are drawn independently, and alike ones alike."""
    both = 0
    for seed in range(800):
        left = Reservoir(1, seed=seed).add([0, 1]).sample()[0].as_py()
        right = Reservoir(1, seed=seed).add([2, 3]).sample()[0].as_py() - 2
        both += left == right
    assert abs(both - 400) <= 5 * np.sqrt(200)
    assert Reservoir(1).add([0, 1]) == Reservoir(1).add([0, 1])
    assert Reservoir(1).add([[0], [1]])._stream[0] == 1


def test_batches_do_not_matter():
    """A named stream has one sample however it is cut, also of slices, chunks and codes."""
    values = [f"v{i}" for i in range(500)]
    whole = Reservoir(20, stream=1).add(values)
    many = Reservoir(20, stream=1)
    for start in range(0, 500, 33):
        many.add(pa.array(["x", *values]).slice(1 + start, 33).dictionary_encode())
    assert many == whole
    chunked = pa.chunked_array([values[:7], [], values[7:]])
    assert Reservoir(20, stream=1).add(chunked) == whole
    assert (
        whole.sample().to_pylist() == Reservoir(50, stream=1).add(values).sample()[:20].to_pylist()
    )


def test_merging_is_the_sample_of_all_rows():
    """Merging parts is choosing the least ranks of all of them."""
    parts = [Reservoir(30, stream=i).add(np.arange(100) + 100 * i) for i in range(4)]
    few = [Reservoir(9, stream=i).add(np.arange(100) + 100 * i) for i in range(4)]
    large, small = parts[0], few[0]
    for one, other in zip(parts[1:], few[1:], strict=True):
        large, small = large.merge(one), small.merge(other)
    assert large.sample()[:9].to_pylist() == small.sample().to_pylist()
    assert (
        few[0].merge(few[1]).merge(few[2]).sample() == few[2].merge(few[1].merge(few[0])).sample()
    )


@pytest.mark.parametrize("form", ["table", "batch", "dict", "frame", "polars"])
def test_rows_of_any_type(form):
    """Whole rows come back, nested ones too, from every form of table, also through bytes."""
    batch = {
        "table": lambda: TABLE, "batch": lambda: TABLE.to_batches()[0],
        "dict": lambda: {name: TABLE[name] for name in TABLE.column_names},
        "frame": lambda: pytest.importorskip("pandas").DataFrame({"text": ["a", "b"]}),
        "polars": lambda: pytest.importorskip("polars").DataFrame({"text": ["a", "b"]}),
    }[form]()  # fmt: skip
    sketch = Reservoir(2).add(batch)
    twin = Reservoir.from_bytes(sketch.to_bytes())
    assert twin.sample() == sketch.sample()
    assert sketch.sample().num_rows == 2
    rows = (TABLE if form in ("table", "batch", "dict") else pa.table(batch)).to_pylist()
    assert all(row in rows for row in sketch.sample().to_pylist())


def test_types_grow():
    """Ints that become reals, short texts that become long ones, and nulls fit together."""
    sketch = Reservoir(5).add([1, 2]).add([0.5]).add([None])
    assert sorted(map(str, sketch.sample().to_pylist())) == ["0.5", "1.0", "2.0", "None"]
    large = Reservoir(5).add(pa.array(["a"])).add(pa.array(["b"], pa.large_string()))
    assert sorted(large.sample().to_pylist()) == ["a", "b"]


def test_it_holds_what_it_says():
    """A sample within a budget keeps to it with long rows, and is fair all the same."""
    sketch, rng = Reservoir.within("20 kB", stream="x"), np.random.default_rng(0)
    for _ in range(50):
        sketch.add({"n": rng.integers(0, 2, 100), "text": ["x" * 500] * 100})
        assert sketch.nbytes <= 20_000
    assert 10 <= len(sketch) < 60
    assert sketch.seen == 5000
    one = Reservoir.within(256).add(["x" * 10_000_000])
    assert (len(one), one.seen, one.nbytes) == (0, 1, 64)


def test_for_error_is_hoeffding():
    """K rows, so that the bound is kept; a sample of all rows has none."""
    sketch = Reservoir.for_error(0.05, 0.95)
    assert sketch.k == 738
    assert sketch.add(range(700)).error_bound() == 0
    assert 0.0499 < sketch.add(range(700)).error_bound() <= 0.05
    assert Reservoir().sample() is None
    assert Reservoir().add([]).seen == 0


def test_bad_arguments_are_named():
    """Each refusal names the argument, its rule and its value, and changes nothing."""
    with pytest.raises(ValueError, match=r"^k must be in 1\.\.67108864, got 0$"):
        Reservoir(0)
    with pytest.raises(BudgetError, match=r"^budget must be at least 256 B for a Reserv.*, got 9$"):
        Reservoir.within(9)
    with pytest.raises(TypeError, match=r"^column must be values of one type, got .*"):
        Reservoir().add([1, "a"])
    with pytest.raises(TypeError, match=r"^columns must have names of their own, got .*'a'\]$"):
        Reservoir().add(pa.table([[1], [2]], names=["a", "a"]))
    sketch = Reservoir(5).add({"a": [1]})
    before = sketch.to_bytes()
    with pytest.raises(IncompatibleError, match=r"^cannot put rows of \['b'\] among \['a'\]$"):
        sketch.add({"b": [1]})
    with pytest.raises(IncompatibleError, match=r"^cannot put rows among others: .*"):
        sketch.add({"a": ["text"]})
    with pytest.raises(IncompatibleError, match=r"^cannot put columns among tables, or .*"):
        sketch.add([1])
    assert sketch.to_bytes() == before
    with pytest.raises(IncompatibleError, match=r"^cannot merge Reservoir\(k=5, .*k=6, .*\)$"):
        sketch.merge(Reservoir(6))


def lie(**changed):
    """Bytes of a small sample with other arrays or another spec."""

    class Lies(Reservoir):
        def arrays(self):
            held = super().arrays()
            return held | {k: np.array(v, held[k].dtype) for k, v in changed.items() if k in held}

        def spec(self):
            return super().spec() | {k: v for k, v in changed.items() if isinstance(v, int | str)}

    return Lies(4).add(["a", "bb"]).to_bytes()


@pytest.mark.parametrize(
    "changed",
    [
        {"ranks": [0.5, 0.1]}, {"ranks": [0.5]}, {"ranks": [np.nan, 1]}, {"ranks": [-1, 1]},
        {"weights": [1, 0]}, {"weights": [1, np.inf]}, {"rows": []}, {"rows": [1, 2, 3]},
        {"tally": [1, 2, 4, 1]}, {"tally": [2, 3, 4, 1]}, {"tally": [2, 2, 1, 1]},
        {"tally": [2, 2, 5, 1]}, {"tally": [2, 2, 4, 2]}, {"out": [0.0]}, {"out": [np.nan]},
        {"stream": [2, 0]}, {"k": 1}, {"k": 2**40}, {"k": "4"}, {"limit": 0}, {"seed": -1},
    ],
    ids=str,
)  # fmt: skip
def test_lies_are_damage(changed):
    """Ranks, counts and rows that do not belong together are refused, whatever their checksums."""
    with pytest.raises(FormatError):
        Reservoir.from_bytes(lie(**changed))


def test_damaged_rows_are_refused_or_sound():
    """Altered bytes inside the Arrow stream, checksums made anew, never crash or hang."""
    data = Reservoir(4).add(TABLE).arrays()["rows"]
    rng = np.random.default_rng(0)
    spec, held = Reservoir(4).spec(), Reservoir(4).add(TABLE).arrays()
    refused = 0
    for _ in range(1500):
        bad = data.copy()
        bad[rng.integers(0, bad.size, rng.integers(1, 4))] = rng.integers(0, 256)
        bad = bad[: rng.integers(1, bad.size)] if rng.random() < 0.2 else bad
        try:
            made = Reservoir._restored(spec, held | {"rows": bad})
        except FormatError:
            refused += 1
            continue
        assert made.sample().num_rows == 3
        assert Reservoir.from_bytes(made.to_bytes()) == made
    assert refused > 500


def test_the_sample_is_stable():
    """Golden: which rows are drawn does not move between versions, nor do the other bytes."""
    sketch = Reservoir(6, stream="day 1", seed=1).add(range(1000))
    assert sketch.sample().to_pylist() == [379, 853, 668, 94, 826, 801]
    held = sketch.arrays()
    digest = hashlib.sha256(b"".join(held[name].tobytes() for name in ("ranks", "stream", "tally")))
    assert digest.hexdigest()[:16] == "1da81e76846e6ab4"
