"""Rows: dicts become the columns that are asked for, whatever their values."""

import pyarrow as pa
import pytest

from thrifty.models.rows import batches


@pytest.mark.parametrize(
    "values",
    [["a", "\u00e9", ""], [1, 2**62], [1.5, float("inf")], [True, False], [["a"], []], [None, "b"],
     [1, 2.5], [], [2**70 * 1.0]],
    ids=str,
)  # fmt: skip
def test_values_are_as_arrow_reads_them(values):
    """The short way gives what `pa.array` gives."""
    found = next(batches([{"x": value} for value in values], ["x"]))["x"]
    assert found.to_pylist() == pa.array(values).to_pylist()
    assert found.type == pa.array(values).type
    found.validate(full=True)


def test_values_that_do_not_mix_become_texts():
    """A number beside a text, or one that no column holds, is read as its text."""
    rows = [{"x": 7}, {"x": "old"}, {"x": None}]
    assert next(batches(rows, ["x"]))["x"].to_pylist() == ["7", "old", None]
    assert next(batches([{"x": 2**70}], ["x"]))["x"].to_pylist() == [str(2**70)]
    assert next(batches([{"x": "\ud800"}], ["x"]))["x"].to_pylist() == ["?"]


def test_tables_keep_their_columns():
    """Arrow batches and tables pass as they are."""
    table = pa.Table.from_pydict({"x": list(range(3000)), "y": [0] * 3000})
    assert pa.Table.from_batches(batches(table, ["x"])).equals(table)
    batch = table.to_batches()[0]
    assert next(batches(batch, ["x"])) is batch


def test_names_decide_the_columns():
    """What is asked for is there, null where a row lacks it; other keys are left out."""
    found = next(batches({"a": 1, "c": 2}, ["b", "a"]))
    assert found.to_pylist() == [{"b": None, "a": 1}]
