"""Evaluate: how good a model is on files that hold the truth."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from thrifty.cli.flags import Json, answer, answer_json, report_skipped

__all__ = ["evaluate"]


def evaluate(
    model: Path,
    /,
    *files: str,
    strict: Annotated[bool, Parameter(negative=())] = False,
    as_json: Json = False,
) -> None:
    """Measure a model on files that have its target.

    Args:
        model: Folder or file of the model.
        files: What to measure on.
        strict: Stop at the first row or value that cannot be used.
        as_json: Write one JSON object to stdout.
    """
    from thrifty import data, models
    from thrifty.models.report import terminal

    loaded = models.Model.load(model)
    source = data.open(list(files), strict=strict)
    metrics = loaded.evaluate(source)
    report_skipped(source)
    if as_json:
        answer_json(metrics)
        return
    title = f"{loaded.target.name}: quality on {metrics['rows']:,} rows"
    answer(terminal({"title": title, "metrics": metrics}))
