"""Train: files in the folder, one JSON object, and the ways in which it ends."""

import json
from pathlib import Path

import pytest

from thrifty import models
from thrifty.cli import main
from thrifty.cli.train import train_and_report

COMMON = ["--target", "kind", "--memory", "120MB", "--epochs", "2", "--threads", "1"]


def test_json_is_one_object(table, tmp_path, capsys):
    """Stdout holds one JSON object with quality, plan and places; the plan is told on stderr."""
    assert main(["train", str(table), "--out", str(tmp_path / "m"), *COMMON, "--json"]) == 0
    shown = capsys.readouterr()
    facts = json.loads(shown.out)
    assert facts["metrics"]["accuracy"] > facts["baseline"]["accuracy"]
    assert facts["plan"]["memory"] == 120_000_000
    assert "of 120 MB" in shown.err
    assert "<!doctype html>" in Path(facts["report"]).read_text()
    assert models.Model.load(facts["model"]).target.name == "kind"


def test_a_report_for_people(table, tmp_path, capsys):
    """Without --json the report is on stdout, with the places of model and page."""
    assert main(["train", str(table), "--out", str(tmp_path / "m"), *COMMON]) == 0
    shown = capsys.readouterr().out
    for text in ("Predicting kind", "accuracy", "peak, whole process", str(tmp_path / "m")):
        assert text in shown


def test_flags_reach_the_call(monkeypatch, capsys):
    """Every flag becomes an argument of `models.train`, under its name there."""
    seen = {}

    def train(paths, target, **options):
        seen.update(options, paths=paths, target=target)
        raise ValueError("enough")

    monkeypatch.setattr(models, "train", train)
    words = (
        "train a.csv b.csv --target y --out o --memory 1GB --task many --separator ; "
        "--types age=number --validation held.csv --epochs 3 --threads 2 --seed 7 --strict"
    )
    assert main(words.split()) == 2
    del seen["progress"], seen["on_plan"]
    assert {**seen, "out": str(seen["out"])} == {
        "paths": ["a.csv", "b.csv"], "target": "y", "out": "o", "memory": "1GB", "task": "many",
        "separator": ";", "overrides": "age=number", "validation": "held.csv", "epochs": 3,
        "threads": 2, "seed": 7, "strict": True,
    }  # fmt: skip
    main(["train", "a.csv", "--target", "y", "--out", "o", "--validation", "0.2"])
    assert seen["validation"] == 0.2
    capsys.readouterr()


@pytest.mark.parametrize(("stopped", "status"), [("interrupted", 130), ("no gain", 0)])
def test_ctrl_c_keeps_the_best_so_far(stopped, status, monkeypatch, tmp_path, capsys):
    """An interrupted run ends with its model and report, and exit status 130."""

    class Trained:
        facts = {"history": {"stopped": stopped}, "metrics": {"accuracy": 0.5}}  # noqa: RUF012

    monkeypatch.setattr(models, "train", lambda *args, **options: Trained)
    assert main(["train", "a.csv", "--target", "y", "--out", str(tmp_path), "--json"]) == status
    assert json.loads(capsys.readouterr().out)["metrics"] == {"accuracy": 0.5}


def test_time_limit(monkeypatch, tmp_path):
    """The limit counts from the first step, ends training as Ctrl-C does, and is no failure."""
    clock = iter([100.0, 100.0, 101.0, 103.5])
    monkeypatch.setattr("thrifty.cli.train.time.monotonic", lambda: next(clock))

    def train(paths, target, *, progress, **options):
        progress({"phase": "reading"})
        progress({"epoch": 0})
        progress({"epoch": 0})
        with pytest.raises(KeyboardInterrupt):
            progress({"epoch": 0})
        progress({"epoch": 0})

        class Trained:
            facts = {"history": {"stopped": "interrupted"}}  # noqa: RUF012

        return Trained

    monkeypatch.setattr(models, "train", train)
    monkeypatch.setattr("thrifty.cli.train.Progress", _Silent)
    facts = train_and_report(["a.csv"], "y", out=tmp_path, time_limit=2.0)
    assert facts["timed"]


@pytest.mark.parametrize(("timed", "status"), [(True, 0), (False, 130)])
def test_a_limit_is_no_failure(timed, status, monkeypatch, tmp_path, capsys):
    """Training that the limit ended is exit status 0; that Ctrl-C ended, 130."""
    facts = {"history": {"stopped": "interrupted"}, "timed": timed}
    monkeypatch.setattr("thrifty.cli.train.train_and_report", lambda *args, **options: facts)
    assert main(["train", "a.csv", "--target", "y", "--out", str(tmp_path), "--json"]) == status
    assert json.loads(capsys.readouterr().out) == facts


class _Silent:
    """Progress that shows nothing and needs no clock."""

    def __enter__(self):
        return lambda state: None

    def __exit__(self, *error):
        return None


def test_no_time_is_refused(tmp_path):
    """A limit must leave some time."""
    with pytest.raises(ValueError, match=r"^--time-limit must be above 0, got -1\.0$"):
        train_and_report(["a.csv"], "y", out=tmp_path, time_limit=-1.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "kin"], "thrifty: column 'kin' not found; near: kind"),
        (["--target", "kind", "--memory", "1MB"], "thrifty: memory must be at least"),
        (["--target", "kind", "--types", "age=colour"], "thrifty: kind of column 'age' must be"),
    ],
)
def test_refusals_come_before_anything_is_written(words, message, table, tmp_path, capsys):
    """A wrong column, a small budget or an unknown kind is one line, and leaves no folder."""
    out = tmp_path / "m"
    assert main(["train", str(table), "--out", str(out), *words]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith(message)
    assert not out.exists()
