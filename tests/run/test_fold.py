"""Fold on threads: laws, sources to answers, order, memory, errors with their place, Ctrl-C."""

import importlib
import re
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as papq
import pytest

from thrifty.core import DataError, record_of
from thrifty.data import Report
from thrifty.data import open as open_source
from thrifty.laws import LAWS
from thrifty.laws.fold import Journal, Tally
from thrifty.run import Each, fold
from thrifty.sketch import BloomFilter, CoMoments, CountMin, HyperLogLog


class Noted(Journal):
    """A journal that counts how many of it there are, and how deep its merges go."""

    KIND = "test-noted"
    alive, most = set(), 0
    lock = threading.Lock()

    def __init__(self):
        super().__init__()
        with Noted.lock:
            Noted.alive.add(id(self))
            Noted.most = max(Noted.most, len(Noted.alive))

    def __del__(self):
        Noted.alive.discard(id(self))


class Slow(Journal):
    """A journal that takes longest for the first rows."""

    KIND = "test-slow"

    def add(self, keys):
        """Wait, then write down."""
        time.sleep(0.05 if 0 in np.asarray(keys) else 0.001)
        return super().add(keys)


class Waits(Journal):
    """A journal that says when it has begun, and takes its time."""

    KIND = "test-waits"
    begun = threading.Event()
    batches = 0

    def add(self, keys):
        """Say so, and wait."""
        Waits.begun.set()
        Waits.batches += 1
        time.sleep(0.02)
        return super().add(keys)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "law", [law for group in record_of(fold).laws for law in LAWS[group]], ids=lambda x: x.__name__
)
def test_law(law, threads):
    """Partitions do not matter; order is kept; one pass feeds many."""
    law(lambda: partial(fold, threads=threads))


@pytest.fixture
def numbers(tmp_path):
    """A CSV file of whole numbers 0..49,999 and their tens, 16 pieces of 40 kB."""
    path = tmp_path / "numbers.csv"
    path.write_text("n,tens\n" + "".join(f"{i},{i // 10}\n" for i in range(50_000)))
    return path


class Cast(Journal):
    """A journal of texts that are whole numbers."""

    KIND = "test-cast"

    def add(self, keys):
        """Write down numbers."""
        return super().add(pa.array(keys).cast(pa.int64()) if len(keys) else keys)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_file_in_pieces(numbers, threads):
    """A file cut at any place gives its rows in order; two columns of it in one pass."""
    into = {"n": Cast(), "t": Each("tens", Cast())}
    got = fold(numbers, into, threads=threads, partition="40 kB")
    assert got["n"].arrays()["seen"].tolist() == list(range(50_000))
    assert got["t"].arrays()["seen"].tolist() == [i // 10 for i in range(50_000)]


def test_rounding_is_the_same_on_any_threads():
    """Sums of floats depend on the order of merges, and that on the source alone."""
    rows = np.random.default_rng(3).normal(size=(200_000, 3)) * 10.0 ** np.arange(3)
    batches = np.array_split(rows, 200)
    found = {fold(batches, CoMoments(3), threads=t, partition=1).to_bytes() for t in (1, 2, 4)}
    assert len(found) == 1
    assert fold(batches, CoMoments(3), threads=2).to_bytes() not in found


def test_the_first_may_be_the_last():
    """A partition that takes longest is still the first in order."""
    got = fold([np.arange(i, i + 5) for i in range(0, 200, 5)], Slow(), threads=4, partition=1)
    assert got.arrays()["seen"].tolist() == list(range(200))


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_few_summaries_are_held(threads):
    """However many partitions: no more than the threads' own and three."""
    Noted.alive.clear()
    Noted.most = 0
    got = fold(range(40 * 65_536), Noted(), threads=threads, partition=1)
    assert len(got.arrays()["seen"]) == 40 * 65_536
    assert Noted.most <= threads + 4  # and the one that was given


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_and_report(numbers, threads):
    """Bytes and rows come to their totals; skipped rows are counted and told, each time anew."""
    with numbers.open("a") as file:
        file.write("1,2,3\n")
    calls, report, source = [], Report(), open_source(numbers)
    for _ in range(2):
        calls.clear()
        fold(
            source, Cast(), columns="n", threads=threads, partition="40 kB",
            progress=lambda *done: calls.append(done), report=report,
        )  # fmt: skip
        assert calls[-1] == (source.nbytes, 50_000)
        assert source.report.counts == {"rows with a wrong number of fields": 1}
        assert calls == sorted(calls)
    assert report.counts == {"rows with a wrong number of fields": 2}
    assert re.search(r"numbers.csv from byte \d+, line \d+: 3 fields", str(source.report))


def test_an_error_has_its_place(numbers, tmp_path):
    """File, byte or row group, and rows; what was wrong, and the first cause."""
    with numbers.open("a") as file:
        file.write("many,4\n")
    message = r"^.*numbers.csv from byte \d+, rows 0 to \d+: ArrowInvalid: Failed to parse.*'many'"
    for threads in (1, 2):
        with pytest.raises(DataError, match=message) as caught:
            fold(numbers, Cast(), columns="n", threads=threads, partition="40 kB")
        assert isinstance(caught.value.__cause__, pa.ArrowInvalid)
    table = pa.table({"n": [*map(str, range(99)), "x"]})
    papq.write_table(table, tmp_path / "a.parquet", row_group_size=60)
    with pytest.raises(DataError, match=r"^.*a.parquet, row group 1, rows 0 to 39: ArrowInvalid"):
        fold(tmp_path / "a.parquet", Cast(), threads=2)
    with pytest.raises(DataError, match=r"^rows in memory, rows 0 to 2: ValueError: invalid lit"):
        fold([["a", "b", "c"]], Tally())


def test_strict_sources_stay_strict(numbers):
    """The first row that cannot be used is an error that names its line."""
    with numbers.open("a") as file:
        file.write("1,2,3\n")
    source = open_source(numbers, strict=True)
    with pytest.raises(DataError, match=r"^rows with a wrong number of fields: .*, line \d+: 3 "):
        fold(source, Cast(), columns="n", partition="40 kB")


def test_a_damaged_file_is_told(tmp_path):
    """What comes before the damage counts, and the report says where it is."""
    for i in range(3):
        papq.write_table(pa.table({"n": range(10_000)}), tmp_path / f"{i}.parquet")
    path = tmp_path / "1.parquet"
    data = bytearray(path.read_bytes())
    data[100:20_000] = bytes(19_900)
    path.write_bytes(bytes(data))
    report = Report()
    got = fold(tmp_path, Tally(), threads=2, report=report)
    assert 20_000 <= got.arrays()["counts"].sum() < 30_000
    assert report.counts == {"damaged files": 1}
    assert "1.parquet, row group 0" in report.examples["damaged files"][0]


def test_mixed_schemas(tmp_path):
    """Files whose columns differ are read by name; what is not there is missing and told."""
    papq.write_table(pa.table({"n": [1, 2], "m": [0, 0]}), tmp_path / "a.parquet")
    papq.write_table(pa.table({"n": [3.0]}), tmp_path / "b.parquet")
    report = Report()
    got = fold(tmp_path, {"n": Journal()}, report=report)
    assert got["n"].arrays()["seen"].tolist() == [1, 2, 3]
    batches = [pa.RecordBatch.from_pydict({"n": [1]}), pa.RecordBatch.from_pydict({"m": [1]})]
    with pytest.raises(DataError, match=r"^column 'n' not found; columns: m$"):
        fold(batches, {"n": Journal()})


def test_nothing_is_an_empty_summary():
    """A source without rows; progress says so."""
    calls = []
    assert fold([], Tally(), progress=lambda *done: calls.append(done)) == Tally()
    assert calls == [(0, 0)]


@pytest.mark.parametrize("threads", [1, 2])
def test_broken_off(threads):
    """What the caller raises while it is told of progress stops all threads within a block."""
    Waits.batches = 0

    def stop(nbytes, rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fold((np.arange(3) for _ in range(10_000)), Waits(), threads=threads, progress=stop)
    seen = Waits.batches
    time.sleep(0.1)
    assert Waits.batches == seen < 30
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fold")]


def test_interrupted():
    """Ctrl-C ends a fold that would go on for hours, at once and with all threads."""
    code = (
        "import itertools, signal, numpy as np\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job behind ignores it
        "from thrifty.run import fold\n"
        "from thrifty.laws.fold import Tally\n"
        "told = lambda nbytes, rows: rows and print(rows, flush=True)\n"
        "source = (np.arange(1000) for _ in itertools.count())\n"
        "fold(source, Tally(), threads=2, partition='1 MB', progress=told)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1, text=True)
    assert child.stdout.readline().strip().isdigit()
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=20)
    assert errors.strip().endswith("KeyboardInterrupt")
    assert child.returncode != 0


@pytest.mark.parametrize(
    "make", [HyperLogLog, lambda: CountMin.within("40 kB"), lambda: BloomFilter.within("40 kB")]
)
def test_sketches(numbers, make):
    """Real sketches of a file in pieces are those of all its rows, byte for byte."""
    column = pa.array([str(i) for i in range(50_000)])
    got = fold(numbers, {"n": make()}, threads=2, partition="40 kB")["n"]
    assert got.to_bytes() == make().add(column).to_bytes()


@pytest.mark.parametrize(
    ("engine", "start", "error"),
    [("ray", "_cluster", ModuleNotFoundError), ("spark", "_session", RuntimeError)],
)
def test_an_engine_that_cannot_start(monkeypatch, engine, start, error):
    """What it says reaches the caller as it is."""

    def fails(threads):
        raise error(f"told of {threads}")

    monkeypatch.setattr(importlib.import_module(f"thrifty.run.on_{engine}"), start, fails)
    with pytest.raises(error, match=r"^told of 3$"):
        fold([[1]], Tally(), engine=engine, threads=3)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"threads": 0}, ValueError, "threads must be in 1..1024, got 0"),
        ({"threads": 1.5}, TypeError, "threads must be a whole number in 1..1024, got 1.5"),
        ({"engine": "dask"}, ValueError, "engine must be one of threads, ray, spark, got 'dask'"),
        (
            {"partition": 0},
            ValueError,
            "partition must be at least 1 byte and at most 4 EiB, got 0",
        ),
    ],
)
def test_refused(how, error, message):
    """Arguments out of range."""
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        fold([], Tally(), **how)
