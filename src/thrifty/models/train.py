"""Train: from files to a saved model, within a memory budget, in two passes and some epochs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from thrifty.core import in_range, parse_bytes
from thrifty.models.model import Model
from thrifty.models.plan import Plan
from thrifty.models.run import Run

__all__ = ["train"]

Told = Callable[[dict[str, Any]], None]


def train(
    paths: Any,
    target: str,
    *,
    out: str | Path,
    memory: int | str = "512 MB",
    task: str = "auto",
    separator: str | None = None,
    overrides: Any = None,
    validation: float | str | Path = 0.1,
    threads: int = 1,
    seed: int = 0,
    strict: bool = False,
    format: str | None = None,
    refit: bool = True,
    progress: Told | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    **settings: Any,
) -> Model:
    """Train a model to predict a column, and save it.

    Where the target is a column of lists and no other column says anything, lists are completed:
    each item is learned from the others of its list, and what a list has is never answered.

    Rows are read once, encoded and mixed on disk; some are held out and never trained on. Then the
    budget is split, and the network trains until it no longer gets better on the held-out rows.
    A run that was killed goes on where it stood when the same call is made again. Ctrl-C ends
    training with the best epoch so far.

    Args:
        paths: the files; see `data.open`.
        target: the column to predict.
        out: folder for the model, its report data and, while it runs, the mixed rows.
        memory: budget for all but the base (see `plan.BASE`), as "512 MB" or an int of bytes.
        task: "one" class, "many" labels, a "number", or "auto" to tell from the column.
        separator: between the labels of a text.
        overrides: kinds of columns that are known; see `Schema.override`.
        validation: share of rows held out, 0.001..0.5, or a file with rows to judge by.
        threads: to use; with 1, the same call gives the same model.
        seed: of everything drawn.
        strict: raise where a row or value cannot be used, instead of counting it.
        format: of the files; None tells it.
        refit: once it is known how long to train, train again with the held-out rows among the
            others; the quality that is told is from before.
        progress: called about twice a second with a dict of numbers.
        on_plan: called with the `Plan` before training starts.
        settings: fields of `learn.Settings` set by hand, such as hidden or epochs.

    Returns:
        The model; `facts` holds the plan, the history, the audit and the quality.

    Raises:
        BudgetError: the budget cannot hold the job; `.smallest` can.
        DataError: the target is missing or cannot be learned, or strict and a row is bad.
        SaveError: the disk is full or not writable; an older model in `out` is untouched.
        ValueError: an argument is out of range.
    """
    options = {
        "target": target, "memory": parse_bytes(memory), "task": task, "separator": separator,
        "overrides": overrides, "validation": validation, "seed": seed, "strict": strict,
        "format": format, "threads": in_range("threads", threads, 1, 1024), "refit": bool(refit),
        "settings": settings,
    }  # fmt: skip
    return Run(paths, out, options, progress or _silent, on_plan or _silent).all()


def _silent(told: Any) -> None:
    """Say nothing."""
