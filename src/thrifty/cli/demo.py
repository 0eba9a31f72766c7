"""Demo: learn what every Python module on this machine is for, then ask for it in words."""

import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from thrifty.cli.flags import answer, console, notice
from thrifty.cli.progress import Progress
from thrifty.cli.train import cores, train_and_report

__all__ = ["demo"]

MEMORY, EPOCHS = "300 MB", 2
TYPES = "name=text,doc=text,body=text"
QUESTIONS = ("open a socket and send bytes", "singular value decomposition of a matrix")
SETTINGS = {
    "heldout": "name, docstring and body",
    "named": "name and docstring",
    "described": "docstring alone",
}
ANSWERS, REASONS, PROCESSES = 5, 6, 2


def demo(*, out: Path = Path("demo")) -> None:
    """Train on the Python sources of this machine, and ask the model.

    Every function and class of the standard library and the installed packages becomes a row: its
    name (with its class), its docstring, the
    names in its body. The model learns which module it lives in.

    Args:
        out: Folder for the rows, the model and its report.
    """
    from thrifty.cli.demo_rows import write_rows
    from thrifty.models import Model

    start = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with Progress() as progress:
        counts = write_rows(out, progress, processes=PROCESSES)
    read = time.monotonic()
    notice(f"{counts} in {read - start:.0f} s")
    facts = _trained(out)
    model = Model.load(facts["model"])
    trained = time.monotonic()
    answer(_quality(model, counts, out))
    answer(
        f"{counts.rows:,} functions of {counts.modules:,} modules; read in {read - start:.0f} s, "
        f"trained in {trained - read:.0f} s with {MEMORY} beside the base\n"
    )
    for question in QUESTIONS:
        _ask(model, question)
    answer(f"The report: {facts['report']}")
    _converse(model, sys.stdin)


def _trained(out: Path) -> dict[str, Any]:
    return train_and_report(
        [str(out / "functions.jsonl")], "module", out=out / "model", memory=MEMORY, epochs=EPOCHS,
        overrides=TYPES, validation=str(out / "validation.jsonl"), threads=cores(),
    )  # fmt: skip


def _quality(model: Any, counts: Any, out: Path) -> Any:
    """P@1 and P@5 (the module is among the five best) on held-out functions."""
    from rich import box
    from rich.table import Table

    table = Table("held-out functions", "rows", "P@1", "P@5", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, known in SETTINGS.items():
        found = model.evaluate(out / f"{name}.jsonl")
        numbers = (f"{found['rows']:,}", f"{found['accuracy']:.3f}", f"{found['r@5']:.3f}")
        table.add_row(f"told by {known}", *numbers)
    plain = [f"{share:.3f}" for share in counts.baseline]
    table.add_row("always the most frequent modules", f"{counts.held_out:,}", *plain)
    return table


def _ask(model: Any, question: str) -> None:
    """Show the modules that do what is asked for, and the words that decided."""
    from rich.text import Text

    row = {"name": "", "doc": question, "body": ""}
    (found,) = model.predict([row], ANSWERS)
    answer(Text(question, style="bold"))
    names = [name for name, _ in found["top"]]
    width = max(len(name) for name in names)
    for why in model.explain(row, names, REASONS):
        words = ", ".join(_reasons(why))
        line = Text(f"  {why['class']:<{width}}  ").append(words, style="dim")
        console().print(line, no_wrap=True, overflow="ellipsis")
    answer("")


def _reasons(why: Mapping[str, Any]) -> list[str]:
    """The features that speak for a class, without the column's name: there is only one."""
    return [text.partition(": ")[2] or text for text, weight in why["features"] if weight > 0]


def _converse(model: Any, lines: Iterable[str]) -> None:
    """Answer what a person types, until an empty line."""
    if not getattr(lines, "isatty", lambda: False)():
        return
    notice("What should the code do? (an empty line ends)")
    for line in lines:
        if not line.strip():
            return
        _ask(model, line.strip())
