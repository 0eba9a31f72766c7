"""Documents: columns told from names and samples, ids, numbers, vectors, passages."""

import itertools
import json

import pyarrow as pa
import pytest

from thrifty import data
from thrifty.core import DataError
from thrifty.data.report import Report
from thrifty.models.search_documents import Layout, layout_of, passages, tables


def opened(tmp_path, text, name="x.csv", **options):
    """A source of one file."""
    (tmp_path / name).write_text(text)
    return data.open(tmp_path / name, **options)


def rows_of(source, layout, first=1, report=None):
    """All documents."""
    pieces = tables(source, layout, first, lambda state: None, report or Report())
    return [row for table in pieces for row in table.to_pylist()]


CSV = 'id,title,body,year\n7,Lasers,"a red laser, pulsed for a while",2019\n8,Cats,cats purr,2021\n'


def test_columns_by_names(tmp_path):
    """Usual names are known; texts that are numbers are numbers."""
    layout = layout_of(opened(tmp_path, CSV))
    assert (layout.id, layout.texts, layout.title) == ("id", ("title", "body"), "title")
    assert layout.numbers == ("year",)
    assert Layout.restore(json.loads(json.dumps(layout.spec()))) == layout
    rows = rows_of(opened(tmp_path, CSV), layout)
    assert rows[0] == {
        "id": "7", "title": "Lasers", "body": "a red laser, pulsed for a while", "year": 2019.0,
    }  # fmt: skip


def test_columns_by_hand_and_by_length(tmp_path):
    """Names that are given; else the longest texts, and rows are numbered."""
    text = "head,words,note\nx,a long text of words,ab\ny,another text of words,cd\n"
    source = opened(tmp_path, text)
    assert layout_of(source).texts == ("words",)
    given = layout_of(source, text="words,note", title="head")
    assert given.texts == ("head", "words", "note")
    assert [row["id"] for row in rows_of(source, given, first=5)] == ["5", "6"]


def test_lines_of_text(tmp_path):
    """A line is a document."""
    source = opened(tmp_path, "first line\nsecond\n", "x.txt")
    assert rows_of(source, layout_of(source)) == [
        {"id": "1", "text": "first line"}, {"id": "2", "text": "second"},
    ]  # fmt: skip


def test_numbers_that_are_none(tmp_path):
    """What is no number in a column of numbers is missing, and counted."""
    layout = layout_of(opened(tmp_path, CSV))
    text = CSV + "9,Dogs,dogs bark,soon\n"
    report = Report()
    rows = rows_of(opened(tmp_path, text), layout, report=report)
    assert [row["year"] for row in rows] == [2019.0, 2021.0, None]
    assert report.counts == {"values of 'year' that are no number": 1}


def test_ids(tmp_path):
    """Whole numbers are text without a point; of two rows with one id the later stays."""
    lines = [
        {"_id": 1, "text": "a"},
        {"_id": 2.5, "text": "b"},
        {"_id": 1, "text": "c"},
        {"text": "d"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    report = Report()
    source = opened(tmp_path, text, "x.jsonl")
    rows = rows_of(source, layout_of(source), report=report)
    assert [(row["_id"], row["text"]) for row in rows] == [("2.5", "b"), ("1", "c")]
    assert report.counts == {
        "rows without an id, left out": 1, "ids that come again; the later row stays": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    ['{"id": "a", "text": "x", "v": [1, 2.5]}\n', 'id,text,v\na,x,"[1, 2.5]"\n'],
)
def test_vectors(lines, tmp_path):
    """Lists, or texts of numbers."""
    source = opened(tmp_path, lines, "x.jsonl" if lines[0] == "{" else "x.csv")
    layout = layout_of(source, text="text", vectors="v")
    assert rows_of(source, layout)[0]["v"] == [1.0, 2.5]


def test_what_is_no_vector(tmp_path):
    """Words in the column of vectors."""
    source = opened(tmp_path, "id,text,v\na,x,none at all\n")
    with pytest.raises(DataError, match=r"^column 'v' must hold vectors, got string: could not"):
        rows_of(source, layout_of(source, text="text", vectors="v"))


@pytest.mark.parametrize(
    ("words", "size", "overlap"), [(100, 20, 5), (41, 20, 0), (20, 20, 9), (0, 20, 3)]
)
def test_passages_cover_the_text(words, size, overlap):
    """Every word is in a passage, each shares its words with the one before, none is longer."""
    text = " ".join(f"w{i}" for i in range(words))
    table = pa.table({"id": ["a", "b"], "title": ["T", "U"], "text": [text, "short one"]})
    layout = Layout("id", ("title", "text"), "title", chunk=size, overlap=overlap)
    cut = passages(table, layout).to_pylist()
    own = [row["text"].split() for row in cut if row["_document"] == "a"]
    assert all(len(piece) <= size for piece in own)
    assert all(b[:overlap] == a[-overlap:] for a, b in itertools.pairwise(own) if overlap)
    assert {word for piece in own for word in piece} == set(text.split())
    assert [row["id"] for row in cut[: len(own)]] == [f"a#{i + 1}" for i in range(len(own))]
    assert cut[-1] == {"id": "b#1", "title": "U", "text": "short one", "_document": "b"}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"text": "bdy"}, DataError, "column 'bdy' not found; near: body"),
        ({"id": "key"}, DataError, "column 'key' not found; columns: id, title, body, year"),
        ({"chunk": 5}, ValueError, "chunk must be in 20..10000, got 5"),
        ({"overlap": -1}, ValueError, "overlap must be in 0..5000, got -1"),
    ],
)
def test_refusals(options, error, message, tmp_path):
    """A column that is not there, sizes out of range."""
    with pytest.raises(error) as caught:
        layout_of(opened(tmp_path, CSV), **options)
    assert str(caught.value) == message


def test_no_text_at_all(tmp_path):
    """Numbers alone cannot be searched; nor files of other columns be added."""
    source = opened(tmp_path, '{"a": 1}\n', "x.jsonl")
    with pytest.raises(DataError, match=r"^a column of the files must hold text, got a$"):
        layout_of(source)
    layout = layout_of(opened(tmp_path, CSV))
    with pytest.raises(DataError, match=r"^column 'title' not found"):
        rows_of(source, layout)
