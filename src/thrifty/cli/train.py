"""Train: from files to a model in a folder, with a report of what it cost."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from thrifty.cli.flags import Json, answer, answer_json, notice
from thrifty.cli.progress import Progress
from thrifty.core import in_range, parse_bytes

__all__ = ["cores", "train", "train_and_report"]

INTERRUPTED = 130


def train(
    *files: str,
    target: str,
    out: Path,
    memory: str = "512 MB",
    task: Literal["auto", "one", "many", "number"] = "auto",
    separator: str | None = None,
    types: str | None = None,
    validation: str = "0.1",
    epochs: int | None = None,
    time_limit: float | None = None,
    threads: int | None = None,
    seed: int = 0,
    strict: Annotated[bool, Parameter(negative=())] = False,
    as_json: Json = False,
) -> int:
    """Train a model that predicts one column of a table from the others.

    Args:
        files: CSV, JSON lines, Parquet, svmlight or text: files, globs or folders, also packed.
        target: The column to predict.
        out: Folder for the model and its report.
        memory: Budget, beside the fixed base of interpreter and libraries.
        task: One class a row, many labels a row, or a number; auto tells from the column.
        separator: What stands between the labels in a text.
        types: Kinds of columns that are known, as age=number,tags=list:|
        validation: Share of rows held out, or a file to judge by.
        epochs: Passes over the rows, at most.
        time_limit: Seconds of training, at most; the best so far is kept.
        threads: Threads to use; all cores if not given, 1 for the same model every time.
        seed: Of everything that is drawn.
        strict: Stop at the first row or value that cannot be used.
        as_json: Write one JSON object to stdout.
    """
    parse_bytes(memory, "--memory")
    in_range("--threads", 1 if threads is None else threads, 1, 1024)
    chosen: dict[str, Any] = (
        {} if epochs is None else {"epochs": in_range("--epochs", epochs, 1, 10**6)}
    )
    facts = train_and_report(
        list(files), target, out=out, time_limit=time_limit, memory=memory, task=task,
        separator=separator, overrides=types, validation=_share_or_file(validation),
        threads=threads or cores(), seed=seed, strict=strict, **chosen,
    )  # fmt: skip
    if as_json:
        answer_json(facts)
    else:
        from thrifty.models.report import terminal

        answer(terminal(facts))
        answer(f"model   {facts['model']}\nreport  {facts['report']}")
    history = facts.get("history") or {}
    return INTERRUPTED if history.get("stopped") == "interrupted" and not facts["timed"] else 0


def train_and_report(
    files: list[str], target: str, *, out: Path, time_limit: float | None = None, **options: Any
) -> dict[str, Any]:
    """Train with plan and progress on stderr, and tell what happened.

    Args:
        files: what to learn from.
        target: the column to predict.
        out: folder of the model and the report.
        time_limit: seconds of training, more than 0; None is no limit.
        options: as for `models.train`.

    Returns:
        The facts of the run, and model and report: where these files are; timed: whether the
        limit ended it.

    Raises:
        ValueError: a limit that is not above 0.
    """
    from thrifty import models

    limit = _Limit(time_limit)
    with Progress() as shown:

        def progress(state: Mapping[str, Any]) -> None:
            shown(state)
            limit.check(state)

        model = models.train(
            files, target, out=out, progress=progress,
            on_plan=lambda plan: notice(str(plan)), **options,
        )  # fmt: skip
    beside = {"model": str(out), "report": str(out / "report.html"), "timed": limit.passed}
    return {**model.facts, **beside}


def cores() -> int:
    """Processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Limit:
    """Ends training as Ctrl-C does, some seconds after its first step."""

    def __init__(self, seconds: float | None) -> None:
        if seconds is not None and not seconds > 0:
            raise ValueError(f"--time-limit must be above 0, got {seconds!r}")
        self.seconds, self.passed = seconds, False
        self._start: float | None = None

    def check(self, state: Mapping[str, Any]) -> None:
        """Raise once the time is over; phases before training do not count."""
        if self.seconds is None or "epoch" not in state or self.passed:
            return
        self._start = time.monotonic() if self._start is None else self._start
        if time.monotonic() - self._start > self.seconds:
            self.passed = True
            raise KeyboardInterrupt


def _share_or_file(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
