"""Methods: every published method of the house, with its formulas and what was measured."""

import importlib
import inspect
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import thrifty
from thrifty.cli.flags import Json, answer, answer_json
from thrifty.core import record_of

__all__ = ["methods", "records"]

RESULTS = Path(thrifty.__file__).parents[2] / "evidence" / "results"


def methods(*, as_json: Json = False) -> None:
    """List the methods: what each does, its memory, its error, and what was measured.

    Args:
        as_json: Write one JSON object to stdout.
    """
    found = list(records())
    if as_json:
        answer_json({"methods": found})
        return
    for row in found:
        answer(f"{row['name']}: {row['says']}")
        lines = {key: row[key] for key in ("source", "memory", "time", "error", "exact")}
        for key, text in lines.items():
            answer(f"  {key:<9} {text}")
        for text in row["measured"] or [f"see evidence/{name}.py" for name in row["evidence"]]:
            answer(f"  {'evidence':<9} {text}")
        answer("")


def records() -> Iterator[dict[str, Any]]:
    """The record of every public method, room by room: its fields, name, sentence and outcomes.

    Example:
        >>> [row["memory"] for row in records() if row["name"] == "thrifty.hashing.hash_column"]
        ['8 * n bytes']
    """
    for room in thrifty.__all__:
        module = importlib.import_module(f"thrifty.{room}")
        for name in module.__all__:
            thing = getattr(module, name)
            record = record_of(thing)
            if record is not None:
                yield _row(room, name, thing, asdict(record))


def _row(room: str, name: str, thing: object, record: dict[str, Any]) -> dict[str, Any]:
    files = [text if "/" in text else f"{room}/{text}" for text in record["evidence"]]
    says = (inspect.getdoc(thing) or "").partition("\n")[0]
    measured = [text for file in files for text in _measured(Path(file).name)]
    beside = {"evidence": files, "measured": measured}
    return {"name": f"thrifty.{room}.{name}", "says": says, **record, **beside}


def _measured(name: str) -> Iterator[str]:
    """Outcomes named after the file; none where only the package is installed."""
    for path in sorted([*RESULTS.glob(f"{name}.json"), *RESULTS.glob(f"{name}-*.json")]):
        row = json.loads(path.read_text())
        outcome = "holds" if row["holds"] else "FALLS SHORT"
        yield f"{row['id']}: {row['value']:.3g} ({outcome}): {row['says']}"
