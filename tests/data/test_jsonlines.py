"""JsonLines: equal to Python's json; types that change, late columns, and lines that are wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.core import DataError
from thrifty.data import jsonlines
from thrifty.data.source import open as open_source

OTHER = "values of another type, read as missing"
UNKNOWN = "values of columns not in the sample, left out"
BAD = "lines that are not JSON"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)  # fmt: skip


def opened(folder, lines, **options):
    """A source over objects, or texts as they are."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / "x.jsonl").write_text("\n".join(texts) + "\n")
    return open_source(folder / "x.jsonl", **options)


def rows(source, columns=None):
    """All rows as dicts."""
    return [row for batch in source.batches(columns) for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        (["a", None, ""], "string", ["a", None, ""]),
        ([1, 2.5, None], "double", [1.0, 2.5, None]),
        ([2**60, 1], "int64", [2**60, 1]),
        ([2**70, 1], "string", [str(2**70), "1"]),
        ([True, False], "bool", [True, False]),
        ([["a"], [], None], "list<item: string>", [["a"], [], None]),
        ([[1], [2, 3]], "list<item: int64>", [[1], [2, 3]]),
        ([[1, 0.5]], "list<item: double>", [[1.0, 0.5]]),
        (["a", ["b", "c"]], "list<item: string>", [["a"], ["b", "c"]]),
        (["a", 1, True], "string", ["a", "1", "true"]),
        ([{"k": [1]}, None], "string", ['{"k": [1]}', None]),
        ([[[1]], [{}]], "string", ["[[1]]", "[{}]"]),
        ([None, None], "string", [None, None]),
    ],
)
def test_types(tmp_path, values, kind, read):
    """Texts, numbers, ids, flags and lists keep their type; all else is its JSON text."""
    source = opened(tmp_path, [{"x": value} for value in values])
    assert str(source.schema.field("x").type) == kind
    assert [row["x"] for row in rows(source)] == read
    assert source.report.counts == {}


@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), min_size=1, max_size=6))
def test_any_objects_are_read_without_loss(tmp_path_factory, objects):
    """Whatever the sample has seen is read: nothing is missing that was not null."""
    source = opened(tmp_path_factory.mktemp("jsonl"), objects)
    found = rows(source)
    assert len(found) == len(objects)
    assert source.report.counts == {}
    for item, row in zip(objects, found, strict=True):
        assert all(row[key] is not None for key, value in item.items() if value is not None)


def test_fast_and_slow_agree(tmp_path, monkeypatch):
    """The reader of pyarrow and the careful one give the same rows."""
    lines = [
        {"t": f"s {i} \u00e9", "n": i / 3, "l": ["a", str(i)], "b": i % 2 == 0} for i in range(500)
    ]
    source = opened(tmp_path, lines)
    fast = rows(source)
    monkeypatch.setattr(jsonlines, "_fast", lambda *args: None)
    assert rows(source) == fast == lines


def test_a_type_that_changes_half_way(tmp_path):
    """A number column with a text later: that value is missing and counted by line."""
    lines = [{"id": i, "x": float(i)} for i in range(120_000)]
    lines[30_000]["x"] = "many"
    lines[30_001]["id"] = [7]
    source = opened(tmp_path, lines)
    found = rows(source)
    assert (found[29_999]["x"], found[30_000]["x"], found[30_002]["x"]) == (29_999, None, 30_002)
    assert len(found) == 120_000
    assert source.report.counts == {OTHER: 2}
    assert source.report.examples[OTHER][0].endswith('line 30001: x = "many" is not a number')
    with pytest.raises(DataError, match=r'line 30001: x = "many" is not a number$'):
        rows(opened(tmp_path, lines, strict=True))


def test_a_column_that_comes_late(tmp_path):
    """A column no sample row has is left out and counted; one in any window is found."""
    lines = [{"x": "a" * 40} for _ in range(60_000)]
    lines[23_456]["rare"] = 1
    lines[-1]["last"] = 1
    source = opened(tmp_path, lines)
    assert source.schema.names == ["x", "last"]
    assert len(rows(source)) == 60_000
    assert source.report.counts == {UNKNOWN: 1}


def test_lines_that_are_not_json(tmp_path):
    """Broken lines, arrays and words are skipped and counted; blank lines are nothing."""
    lines = ['{"a": 1}', "", "{broken", "[1, 2]", '"word"', '{"a": 2}', '{"a": NaN}']
    source = opened(tmp_path, lines)
    assert [row["a"] for row in rows(source)][:2] == [1.0, 2.0]
    assert source.report.counts == {BAD: 3}
    first, second, third = source.report.examples[BAD]
    assert "x.jsonl, line 3: Expecting property name" in first
    assert second.endswith("line 4: not an object: '[1, 2]'")
    assert third.endswith("line 5: not an object: '\"word\"'")
    with pytest.raises(DataError, match=r"^lines that are not JSON: .*line 3: "):
        rows(opened(tmp_path, lines, strict=True))


def test_not_json_lines_at_all(tmp_path):
    """A JSON array over many lines is refused with what would help."""
    with pytest.raises(DataError, match=r"not JSON lines \(one object a line; `jq -c` makes them"):
        opened(tmp_path, ["[", " {", '"a": 1', "}", "]"])


def test_columns(tmp_path):
    """Only the columns asked for, in that order."""
    source = opened(tmp_path, [{"a": 1, "b": {"deep": 1}, "c": "x"}])
    assert rows(source, ["c", "a"]) == [{"c": "x", "a": 1.0}]
