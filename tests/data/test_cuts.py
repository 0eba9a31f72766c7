"""Cuts: pieces of a file hold every row once, whatever the format and wherever they end."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.data import Report, open
from thrifty.data.cuts import line_cuts, row_cuts
from thrifty.data.files import Part, find

CELLS = st.text(st.sampled_from('ab\n"\r, e\u00e9'), max_size=12)


def rows_of(source, parts, columns=None):
    """All rows of some parts, and what was wrong."""
    report, columns = Report(), columns or source.schema.names
    found = [b for part in parts for b in source.read(part, columns, report, lambda count: None)]
    return [row for batch in found for row in batch.to_pylist()], report


def pieced(path, nbytes, **how):
    """The rows by pieces, the rows by partitions, and the pieces."""
    source = open(path, **how)
    parts = list(source.pieces(nbytes))
    whole, report = rows_of(source, source.partitions)
    pieces, found = rows_of(source, parts)
    assert found.counts == report.counts
    assert sum(part.nbytes for part in parts) == source.nbytes
    return pieces, whole, parts


@given(st.lists(st.tuples(CELLS, CELLS), min_size=2, max_size=60), st.integers(1, 300))
def test_rows_of_many_lines(tmp_path_factory, table, nbytes):
    """Quoted line ends, quotes and commas: no row is lost or cut, at any size of the pieces."""
    path = tmp_path_factory.mktemp("cuts") / "a.csv"
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in table]
    path.write_bytes("\n".join(["one,two", *quoted]).encode())
    how = {"delimiter": ",", "quote": '"', "header": "first"}
    pieces, whole, _ = pieced(path, nbytes, **how)
    assert pieces == whole


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.txt", "a line {0}"), ("a.jsonl", '{{"n": {0}, "t": "x"}}'), ("a.csv", "{0},x"),
        ("b.csv", "{0},x,\r5,6,7\r8,9,"), ("a.svm", "1 1:{0} 7:1"), ("a.tsv", "{0}\tx\r"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["", "\n"])
def test_every_format(tmp_path, name, line, end):
    """Each text format is cut into many pieces with the same rows, named by where they begin."""
    path = tmp_path / name
    path.write_bytes(("\n".join(line.format(i) for i in range(3, 5000)) + end).encode())
    pieces, whole, parts = pieced(path, 5000)
    assert pieces == whole
    assert len(whole) == 4997 * (1 + 2 * (name == "b.csv"))
    assert len(parts) >= 4
    assert parts[1].file.name == f"{path} from byte {parts[0].stop}"


def test_other_files_have_their_own_header(tmp_path):
    """A piece in the middle of a file whose columns stand in another order is read by name."""
    (tmp_path / "a.csv").write_text("x,y\n" + "1,2\n" * 5)
    (tmp_path / "b.csv").write_text("y,x\n" + "2,1\n" * 5000)
    pieces, whole, parts = pieced(tmp_path, 2000)
    assert pieces == whole == [{"x": "1", "y": "2"}] * 5005
    assert len(parts) > 5


def test_long_lines_are_read_whole(tmp_path):
    """A line longer than what is read at a time, and a piece of more than one chunk."""
    path = tmp_path / "a.txt"
    path.write_text("\n".join(["x" * 3_000_000, "y", "z" * 1_500_000, "w"]))
    pieces, whole, parts = pieced(path, 1_400_000)
    assert pieces == whole
    assert [part.stop - part.start for part in parts] == [3_000_001, 1_500_004]


def test_an_open_quote_ends_the_same_rows(tmp_path, monkeypatch):
    """Where a quote is never closed, pieces and the whole give up on the same line."""
    for module in ("rows", "cuts"):
        monkeypatch.setattr(f"thrifty.data.{module}.LONGEST_ROW", 1 << 12)
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "1,2\n" * 3000 + '"1,2\n' + "3,4\n" * 3000)
    pieces, whole, _ = pieced(path, 2000, quote='"')
    assert pieces == whole
    assert len(whole) == 6000


def test_what_is_not_cut(tmp_path):
    """Packed files, other encodings, files of one line, and small ones."""
    lines = "a line\n" * 10_000
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(lines.encode(), 0))
    (tmp_path / "b.txt").write_bytes(lines.encode("utf-16"))
    (tmp_path / "d.txt").write_bytes(b"a line\n" * 20)
    (tmp_path / "e.txt").write_bytes(b"x" * 10_000)
    for path in sorted(tmp_path.iterdir()):
        assert pieced(path, 100 if path.name != "d.txt" else 120)[2] == open(path).partitions
    latin = open(tmp_path / "a.txt.gz", encoding="latin-1")
    assert list(latin.pieces(100)) == latin.partitions


def test_a_piece_is_given_before_the_rest_is_looked_through(tmp_path):
    """Rows are looked for on the way: the first piece is there after its own bytes."""
    path = tmp_path / "a.csv"
    path.write_text("1,2\n" * 1_000_000)
    seen = []
    part = Part(find(path)[0], 4_000_000)
    first = next(row_cuts(part, 1000, lambda data: seen.append(1) or data.rfind(b"\n") + 1))
    assert (first.start, first.stop, len(seen)) == (0, 1000, 1)
    assert len(list(line_cuts(part, 1_000_000))) == 4
