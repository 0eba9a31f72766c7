"""Files: the command line trains on the files of a data set; answers are judged as peers' are."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from evidence import RESULTS, Evidence, run
from evidence.datasets import Split, data_folder, load, write_jsonl
from evidence.peers.job import judge
from thrifty.models import Model

__all__ = ["SETTINGS", "Outcome", "against", "best_peer", "measure_all", "outcome_of"]

MEMORY = "300 MB"
SETTINGS = "`thrifty train` from a JSON lines file at its defaults, memory 300 MB, one thread"
SMALLER = ("rmse", "logloss")
DEEP, ITEMS = 20, 10


@dataclass(frozen=True)
class Outcome:
    """What one trained model did on the valid rows.

    Args:
        metrics: computed by the code that judges the peers.
        beside: what it cost, and what `thrifty evaluate` says.
    """

    metrics: dict[str, float]
    beside: dict[str, Any]


def best_peer(dataset: str, metric: str) -> dict[str, Any]:
    """The record of the peer that is best on the valid rows, of all settings that were tried."""
    found = [peer for peer in _records(dataset) if "metrics" in peer]
    choose = min if metric in SMALLER else max
    return choose(found, key=lambda peer: peer["metrics"][metric])


def against(dataset: str, metric: str) -> str:
    """The best peer in words."""
    peer = best_peer(dataset, metric)
    named = f"{peer['peer']} ({peer['version']}) {json.dumps(peer['settings'])}"
    return f"{named}, best of {len(_records(dataset))} runs on these valid rows"


def measure_all(dataset: str, sentences: Mapping[str, Evidence], *options: str) -> int:
    """Measure each metric's sentence from one trained model; returns how many fall short.

    Args:
        dataset: a name of evidence.datasets; without the data folder nothing is measured.
        sentences: metric to what is said of our number over the best peer's.
        options: more words for `thrifty train`.
    """
    try:
        data_folder()
    except FileNotFoundError as error:
        print(f"SKIPPED {', '.join(said.id for said in sentences.values())}: {error}")
        return 0
    held = [run(said, _ratio(dataset, metric, options)) for metric, said in sentences.items()]
    return held.count(False)


def _ratio(dataset: str, metric: str, options: tuple[str, ...]) -> Callable[[], Any]:
    """Measures our metric over the best peer's."""

    def measure() -> tuple[float, dict[str, Any]]:
        ours, peer = outcome_of(dataset, options), best_peer(dataset, metric)
        theirs = peer["metrics"][metric]
        costs = ("train_cpu_seconds", "predict_ms_per_row", "peak_memory_mb", "model_bytes")
        beside = {"metric": metric, "ours": ours.metrics[metric], "peer": theirs}
        beside |= {f"our {name}": value for name, value in ours.metrics.items() if name != metric}
        named = peer["metrics"].items()
        beside |= {f"peer {name}": value for name, value in named if name != metric}
        beside |= {f"peer {name}": peer[name] for name in costs}
        return ours.metrics[metric] / theirs, {**beside, **ours.beside}

    return measure


@cache
def outcome_of(dataset: str, options: tuple[str, ...] = ()) -> Outcome:
    """Train and evaluate by the command line in child processes; then answer the valid rows here.

    CPU seconds are of the whole training process, imports and files included. Answers are timed
    from rows in memory, all in one call after a first one that loads the kernels.
    """
    split = load(dataset)
    with tempfile.TemporaryDirectory() as folder:
        train, valid = write_jsonl(split, folder)
        out = Path(folder) / "model"
        lists = split.task == "next item"  # each history is to be completed
        target = "history" if lists else split.target
        words = ["--target", target, "--out", str(out), "--memory", MEMORY, "--threads", "1"]
        facts, seconds = _thrifty("train", str(train), *words, *options)
        said = {} if lists else _thrifty("evaluate", str(out), str(valid))[0]
        model = Model.load(out)
        size = sum(path.stat().st_size for path in out.glob("*.safetensors"))
    rows = [{name: row[name] for name in split.columns} for row in split.valid]
    _answers(model, split, rows[:1])
    start = time.process_time()
    answers = _answers(model, split, rows)
    taken = time.process_time() - start
    history = facts["history"]
    return Outcome(
        judge(split, answers),
        {
            "train_cpu_seconds": round(seconds, 2),
            "predict_ms_per_row": round(taken * 1000 / len(rows), 4),
            "peak_memory_mb": round(facts["plan"]["peak"] / 1e6, 1),
            "model_bytes": size,
            "options": list(options),
            "epochs": len(history["epochs"]),
            "stopped": history["stopped"],
            "audit": history["audit"],
            "settings": facts["settings"],
            "evaluate": said,
        },
    )


def _answers(model: Model, split: Split, rows: list[dict[str, Any]]) -> Any:
    """Answers to rows in the form in which peers give theirs."""
    if split.task == "next item":
        return _new_items(model, rows)
    found = model.predict(rows, DEEP)
    if split.task == "multilabel":
        names = [[name for name, _ in row["top"]] for row in found]
        return names, np.array([[chance for _, chance in row["top"]] for row in found])
    if split.task == "binary":
        return np.array([dict(row["top"])[">50K"] for row in found])
    return [row["predicted"] for row in found]


def _new_items(model: Model, rows: list[dict[str, Any]]) -> list[list[str]]:
    """The ten best items; the model never answers what is in the history."""
    ids, _ = model.top_k(rows, ITEMS)
    return [[str(model.target.value_of(number)) for number in ranked] for ranked in ids.tolist()]


def _thrifty(*words: str) -> tuple[dict[str, Any], float]:
    """Run a command with --json: its object, and the CPU seconds of the process."""
    command = [str(Path(sys.executable).with_name("thrifty")), *words, "--json"]
    with (
        tempfile.TemporaryFile("w+") as told,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True) as child,
    ):
        said = child.stdout.read() if child.stdout else ""
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        heard = told.read()
    if child.returncode:
        raise RuntimeError(f"{words[0]} ended with status {child.returncode}: {heard[-500:]}")
    return json.loads(said), usage.ru_utime + usage.ru_stime


def _records(dataset: str) -> list[dict[str, Any]]:
    return json.loads((RESULTS / "peers" / f"{dataset}.json").read_text())
