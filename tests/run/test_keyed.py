"""Keyed folds: laws, word counts that spill, joins, memory, refusals."""

import collections
import os
import re
import subprocess
import sys
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.run import many
from thrifty.core import DataError, SaveError, record_of
from thrifty.data import Report
from thrifty.laws import LAWS
from thrifty.laws.fold import Journal, Tally
from thrifty.run import _shuffle, fold_by, keyed

WORDS = [f"w{rank}" for rank in np.random.default_rng(0).zipf(1.3, 60_000) % 20_000]
COUNTS = collections.Counter(WORDS)


def words(batch):
    """The words of lines, one a row."""
    found = pc.split_pattern(batch["text"], " ").flatten()
    return pa.RecordBatch.from_arrays([found], ["word"])


def lines():
    """A text of these words, ten a line, 500 lines at a time."""
    texts = [" ".join(WORDS[i : i + 10]) for i in range(0, len(WORDS), 10)]
    return pa.table({"text": texts}).to_batches(500)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "law", [law for g in record_of(fold_by).laws for law in LAWS[g]], ids=lambda law: law.__name__
)
def test_law(law, threads):
    """Answers are those of a dictionary, in whatever order rows come."""
    law(lambda: partial(fold_by, threads=threads))


@pytest.mark.parametrize("memory", [500_000, 64_000_000])
@pytest.mark.parametrize("threads", [1, 2])
def test_word_counts(monkeypatch, memory, threads):
    """The same whether it spills hundreds of times or never."""
    monkeypatch.setattr(keyed, "LEAST", 1)
    spilled = []
    split = _shuffle._split
    monkeypatch.setattr(_shuffle, "_split", lambda *args: spilled.append(1) or split(*args))
    how = {"memory": memory, "threads": threads, "prepare": words}
    with fold_by(lines(), "word", {"n": "count"}, **how) as found:
        assert found.num_rows == len(COUNTS)
        table = found.to_table()
        assert table["word"].to_pylist() == sorted(COUNTS)
        assert dict(zip(*(column.to_pylist() for column in table.columns), strict=True)) == COUNTS
        assert pa.concat_tables(found.batches(sort=True)).equals(table)
        assert found.nbytes < 1_000_000
    assert (len(spilled) > 10) == (memory == 500_000)


def test_an_index_joined_with_counts():
    """Where a word stands, for the words that are asked for, beside its count."""
    rows = [{"word": word, "line": at // 10} for at, word in enumerate(WORDS[:5000])]
    asked = [{"word": f"w{i}", "asked": i} for i in range(0, 100, 2)]
    index = fold_by(rows, "word", {"lines": ("line", "distinct"), "n": "count"}, threads=2)
    wanted = fold_by(asked, "word", {"asked": ("asked", "max")}, threads=1)
    found = {row["word"]: row for table in index.join(wanted) for row in table.to_pylist()}
    there = collections.Counter(WORDS[:5000])
    assert set(found) == {f"w{i}" for i in range(0, 100, 2)} & set(there)
    for word, row in found.items():
        lines = {at // 10 for at, other in enumerate(WORDS[:5000]) if other == word}
        assert (set(row["lines"]), row["n"], f"w{row['asked']}") == (lines, there[word], word)
    message = "names must be the same keys and other answers, got ['word', 'asked'] and ['word', "
    with pytest.raises(ValueError, match=re.escape(message)):
        next(wanted.join(wanted))


def test_a_summary_for_each_key(monkeypatch):
    """Fed the rows of its key in their order, whether they spill hundreds of times or never."""
    monkeypatch.setattr(keyed, "LEAST", 1)
    assert many.journals(("v", Journal)) == many.journals(("v", Journal())) == many.WANTED
    found = fold_by(many.BATCHES, ["k", "k2"], {"v": Tally()}, prepare=_doubled)
    want = {(k, k % 2): Tally().add(seen) for k, seen in many.WANTED.items()}
    assert dict(found.summaries("v")) == want
    with pytest.raises(ValueError, match=r"^name must be one of v, got 'k'$"):
        next(found.summaries("k"))


def _doubled(batch):
    return batch.append_column("k2", pc.bit_wise_and(batch["k"], 1))


def test_the_same_bytes_from_any_threads(monkeypatch):
    """Where runs end and what is merged with what is the same, whoever was faster."""
    monkeypatch.setattr(keyed, "LEAST", 1)
    first = many.to_bytes(many.answers(threads=1))
    assert many.to_bytes(many.answers(threads=3)) == first
    sliced = [pa.concat_tables([b, b]).slice(len(b), len(b)) for b in map(_table, many.rows())]
    assert many.to_bytes(many.answers(sliced, threads=2)) == first


def _table(batch):
    return pa.Table.from_batches([batch])


def test_keys_of_several_columns_and_nothing():
    """A key of two columns; no rows at all."""
    rows = [{"a": i % 3, "b": i % 2, "v": i} for i in range(60)]
    found = fold_by(rows, ["a", "b"], {"v": ("v", "sum")}).to_table().to_pylist()
    assert [(r["a"], r["b"]) for r in found] == [(a, b) for a in range(3) for b in range(2)]
    assert sum(r["v"] for r in found) == sum(range(60))
    nothing = fold_by([], "a", {"n": "count"})
    assert (nothing.num_rows, nothing.to_table().num_rows) == (0, 0)


def test_files_are_removed(tmp_path):
    """When it is closed, when it is forgotten, and when it fails."""
    rows = [{"k": i % 7} for i in range(100)]
    found = fold_by(rows, "k", {"n": "count"}, folder=tmp_path)
    assert len(list(tmp_path.glob("*/*.arrow"))) == 16
    found.close()
    assert list(tmp_path.iterdir()) == []
    fold_by(rows, "k", {"n": "count"}, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match=r"^rows in memory, rows 0 to 99: ValueError: no$"):
        fold_by(rows, "k", {"n": "count"}, folder=tmp_path, prepare=_fails)
    assert list(tmp_path.iterdir()) == []


def _fails(batch):
    raise ValueError("no")


def test_progress_and_report(tmp_path):
    """Bytes and rows come to their totals; skipped rows are counted."""
    path = tmp_path / "a.csv"
    path.write_text("k,v\n" + "a,1\n" * 9000 + "b\n")
    calls, report = [], Report()
    found = fold_by(
        path, "k", {"n": "count"}, progress=lambda *done: calls.append(done), report=report
    )
    assert found.to_table().to_pylist() == [{"k": "a", "n": 9000}]
    assert calls[-1] == (path.stat().st_size, 9000)
    assert report.counts == {"rows with a wrong number of fields": 1}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"memory": "1 MB"}, "memory must be in 8000000..4611686018427387904, got 1000000"),
        ({"threads": 65}, "threads must be in 1..64, got 65"),
        ({"engine": "dask"}, "engine must be one of threads, ray, spark, got 'dask'"),
    ],
)
def test_refused(how, message):
    """Arguments out of range."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fold_by([], "k", {"n": "count"}, **how)


def test_no_engine(monkeypatch):
    """What is no source, and engines that are not installed."""
    with pytest.raises(TypeError, match=r"^source must be a path, an Arrow source, .*, got 3$"):
        fold_by(3, "k", {"n": "count"})
    for engine, module in (("ray", "ray"), ("spark", "pyspark.sql")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ModuleNotFoundError, match=f"^engine '{engine}' needs .*pip install"):
            fold_by([], "k", {"n": "count"}, engine=engine)


@pytest.mark.peers
def test_no_java(monkeypatch):
    """Spark without a session and without Java."""
    sql = pytest.importorskip("pyspark.sql")
    monkeypatch.setattr(sql.SparkSession, "getActiveSession", classmethod(lambda cls: None))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(RuntimeError, match=r"^engine 'spark' needs Java 17 or newer, "):
        fold_by([], "k", {"n": "count"}, engine="spark")


def test_a_column_that_is_not_there_and_a_full_disk(tmp_path, monkeypatch):
    """Both are told as what they are."""
    with pytest.raises(DataError, match=r"^column 'k' not found; columns: a$"):
        fold_by([{"a": 1}], "k", {"n": "count"})
    monkeypatch.setattr(pa, "OSFile", _full)
    with pytest.raises(SaveError, match=r"^\[Errno 28\] cannot write .*: No space left on device$"):
        fold_by([{"k": 1}], "k", {"n": "count"})


def _full(*args):
    raise OSError(28, "No space left on device")


def test_memory_is_kept():
    """Half a million keys through 16 MB, and 12 MB for the rows that each of two threads reads."""
    code = f"import sys; sys.path[:0] = {sys.path!r}; import tests.run.test_keyed as t; t.grow()"
    environment = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}  # others keep what is freed
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert float(done.stdout) < 16 + 2 * 12


def grow():
    """In a process of its own: MB by which the peak grows, by the kernel's count."""

    def batches(n):
        for start in range(0, n, 10_000):
            keys = np.arange(start, start + 10_000) * 7919 % 1_000_003
            yield pa.table(
                {"k": pc.binary_join_element_wise("key", pa.array(keys).cast("str"), "-")}
            )

    def run(n):
        how = {"memory": "16 MB", "threads": 2}
        return sum(
            len(table) for table in fold_by(batches(n), "k", {"n": "count"}, **how).batches()
        )

    run(20_000)
    base = peak()
    assert run(500_000) > 490_000
    sys.stdout.write(str((peak() - base) / 1e6))


def peak():
    """Bytes at most resident."""
    with open("/proc/self/status") as file:
        return 1024 * int(file.read().split("VmHWM:")[1].split()[0])
