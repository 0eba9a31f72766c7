"""Parquet: equal to pyarrow's own reader; row groups as partitions; files that differ."""

import datetime

import pyarrow as pa
import pyarrow.parquet as papq
import pytest

from thrifty.core import DataError
from thrifty.data.source import open as open_source

TABLE = pa.table({
    "i": pa.array(range(1000)), "t": [f"text {i % 7}" for i in range(1000)],
    "l": [[i, i + 1] for i in range(1000)], "d": [datetime.date(2020, 1, 1)] * 1000,
})  # fmt: skip


def whole(source, columns=None):
    """All batches as a table."""
    return pa.Table.from_batches(list(source.batches(columns)))


def test_equals_pyarrow(tmp_path):
    """Rows, order and types are those of read_table; partitions are the row groups."""
    papq.write_table(TABLE, tmp_path / "x.parquet", row_group_size=300)
    source = open_source(tmp_path / "x.parquet")
    assert whole(source).equals(papq.read_table(tmp_path / "x.parquet"))
    assert [part.num_rows for part in source.partitions] == [300, 300, 300, 100]
    assert whole(source, ["t", "i"]).equals(TABLE.select(["t", "i"]))
    last = list(source.batches(["i"], partitions=source.partitions[3:]))
    assert pa.Table.from_batches(last)["i"].to_pylist() == list(range(900, 1000))


def test_files_that_differ_meet(tmp_path):
    """Whole and broken numbers become broken ones, numbers and texts text; new columns join."""
    papq.write_table(pa.table({"a": [1], "b": [1], "c": ["x"]}), tmp_path / "1.parquet")
    papq.write_table(pa.table({"b": ["y"], "a": [0.5]}), tmp_path / "2.parquet")
    source = open_source(tmp_path)
    assert [str(kind) for kind in source.schema.types] == ["double", "string", "string"]
    assert whole(source).to_pylist() == [
        {"a": 1.0, "b": "1", "c": "x"},
        {"a": 0.5, "b": "y", "c": None},
    ]
    assert source.report.counts == {"columns missing in a file, read as missing values": 1}


def test_dictionaries_and_structs_become_text(tmp_path):
    """Batches have plain types, whatever the encoding in the file."""
    table = pa.table({
        "c": pa.array(["u", "v"]).dictionary_encode(), "s": [{"k": 1}, None],
        "n": [[{"k": 1}], []], "big": pa.array(["a", "b"], pa.large_string()),
    })  # fmt: skip
    papq.write_table(table, tmp_path / "x.parquet")
    assert whole(open_source(tmp_path / "x.parquet")).to_pylist() == [
        {"c": "u", "s": '{"k": 1}', "n": '[{"k": 1}]', "big": "a"},
        {"c": "v", "s": None, "n": "[]", "big": "b"},
    ]


def test_long_rows_come_in_small_batches(tmp_path):
    """Batches of long texts stay at a few MB."""
    table = pa.table({"t": [f"{i} " * 5000 for i in range(600)]})
    papq.write_table(table, tmp_path / "x.parquet", compression="none", use_dictionary=False)
    batches = list(open_source(tmp_path / "x.parquet").batches())
    assert max(batch.nbytes for batch in batches) < 4_000_000
    assert sum(map(len, batches)) == 600


def test_damaged(tmp_path):
    """A cut file is refused when opened; a damaged row group is reported, or raised if strict."""
    path = tmp_path / "x.parquet"
    papq.write_table(TABLE, path, row_group_size=300)
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:-20])
    with pytest.raises(DataError, match=r"x\.parquet: not a Parquet file, or cut: "):
        open_source(path)
    data[4:60] = b"\xff" * 56
    path.write_bytes(data)
    source = open_source(path)
    assert sum(len(batch) for batch in source.batches()) == 700
    assert source.report.counts == {"damaged files": 1}
    assert "row group 0: " in source.report.examples["damaged files"][0]
    with pytest.raises(DataError, match=r"^damaged files: .*row group 0: "):
        list(open_source(path, strict=True).batches())
