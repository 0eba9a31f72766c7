"""Store: commits are whole, leftovers go, one writer, damaged manifests are refused."""

import json
import sys

import pytest

from thrifty.core import FormatError, IncompatibleError, SaveError
from thrifty.text.store import Store


def filled(path):
    """A store with one segment of one file."""
    store = Store.create(path, {"k": 1})
    (store.new_segment() / "file").write_bytes(b"some bytes")
    store.commit([store.described("segment-000001", documents=1)])
    return store


def test_a_commit_is_found(tmp_path):
    """A reader sees the segments, settings and facts of the last commit, from refresh on."""
    store = filled(tmp_path / "i")
    reader = Store(tmp_path / "i")
    assert reader.settings == {"k": 1}
    assert [entry["documents"] for entry in reader.segments] == [1]
    store.commit([])
    assert reader.refresh()
    assert reader.segments == []
    assert not reader.refresh()


def test_leftovers_are_swept_by_the_next_writer(tmp_path):
    """What no manifest names goes when a writer opens, not when a reader does."""
    store = filled(tmp_path / "i")
    (store.new_segment() / "half").write_bytes(b"x")
    store.new_file("removed").write_bytes(b"x")
    store.close()
    Store(tmp_path / "i")
    assert len(list((tmp_path / "i").iterdir())) == 5
    Store(tmp_path / "i", write=True).close()
    names = sorted(path.name for path in (tmp_path / "i").iterdir())
    assert names == ["lock", "manifest.json", "segment-000001"]


def test_refusals(tmp_path):
    """A second writer, a reader that writes, a folder in use, and no index are told."""
    store = filled(tmp_path / "i")
    with pytest.raises(SaveError, match=r"another writer holds the lock .*lock$"):
        Store(tmp_path / "i", write=True)
    with pytest.raises(ValueError, match=r"^index must be opened with write=True, got a reader$"):
        Store(tmp_path / "i").commit([])
    with pytest.raises(IncompatibleError, match=r"must be a new or empty folder: open it to add$"):
        Store.create(tmp_path / "i", {})
    store.close()
    Store(tmp_path / "i", write=True).close()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SaveError, match=r"cannot write .*file"):
        Store.create(tmp_path / "file", {})


def test_a_system_without_locks_reads_alone(tmp_path, monkeypatch):
    """Where there are no locks of POSIX nothing is written, and reading goes on."""
    Store.create(tmp_path / "index", {}).close()
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(SaveError, match=r"no locks of POSIX; reading works$"):
        Store(tmp_path / "index", write=True)
    assert Store(tmp_path / "index").segments == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda whole: b"{", "not a manifest, or damaged"),
        (lambda whole: whole.replace(b"segment-000001", b"segment-000002"), "damaged"),
        (lambda whole: json.dumps({**json.loads(whole), "version": 9}).encode(), "is newer than 1"),
        (lambda whole: json.dumps({**json.loads(whole), "kind": "x"}).encode(), "not a manifest"),
        (lambda whole: b"[]", "not a manifest, or damaged"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path, change, says):
    """Cut, altered, newer and foreign manifests."""
    filled(tmp_path / "i").close()
    path = tmp_path / "i" / "manifest.json"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(FormatError, match=says):
        Store(tmp_path / "i")
