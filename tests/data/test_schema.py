"""Schema: inferred, overridden, kept as JSON, and batches brought to it."""

import json
from datetime import datetime

import pyarrow as pa
import pytest

from thrifty.core import DataError, FormatError
from thrifty.data.kinds import Column
from thrifty.data.report import Report
from thrifty.data.schema import Schema, infer
from thrifty.data.source import open as open_source

SCHEMA = Schema(
    (
        Column("age", "number"),
        Column("city", "category"),
        Column("note", "text"),
        Column("day", "date", format="%d.%m.%Y"),
        Column("tags", "list", separator="|"),
        Column("row", "ignore"),
    )
)
LOST = "values of column 'age' that are no number, read as missing"


def batch(**changed):
    """A raw batch of two rows."""
    columns = {
        "row": ["1", "2"],
        "age": [" 7", "old"],
        "city": [" Rome ", None],
        "note": [" as it is ", ""],
        "day": ["2.1.2020", "never"],
        "tags": ["a| b|", ""],
    }
    return pa.RecordBatch.from_pydict(columns | changed)


def test_cast_to_canonical_types():
    """What is used, in the schema's order and types; lost values are counted by column."""
    report = Report()
    cast = SCHEMA.cast(batch(), report)
    assert [str(kind) for kind in cast.schema.types] == [
        "double", "string", "string", "timestamp[us]", "list<item: string>",
    ]  # fmt: skip
    assert cast.to_pylist() == [
        {"age": 7.0, "city": "Rome", "note": " as it is ", "day": datetime(2020, 1, 2),
         "tags": ["a", "b"]},
        {"age": None, "city": None, "note": "", "day": None, "tags": []},
    ]  # fmt: skip
    assert report.counts[LOST] == 1
    assert report.examples[LOST] == ["'old'"]
    assert sum(report.counts.values()) == 2


def test_a_column_that_turns_into_text():
    """All lost values are counted, three are shown; strict refuses; all-null columns are typed."""
    report = Report()
    SCHEMA.select(["age"]).cast(batch(age=["a", "b"]), report)
    raw = pa.RecordBatch.from_pydict({"age": ["1", *"cdefg"]})
    SCHEMA.select(["age"]).cast(raw, report)
    assert report.to_dict() == {LOST: {"count": 7, "examples": ["'a'", "'b'", "'c'"]}}
    with pytest.raises(DataError, match=r"^values of column 'age' that are no number, .*: 'old'$"):
        SCHEMA.cast(batch(), Report(strict=True))
    empty = SCHEMA.cast(batch(age=pa.nulls(2), tags=pa.nulls(2), day=pa.nulls(2)))
    assert empty.schema == SCHEMA.cast(batch()).schema


def test_a_missing_column_is_named():
    """The near names are shown; an ignored column may be missing."""
    raw = batch().rename_columns(["row", "agee", "city", "note", "day", "tags"])
    with pytest.raises(DataError, match=r"^column 'age' not found; near: agee$"):
        SCHEMA.cast(raw)
    with pytest.raises(DataError, match=r"^column 'citty' not found; near: city$"):
        SCHEMA["citty"]
    assert SCHEMA.cast(batch().drop_columns(["row"])).num_rows == 2
    assert SCHEMA.without("age").names == ["city", "note", "day", "tags"]


@pytest.mark.parametrize(
    ("overrides", "name", "found"),
    [
        ("age=category", "age", ("category", None, None)),
        ("tags=list:,", "tags", ("list", ",", None)),
        ("tags=list:,,age=text", "tags", ("list", ",", None)),
        ("city=text, age=ignore", "age", ("ignore", None, None)),
        ("day=date:%Y", "day", ("date", None, "%Y")),
        ("age=date", "age", ("date", None, "iso")),
        ("tags=list", "tags", ("list", "|", None)),
        ({"row": "number"}, "row", ("number", None, None)),
        (None, "row", ("ignore", None, None)),
    ],
)
def test_overrides(overrides, name, found):
    """Kinds by hand, as one text or a mapping, with separator or format."""
    column = SCHEMA.override(overrides)[name]
    assert (column.kind, column.separator, column.format) == found


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("age", r"^override must be name=kind, got 'age'$"),
        ("age=int", r"^kind of column 'age' must be one of text, category, .*, got 'int'$"),
        ("agee=text", r"^column 'agee' not found; near: age$"),
    ],
)
def test_overrides_refused(overrides, message):
    """A wrong form, kind or name is said."""
    with pytest.raises(ValueError, match=message):
        SCHEMA.override(overrides)


def test_json_round_trip():
    """A schema survives JSON; other things are refused."""
    assert Schema.from_dict(json.loads(json.dumps(SCHEMA.to_dict()))) == SCHEMA
    for bad in ({}, {"columns": [{"nam": 1}]}, {"columns": [{"name": "a", "kind": "int"}]}):
        with pytest.raises(FormatError, match=r"^not a schema: "):
            Schema.from_dict(bad)


def test_infer(tmp_path):
    """A sample tells each kind; overrides win; a constant target is kept if asked."""
    rows = "".join(f"{i},{i % 9 / 7:.3f},{'ab'[i % 2]},same,x|y\n" for i in range(300))
    (tmp_path / "x.csv").write_text("row,x,c,target,tags\n" + rows)
    source = open_source(tmp_path / "x.csv")
    kinds = {column.name: column.kind for column in infer(source).columns}
    assert kinds == {
        "row": "ignore", "x": "number", "c": "category", "target": "ignore", "tags": "ignore",
    }  # fmt: skip
    schema = infer(source, overrides="tags=list:|", keep=["target"])
    assert schema.names == ["x", "c", "target", "tags"]
    cast = [schema.cast(raw) for raw in source.batches(schema.names)]
    assert sum(len(part) for part in cast) == 300
    with pytest.raises(DataError, match=r"^column 'targt' not found; near: target, tags$"):
        infer(source, keep=["targt"])


def test_infer_sparse(tmp_path):
    """The features of svmlight are sparse and pass as they are."""
    (tmp_path / "x.svm").write_text("1 2:0.5\n0 1:1 3:2\n")
    source = open_source(tmp_path / "x.svm")
    schema = infer(source)
    assert [column.kind for column in schema.columns] == ["number", "sparse", "sparse"]
    [raw] = source.batches()
    assert schema.cast(raw)["indices"] == raw["indices"]
