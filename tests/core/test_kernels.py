"""Kernels: processes share what one compiled, and nothing that happens to the files is an error."""

import os
import subprocess
import sys
import time

import numba
import numpy as np
import pytest
from numba.core.caching import IndexDataCacheFile

from thrifty.core import kernels

SOURCE = """
from {room} import njit

@njit(nogil=True, cache=True, error_model="numpy")
def total(x):
    total = x[0] * 0
    for i in range(x.size):
        total += x[i]
    return total
"""
ASK = """
import sys, time
import numpy as np
import kernel
while time.time() < float(sys.argv[2]):
    pass
x = np.arange(5).astype(sys.argv[1])
print(kernel.total(x), sum(kernel.total.stats.cache_hits.values()))
"""
DTYPES = ("f4", "f8", "i4")


@pytest.fixture
def place(tmp_path):
    """A folder with a kernel."""
    (tmp_path / "kernel.py").write_text(SOURCE.format(room="thrifty.core.kernels"))
    (tmp_path / "ask.py").write_text(ASK)
    return tmp_path


def start(place, dtype, at=0.0, **environment):
    """A process that asks the kernel, at some time."""
    path = os.pathsep.join([str(place), *sys.path])
    given = {"PYTHONPATH": path, "NUMBA_CACHE_DIR": str(place / "cache"), **environment}
    words = [sys.executable, str(place / "ask.py"), dtype, str(at)]
    pipe = subprocess.PIPE
    both = {**os.environ, **given}
    return subprocess.Popen(words, env=both, stdout=pipe, stderr=pipe, text=True)


def told(child):
    """What it printed: the total, and how often the cache had the version."""
    out, errors = child.communicate()
    assert child.returncode == 0, errors
    total, hits = out.split()
    return float(total), int(hits)


def test_processes_that_compile_at_once_share_a_cache(place):
    """Three versions compiled together: each process is right, and so are the next, from disk."""
    at = time.time() + 3
    assert [told(child) for child in [start(place, d, at) for d in DTYPES]] == [(10, 0)] * 3
    assert [told(child) for child in [start(place, d) for d in DTYPES]] == [(10, 1)] * 3


def test_two_versions_that_saw_the_same_index_stay_apart(tmp_path, monkeypatch):
    """The race in slow motion: both read an empty index, and the first one's data comes last."""
    late, save = [], IndexDataCacheFile._save_data

    def race(files):
        with monkeypatch.context() as racing:
            racing.setattr(IndexDataCacheFile, "_load_index", lambda self: {})
            racing.setattr(IndexDataCacheFile, "_save_data", lambda *call: late.append(call))
            files.save("f4", "code for f4")
            files.save("f8", "code for f8")
        while late:
            save(*late.pop())
        return files.load("f4"), files.load("f8")

    assert race(IndexDataCacheFile(tmp_path, "numba", "stamp")) == (None, "code for f4")
    assert race(kernels._Versions(tmp_path, "ours", "stamp")) == ("code for f4", "code for f8")


def half(x):
    """What is compiled in this process; each dispatcher starts as a new process does."""
    return x / 2


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache folder of this process."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def hits(x=3.0):
    """Whether a fresh dispatcher finds its version on disk; it is right either way."""
    made = kernels.njit(cache=True)(half)
    assert made(x) == x / 2
    return sum(made.stats.cache_hits.values())


def test_what_was_compiled_is_found(cache):
    """By the next process, for the same types."""
    assert [hits(), hits(), hits(np.float32(3)), hits(np.float32(3)), hits()] == [0, 1, 0, 1, 1]


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("left", [0, 0.5, 0.99])
def test_a_damaged_file_is_compiled_anew(cache, ending, left):
    """Empty or cut, index or data: the answer is right, and the next process finds it mended."""
    hits()
    for path in cache.rglob(f"*.{ending}"):
        data = path.read_bytes()
        path.write_bytes(data[: int(left * len(data))])
    assert [hits(), hits()] == [0, 1]


def test_changed_sources_are_compiled_anew_and_the_old_removed(cache, monkeypatch):
    """Those of the package count too: any of its helpers may be inlined."""
    hits()
    before = set(cache.rglob("*.nb[ic]"))
    monkeypatch.setattr(kernels, "_helpers", lambda: "a helper has changed")
    assert [hits(), hits()] == [0, 1]
    after = set(cache.rglob("*.nb[ic]"))
    assert len(before) == len(after) == 2
    assert not before & after
    kernels.njit(cache=True)(half)._cache.flush()
    assert hits() == 0


def test_bounds_checks_are_compiled_apart(cache, monkeypatch):
    """What was compiled without them does not answer for what asks for them."""
    hits()
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1)
    assert [hits(), hits()] == [0, 1]


def test_where_nothing_can_be_written_it_works(place):
    """No cache folder, no home, no room beside the source: compiled each time."""
    (place / "__pycache__").write_text("in the way")
    nowhere = {"NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": "/proc/none", "HOME": "/proc/none"}
    for _ in range(2):
        assert told(start(place, "f4", **nowhere)) == (10, 0)
    (place / "kernel.py").write_text(SOURCE.format(room="numba"))
    child = start(place, "f4", **nowhere)
    assert "no locator available" in child.communicate()[1]  # what numba alone says


def test_a_full_disk_is_no_error(cache, monkeypatch):
    """What cannot be kept is answered all the same."""

    def full(self, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "_open_for_write", full)
    assert hits() == hits() == 0
    assert not list(cache.rglob("*.nb[ic]"))


def test_an_uncounted_function_answers_alike_and_may_not_allocate():
    """Arrays in and out of calls give the same; to make one is refused by the compiler."""

    def made(counted):
        how = kernels.njit(counted=counted)
        last = how(lambda row: row[row.size - 1])
        return how(lambda rows: last(rows[0]) + last(rows[1]))

    rows = np.arange(6.0).reshape(2, 3)
    assert made(True)(rows) == made(False)(rows) == 2 + 5
    with pytest.raises(numba.core.errors.NumbaError, match="NRT"):
        kernels.njit(counted=False)(lambda n: np.zeros(n))(3)
