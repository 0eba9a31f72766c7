"""TextRows: blocks, samples and pieces hold every row of the files, whole and in order."""

import pytest

from thrifty.data.files import find
from thrifty.data.report import Report
from thrifty.data.textrows import TextRows

LINES = [b"%d " % n + b"x" * (n % 50) + b"\n" for n in range(20_000)]


class Pairs(TextRows):
    """A row is two lines."""

    def row_end(self, data):
        """After an even number of lines."""
        end = super().row_end(data)
        return end if data.count(b"\n", 0, end) % 2 == 0 else data.rfind(b"\n", 0, end - 1) + 1


@pytest.fixture
def files(tmp_path):
    """Two files of many lines."""
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(b"".join(LINES))
    return find([tmp_path / "a.txt", tmp_path / "b.txt"])


@pytest.mark.parametrize("kind", [TextRows, Pairs])
def test_blocks_hold_every_row_with_its_line(files, kind):
    """Together the file; each block whole rows, beginning at the line it says; bytes are told."""
    reader, moved = kind(files), []
    for part in reader.parts:
        blocks = list(reader.blocks(part, Report(), moved.append))
        assert b"".join(data for data, _ in blocks) == b"".join(LINES)
        assert all(data.startswith(LINES[line - 1]) for data, line in blocks)
        assert all(data.count(b"\n") % 2 == 0 for data, _ in blocks[:-1]) or kind is TextRows
    assert sum(moved) == sum(part.nbytes for part in reader.parts) == 2 * len(b"".join(LINES))


def test_pieces_hold_every_line_once(files):
    """Cut at line ends, in order."""
    reader = TextRows(files)
    pieces = list(reader.cut(reader.parts[0], 100_000))
    assert len(pieces) > 3
    rows = [b"".join(data for data, _ in reader.blocks(piece)) for piece in pieces]
    assert b"".join(rows) == b"".join(LINES)
    assert all(row.endswith(b"\n") for row in rows)


def test_a_sample_is_of_whole_lines_of_each_file(files):
    """Every sampled line is one of the file's."""
    reader, known = TextRows(files), set(LINES)
    parts = reader.sample_parts()
    assert {part.file.name for part in parts} == {file.name for file in files}
    for part in parts:
        for data, _ in reader.blocks(part):
            assert known.issuperset(data.splitlines(keepends=True))


def test_an_unknown_encoding_is_refused(files):
    """As the stream says it."""
    message = r"^encoding must be one that Python knows, got 'klingon'$"
    reader = TextRows(files, encoding="klingon")
    with pytest.raises(ValueError, match=message):
        reader.stream(reader.parts[0])
