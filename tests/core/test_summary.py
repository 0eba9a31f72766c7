"""Summary: what it gives to every kind: merging, files, bytes, refusals."""

import hashlib
import re

import numpy as np
import pytest

from thrifty.core import FormatError, IncompatibleError, SaveError, Summary, budget_for, taken


class Counts(Summary):
    """How many integers have each remainder: a sound summary that is a sum."""

    KIND = "test-counts"

    def __init__(self, width=8):
        self.counts = np.zeros(width, np.int64)

    def spec(self):
        """Its width."""
        return {"width": self.counts.size}

    def arrays(self):
        """Its counts."""
        return {"counts": self.counts}

    @classmethod
    def restore(cls, spec, arrays):
        """From a width and as many counts."""
        made = cls()
        made.counts = taken(arrays, "counts", np.int64, (spec["width"],))
        return made

    @classmethod
    def within(cls, budget):
        """As wide as fits."""
        return cls(budget_for("counts", budget, 8) // 8)

    def add(self, keys):
        """Count integers."""
        np.add.at(self.counts, np.array([key % self.counts.size for key in keys], np.int64), 1)
        return self

    def subtract(self, other):
        """Take out what was merged in."""
        less = self.copy()
        less.counts -= other.counts
        return less

    def _absorb(self, other):
        self.counts += other.counts


def test_files_move(tmp_path):
    """What is saved is loaded, and equal."""
    counts = Counts().add(range(100))
    counts.save(tmp_path / "a.counts")
    assert Counts.load(tmp_path / "a.counts") == counts
    assert counts != Counts()
    assert counts.nbytes == 64


def test_other_arguments_do_not_merge():
    """Both sides are shown."""
    with pytest.raises(
        IncompatibleError, match=r"^cannot merge Counts\(width=8\) with Counts\(width=9\)$"
    ):
        Counts().merge(Counts(9))


def test_a_spec_that_lies_is_damage():
    """Another width than the array's, a name that is not there, and another kind are refused."""

    class Lies(Counts):
        def spec(self):
            return {"width": 9}

    class Other(Counts):
        KIND = "other"

    class Silent(Counts):
        def spec(self):
            return {}

    with pytest.raises(
        FormatError,
        match=re.escape("array 'counts' must be int64 of shape (9,), got int64 (8,)"),
    ):
        Counts.from_bytes(Lies().to_bytes())
    with pytest.raises(FormatError, match=r"^test-counts is damaged: 'width'$"):
        Counts.from_bytes(Silent().to_bytes())
    with pytest.raises(FormatError, match=r"^this file holds 'test-counts', expected 'other'$"):
        Other.from_bytes(Counts().to_bytes())
    with pytest.raises(FormatError, match=r"^array 'sum' must be there, got counts$"):
        taken(Counts().arrays(), "sum", np.int64, (1,))


def test_a_full_disk_is_told(tmp_path):
    """A folder that is not there is a SaveError that names the path."""
    path = tmp_path / "none" / "a.counts"
    with pytest.raises(SaveError, match=re.escape(f"cannot write {path}")):
        Counts().save(path)


def test_bytes_are_stable():
    """Golden: the byte format does not move between versions."""
    data = Counts().add(range(100)).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "7dbc8d89d325b744"
