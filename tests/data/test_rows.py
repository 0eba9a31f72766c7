"""Rows: blocks of whole rows whatever the chunks; line numbers; bytes of another encoding."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.core import DataError
from thrifty.data import rows
from thrifty.data.files import File, Part
from thrifty.data.report import Report
from thrifty.data.rows import BATCH_ROWS, last_line_end, row_blocks, sliced


class Chunks:
    """A stream of given chunks."""

    def __init__(self, chunks, cut=False, encoding=None, strict=False):
        self.chunks, self.cut, self.encoding = chunks, cut, encoding
        self.part, self.report = Part(File("x.txt", None, "", 0), 0), Report(strict)

    def __iter__(self):
        return iter(self.chunks)


@given(st.lists(st.binary(max_size=9).map(lambda b: b.replace(b"\r", b"\n")), max_size=9))
def test_any_chunks_give_the_same_lines(chunks):
    """Joined blocks are the joined chunks; each block is whole lines and knows its first."""
    whole = b"".join(chunks)
    blocks = list(row_blocks(Chunks(chunks, encoding=None)))
    repaired = whole.decode(errors="replace").encode()
    assert b"".join(data for data, _ in blocks) == repaired or not whole.isascii()
    line = 1
    for i, (data, first) in enumerate(blocks):
        assert first == line
        assert data.endswith(b"\n") or i == len(blocks) - 1
        line += data.count(b"\n")
    assert line == 1 + whole.count(b"\n")


def test_a_cut_stream_loses_its_last_line():
    """The last line of a stream that was cut is not whole: it is left out."""
    assert list(row_blocks(Chunks([b"a\nb"], cut=True))) == [(b"a\n", 1)]
    assert list(row_blocks(Chunks([b"a\nb"]))) == [(b"a\n", 1), (b"b", 2)]


def test_bytes_of_another_encoding_are_replaced_and_counted():
    """Lines with such bytes are counted, with file and line; strict refuses."""
    chunks = [b"fine\nbad \xe9\n\xff\n", b"good \xc3\xa9\n"]
    stream = Chunks(chunks)
    data = b"".join(data for data, _ in row_blocks(stream)).decode()
    assert data == "fine\nbad \ufffd\n\ufffd\ngood \u00e9\n"
    kind = "lines with bytes of another encoding"
    assert stream.report.counts == {kind: 2}
    assert stream.report.examples[kind][0] == "x.txt, line 2: 'bad \ufffd'"
    with pytest.raises(DataError, match=r"^lines with bytes of another encoding: x\.txt, line 2"):
        list(row_blocks(Chunks(chunks, strict=True)))


def test_a_row_without_end_is_given_up(monkeypatch):
    """A row longer than any should be costs its first line, and the rest is read."""
    monkeypatch.setattr(rows, "LONGEST_ROW", 10)
    stream = Chunks([b"a" * 8, b"b" * 8 + b"\nnext\n", b"c" * 12, b"\nend\n"])
    assert b"next\n" in b"".join(data for data, _ in row_blocks(stream))
    assert stream.report.counts == {"rows without end": 1}
    example = "x.txt, line 3: a row without end: 'cccccccccccc'"
    assert stream.report.examples == {"rows without end": [example]}


def test_last_line_end():
    """Bytes up to and with the last newline."""
    assert [last_line_end(data) for data in (b"", b"a", b"a\nb", b"a\n")] == [0, 0, 2, 2]


def test_sliced_keeps_rows_in_small_batches():
    """At most 16,384 rows a batch, none empty, same rows."""
    table = pa.table({"x": list(range(40_000))})
    batches = list(sliced(table))
    assert max(len(batch) for batch in batches) == BATCH_ROWS
    assert pa.Table.from_batches(batches) == table
    assert list(sliced(table.slice(0, 0))) == []
