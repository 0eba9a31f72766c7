"""Train: any format in, a model out, the same one each time, whatever happens on the way."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from thrifty.core import BudgetError, DataError, SaveError
from thrifty.models import Model, train
from thrifty.models import run as module
from thrifty.models.model import FILE

WORDS = {
    "sea": ["ship", "wave", "sail"],
    "sky": ["cloud", "wing", "wind"],
    "land": ["horse", "road"],
}
FAST = {"memory": "90 MB", "epochs": 2, "hidden": 16, "learning_rate": 0.1}


def rows_of(count, seed=0, ordered=False):
    """Rows whose words tell the topic."""
    rng = np.random.default_rng(seed)
    topics = rng.choice(list(WORDS), count).tolist()
    topics = sorted(topics) if ordered else topics
    return [
        {"text": " ".join(rng.choice(WORDS[topic], 4)), "size": float(rng.normal()), "topic": topic}
        for topic in topics
    ]


def write_csv(path, rows):
    """Rows as CSV."""
    with open(path, "w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    return path


def write_gz(path, rows):
    """Rows as packed JSON lines."""
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def write_parquet(path, rows):
    """Rows as Parquet."""
    pa.parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


def write_svmlight(path, rows):
    """Rows as svmlight: words are columns, topics numbers."""
    words = [word for found in WORDS.values() for word in found]
    lines = []
    for row in rows:
        held = sorted({words.index(word) + 1 for word in row["text"].split()})
        label = list(WORDS).index(row["topic"])
        lines.append(f"{label} " + " ".join(f"{column}:1" for column in held))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A file of 500 rows."""
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv", rows_of(500))


def arrays_of(model):
    """Every array of a model by name."""
    parts = (model.featurizer, model.target, model.wide)
    return {f"{i}/{k}": a for i, part in enumerate(parts) for k, a in part.state()[1].items()}


def same(a, b):
    """Whether two models are equal to the last bit."""
    mine, yours = arrays_of(a), arrays_of(b)
    equal = all(np.array_equal(mine[name], yours[name]) for name in mine)
    return equal and mine.keys() == yours.keys() and a.cut == b.cut


@pytest.mark.parametrize(
    ("name", "write", "target"),
    [
        ("rows.csv", write_csv, "topic"),
        ("rows.jsonl.gz", write_gz, "topic"),
        ("rows.parquet", write_parquet, "topic"),
        ("rows.svm", write_svmlight, "label"),
    ],
)
def test_any_format(tmp_path, name, write, target):
    """CSV, packed JSON lines, Parquet and svmlight are learned, saved, and evaluated."""
    path = write(tmp_path / name, rows_of(500))
    model = train(path, target, out=tmp_path / "out", task="one", **FAST)
    assert model.facts["metrics"]["accuracy"] > 0.9
    again = Model.load(tmp_path / "out")
    assert again.evaluate(write(path, rows_of(200, seed=1)))["accuracy"] > 0.9
    assert {p.name for p in (tmp_path / "out").iterdir()} == {FILE, "report.json", "report.html"}
    assert json.loads((tmp_path / "out" / "report.json").read_text())["target"] == target


def test_a_sorted_file_trains_as_well(tmp_path):
    """A file sorted by its target is mixed: no worse than a shuffled one by more than chance."""
    found = [
        train(
            write_csv(tmp_path / f"{ordered}.csv", rows_of(600, ordered=ordered)),
            "topic", out=tmp_path / str(ordered), **FAST,
        ).evaluate(write_csv(tmp_path / "valid.csv", rows_of(400, seed=1)))["accuracy"]
        for ordered in (False, True)
    ]  # fmt: skip
    assert found[1] > found[0] - 4 * np.sqrt(found[0] * (1.01 - found[0]) / 400)


def test_the_same_call_gives_the_same_model(table, tmp_path):
    """With one thread two runs agree to the last bit; another seed does not."""
    models = [
        train(table, "topic", out=tmp_path / str(i), seed=seed, **FAST)
        for i, seed in enumerate((0, 0, 1))
    ]
    assert same(models[0], models[1])
    assert not same(models[0], models[2])


def test_facts_tell_the_run(table, tmp_path):
    """Plan, history, baseline and counts are there; the plan is told before training starts."""
    told, moved = [], []
    model = train(table, "topic", out=tmp_path, on_plan=told.append, progress=moved.append, **FAST)
    facts = model.facts
    assert facts["rows"] + facts["metrics"]["rows"] == 500
    assert facts["plan"]["total"] == sum(facts["plan"]["parts"].values()) <= 90_000_000
    assert told[0].to_dict()["parts"] == facts["plan"]["parts"]
    assert facts["metrics"]["accuracy"] > facts["baseline"]["accuracy"]
    assert len(facts["history"]["epochs"]) == 2
    assert moved[-1]["fraction"] == 1.0


def test_a_file_to_judge_by(table, tmp_path):
    """Rows of another file are the held-out ones; all rows are trained on."""
    other = write_csv(tmp_path / "valid.csv", rows_of(123, seed=1))
    facts = train(table, "topic", out=tmp_path / "out", validation=other, **FAST).facts
    assert (facts["rows"], facts["metrics"]["rows"]) == (500, 123)


def test_few_rows_are_learned_with_a_notice(tmp_path):
    """Thirty rows are all trained on, and the report says what they are judged by."""
    path = write_csv(tmp_path / "few.csv", rows_of(30))
    facts = train(path, "topic", out=tmp_path / "out", overrides="text=text", **FAST).facts
    assert facts["rows"] == 30
    assert facts["notices"] == ["too few rows to hold some out: quality is on training rows"]


class Stop(Exception):
    """What a test throws where a kill would strike."""


@pytest.mark.parametrize("calls", [1, 2], ids=["after the first epoch", "after the last"])
def test_a_killed_run_goes_on(table, tmp_path, monkeypatch, calls):
    """Broken off after a checkpoint, the same call goes on and gives the model of no kill."""
    whole = train(table, "topic", out=tmp_path / "whole", **FAST)
    plain, seen = module.Run._checkpoint, []

    def strike(self, header, arrays):
        plain(self, header, arrays)
        seen.append(header["epoch"])
        if len(seen) == calls:
            raise Stop

    monkeypatch.setattr(module.Run, "_checkpoint", strike)
    with pytest.raises(Stop):
        train(table, "topic", out=tmp_path / "cut", **FAST)
    assert not (tmp_path / "cut" / FILE).exists()
    monkeypatch.undo()
    monkeypatch.setattr(module.Run, "_first_pass", None)
    assert same(whole, train(table, "topic", out=tmp_path / "cut", **FAST))
    assert not (tmp_path / "cut" / ".work").exists()


def test_another_call_does_not_go_on(table, tmp_path, monkeypatch):
    """What an other run left is not taken up: with another seed all is done anew."""

    def strike(self, header, arrays):
        raise Stop

    monkeypatch.setattr(module.Run, "_checkpoint", strike)
    with pytest.raises(Stop):
        train(table, "topic", out=tmp_path / "cut", **FAST)
    monkeypatch.undo()
    whole = train(table, "topic", out=tmp_path / "whole", seed=5, **FAST)
    assert same(whole, train(table, "topic", out=tmp_path / "cut", seed=5, **FAST))


def test_a_damaged_spill_is_made_again(table, tmp_path, monkeypatch):
    """Rows on disk that were cut are read again from the file."""
    plain = module.Run._make_plan

    def strike(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Workplace, "remove", lambda self: None)
    monkeypatch.setattr(module.Run, "_make_plan", strike)
    with pytest.raises(KeyboardInterrupt):
        train(table, "topic", out=tmp_path / "cut", **FAST)
    monkeypatch.undo()
    rows = tmp_path / "cut" / ".work" / "rows" / "rows.bin"
    rows.write_bytes(rows.read_bytes()[:-9])
    assert module.Run._make_plan is plain
    whole = train(table, "topic", out=tmp_path / "whole", **FAST)
    assert same(whole, train(table, "topic", out=tmp_path / "cut", **FAST))


def test_interrupted_training_keeps_the_best(table, tmp_path):
    """Ctrl-C in training saves the best epoch so far, and leaves nothing else behind."""
    told = []

    def strike(state):
        told.append(state)
        if state.get("epoch") == 1:
            raise KeyboardInterrupt

    model = train(table, "topic", out=tmp_path, progress=strike, **FAST)
    assert model.facts["history"]["stopped"] == "interrupted"
    assert model.facts["metrics"]["accuracy"] > 0.9
    assert same(model, Model.load(tmp_path))
    assert not (tmp_path / ".work").exists()


def test_interrupted_refit_takes_back_what_it_did(table, tmp_path):
    """Ctrl-C while held-out rows are learned gives the model from before."""

    def strike(state):
        if state.get("phase") == "refit":
            raise KeyboardInterrupt

    model = train(table, "topic", out=tmp_path / "a", progress=strike, **FAST)
    assert same(model, train(table, "topic", out=tmp_path / "b", refit=False, **FAST))


def test_interrupted_reading_leaves_nothing(table, tmp_path, monkeypatch):
    """Ctrl-C before training removes the spilled rows, and the folder if it was new."""

    def strike(self, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Spill, "add", strike)
    with pytest.raises(KeyboardInterrupt):
        train(table, "topic", out=tmp_path / "out", **FAST)
    assert not (tmp_path / "out").exists()


def test_too_small_a_budget_names_one_that_works(table, tmp_path):
    """The smallest budget in the refusal trains."""
    with pytest.raises(BudgetError, match=r"^memory must be at least .* for this job") as caught:
        train(table, "topic", out=tmp_path, **{**FAST, "memory": "5 MB"})
    model = train(table, "topic", out=tmp_path, **{**FAST, "memory": caught.value.smallest})
    assert model.facts["plan"]["total"] <= caught.value.smallest


def test_a_full_disk_leaves_the_old_model(table, tmp_path, monkeypatch):
    """Where the model cannot be saved the older one stands, and the same call can go on."""
    old = train(table, "topic", out=tmp_path, **FAST)
    data = (tmp_path / FILE).read_bytes()

    def full(*_args, **_keep):
        raise SaveError(28, "cannot write model: No space left on device")

    monkeypatch.setattr("thrifty.models.model.save", full)
    with pytest.raises(SaveError, match="No space left on device"):
        train(table, "topic", out=tmp_path, seed=1, **FAST)
    assert (tmp_path / FILE).read_bytes() == data
    monkeypatch.undo()
    again = train(table, "topic", out=tmp_path, seed=1, **FAST)
    assert not same(old, again)
    assert not (tmp_path / ".work").exists()


def test_a_checkpoint_that_fails_does_not_end_the_run(table, tmp_path, monkeypatch):
    """A checkpoint that cannot be written is noted, and training goes on."""
    plain = module.Workplace.keep

    def full(self, name, header, arrays):
        if name == "checkpoint":
            raise SaveError(28, "No space left on device")
        plain(self, name, header, arrays)

    monkeypatch.setattr(module.Workplace, "keep", full)
    facts = train(table, "topic", out=tmp_path, **FAST).facts
    assert facts["notices"] == ["a checkpoint could not be written: No space left on device"]


def test_bad_input_is_told(tmp_path):
    """Missing target, one class, header only, bad arguments: each a clear refusal, nothing left."""
    rows = rows_of(60)
    path = write_csv(tmp_path / "rows.csv", rows)
    with pytest.raises(DataError, match=r"^column 'topik' not found; near: topic$"):
        train(path, "topik", out=tmp_path / "out", **FAST)
    write_csv(path, [{**row, "topic": "sea"} for row in rows])
    with pytest.raises(DataError, match=r"^target 'topic' has only one class, 'sea'$"):
        train(path, "topic", out=tmp_path / "out", **FAST)
    path.write_text("text,topic\n")
    with pytest.raises(DataError, match=r"rows\.csv: "):
        train(path, "topic", out=tmp_path / "out", **FAST)
    write_csv(path, rows)
    for name, value, told in (("validation", 0.9, "0.001..0.5"), ("threads", 0, "1..1024")):
        with pytest.raises(ValueError, match=f"^{name} must be in {told}, got {value}$"):
            train(path, "topic", out=tmp_path / "out", **{**FAST, name: value})
    assert not (tmp_path / "out").exists()


def test_bad_rows_are_counted_or_refused(tmp_path):
    """NaN and infinite targets are counted and left out; strict refuses them."""
    rows = rows_of(100)
    for i, bad in ((3, "nan"), (5, "inf"), (7, "")):
        rows[i]["size"] = bad
    path = write_csv(tmp_path / "rows.csv", rows)
    facts = train(path, "size", out=tmp_path / "out", task="number", **FAST).facts
    assert facts["rows"] == 97
    assert facts["skipped"]["rows without a target, left out"]["count"] == 3
    with pytest.raises(DataError):
        train(path, "size", out=tmp_path / "out", task="number", strict=True, **FAST)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_kill_nine_leaves_what_is_needed(table, tmp_path):
    """A process killed outright in training leaves a workplace, and the next one finishes."""
    code = (
        "import os, signal, sys\n"
        "from thrifty.models import train\n"
        "def strike(state):\n"
        "    if state.get('epoch') == 1: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"train(sys.argv[1], 'topic', out=sys.argv[2], progress=strike, **{FAST!r})\n"
    )
    words = [sys.executable, "-c", code, str(table), str(tmp_path / "cut")]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    assert (tmp_path / "cut" / ".work").is_dir()
    whole = train(table, "topic", out=tmp_path / "whole", **FAST)
    assert same(whole, train(str(table), "topic", out=tmp_path / "cut", **FAST))
