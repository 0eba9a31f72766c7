"""Progress: one moving line on a terminal, a line now and then elsewhere; always on stderr."""

import os
import sys
import time
from collections.abc import Mapping
from typing import IO, Any

from thrifty.core import format_bytes

__all__ = ["Progress", "resident", "told"]

EVERY = 10.0
WIDE = 104


class Progress:
    """Show how far a job is; called with what is known so far.

    On a terminal one line is drawn anew; into a file or a pipe a line goes every ten seconds, and
    whenever a new phase begins.

    Args:
        file: where to; None is stderr.
        clock: seconds, ever growing.

    Example:
        >>> import io
        >>> file = io.StringIO()
        >>> with Progress(file) as progress:
        ...     progress({"phase": "training", "fraction": 0.5, "loss": 2.0})
        ...     progress({"phase": "training", "fraction": 0.6, "loss": 1.5})
        >>> file.getvalue().startswith("training    50%"), file.getvalue().count("training")
        (True, 1)
    """

    def __init__(self, file: IO[str] | None = None, clock: Any = time.monotonic) -> None:
        self._file = sys.stderr if file is None else file
        self._clock, self._said, self._phase = clock, -float("inf"), ""
        self._bar: Any = None

    def __enter__(self) -> "Progress":
        if self._file.isatty():
            self._bar, self._task = _bar(self._file)
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, state: Mapping[str, Any]) -> None:
        """Show the state.

        Args:
            state: any of phase, epoch (from 0), fraction (0..1), rows_per_second, loss, quality,
                quality_name, seconds_left.
        """
        if self._bar is not None:
            known = min(1.0, max(0.0, state.get("fraction") or 0.0))
            self._bar.update(self._task, completed=known, description=_phase(state))
            self._bar.update(self._task, told=told(state))
            return
        now = self._clock()
        if _phase(state) == self._phase and now - self._said < EVERY:
            return
        self._phase, self._said = _phase(state), now
        fraction = state.get("fraction")
        share = "     " if fraction is None else f"{fraction:5.0%}"
        self._file.write(f"{self._phase:<9} {share}  {told(state)}\n")
        self._file.flush()


def told(state: Mapping[str, Any]) -> str:
    """What is known beside phase and fraction, as one line.

    Example:
        >>> told({"rows_per_second": 12345.6, "quality": 0.5, "quality_name": "p@1"})[:26]
        '12,346 rows/s  p@1 0.500  '
    """
    left = state.get("seconds_left")
    memory = resident()
    name = state.get("quality_name") or "quality"
    pieces = [
        f"{state['rows_per_second']:,.0f} rows/s" if state.get("rows_per_second") else "",
        f"loss {state['loss']:.3f}" if state.get("loss") is not None else "",
        f"{name} {state['quality']:.3f}" if state.get("quality") is not None else "",
        f"{format_bytes(memory)} held" if memory else "",
        f"{int(left) // 60}:{int(left) % 60:02} left" if left is not None else "",
    ]
    return "  ".join(filter(None, pieces))


def resident() -> int:
    """Bytes of memory this process holds now; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _phase(state: Mapping[str, Any]) -> str:
    if state.get("phase"):
        return str(state["phase"])
    if state.get("epoch") is None:
        return "working"
    number = state["epoch"] + 1
    return f"epoch {min(number, state.get('epochs', number))}"


def _bar(file: IO[str]) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    console, rest = Console(file=file), Column(overflow="ellipsis")
    columns = [
        TextColumn("{task.description}", markup=False, table_column=Column(min_width=9)),
        *([BarColumn(24)] if console.width >= WIDE else []),
        TaskProgressColumn(),
        TextColumn("{task.fields[told]}", markup=False, table_column=rest),
    ]
    bar = Bar(*columns, console=console, transient=True, refresh_per_second=4)
    return bar, bar.add_task("starting", total=1.0, told="")
