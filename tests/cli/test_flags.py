"""Flags: JSON that any reader takes, and texts that stay texts."""

import json
from pathlib import Path

import numpy as np
import pytest

from thrifty.cli.flags import answer, answer_json, console, json_text, notice


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": float("nan"), "b": [float("inf"), 1.5]}, {"a": None, "b": [None, 1.5]}),
        ({"n": np.float32(0.5), "x": np.arange(2)}, {"n": 0.5, "x": [0, 1]}),
        ({1: (True, None), "p": Path("a")}, {"1": [True, None], "p": "a"}),
    ],
)  # fmt: skip
def test_json_is_plain(value, expected):
    """Arrays, paths and numbers that are not finite become what JSON has."""
    assert json.loads(json_text(value)) == expected


def test_answers_and_notices_part(capsys):
    """Answers go to stdout as they are, notices to stderr."""
    answer("[red]text[/red]")
    answer_json({"a": "\u00e9"})
    console().print("wide")
    notice("beside")
    assert capsys.readouterr() == ('[red]text[/red]\n{"a": "\u00e9"}\nwide\n', "beside\n")
