"""Mixer: every epoch a fair permutation in bounded memory; reopened, resumed, refused, damaged."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import FormatError, IncompatibleError, SaveError, record_of
from thrifty.data.mix import Mixer
from thrifty.laws import LAWS

CASES = [law for name in record_of(Mixer).laws for law in LAWS[name]]


def numbers(n, start=0):
    """Rows that know their place, 100 bytes or so each."""
    x = np.arange(start, start + n)
    return pa.RecordBatch.from_pydict({"x": x, "pad": [[7.5] * 12] * n})


def mixed(folder, n=20_000, **how):
    """A finished mixer over n sorted rows."""
    mixer = Mixer(folder, **{"memory": "1 MB", **how})
    for start in range(0, n, 1000):
        mixer.add(numbers(1000, start))
    mixer.finish()
    return mixer


def order(chunks):
    """The places in the order of an epoch."""
    return np.concatenate([chunk["x"].to_numpy() for chunk in chunks])


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
@pytest.mark.parametrize("partitions", [1, 7])
def test_law(law, partitions):
    """The laws the record names hold."""
    law(lambda seed=0: Mixer(tempfile.mkdtemp(), memory="1 MB", seed=seed, partitions=partitions))


@pytest.mark.parametrize("partitions", [64, 2])
def test_every_epoch_is_a_permutation_of_more_than_memory(tmp_path, partitions):
    """2.5 MB of rows through 1 MB, with partitions that fit and with some that do not."""
    mixer = mixed(tmp_path, partitions=partitions)
    assert mixer.nbytes > 2 * mixer.memory
    for number in range(3):
        assert np.array_equal(np.sort(order(mixer.epoch(number))), np.arange(20_000))
    assert mixer.num_rows == 20_000


def test_sorted_rows_come_mixed(tmp_path):
    """Chunks of rows sorted by one of 10 labels have each label as often as chance allows.

    Each chunk is a draw without replacement, so chi-square has mean 9 * (N - n) / (N - 1); the sum
    over chunks of all epochs stays within 4 standard errors of its mean under the null.
    """
    mixer = mixed(tmp_path, memory="1 MB", partitions=64)
    statistics, means = [], []
    for number in range(20):
        for chunk in mixer.epoch(number, chunk_rows=500):
            n, counts = len(chunk), np.bincount(chunk["x"].to_numpy() // 2000, minlength=10)
            statistics.append(((counts - n / 10) ** 2 / (n / 10)).sum())
            means.append(9 * (20_000 - n) / 19_999)
    spread = np.sqrt(2 * 9 * len(statistics))
    assert len(statistics) > 700
    assert abs(sum(statistics) - sum(means)) < 4 * spread


def test_neighbours_part(tmp_path):
    """Rows that stood side by side stand apart: neighbours are as rare as in a permutation.

    In a random order the number of pairs of neighbours is about Poisson with mean 2.
    """
    mixer = mixed(tmp_path)
    found = [int((np.abs(np.diff(order(mixer.epoch(e)))) == 1).sum()) for e in range(20)]
    assert abs(np.mean(found) - 2) < 4 * np.sqrt(2 / 20)


def test_reopened_is_the_same(tmp_path):
    """A finished mix is opened again by another process: same rows, same order, same start."""
    mixer = mixed(tmp_path, seed=5)
    again = Mixer.open(tmp_path)
    assert (again.num_rows, again.nbytes, again.seed) == (20_000, mixer.nbytes, 5)
    assert np.array_equal(order(again.epoch(4)), order(mixer.epoch(4)))
    assert again.num_chunks(4, chunk_rows=300) == len(list(mixer.epoch(4, chunk_rows=300)))


def test_empty(tmp_path):
    """No rows make no chunks."""
    mixer = Mixer(tmp_path / "a", memory="1 MB")
    mixer.finish()
    assert (list(mixer.epoch(0)), mixer.num_rows, mixer.nbytes) == ([], 0, 0)
    assert list(Mixer.open(tmp_path / "a").epoch(0)) == []
    mixer.remove()
    assert not (tmp_path / "a").exists()


# VmHWM and not ru_maxrss, which a child takes over from the process that started it
MEMORY = """
import sys, numpy as np, pyarrow as pa
from thrifty.data.mix import Mixer
def peak():
    status = open("/proc/self/status").read()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])
def rows(seed, n=2000):
    items = np.random.default_rng(seed).integers(0, 2**31, n * 100, dtype=np.int32)
    ends = np.arange(0, n * 100 + 1, 100, dtype=np.int32)
    codes = pa.ListArray.from_arrays(pa.array(ends), pa.array(items))
    return pa.RecordBatch.from_arrays([codes, codes, pa.array(np.arange(n))], ["a", "b", "c"])
def run(folder, memory, batches):
    mixer = Mixer(folder, memory=memory)
    for i in range(batches):
        mixer.add(rows(i))
    mixer.finish()
    assert sum(len(chunk) for chunk in mixer.epoch(0)) == 2000 * batches
    size = mixer.nbytes
    mixer.remove()
    return size
run(sys.argv[1], "1 MB", 2)
base = peak()
size = run(sys.argv[1], "16 MB", 100)
print(peak() - base, size)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc on this system")
def test_memory_is_kept(tmp_path):
    """160 MB through "16 MB": the kernel's own peak grows by no more than that."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path / "m")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    peak, size = map(int, done.stdout.split())
    assert size > 150_000_000
    assert peak <= 16_000_000


def test_killed_before_the_end_is_not_opened(tmp_path):
    """Without its manifest a spill is unfinished, also where an older one was finished."""
    mixed(tmp_path)
    mixer = Mixer(tmp_path, memory="1 MB")
    mixer.add(numbers(10))
    with pytest.raises(FormatError, match=rf"^{tmp_path}: no finished mix of rows here$"):
        Mixer.open(tmp_path)
    with pytest.raises(ValueError, match=r"^mixer must be finished before an epoch, got an unfin"):
        mixer.epoch(0)
    mixer.remove()


def test_damage_is_seen(tmp_path):
    """A cut file is refused when opened, an altered byte when its block is read."""
    mixer = mixed(tmp_path)
    path = tmp_path / "rows.bin"
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    with pytest.raises(FormatError, match=r"rows\.bin: \d+ bytes where \d+ are expected$"):
        Mixer.open(tmp_path)
    path.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    with pytest.raises(FormatError, match=r"rows\.bin, byte \d+: a block of rows is damaged$"):
        list(Mixer.open(tmp_path).epoch(0))
    manifest = tmp_path / "manifest.thrifty"
    manifest.write_bytes(manifest.read_bytes()[:-3])
    with pytest.raises(FormatError, match=r"manifest\.thrifty: "):
        Mixer.open(tmp_path)
    path.write_bytes(data)
    assert mixer.num_rows == 20_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_full_disk_is_named(tmp_path):
    """A disk without room is a SaveError that names the file."""
    mixer = Mixer(tmp_path, memory="1 MB")
    (tmp_path / "rows.bin").symlink_to("/dev/full")
    mixer.add(numbers(1000))
    with pytest.raises(SaveError, match=r"cannot write .*rows\.bin: No space left on device$"):
        mixer.add(numbers(9000))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: Mixer(p, memory=10), r"^memory must be in 1000000\.\.\d+, got 10$"),
        (lambda p: Mixer(p, memory="1 MB", partitions=0), r"^partitions must be in 1\.\.4096, got"),
        (lambda p: mixed(p).add(numbers(1)), r"^mixer must be unfinished to add rows, got a fin"),
        (lambda p: mixed(p).epoch(-1), r"^number must be in 0\.\.2147483648, got -1$"),
        (lambda p: mixed(p).epoch(0, chunk_rows=0), r"^chunk_rows must be in 1\.\.\d+, got 0$"),
        (lambda p: mixed(p).epoch(0, start_chunk=-1), r"^start_chunk must be in 0\.\.\d+, got -1$"),
    ],
)
def test_refused(tmp_path, call, message):
    """The message says which argument, which rule, which value."""
    with pytest.raises(ValueError, match=message):
        call(tmp_path)


def test_another_schema_is_refused(tmp_path):
    """All batches of one mix have one schema."""
    mixer = Mixer(tmp_path, memory="1 MB")
    mixer.add(numbers(3))
    with pytest.raises(IncompatibleError, match=r"^cannot mix rows of x: int64 with x: int64"):
        mixer.add(numbers(3).select(["x"]))
