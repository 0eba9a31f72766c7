"""Opened: arrays that stay in the file are those that were saved; a damaged header is refused."""

import re
import resource

import numpy as np
import pytest

from thrifty.core import FormatError, load, opened, save

KEEP = {"kind": "demo", "version": 2}
ARRAYS = {
    "ids": np.arange(5, dtype=np.int64),
    "rows": np.arange(15, dtype=np.float32).reshape(5, 3),
    "flags": np.array([True, False, True]),
    "none": np.zeros((0, 4), np.uint16),
}


@pytest.fixture
def path(tmp_path):
    """A file of four arrays."""
    save(tmp_path / "file", **KEEP, header={"p": 1}, arrays=ARRAYS)
    return tmp_path / "file"


def test_arrays_are_those_that_were_saved(path):
    """Opening gives what loading gives, and nobody can write to it."""
    header, found = opened(path, **KEEP)
    wanted, loaded = load(path, **KEEP)
    assert header == wanted == {"p": 1}
    assert set(found) == set(ARRAYS)
    for name, array in loaded.items():
        np.testing.assert_array_equal(found[name], array)
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert not found[name].flags.writeable
        assert found[name].size == 0 or found[name].ctypes.data % array.itemsize == 0


def test_a_file_that_is_replaced_stays_for_who_has_it_open(path):
    """The next save does not change what an open reader sees."""
    _, found = opened(path, **KEEP)
    save(path, **KEEP, header={"p": 2}, arrays={"ids": np.zeros(1)})
    assert found["ids"].tolist() == [0, 1, 2, 3, 4]


def test_opening_does_not_read_the_arrays(tmp_path):
    """512 MB are opened without taking memory."""
    save(tmp_path / "file", **KEEP, header={}, arrays={"x": np.zeros(2**27, np.int32)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    _, found = opened(tmp_path / "file", **KEEP)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert found["x"][-1] == 0
    assert faults < 2**29 // 4096 // 100


def test_a_cut_file_is_refused(path):
    """However little is missing, and whatever is added."""
    data = path.read_bytes()
    for cut in (0, 7, 100, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(FormatError, match=rf"^{re.escape(str(path))}: "):
            opened(path, **KEEP)
    path.write_bytes(data + b"\0")
    said = (
        rf"^{re.escape(str(path))}: .*{len(data) + 1} bytes where the header promises {len(data)}$"
    )
    with pytest.raises(FormatError, match=said):
        opened(path, **KEEP)


def test_an_altered_header_is_refused(path):
    """Each byte of the header counts."""
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[:8], "little")
    for at in range(0, 8 + len(bytes(data[8 : 8 + size]).rstrip()), 7):
        data[at] ^= 1
        path.write_bytes(data)
        with pytest.raises(FormatError):
            opened(path, **KEEP)
        data[at] ^= 1


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        ({"kind": "other", "version": 2}, "this file holds 'demo', expected 'other'"),
        ({"kind": "demo", "version": 1}, "demo format version 2 is newer than 1: update thrifty"),
        (
            {"kind": "demo", "version": 4, "oldest": 3},
            "demo format version 2 is older than 3: make it anew",
        ),
    ],
)
def test_another_kind_or_version_is_refused(path, keep, said):
    """Whole message, with the path."""
    with pytest.raises(FormatError, match=rf"^{re.escape(str(path))}: {said}$"):
        opened(path, **keep)
