"""Mapped: what is opened is what was saved, and stays in its file; lies are refused."""

import re

import numpy as np
import pytest

from thrifty.core import FormatError, MappedSummary, save, taken


class Rows(MappedSummary):
    """Some rows of numbers, of a width."""

    KIND = "test-rows"

    def __init__(self, width=3, rows=()):
        self.width, self.rows = width, np.array(rows, np.float32).reshape(-1, width)

    def spec(self):
        """Its width."""
        return {"width": self.width}

    def arrays(self):
        """Its rows."""
        return {"rows": self.rows}

    @classmethod
    def restore(cls, spec, arrays):
        """From a width and rows of it."""
        made = cls(spec["width"])
        made.rows = taken(arrays, "rows", np.float32, (None, made.width))
        return made


@pytest.fixture
def path(tmp_path):
    """A file of two rows."""
    Rows(3, [[1, 2, 3], [4, 5, 6]]).save(tmp_path / "some.rows")
    return tmp_path / "some.rows"


def test_what_is_opened_is_what_was_saved(path):
    """Opened it equals what is loaded, and nobody can write to its arrays."""
    rows = Rows.open(path)
    assert rows == Rows.load(path)
    assert not rows.rows.flags.writeable
    assert rows.copy().rows.flags.writeable
    assert rows.nbytes == 24


def test_a_file_that_is_saved_anew_stays_for_who_has_it_open(path):
    """Also where what is saved is what was opened from it."""
    rows = Rows.open(path)
    Rows(3).save(path)
    assert rows.rows.tolist() == [[1, 2, 3], [4, 5, 6]]
    rows.save(path)
    assert Rows.open(path) == rows


def test_arrays_are_not_read(path):
    """A byte altered in them is not noticed by opening, but by loading; whatever is cut is."""
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert Rows.open(path).rows[0].tolist() == [1, 2, 3]
    with pytest.raises(FormatError, match=r"array 'rows' is damaged: checksum does not match$"):
        Rows.load(path)
    path.write_bytes(data[:-1])
    with pytest.raises(
        FormatError, match=rf"^{re.escape(str(path))}: .* {len(data) - 1} bytes where"
    ):
        Rows.open(path)


@pytest.mark.parametrize("way", ["open", "load"])
def test_a_spec_that_lies_is_refused(path, way):
    """The message begins with the path, in whichever way the file is read."""
    arrays = {"rows": np.zeros((2, 3), np.float32)}
    save(path, kind="test-rows", version=1, header={"width": 4}, arrays=arrays)
    said = r"array 'rows' must be float32 of shape \(any, 4\), got float32 \(2, 3\)$"
    with pytest.raises(FormatError, match=rf"^{re.escape(str(path))}: {said}"):
        getattr(Rows, way)(path)
    save(path, kind="test-rows", version=1, header={}, arrays=arrays)
    with pytest.raises(FormatError, match=rf"^{re.escape(str(path))}: test-rows is damaged: "):
        getattr(Rows, way)(path)


def test_another_kind_or_a_newer_version_is_refused(path):
    """As `load` refuses it."""
    for kind, version, said in (("other", 1, "this file holds"), ("test-rows", 2, "test-rows for")):
        save(path, kind=kind, version=version, header={"width": 3}, arrays={})
        with pytest.raises(FormatError, match=rf"^{re.escape(str(path))}: {said}"):
            Rows.open(path)
