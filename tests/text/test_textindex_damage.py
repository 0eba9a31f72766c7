"""TextIndex: cut, altered and lying files are refused or harmless; a missing index is named."""

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError, FormatError
from thrifty.text import TextIndex

ROWS = [
    {"id": i, "title": title, "text": text, "year": year, "lang": lang}
    for i, title, text, year, lang in (
        ("a", "Lasers", "a red laser heats the wall", 2000, "en"),
        ("b", None, "blue lasers, red; heat flow", 2010, "de"),
        ("c", "red lasers", "computation of heat flow", 2020, None),
    )
]


@pytest.fixture
def index(tmp_path):
    """An index of three documents."""
    made = TextIndex.create(tmp_path / "index")
    made.add(pa.Table.from_pylist(ROWS))
    made.commit()
    yield made
    made.close()


def test_no_index_there(tmp_path):
    """An empty folder and a missing one are named."""
    says = r"must be the folder of an index, got no manifest\.json$"
    with pytest.raises(FormatError, match=says):
        TextIndex.open(tmp_path)
    with pytest.raises(FormatError, match=says):
        TextIndex.open(tmp_path / "none")


def every_answer(path):
    """Ask everything there is of an index; an error must be a FormatError."""
    index = TextIndex.open(path)
    rows = index.search(["red laser heat", '"heat flow"', "title:red", "comp*"], 5).rows
    index.ids(rows)
    index.documents([row for row in rows.ravel() if row >= 0])
    index.search(["red"], filter="year > 2001")
    for row in rows[0]:
        if row >= 0:
            index.explain("red laser heat", row)
            index.snippet("red", row, "text")


def files_of(path):
    """Every file of an index but the lock."""
    return [file for file in sorted(path.rglob("*")) if file.is_file() and file.name != "lock"]


def damages(data, rng):
    """Cuts, garbage, and single bytes changed."""
    yield data[: len(data) // 2]
    yield b""
    yield rng.bytes(len(data))
    yield data + b"x"
    for _ in range(40):
        changed = bytearray(data)
        changed[rng.integers(len(data))] ^= 1 << rng.integers(8)
        yield bytes(changed)


def test_damaged_files_are_refused_or_harmless(index, tmp_path):
    """Whatever is done to a file: an answer, or a FormatError; never a crash."""
    index.remove(["b"])
    index.commit()
    index.close()
    path, rng = tmp_path / "index", np.random.default_rng(4)
    refused = 0
    for file in files_of(path):
        whole = file.read_bytes()
        for data in damages(whole, rng):
            file.unlink()
            file.write_bytes(data)
            try:
                every_answer(path)
            except FormatError:
                refused += 1
        file.unlink()
        file.write_bytes(whole)
    every_answer(path)
    assert refused > 100


def test_lying_arrays_are_harmless(tmp_path, monkeypatch):
    """A segment whose arrays say anything, with sums that fit, cannot lead a kernel astray."""
    from thrifty.text import _writer
    from thrifty.text._segment import write_postings

    rng, lies = np.random.default_rng(5), []

    def lying(folder, arrays, header):
        names = sorted(name for name in arrays if arrays[name].size)
        name = names[rng.integers(len(names))]
        lie = arrays[name].copy().reshape(-1)
        at = rng.integers(lie.size, size=max(1, lie.size // 3))
        lie[at] = rng.integers(0, 256, (at.size, lie.itemsize), dtype=np.uint8).view(lie.dtype)[
            :, 0
        ]
        lies.append(name)
        write_postings(folder, {**arrays, name: lie.reshape(arrays[name].shape)}, header)

    monkeypatch.setattr(_writer, "write_postings", lying)
    for trial in range(60):
        path = tmp_path / str(trial)
        with TextIndex.create(path) as index:
            index.add(pa.Table.from_pylist(ROWS * 1))
            try:
                index.commit()
                every_answer(path)
                index.merge()
                every_answer(path)
            except (FormatError, DataError):
                pass
    assert len(set(lies)) > 8
