"""Spark: the bytes of threads, whatever the source, and whoever dies on the way."""

import builtins
import re

import numpy as np
import pyarrow as pa
import pytest

from tests.run import many
from tests.run.dying import Dies, DiesMerging
from thrifty.core import DataError
from thrifty.data import Report
from thrifty.laws.fold import Journal, Tally
from thrifty.run import fold, fold_by, keyed, on_spark
from thrifty.sketch import CoMoments, FrequentDirections

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::Warning")]
BATCHES = [np.arange(i, i + 5) for i in range(0, 200, 5)]


def test_the_bytes_of_threads(tmp_path, spark_session):
    """Files, a task each or a group each; sums of floats, in which the order of merges shows."""
    path = tmp_path / "a.csv"
    path.write_text("n,m\n" + "".join(f"{i},{i / 7}\n" for i in range(4000)))
    for size in ("8 kB", "1 kB"):
        how = {"prepare": _numbers, "columns": ["n", "m"], "partition": size}
        here = fold(path, CoMoments(2), **how)
        assert fold(path, CoMoments(2), engine="spark", **how) == here
    table = pa.table({"n": range(100_000)})
    got = fold(table, Journal(), engine="spark", partition="500 kB")
    assert got.arrays()["seen"].tolist() == list(range(100_000))


def test_the_bytes_of_directions(spark_session):
    """Eigenvectors too: a worker's BLAS has one thread, this process as many as there are cores."""
    rng = np.random.default_rng(6)
    rows = [rng.normal(size=(600, 100)) * 0.99 ** np.arange(100) for _ in range(12)]
    into = FrequentDirections(100, 60)
    here = fold(rows, into, partition=1)
    assert here.error_bound() > 0
    assert fold(rows, into, engine="spark", partition=1).to_bytes() == here.to_bytes()


def _numbers(batch):
    """A batch of texts as an array of numbers."""
    return np.column_stack([column.cast(pa.float64()) for column in batch.columns])


def test_a_worker_that_dies(tmp_path, spark_session):
    """Killed in the middle of a partition: it is run again, and the answer is the same."""
    mark = tmp_path / "died"
    got = fold(BATCHES[15:25], Dies(str(mark)), engine="spark", partition=1)
    assert mark.exists()
    assert got.arrays()["seen"].tolist() == list(range(75, 125))


def test_a_failure_is_told_once(tmp_path, spark_session):
    """What is wrong with rows is no reason to try again: the error has its place."""
    (tmp_path / "a.csv").write_text("n\n" + "1\n" * 3000 + "many\n")
    message = r"^.*a.csv from byte \d+, rows 0 to \d+: ValueError: invalid literal .* 'many'$"
    with pytest.raises(DataError, match=message):
        fold(tmp_path / "a.csv", Tally(), engine="spark", partition="3 kB")


def test_progress_and_report(tmp_path, spark_session):
    """Bytes and rows come to their totals, and what was skipped comes back."""
    path = tmp_path / "a.csv"
    path.write_text("n,m\n" + "1,2\n" * 5000 + "1\n" * 3)
    calls, report = [], Report()
    fold(
        path, Tally(), columns="n", engine="spark", partition="5 kB", report=report,
        progress=lambda *done: calls.append(done), prepare=_numbers,
    )  # fmt: skip
    assert calls == sorted(calls)
    assert calls[-1] == (path.stat().st_size, 5000)
    assert report.counts == {"rows with a wrong number of fields": 3}


def test_keyed_the_bytes_of_threads(monkeypatch, spark_session):
    """Sums, lists and summaries of each key, spilled or not, in the same order."""
    monkeypatch.setattr(keyed, "LEAST", 1)
    assert many.to_bytes(many.answers(engine="spark")) == many.to_bytes(many.answers())


@pytest.mark.parametrize("kind", [Dies, DiesMerging])
def test_keyed_a_worker_that_dies(tmp_path, monkeypatch, spark_session, kind):
    """Killed while it reads, and while it merges: what each key has seen is the same, in order."""
    monkeypatch.setattr(keyed, "LEAST", 1)
    mark = tmp_path / "died"
    assert many.journals(("v", kind(str(mark))), engine="spark") == many.WANTED
    assert mark.exists()


def test_keyed_failures_and_progress(tmp_path, monkeypatch, spark_session):
    """A row that cannot be used is told with its place; bytes and rows come to their totals."""
    monkeypatch.setattr(keyed, "LEAST", 1)
    calls = []
    how = {"engine": "spark", "memory": 16 * 800, "folder": tmp_path}
    with pytest.raises(DataError, match=r"^rows in memory, rows 0 to 49: 101 is too many$"):
        fold_by(many.BATCHES, "k", {"n": "count"}, prepare=many.fails, **how)
    assert list(tmp_path.iterdir()) == []
    found = fold_by(
        many.BATCHES, "k", {"n": "count"}, progress=lambda *done: calls.append(done), **how
    )
    assert found.to_table()["n"].to_pylist() == [100] * 4
    assert calls == sorted(calls)
    assert calls[-1][1] == 400
    assert fold_by([], "k", {"n": "count"}, engine="spark").num_rows == 0


def test_a_data_frame(spark_session):
    """A Spark DataFrame is its partitions, in order; its engine is Spark."""
    frame = spark_session.range(0, 1000, 1, 2).selectExpr("id as `a.b`", "id % 2 as c")
    got = fold(frame, {"a": ("a.b", Journal()), "c": Tally()})
    assert got["a"].arrays()["seen"].tolist() == list(range(1000))
    assert got["c"].arrays()["counts"][:2].tolist() == [500, 500]
    rule = "engine must be 'spark' for a source that is there, got 'ray'"
    with pytest.raises(ValueError, match=f"^{rule}$"):
        fold(frame, Tally(), engine="ray")
    with pytest.raises(DataError, match=r"^column 'd' not found; columns: a.b, c$"):
        fold(frame, {"d": Tally()})
    with pytest.raises(DataError, match=r"^Spark rows, rows 0 to 499: ValueError: many$"):
        fold(frame, Tally(), columns="c", prepare=_fails)


def _fails(batch):
    raise ValueError("many")


def test_nothing(spark_session):
    """No partition, no task."""
    assert fold([], Tally(), engine="spark") == Tally()


def test_broken_off(spark_session):
    """What is raised while it is told of progress stops the tasks."""

    def stop(nbytes, rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fold(BATCHES, Tally(), engine="spark", partition=1, progress=stop)
    assert fold(BATCHES, Tally(), engine="spark").arrays()["counts"].sum() == 200


def test_no_java(monkeypatch):
    """Without a session and without Java, the error says how to get one."""
    sql = pytest.importorskip("pyspark.sql")
    monkeypatch.setattr(sql.SparkSession, "getActiveSession", classmethod(lambda cls: None))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(RuntimeError, match=f"^{re.escape(on_spark.NO_JAVA)}$"):
        fold(BATCHES, Tally(), engine="spark")


def test_it_is_not_installed(monkeypatch):
    """The error says what to install."""
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.split(".")[0] == "pyspark":
            raise ModuleNotFoundError(f"No module named {name!r}", name="pyspark")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    message = r"^engine 'spark' needs PySpark: pip install 'thrifty\[spark\]'$"
    with pytest.raises(ModuleNotFoundError, match=message):
        fold(BATCHES, Tally(), engine="spark")
