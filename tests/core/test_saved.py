"""Saved: what comes back is what was written; other kinds, newer versions and lies are refused."""

import hashlib
import re

import numpy as np
import pytest

from thrifty.core import FormatError, Saved, SaveError


class Note(Saved):
    """A text and some numbers."""

    KIND = "test-note"

    def __init__(self, text, numbers):
        self.text, self.numbers = text, numbers

    def _contents(self):
        return {"text": self.text}, {"numbers": self.numbers}

    @classmethod
    def _restored(cls, header, arrays):
        if not header["text"]:
            raise FormatError("a note must have a text")
        return cls(header["text"], arrays["numbers"])


NOTE = Note("hello", np.arange(3))


class Newer(Note):
    """The same of a later version."""

    VERSION = 2


class Other(Note):
    """The same of another kind."""

    KIND = "test-other"


def test_what_is_written_comes_back(tmp_path):
    """As bytes and from a file, which hold the same."""
    NOTE.save(tmp_path / "a.note")
    assert (tmp_path / "a.note").read_bytes() == NOTE.to_bytes()
    for twin in (Note.load(tmp_path / "a.note"), Note.from_bytes(NOTE.to_bytes())):
        assert twin.text == "hello"
        assert twin.numbers.tolist() == [0, 1, 2]


def test_older_ones_are_read_newer_and_others_are_not(tmp_path):
    """Of bytes the message says it; of a file it begins with the path."""
    assert Newer.from_bytes(NOTE.to_bytes()).text == "hello"
    newer = Newer("hello", NOTE.numbers)
    said = "test-note format version 2 is newer than 1: update thrifty"
    with pytest.raises(FormatError, match=f"^{said}$"):
        Note.from_bytes(newer.to_bytes())
    newer.save(tmp_path / "a.note")
    with pytest.raises(FormatError, match=rf"^{re.escape(str(tmp_path / 'a.note'))}: {said}$"):
        Note.load(tmp_path / "a.note")
    with pytest.raises(FormatError, match=r"^this file holds 'test-note', expected 'test-other'$"):
        Other.from_bytes(NOTE.to_bytes())


def test_what_does_not_belong_together_is_refused(tmp_path):
    """The kind says so; of a file, with the path."""
    Note("", NOTE.numbers).save(tmp_path / "a.note")
    path = re.escape(str(tmp_path / "a.note"))
    with pytest.raises(FormatError, match=rf"^{path}: a note must have a text$"):
        Note.load(tmp_path / "a.note")


def test_a_folder_that_is_not_there_is_told(tmp_path):
    """A SaveError that names the path."""
    path = tmp_path / "none" / "a.note"
    with pytest.raises(SaveError, match=re.escape(f"cannot write {path}")):
        NOTE.save(path)


def test_bytes_are_stable():
    """Golden: the byte format does not move between versions."""
    data = Note("hello", np.arange(3, dtype=np.int64)).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "248540cf3042a4ad"
