"""Predict: answers for the rows of a file or of stdin, with reasons if wanted."""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from thrifty.cli.flags import Json, answer, json_text, report_skipped
from thrifty.core import DataError, in_range

__all__ = ["predict"]

Answer = dict[str, Any]
ROWS_AT_ONCE = 256
REASONS = 5


def predict(
    model: Path,
    file: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    top: int = 5,
    explain: Annotated[bool, Parameter(negative=())] = False,
    as_json: Json = False,
) -> None:
    """Answer every row of a file.

    Args:
        model: Folder or file of the model.
        file: The rows; - reads JSON lines from stdin.
        top: How many classes to rank.
        explain: Add the features that moved each answer.
        as_json: Write one JSON object to stdout, {"predictions": [...]}, as it is made.
    """
    from thrifty import models

    in_range("--top", top, 1, 2**31)
    loaded = models.Model.load(model)
    pieces = _typed(sys.stdin) if file == "-" else _read(file)
    found = (_answers(loaded, rows, top, explain) for rows in pieces)
    if as_json:
        _write_json(answer for answers in found for answer in answers)
        return
    start = 1
    for answers in found:
        answer(_table(answers, start))
        start += len(answers)


def _read(path: str) -> Iterator[Any]:
    """Arrow batches of a file; at the end stderr says which rows were left out."""
    from thrifty import data

    source = data.open(path)
    for batch in source.batches():
        for start in range(0, batch.num_rows, ROWS_AT_ONCE):
            yield batch.slice(start, ROWS_AT_ONCE)
    report_skipped(source)


def _typed(lines: Iterable[str]) -> Iterator[list[dict[str, Any]]]:
    """Rows typed as JSON lines: one at a time where a person types them."""
    numbered = ((n, line) for n, line in enumerate(lines, start=1) if line.strip())
    size = 1 if getattr(lines, "isatty", lambda: False)() else ROWS_AT_ONCE
    while piece := list(islice(numbered, size)):
        yield [_row(n, line) for n, line in piece]


def _row(number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"stdin, line {number}: not JSON: {error}") from None
    if not isinstance(row, dict):
        raise DataError(f"stdin, line {number}: a row must be a JSON object, got {line.strip()!r}")
    return row


def _answers(model: Any, rows: Any, top: int, explain: bool) -> list[Answer]:
    answers = [_named(found) for found in model.predict(rows, top)]
    if explain:
        dicts = rows if isinstance(rows, list) else rows.to_pylist()
        for row, found in zip(dicts, answers, strict=True):
            (why,) = model.explain(row, 1, REASONS)
            pairs = [{"feature": text, "weight": weight} for text, weight in why["features"]]
            found["because"] = pairs
    return answers


def _named(found: Answer) -> Answer:
    if "top" not in found:
        return found
    pairs = [{"class": name, "probability": share} for name, share in found["top"]]
    return {"predicted": found["predicted"], "top": pairs}


def _write_json(answers: Iterable[Answer]) -> None:
    sys.stdout.write('{"predictions": [')
    for number, found in enumerate(answers):
        sys.stdout.write(("," if number else "") + "\n" + json_text(found))
    sys.stdout.write("\n]}\n")


def _table(answers: list[Answer], start: int) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("row", "answer", "ranked", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, found in enumerate(answers, start=start):
        ranked = ", ".join(f"{p['class']} {p['probability']:.2f}" for p in found.get("top", ()))
        table.add_row(str(number), Text(_shown(found["predicted"])), Text(ranked))
        reasons = [f"{p['feature']} {p['weight']:+.2f}" for p in found.get("because", ())]
        if reasons:
            table.add_row("", "", Text(f"because {', '.join(reasons)}", style="dim"))
    return table


def _shown(predicted: Any) -> str:
    if isinstance(predicted, list):
        return ", ".join(map(str, predicted)) or "-"
    return f"{predicted:.6g}" if isinstance(predicted, float) else str(predicted)
