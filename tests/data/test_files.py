"""Files: what a path stands for; streams unpacked, decoded, and cut where they are damaged."""

import gzip
import random
from itertools import pairwise

import fsspec
import pytest
import zstandard

from thrifty.core import DataError
from thrifty.data.files import File, Part, Stream, find, windows
from thrifty.data.report import Report

LINES = b"".join(b"%d %d\n" % (i, random.Random(i).getrandbits(60)) for i in range(200_000))
PACK = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}


def the_file(path, data):
    """Write bytes and find the file again."""
    path.write_bytes(data)
    return find(path)[0]


def read(file, report=None, **how):
    """All bytes of a file, and whether it was cut."""
    stream = Stream(
        Part(file, file.nbytes), Report(strict=True) if report is None else report, **how
    )
    return b"".join(stream), stream.cut


def names(files, folder):
    """Names below a folder."""
    return [file.name.removeprefix(f"{folder}/") for file in files]


def test_what_a_path_stands_for(tmp_path):
    """Folders to their leaves in order of name, without hidden and empty files; globs; lists."""
    for name in ("b.csv", "a.csv", "in/c.csv", "in/.d.csv", ".git/e.csv", "_tmp/f.csv", "[x].csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"a\n")
    (tmp_path / "empty.csv").write_bytes(b"")
    assert names(find(tmp_path), tmp_path) == ["[x].csv", "a.csv", "b.csv", "in/c.csv"]
    assert names(find(f"{tmp_path}/?.csv"), tmp_path) == ["a.csv", "b.csv"]
    assert names(find(f"{tmp_path}/**/*.csv"), tmp_path)[-1] == "in/c.csv"
    assert names(find([tmp_path / "b.csv", tmp_path / "in"]), tmp_path) == ["b.csv", "in/c.csv"]
    assert names(find(tmp_path / "[x].csv"), tmp_path) == ["[x].csv"]


def test_an_fsspec_address():
    """Any fsspec file system, by its address; names keep the protocol."""
    fs = fsspec.filesystem("memory")
    fs.pipe({"/room/a.csv": b"x\n1\n", "/room/b.csv": b"x\n2\n"})
    files = find("memory://room")
    assert [file.name for file in files] == ["memory:///room/a.csv", "memory:///room/b.csv"]
    assert read(files[1]) == (b"x\n2\n", False)
    fs.rm("/room", recursive=True)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gone.csv", r"^.*gone\.csv: no such file or folder$"),
        ("*.gone", r"^.*\*\.gone: no file with anything in it$"),
        ("empty.csv", r"^.*empty\.csv: the file is empty$"),
        ("hollow", r"^.*hollow: no file with anything in it$"),
    ],
)
def test_nothing_there(tmp_path, path, message):
    """Missing, empty, a glob or a folder without files: each is said."""
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "hollow").mkdir()
    with pytest.raises(DataError, match=message):
        find(tmp_path / path)
    with pytest.raises(DataError, match=r"^the list of files is empty$"):
        find([])


@pytest.mark.parametrize("ending", PACK)
def test_packed_files_are_read_as_they_are(tmp_path, ending):
    """Both gz and zst, of one member or several; bytes read from disk are told."""
    half = len(LINES) // 2
    packed = PACK[ending](LINES[:half]) + PACK[ending](LINES[half:])
    file = the_file(tmp_path / f"x.csv{ending}", packed)
    told = []
    assert read(file, moved=told.append) == (LINES, False)
    assert sum(told) == file.nbytes
    assert (file.suffix, file.compression) == (".csv", ending[1:])


@pytest.mark.parametrize("ending", PACK)
def test_a_cut_file_gives_what_is_before_the_cut(tmp_path, ending):
    """Nine tenths of a packed file give nearly nine tenths of the bytes, and a report."""
    packed = PACK[ending](LINES)
    cut = len(packed) * 9 // 10
    file = the_file(tmp_path / f"x.csv{ending}", packed[:cut])
    report = Report()
    data, is_cut = read(file, report)
    assert is_cut
    assert LINES.startswith(data)
    assert len(data) > len(LINES) * 0.85
    where = f"{file.name}, byte {cut} of {cut}: the file ends early"
    assert report.examples == {"damaged files": [where]}
    with pytest.raises(DataError, match=r"^damaged files: .*the file ends early$"):
        read(file)


@pytest.mark.parametrize("ending", PACK)
def test_a_damaged_file_is_told(tmp_path, ending):
    """Bytes that are no gz or zst at all are damage, not a crash."""
    report = Report()
    assert read(the_file(tmp_path / f"x.csv{ending}", b"plain text\n"), report) == (b"", True)
    assert report.counts == {"damaged files": 1}


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("\ufeffs\u00e9\n".encode(), None),
        ("s\u00e9\n".encode("utf-16"), None),
        ("s\u00e9\n".encode("latin-1"), "latin-1"),
        ("s\u00e9\n".encode("utf-16-le"), "utf-16-le"),
    ],
)
def test_encodings_become_utf8(tmp_path, data, encoding):
    """A mark at the start is dropped or obeyed; a named encoding is decoded."""
    file = the_file(tmp_path / "x.txt", data)
    assert read(file, encoding=encoding) == ("s\u00e9\n".encode(), False)


def test_an_unknown_encoding(tmp_path):
    """An encoding that Python does not know is refused at once."""
    with pytest.raises(ValueError, match=r"^encoding must be one that Python knows, got 'no'$"):
        read(the_file(tmp_path / "x.txt", b"a"), encoding="no")


def test_windows_are_whole_lines_spread_over_the_file(tmp_path):
    """The windows of a plain file begin and end at line ends, from the first line to the last."""
    file = the_file(tmp_path / "x.txt", LINES)
    parts = windows([file], count=8, nbytes=10_000)
    found = []
    for part in parts:
        stream = Stream(part, Report())
        data = b"".join(stream)
        lines = data[: data.rfind(b"\n") + 1].splitlines(keepends=True)
        assert set(lines) <= set(LINES.splitlines(keepends=True))
        found.append(int(lines[0].split()[0]))
    assert len(parts) == 8
    assert found[0] == 0
    assert is_spread(found)


def is_spread(places):
    """Steps between neighbours are alike within a tenth."""
    steps = [b - a for a, b in pairwise(places)]
    return max(steps) < 1.1 * min(steps)


def test_windows_of_packed_and_many_files():
    """A packed file gives its beginning; of many files, some."""
    packed = [File(f"{i}.csv.gz", None, "", 10**9) for i in range(100)]
    parts = windows(packed)
    assert [part.file.name for part in parts] == [f"{int(i * 12.5)}.csv.gz" for i in range(8)]
    assert all(part.stop is None for part in parts)
