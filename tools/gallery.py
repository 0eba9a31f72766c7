"""Gallery: docs/methods.md from the records in the code and the numbers in evidence/results.

`python -m tools.gallery` writes the page; with `--check` it only compares, and fails if stale.
"""

import inspect
import json
import sys
from pathlib import Path
from typing import Any

from evidence import RESULTS
from tools.tree import ROOT, evidence_of, methods_of, room_files, sentences_of

__all__ = ["main", "page"]

PAGE = ROOT / "docs" / "methods.md"
HEAD = """# Methods

Written by `make docs` from the record each method carries and from `evidence/results`; do not edit.
How to read a number: [evidence.md](evidence.md).
"""
COLUMNS = ("method", "what it does", "memory", "time", "error", "measured", "source")


def page() -> str:
    """The whole page: one table a room, one row a method."""
    rows: dict[str, list[str]] = {}
    for path in room_files():
        room = path.relative_to(ROOT / "src" / "thrifty").parts[0]
        rows.setdefault(room, []).extend(_rows(path, room))
    tables = [_table(room, lines) for room, lines in rows.items() if lines]
    return "\n".join([HEAD, *tables])


def _rows(path: Path, room: str) -> list[str]:
    lines = []
    for name, thing, record in methods_of(path):
        files = evidence_of(path, record)
        measured = [
            _measured(item.id) for file in files if file.exists() for item in sentences_of(file)
        ]
        says = (inspect.getdoc(thing) or "").partition("\n")[0]
        cells = (f"`thrifty.{room}.{name}`", says, record.memory, record.time, record.error)
        lines.append(_row(*cells, "<br>".join(measured), record.source))
    return sorted(lines)


def _measured(evidence_id: str) -> str:
    file = RESULTS / f"{evidence_id}.json"
    if not file.exists():
        return f"{evidence_id}: not measured"
    row: dict[str, Any] = json.loads(file.read_text())
    outcome = "holds" if row["holds"] else "FALLS SHORT"
    return f"{evidence_id}: {row['value']:.3g} ({outcome})"


def _table(room: str, lines: list[str]) -> str:
    head = [_row(*COLUMNS), "|" + "---|" * len(COLUMNS)]
    return "\n".join([f"## {room}", "", *head, *lines, ""])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(arguments: list[str]) -> int:
    """Write the page, or with --check only compare; returns the exit status."""
    text = page()
    if "--check" not in arguments:
        PAGE.write_text(text)
        return 0
    if PAGE.exists() and PAGE.read_text() == text:
        print("gallery: docs/methods.md is up to date")
        return 0
    print("gallery: docs/methods.md is stale: run make docs")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
