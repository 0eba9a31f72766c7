"""Snapshot: one commit that never changes; what is demanded; refusals and damage."""

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError, FormatError
from thrifty.text import Analyzer, Snapshot, TextIndex
from thrifty.text.store import Store
from thrifty.text.textquery import parse

TEXTS = {"a": "a red laser heats", "b": "blue lasers, red; heat", "c": "red lasers", "d": "green"}


@pytest.fixture
def index(tmp_path):
    """An index of four documents in two segments."""
    made = TextIndex.create(tmp_path / "index", {"text": 1.0})
    for names in ("abc", "d"):
        made.add(pa.table({"id": list(names), "text": [TEXTS[name] for name in names]}))
        made.commit()
    yield made
    made.close()


def test_a_snapshot_never_changes(index):
    """Documents that come and go later are not seen, until one asks for the newest commit."""
    before = index.snapshot
    rows, scores = before.search(["red laser"], 10)
    index.remove(["c"])
    index.add(pa.table({"id": ["e"], "text": ["red laser laser"]}))
    index.commit()
    np.testing.assert_array_equal(before.search(["red laser"], 10).rows, rows)
    np.testing.assert_array_equal(before.search(["red laser"], 10).scores, scores)
    assert before.documents_of([2])["id"].to_pylist() == ["c"]
    assert index.snapshot is not before
    assert index.snapshot.generation > before.generation
    assert "e" in index.ids(index.snapshot.search(["red laser"], 10).rows)
    assert "c" not in index.ids(index.snapshot.search(["red laser"], 10).rows)


def test_what_is_demanded_must_be_there(index):
    """A phrase keeps the documents that hold it, of those allowed; no demand keeps all of them."""
    snapshot = index.snapshot
    allowed = snapshot.allowed(None)
    assert snapshot.demanded(parse("red laser", ["text"]), allowed) is allowed
    phrase, few = parse('"red laser"', ["text"]), np.array([2, 3])
    assert [mask.tolist() for mask in snapshot.demanded(phrase, allowed)] == [[1, 0, 1], [0]]
    only = snapshot.demanded(phrase, snapshot.allowed(few))
    assert [mask.tolist() for mask in only] == [[0, 0, 1], [0]]
    assert snapshot.search(['"red laser"'], 10, few).rows[0].tolist() == [2] + [-1] * 9


def test_rows_lie_in_segments(index):
    """A row is a segment and a number there; the documents of rows come in the order asked."""
    snapshot = index.snapshot
    assert [snapshot.place(row)[1] for row in range(4)] == [0, 1, 2, 0]
    assert snapshot.place(3)[0] is snapshot.segments[1]
    assert snapshot.documents_of([3, 0], ["id"])["id"].to_pylist() == ["d", "a"]
    assert snapshot.columns.names == ["id", "text"]


def test_what_is_not_there_is_named(index):
    """Rows out of range and columns nobody has are refused."""
    with pytest.raises(ValueError, match=r"^rows must be in 0\.\.3, got 4$"):
        index.snapshot.checked([0, 4])
    with pytest.raises(DataError, match=r"^column 'year' must be one of id, text$"):
        index.snapshot.documents_of([0], ["year"])


def test_a_damaged_segment_is_refused(index):
    """A cut file is a FormatError when the snapshot is made, and the sound one is a snapshot."""
    scoring = index.snapshot.scoring
    sound = Snapshot(Store(index.path), Analyzer(), scoring)
    assert sound.search(["green"], 1).rows.tolist() == [[3]]
    file = index.segments[1][0] / "postings.thrifty"
    data = file.read_bytes()
    file.unlink()  # the old one is mapped
    file.write_bytes(data[: len(data) // 2])
    with pytest.raises(FormatError, match=r"postings\.thrifty"):
        Snapshot(Store(index.path), Analyzer(), scoring)
