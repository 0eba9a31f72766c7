"""Evidence: a bound decides, an outcome is written whole, and the line says which."""

import json

import numpy as np
import pytest

import evidence
from evidence import Evidence, run

SPEED = {"id": "speed-of-x", "says": "x is 2 times y", "against": "y, one thread"}


@pytest.mark.parametrize(
    ("bounds", "value", "holds"),
    [
        ({"at_least": 2}, 2.0, True),
        ({"at_least": 2}, 1.99, False),
        ({"at_most": 2}, 2.0, True),
        ({"at_most": 2}, 2.01, False),
        ({"at_least": 1, "at_most": 2}, 0.9, False),
        ({"at_least": 1, "at_most": 2}, 1.5, True),
        ({"at_most": 2}, float("nan"), False),
        ({"at_least": 2}, float("nan"), False),
    ],
)
def test_bounds_decide(bounds, value, holds):
    """Both bounds include their end; NaN keeps none."""
    assert Evidence(**SPEED, **bounds).holds(value) is holds


def test_a_sentence_without_a_bound_is_refused():
    """What cannot fail is no evidence."""
    with pytest.raises(ValueError, match=r"^evidence 'speed-of-x' must have a bound: at_least or"):
        Evidence(**SPEED)


@pytest.mark.parametrize("name", ["", "Speed", "a_b", "a/b", "a--b"])
def test_an_id_is_lower_case_words(name):
    """An id is a file name on every system."""
    with pytest.raises(
        ValueError, match=rf"^id must be lower case words joined by '-', got {name!r}"
    ):
        Evidence(**{**SPEED, "id": name}, at_least=1)


def test_an_unknown_cost_is_refused():
    """A misspelt cost would never be run."""
    with pytest.raises(ValueError, match=r"^cost must be one of short, long, gpu, got 'free'$"):
        Evidence(**SPEED, at_least=1, cost="free")


@pytest.mark.parametrize(("value", "line"), [(2.5, "HOLDS"), (1.5, "FALLS SHORT")])
def test_an_outcome_is_written_and_said(tmp_path, monkeypatch, capsys, value, line):
    """The file holds sentence, bound, number, outcome and where it was measured."""
    monkeypatch.setattr(evidence, "RESULTS", tmp_path / "results")
    monkeypatch.delenv("THRIFTY_EVIDENCE", raising=False)
    assert run(
        Evidence(**SPEED, at_least=2), lambda: (np.float32(value), {"rows": np.int64(10)})
    ) is (value > 2)
    row = json.loads((tmp_path / "results" / "speed-of-x.json").read_text())
    assert (row["says"], row["at_least"], row["at_most"]) == ("x is 2 times y", 2, None)
    assert (row["value"], row["holds"], row["context"]["rows"]) == (value, value > 2, 10)
    assert row["context"]["libraries"]["numpy"]
    assert row["context"]["cpu"]
    assert capsys.readouterr().out == f"{line} speed-of-x {value} (>= 2)\n"


def test_another_cost_is_left_as_it_stands(tmp_path, monkeypatch, capsys):
    """A run of the short ones does not measure, overwrite or fail the long ones."""
    monkeypatch.setattr(evidence, "RESULTS", tmp_path)
    monkeypatch.setenv("THRIFTY_EVIDENCE", "short")
    assert run(Evidence(**SPEED, at_least=2, cost="long"), lambda: 1 / 0)
    assert capsys.readouterr().out == "SKIPPED speed-of-x: its cost is long\n"
    assert list(tmp_path.iterdir()) == []
