"""Saving: a full disk, a kill or a race leaves what stood there before, and nothing beside it."""

import errno
import io
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from thrifty.core import SaveError, atomic, load, replacing, save

KEEP = {"kind": "demo", "version": 1}
LOOP = """
import sys
import numpy as np
from thrifty.core import save
for i in range(1_000_000):
    save(sys.argv[1], kind="demo", version=1, header={"i": i}, arrays={"x": np.full(200_000, i)})
    print(i, flush=True)
"""
HALF = """
import sys, time
from thrifty.core import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("half written", flush=True)
    time.sleep(60)
"""
LIMITED = """
import resource, sys
import numpy as np
from thrifty.core import SaveError, save
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    save(sys.argv[1], kind="demo", version=1, header={}, arrays={"x": np.ones(10_000)})
except SaveError as error:
    print(error)
"""


class FullDisk(io.FileIO):
    """A file that has room for `left` bytes and then says that the disk is full."""

    left = 0

    def write(self, data):
        """Write all or nothing."""
        if memoryview(data).nbytes > self.left:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.left -= memoryview(data).nbytes
        return super().write(data)


def write_one(path, number=1):
    """A file that says which save wrote it."""
    save(path, **KEEP, header={"i": number}, arrays={"x": np.full(1_000, number)})


def start(code, path):
    """A Python process that runs the code on the path."""
    return subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)


@pytest.mark.parametrize("left", [0, 100, 1_000, 8_000])
def test_full_disk_leaves_the_old_file_and_no_part(tmp_path, monkeypatch, left):
    """However far the write got, the message names path and reason, and nothing is lost."""
    path = tmp_path / "model"
    write_one(path)
    before = path.read_bytes()
    monkeypatch.setattr(FullDisk, "left", left)
    monkeypatch.setattr(atomic, "open", FullDisk, raising=False)
    with pytest.raises(SaveError, match=rf"^\[Errno 28\] cannot write {path}: No space left") as e:
        write_one(path, 2)
    assert e.value.errno == errno.ENOSPC
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model"]


def test_a_disk_that_fails_at_the_last_moment_is_noticed(tmp_path, monkeypatch):
    """An error while the bytes are forced to the disk counts as much as one while writing."""

    def broken(_):
        raise OSError(errno.EIO, "Input/output error")

    write_one(tmp_path / "model")
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(SaveError, match=r"^\[Errno 5\] cannot write .+: Input/output error$"):
        write_one(tmp_path / "model", 2)
    assert load(tmp_path / "model", **KEEP)[0] == {"i": 1}
    assert os.listdir(tmp_path) == ["model"]


def test_a_limit_of_the_kernel_is_a_save_error(tmp_path):
    """The real thing: the kernel refuses the write of a process with a file size limit."""
    process = start(LIMITED, tmp_path / "model")
    said = process.communicate(timeout=60)[0].decode()
    assert said == f"[Errno 27] cannot write {tmp_path}/model: File too large\n"
    assert process.returncode == 0
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("absent/model", "No such file or directory"),
        ("file/model", "Not a directory"),
        ("folder", "Is a directory"),
        ("x" * 250, "File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path, place, reason):
    """The reason is the system's, the path is the user's."""
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        SaveError, match=rf"^\[Errno \d+\] cannot write {tmp_path / place}: {reason}"
    ):
        write_one(tmp_path / place)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError, FileNotFoundError(2, "x", "y")])
def test_errors_of_the_writer_pass_through(tmp_path, failure):
    """Ctrl-C, a bug, or trouble with another file: the error itself, and nothing on the disk."""
    with pytest.raises(type(failure) if isinstance(failure, OSError) else failure) as caught:
        fail(tmp_path / "model", failure)
    assert not isinstance(caught.value, SaveError)
    assert os.listdir(tmp_path) == []


def fail(path, failure):
    """Begin to write and fail."""
    with replacing(path) as file:
        file.write(b"half")
        raise failure


def test_kill_in_the_middle_of_a_write(tmp_path):
    """After kill -9 the old file stands; the part that is left goes with the next save."""
    path = tmp_path / "model"
    write_one(path)
    process = start(HALF, path)
    assert process.stdout.readline() == b"half written\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert load(path, **KEEP)[0] == {"i": 1}
    assert len(os.listdir(tmp_path)) == 2
    write_one(path, 2)
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("seed", range(5))
def test_kill_at_a_random_moment(tmp_path, seed):
    """A process that saves all the time is killed: the file is whole and at most one save old."""
    path = tmp_path / "model"
    with start(LOOP, path) as process:
        first = process.stdout.readline()
        time.sleep(np.random.default_rng(seed).uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        said = first + process.stdout.read()
    header, arrays = load(path, **KEEP)
    assert header["i"] - int(said.split()[-1]) in (0, 1)
    assert set(arrays["x"]) == {header["i"]}


def test_a_part_of_a_live_process_is_left_alone(tmp_path):
    """Another process that is writing the same path is not disturbed; the last to end wins."""
    path = tmp_path / "model"
    process = start(HALF.replace("60", "0.2"), path)
    assert process.stdout.readline() == b"half written\n"
    write_one(path)
    assert len(os.listdir(tmp_path)) == 2
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert path.read_bytes() == b"half"


def test_threads_that_save_to_one_path_do_not_tear_it(tmp_path):
    """Each thread writes its own part, so the file is always one of theirs."""
    path = tmp_path / "model"
    many = [
        threading.Thread(target=lambda i=i: [write_one(path, i) for _ in range(20)])
        for i in range(4)
    ]
    for thread in many:
        thread.start()
    for thread in many:
        thread.join()
    header, arrays = load(path, **KEEP)
    assert set(arrays["x"]) == {header["i"]}
    assert os.listdir(tmp_path) == ["model"]
