"""External sort: any runs merge to one sorted stream; blocks, rounds, keys of any kind."""

import datetime
import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.core import SaveError
from thrifty.run import external_sort
from thrifty.run.aggregates import Aggregates
from thrifty.run.external_sort import Runs, aligned, merge_sorted, packed

KEPT = Aggregates(["k"], {"n": ("n", "sum")})


def run_of(counts):
    """A sorted table of keys and counts."""
    table = pa.table({"k": pa.array(list(counts), pa.string()), "n": list(counts.values())})
    return table.sort_by("k")


@given(st.lists(st.dictionaries(st.text(max_size=2), st.integers(0, 9)), max_size=8), st.data())
def test_merged_is_the_sum(runs, data):
    """Streams cut into blocks anywhere: each key once, in order, with the sum of its counts."""
    streams = []
    for counts in runs:
        table, cut = run_of(counts), data.draw(st.integers(1, 5))
        streams.append(iter([table.slice(i, cut) for i in range(0, len(table), cut)]))
    found = [row for t in merge_sorted(streams, ["k"], KEPT.sorted) for row in t.to_pylist()]
    keys = sorted({key for counts in runs for key in counts}, key=str.encode)
    assert found == [{"k": k, "n": sum(counts.get(k, 0) for counts in runs)} for k in keys]


@pytest.mark.parametrize(
    "keys",
    [
        [3, 1, None, -5], [2.5, math.nan, -1.0, None, math.inf], [b"\xff", b"a", b""],
        [datetime.datetime(2020, 1, 2), datetime.datetime(1960, 5, 5), None], [True, False],
        [datetime.date(2020, 1, 2), datetime.date(1970, 1, 1)],
    ],
)  # fmt: skip
def test_kinds_of_keys(keys):
    """Numbers, NaN, bytes, times and nulls come in the order of Arrow."""
    table = pa.table({"k": keys, "n": [1] * len(keys)}).sort_by("k")
    streams = [iter([table.slice(i, 1) for i in range(len(keys))]), iter([table])]
    found = pa.concat_tables(merge_sorted(streams, ["k"], KEPT.sorted))
    assert found["k"].to_pylist().__repr__() == table["k"].to_pylist().__repr__()
    assert found["n"].to_pylist() == [2] * len(keys)


def test_keys_of_several_columns():
    """By the first, then the second."""
    kept = Aggregates(["a", "b"], {"n": ("n", "sum")})
    rows = [(a, b) for a in "xyz" for b in range(5)]
    table = pa.table({"a": [a for a, _ in rows], "b": [b for _, b in rows], "n": [1] * 15})
    streams = [iter([table.slice(i, n) for i in range(0, 15, n)]) for n in (2, 3, 7)]
    found = pa.concat_tables(merge_sorted(streams, ["a", "b"], kept.sorted))
    assert found.to_pylist() == [{"a": a, "b": b, "n": 3} for a, b in rows]


def test_only_two_blocks_of_each_are_read():
    """A block is asked for when the first of the two before it is used up."""
    asked = []

    def stream(name, blocks):
        for block in blocks:
            asked.append(name)
            yield pa.table({"k": block})

    cut = aligned([stream("a", [[1, 2], [3, 4], [5]]), stream("b", [[1, 9], [10]])], ["k"])
    seen = [([t and t["k"].to_pylist() for t in tables], "".join(asked)) for tables in cut]
    assert seen == [
        ([[1, 2], [1]], "abab"), ([[3, 4], None], "ababa"), ([[5], [9]], "ababa"),
        ([None, [10]], "ababa"),
    ]  # fmt: skip


def test_many_runs_are_merged_in_rounds(tmp_path, monkeypatch):
    """No more than `most` are read at once; files that were merged or cleared are gone."""
    monkeypatch.setattr(external_sort, "BLOCK", 100)
    runs = Runs(tmp_path, ["k"], KEPT.sorted, most=3)
    for i in range(10):
        tables = [run_of({f"{p}{j}": 1 for j in range(i, i + 40)}) for p in "ab"]
        runs.add([*tables, run_of({})])
    assert len(runs) == 10
    runs.reduce()
    assert len(runs) <= 3
    assert len(list(tmp_path.iterdir())) == len(runs)
    assert runs.nbytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    found = pa.concat_tables(runs.merged(1))
    assert sorted(f"b{j}" for j in range(49)) == found["k"].to_pylist()
    assert sum(found["n"].to_pylist()) == 400
    assert list(runs.merged(2)) == []
    runs.clear()
    assert list(tmp_path.iterdir()) == []


def test_runs_that_are_sent_are_merged_in_their_order(tmp_path):
    """Of one partition, some empty: what a key has comes in the order of the runs."""
    kept = Aggregates(["k"], {"n": ("n", "list")})
    runs = Runs(tmp_path, ["k"], kept.sorted, most=3)
    for at in range(20):
        keys = [] if at % 5 == 4 else ["a", "b"]
        rows = pa.table({"k": pa.array(keys, pa.string()), "n": [at] * len(keys)})
        table = next(kept.of(rows))
        assert bool(packed(table)) == bool(keys)
        runs.put(packed(table))
    runs.reduce()
    assert len(runs) == 3
    found = pa.concat_tables(runs.merged(0))
    assert found["n"].to_pylist() == [[at for at in range(20) if at % 5 != 4]] * 2


def test_a_full_disk_is_told(tmp_path):
    """A folder that is not there is a SaveError that names the file."""
    runs = Runs(tmp_path / "none", ["k"], KEPT.sorted, most=3)
    with pytest.raises(SaveError, match=rf"cannot write {tmp_path}/none/.*\.arrow: No such file"):
        runs.add([run_of({"a": 1})])
