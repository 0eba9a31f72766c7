"""Ray: the bytes of threads, whatever the source, and whoever dies on the way."""

import builtins
from functools import partial

import numpy as np
import pyarrow as pa
import pytest

from tests.run import many
from tests.run.dying import Dies, DiesMerging
from thrifty.core import DataError
from thrifty.data import Report
from thrifty.laws import LAWS
from thrifty.laws.fold import Journal, Tally
from thrifty.run import fold, fold_by, keyed
from thrifty.sketch import CoMoments, FrequentDirections

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::Warning")]
BATCHES = [np.arange(i, i + 5) for i in range(0, 200, 5)]


@pytest.fixture(autouse=True, scope="module")
def cluster(ray_cluster):
    """All tests here but those of refusals need it."""
    return ray_cluster


@pytest.mark.parametrize("law", LAWS["fold"], ids=lambda law: law.__name__)
def test_law(law):
    """What holds for threads holds here."""
    law(lambda: partial(fold, engine="ray"))


def test_the_bytes_of_threads(tmp_path):
    """Files, tables and streams; sums of floats, in which the order of merges shows."""
    path = tmp_path / "a.csv"
    path.write_text("n,m\n" + "".join(f"{i},{i / 7}\n" for i in range(30_000)))
    rng = np.random.default_rng(5)
    rows = [rng.normal(size=(100, 2)) for _ in range(50)]
    how = {"prepare": _numbers, "columns": ["n", "m"], "partition": "10 kB"}
    for source, into, options in (
        (path, CoMoments(2), how),
        (rows, CoMoments(2), {"partition": 1}),
        (pa.table({"n": range(100_000)}), Journal(), {"partition": "50 kB"}),
    ):
        here = fold(source, into, **options)
        assert fold(source, into, engine="ray", **options).to_bytes() == here.to_bytes()


def test_the_bytes_of_directions():
    """Eigenvectors too: a worker's BLAS has one thread, this process as many as there are cores."""
    rng = np.random.default_rng(6)
    rows = [rng.normal(size=(600, 100)) * 0.99 ** np.arange(100) for _ in range(12)]
    into = FrequentDirections(100, 60)
    here = fold(rows, into, partition=1)
    assert here.error_bound() > 0
    assert fold(rows, into, engine="ray", partition=1).to_bytes() == here.to_bytes()


def _numbers(batch):
    """A batch of texts as an array of numbers."""
    return np.column_stack([column.cast(pa.float64()) for column in batch.columns])


def test_a_worker_that_dies(tmp_path):
    """Killed in the middle of a partition: it is run again, and the answer is the same."""
    mark = tmp_path / "died"
    got = fold(BATCHES, Dies(str(mark)), engine="ray", partition=1)
    assert mark.exists()
    assert got.arrays()["seen"].tolist() == list(range(200))


def test_a_failure_is_told_once(tmp_path):
    """What is wrong with rows is no reason to try again: the error has its place."""
    (tmp_path / "a.csv").write_text("n\n" + "1\n" * 3000 + "many\n")
    message = r"^.*a.csv from byte \d+, rows 0 to \d+: ValueError: invalid literal .* 'many'$"
    with pytest.raises(DataError, match=message):
        fold(tmp_path / "a.csv", Tally(), engine="ray", partition="1 kB")


def test_progress_and_report(tmp_path):
    """Bytes and rows come to their totals, and what was skipped comes back."""
    path = tmp_path / "a.csv"
    path.write_text("n,m\n" + "1,2\n" * 5000 + "1\n" * 3)
    calls, report = [], Report()
    fold(
        path, Tally(), columns="n", engine="ray", partition="1 kB", report=report,
        progress=lambda *done: calls.append(done), prepare=_numbers,
    )  # fmt: skip
    assert calls == sorted(calls)
    assert len(calls) > 10
    assert calls[-1] == (path.stat().st_size, 5000)
    assert report.counts == {"rows with a wrong number of fields": 3}


def test_keyed_the_bytes_of_threads(monkeypatch):
    """Sums, lists and summaries of each key, spilled or not, in the same order."""
    monkeypatch.setattr(keyed, "LEAST", 1)
    assert many.to_bytes(many.answers(engine="ray")) == many.to_bytes(many.answers())


@pytest.mark.parametrize("kind", [Dies, DiesMerging])
def test_keyed_a_worker_that_dies(tmp_path, monkeypatch, kind):
    """Killed while it reads, and while it merges: what each key has seen is the same, in order."""
    monkeypatch.setattr(keyed, "LEAST", 1)
    mark = tmp_path / "died"
    assert many.journals(("v", kind(str(mark))), engine="ray") == many.WANTED
    assert mark.exists()


def test_keyed_failures_and_progress(tmp_path, monkeypatch):
    """A row that cannot be used is told with its place; bytes and rows come to their totals."""
    monkeypatch.setattr(keyed, "LEAST", 1)
    calls = []
    how = {"engine": "ray", "memory": 16 * 800, "folder": tmp_path}
    with pytest.raises(DataError, match=r"^rows in memory, rows 0 to 49: 101 is too many$"):
        fold_by(many.BATCHES, "k", {"n": "count"}, prepare=many.fails, **how)
    assert list(tmp_path.iterdir()) == []
    found = fold_by(
        many.BATCHES, "k", {"n": "count"}, progress=lambda *done: calls.append(done), **how
    )
    assert found.to_table()["n"].to_pylist() == [100] * 4
    assert calls == sorted(calls)
    assert calls[-1][1] == 400
    assert fold_by([], "k", {"n": "count"}, engine="ray").num_rows == 0


def test_a_dataset(cluster):
    """A Ray Dataset is its blocks, in order; its engine is Ray."""
    data = pytest.importorskip("ray.data")
    data.DataContext.get_current().enable_progress_bars = False
    source = data.from_arrow([pa.table({"a": [i, i + 1], "b": [0, 1]}) for i in range(0, 40, 2)])
    assert fold(source, {"a": Journal()})["a"].arrays()["seen"].tolist() == list(range(40))
    assert (
        fold(source, Tally(), columns="b", engine="ray").arrays()["counts"][:2].tolist() == [20] * 2
    )
    with pytest.raises(ValueError, match=r"^engine must be 'ray' for a source that is there, got "):
        fold(source, Tally(), engine="threads")
    with pytest.raises(DataError, match=r"^column 'd' not found; columns: a, b$"):
        fold(source, {"d": Tally()})


def test_nothing():
    """No partition, no task."""
    assert fold([], Tally(), engine="ray") == Tally()


def test_broken_off():
    """What is raised while it is told of progress stops the tasks."""

    def stop(nbytes, rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fold(BATCHES, Tally(), engine="ray", partition=1, progress=stop)
    assert fold(BATCHES, Tally(), engine="ray").arrays()["counts"].sum() == 200


def test_it_is_not_installed(monkeypatch):
    """The error says what to install."""
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.split(".")[0] == "ray":
            raise ModuleNotFoundError(f"No module named {name!r}", name="ray")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    message = r"^engine 'ray' needs Ray: pip install 'thrifty\[ray\]'$"
    with pytest.raises(ModuleNotFoundError, match=message):
        fold(BATCHES, Tally(), engine="ray")
