"""Progress: lines at a slow rhythm where nobody looks, one moving line where somebody does."""

import io
import sys

import pytest

from thrifty.cli.progress import EVERY, Progress, resident, told

STATE = {
    "epoch": 1, "fraction": 0.25, "rows_per_second": 12_345.6, "loss": 1.5, "quality": 0.75,
    "quality_name": "accuracy", "seconds_left": 75.0,
}  # fmt: skip


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self):
        """Yes."""
        return True


def test_all_that_matters_is_told():
    """Speed, loss, quality, memory and time left are in the line."""
    line = told(STATE)
    for part in ("12,346 rows/s", "loss 1.500", "accuracy 0.750", "B held", "1:15 left"):
        assert part in line


def test_what_is_not_known_is_left_out():
    """Before the first epoch there is neither quality nor time."""
    assert "quality" not in told({"phase": "reading", "quality": None, "seconds_left": None})


def test_lines_at_a_slow_rhythm():
    """Into a file goes the first state, each new phase, and else a line every ten seconds."""
    now, file = [0.0], io.StringIO()
    with Progress(file, clock=lambda: now[0]) as progress:
        for second in range(25):
            now[0] = float(second)
            progress(STATE)
        progress({"phase": "saving"})
    lines = file.getvalue().splitlines()
    assert EVERY == 10.0
    assert [line.split()[0] for line in lines] == ["epoch", "epoch", "epoch", "saving"]
    assert lines[0].startswith("epoch 2     25%  12,346 rows/s")


def test_a_moving_line_on_a_terminal():
    """On a terminal the line is drawn anew and vanishes at the end; markup in it is text."""
    file = Terminal()
    with Progress(file) as progress:
        progress({**STATE, "fraction": 7.0})
        progress({**STATE, "quality_name": "[bold]"})
    shown = file.getvalue()
    assert "epoch 2" in shown
    assert "[bold] 0.750" in shown
    assert "1:15 left" in shown
    assert "\x1b[2K" in shown


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_resident_is_this_process():
    """The memory that is shown is that of the process, which holds more after an allocation."""
    before = resident()
    held = bytearray(50_000_000)
    held[::4096] = b"x" * len(held[::4096])
    assert 40_000_000 <= resident() - before <= 90_000_000
    assert before > 5_000_000
