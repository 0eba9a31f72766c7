"""Delimited: equal to Python's csv on valid files; headers, delimiters; ragged rows and quotes."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.core import DataError
from thrifty.data.delimited import Delimited, sniff_delimiter
from thrifty.data.files import find
from thrifty.data.source import open as open_source

CELLS = st.text(st.sampled_from('ab1 ",;\n\t'), max_size=5).filter(lambda cell: cell != "")
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=9)
)
RAGGED = "rows with a wrong number of fields"


def opened(folder, data, name="x.csv", **options):
    """A source over these bytes."""
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return open_source(path, **options)


def rows(source, columns=None):
    """All rows as tuples."""
    return [tuple(row.values()) for batch in source.batches(columns) for row in batch.to_pylist()]


@given(TABLES)
def test_equals_python_csv(tmp_path_factory, table):
    """Any table written by Python's csv is read as it was, quotes, newlines and all."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    folder = tmp_path_factory.mktemp("csv")
    names = [f"c{i}" for i in range(len(table[0]))]
    source = opened(folder, text.getvalue(), delimiter=",", quote='"', header=names)
    assert rows(source) == [tuple(row) for row in table]
    assert source.report.counts == {}


def test_blocks_are_cut_between_rows(tmp_path):
    """Quoted newlines at every place of a block's end: all rows of 3 MB arrive, in order."""
    cells = [(str(i), "x\ny" * (i % 61), 'say "a, b"') for i in range(30_000)]
    text = io.StringIO()
    csv.writer(text).writerows([("i", "text", "quoted"), *cells])
    source = opened(tmp_path, text.getvalue())
    assert [(a, b or "", c) for a, b, c in rows(source)] == cells


@pytest.mark.parametrize(
    ("name", "text", "delimiter"),
    [
        ("x.csv", "a,b\n1,2\n3,4\n", ","),
        ("x.csv", "a;b\n1,5;2\n3,1;4\n", ";"),
        ("x.csv", "a|b\n1|2\n", "|"),
        ("x.tsv", "a\tb, c\n1\t2\n", "\t"),
        ("x.tsv", "only\n1\n", "\t"),
        ("x.txt", "a\tb\n1\t2\n", "\t"),
    ],
)
def test_the_delimiter_is_found(tmp_path, name, text, delimiter):
    """The delimiter that cuts all rows alike, with the ending where nothing else tells."""
    reader = opened(tmp_path, text, name, format="csv")._reader
    assert reader.delimiter == delimiter
    assert sniff_delimiter("one line of prose\nand, another") is None


@pytest.mark.parametrize(
    ("text", "header", "names", "first"),
    [
        ("a,b\n1,2\n", "auto", ["a", "b"], ("1", "2")),
        ("1,b\n1,2\n", "auto", ["column1", "column2"], ("1", "b")),
        ("name,2019,2020\nx,1,2\n", "auto", ["name", "2019", "2020"], ("x", "1", "2")),
        ("1,b\n1,2\n", "first", ["1", "b"], ("1", "2")),
        ("a,b\n1,2\n", None, ["column1", "column2"], ("a", "b")),
        ("a,b\n1,2\n", ["x", "y"], ["x", "y"], ("a", "b")),
        ("a,a, ,a_2\n1,2,3,4\n", "auto", ["a", "a_2", "column3", "a_2_2"], ("1", "2", "3", "4")),
        ('\ufeff"a\nb",c\r\n1,2\r\n', "auto", ["a\nb", "c"], ("1", "2")),
        ("a,b\r1,2\r3,4\r", "auto", ["a", "b"], ("1", "2")),
    ],
)
def test_headers(tmp_path, text, header, names, first):
    """The first row names the columns, unless it is data or names are given."""
    source = opened(tmp_path, text, header=header)
    assert source.schema.names == names
    assert rows(source)[0] == first
    assert source.report.counts == {}


def test_only_unquoted_empty_is_null(tmp_path):
    """An empty field is missing, an empty quoted one is empty text; words are left alone."""
    source = opened(tmp_path, 'a,b,c\n,"",NA\n\n"",,null\n')
    assert rows(source) == [(None, "", "NA"), ("", None, "null")]


def test_ragged_rows_are_counted_with_their_lines(tmp_path):
    """Short and long rows are left out, counted, and shown by line, quoted newlines or not."""
    text = 'a,b\n1,2\n3\n"x\ny",4\n\n5,6,7\n8,9\n"u\nv"\n3\n'
    source = opened(tmp_path, text)
    assert rows(source) == [("1", "2"), ("x\ny", "4"), ("8", "9")]
    assert source.report.counts == {RAGGED: 4}
    path = tmp_path / "x.csv"
    assert source.report.examples[RAGGED] == [
        f"{path}, line 3: 1 fields where 2 are expected: '3'",
        f"{path}, line 7: 3 fields where 2 are expected: '5,6,7'",
        f"{path}, lines 9 to 10: 1 fields where 2 are expected: '\"u\\nv\"'",
    ]
    with pytest.raises(DataError, match=r"line 3: 1 fields where 2 are expected: '3'$"):
        rows(opened(tmp_path, text, strict=True))


def test_an_open_quote_costs_one_line(tmp_path):
    """A quote that is never closed does not swallow the rest of the file."""
    text = "a,b\n" + "".join(f"{i},x\n" for i in range(100)) + '"oops,y\n' + "7,z\n" * 50
    source = opened(tmp_path, text, quote='"')
    assert len(rows(source)) == 150
    assert source.report.counts == {"rows without end": 1}
    assert "line 102: a quote that is not closed" in source.report.examples["rows without end"][0]


def test_quotes_that_are_only_letters(tmp_path):
    """Where rows read better without quoting, a quote is a letter like any other."""
    text = 'a\tb\n"start\t1\nmid "x" dle\t2\n"again\t3\nplain\t4\n'
    assert rows(opened(tmp_path, text, "x.tsv"))[2] == ('"again', "3")
    assert rows(opened(tmp_path, 'a,b\n5" pipe,1\n', "x.csv")) == [('5" pipe', "1")]


def test_other_encodings(tmp_path):
    """Latin-1 by name is decoded; unnamed, its bytes are replaced and counted."""
    data = "a,b\nz\u00fcrich,1\nbern,2\n".encode("latin-1")
    assert rows(opened(tmp_path, data, encoding="latin-1"))[0] == ("z\u00fcrich", "1")
    source = opened(tmp_path, data)
    assert rows(source) == [("z\ufffdrich", "1"), ("bern", "2")]
    assert source.report.counts == {"lines with bytes of another encoding": 1}


def test_files_agree_by_name(tmp_path):
    """Columns in another order are matched by name; missing and new ones are reported."""
    for name, text in {"1.csv": "a,b\n1,2\n", "2.csv": "b,a\n4,3\n", "3.csv": "c,a\n9,5\n"}.items():
        (tmp_path / name).write_text(text)
    source = open_source(tmp_path, header="first")
    assert rows(source) == [("1", "2"), ("3", "4"), ("5", None)]
    assert source.report.counts == {
        "columns of the first file missing in another": 1,
        "columns not in the first file, left out": 1,
    }
    assert rows(source, ["b"]) == [("2",), ("4",), (None,)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"header": "none"}, r"^header must be 'auto', 'first', None or names, got 'none'$"),
        ({"delimiter": "||"}, r"^delimiter must be one ASCII character, got '\|\|'$"),
        ({"quote": "''"}, r"^quote must be one ASCII character or none, got \"''\"$"),
        ({"encoding": "klingon"}, r"^encoding must be one that Python knows, got 'klingon'$"),
    ],
)
def test_refused(tmp_path, options, message):
    """The message says which option, which rule, which value."""
    with pytest.raises(ValueError, match=message):
        opened(tmp_path, "a,b\n1,2\n", **options)


def test_a_file_without_rows(tmp_path):
    """Blank lines alone are no table; a header alone is one without rows."""
    with pytest.raises(DataError, match=r"x\.csv: the file has no rows$"):
        opened(tmp_path, "\n\n")
    assert rows(opened(tmp_path, "a,b\n")) == []
    assert Delimited(find(tmp_path)).schema.names == ["a", "b"]
