"""Demo rows: the functions of this machine, split into files to learn from and to judge by."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from thrifty.data.pysource import FILES_AT_ONCE, PythonFile, installed_files, read_functions

__all__ = ["Counts", "write_rows"]

FILES = ("functions", "validation", "heldout", "named", "described")
COLUMNS = ("name", "doc", "body", "module")
LEAST = 5
HELD_OUT, VALIDATION = 0.1, 0.03
Row = dict[str, str]


@dataclass
class Counts:
    """How many rows there are, and how good the most frequent modules are as an answer."""

    rows: int = 0
    modules: int = 0
    trained: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)

    @property
    def held_out(self) -> int:
        """Rows that are judged by."""
        return self.judged.total()

    @property
    def baseline(self) -> tuple[float, float]:
        """Share of held-out rows in the most frequent module, and in the five most frequent."""
        best = [name for name, _ in self.trained.most_common(5)]
        hits = [self.judged[name] / max(1, self.held_out) for name in best]
        return sum(hits[:1]), sum(hits)

    def __str__(self) -> str:
        return f"{self.rows:,} functions and classes of {self.modules:,} modules"


def write_rows(
    folder: Path,
    progress: Callable[[dict[str, Any]], None],
    files: list[PythonFile] | None = None,
    *,
    processes: int = 2,
    seed: int = 0,
) -> Counts:
    """Write what is learned from, functions.jsonl and validation.jsonl, and what is judged by.

    Modules of fewer than 5 functions are left out. Three of a hundred functions choose the best
    epoch, ten are held out: heldout.jsonl has them whole, named.jsonl without body, described.jsonl
    the docstring alone where there is one. A function to learn from that has a docstring stands
    there twice, once with the docstring alone, so that the model also learns to go by a
    description.

    Args:
        folder: where to.
        progress: called with phase and fraction.
        files: what to read; None is what is installed.
        processes: that read.
        seed: of the split.

    Returns:
        What was written.
    """
    files = installed_files() if files is None else files
    counts, draw = Counts(), random.Random(seed)
    with ExitStack() as stack:
        opened = {name: stack.enter_context(_new(folder / f"{name}.jsonl")) for name in FILES}
        for module in _modules(files, progress, processes):
            counts.modules += 1
            for row in module:
                _write_row(row, draw.random(), opened, counts)
    return counts


def _new(path: Path) -> IO[str]:
    return open(path, "w", encoding="utf-8")


def _modules(
    files: list[PythonFile], progress: Callable[[dict[str, Any]], None], processes: int
) -> Iterator[list[Row]]:
    """The rows of one module after another."""
    pieces = enumerate(read_functions(files, processes=processes), start=1)
    for done, rows in pieces:
        for _, module in groupby(rows, itemgetter("module")):
            if len(found := list(module)) >= LEAST:
                yield found
        progress({"phase": "parsing", "fraction": min(1.0, done * FILES_AT_ONCE / len(files))})


def _write_row(row: Row, drawn: float, opened: Mapping[str, IO[str]], counts: Counts) -> None:
    counts.rows += 1
    named, described = {**row, "body": ""}, {**row, "name": "", "body": ""}
    if drawn < HELD_OUT:
        counts.judged[row["module"]] += 1
        _put(opened["heldout"], row)
        _put(opened["named"], named)
        _put(opened["described"], described)
        return
    file = opened["validation" if drawn < HELD_OUT + VALIDATION else "functions"]
    counts.trained[row["module"]] += 1
    _put(file, row)
    _put(file, described)


def _put(file: IO[str], row: Row) -> None:
    """Write a row that says anything."""
    if any(row[name] for name in ("name", "doc", "body")):
        file.write(json.dumps({name: row[name] for name in COLUMNS}) + "\n")
