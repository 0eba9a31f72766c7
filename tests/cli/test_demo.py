"""Demo: from sources to answers, on a few modules of the standard library."""

import io
import sys

import pytest

from thrifty.cli import demo, main
from thrifty.data import pysource

MODULES = {"socket", "ftplib", "json.decoder", "tarfile", "argparse", "decimal", "statistics"}


@pytest.fixture
def few(monkeypatch):
    """Only some modules are installed, and one process reads them."""
    found = [file for file in pysource.installed_files() if file.module in MODULES]
    assert len(found) == len(MODULES)
    monkeypatch.setattr("thrifty.cli.demo_rows.installed_files", lambda: found)
    monkeypatch.setattr(demo, "PROCESSES", 1)


class Typed(io.StringIO):
    """A person at a terminal."""

    def isatty(self):
        """Yes."""
        return True


def test_the_demo(few, tmp_path, monkeypatch, capsys):
    """It reports both settings and the baseline, answers, names the report, and listens."""
    monkeypatch.setattr(sys, "stdin", Typed("read a tar archive\n\nnever read\n"))
    assert main(["demo", "--out", str(tmp_path / "d")]) == 0
    shown = capsys.readouterr()
    for text in (
        "name, docstring and body", "docstring alone", "always the most frequent modules",
        "open a socket and send bytes", "singular value decomposition of a matrix",
        "report.html", "read a tar archive",
    ):  # fmt: skip
        assert text in shown.out
    assert "tarfile" in shown.out.partition("read a tar archive")[2].splitlines()[1]
    assert "never read" not in shown.out
    assert "What should the code do?" in shown.err
    assert (tmp_path / "d" / "model" / "report.html").exists()
    assert (tmp_path / "d" / "heldout.jsonl").exists()
