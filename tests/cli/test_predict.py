"""Predict: answers of a file and of stdin, ranked, explained, for people and as JSON."""

import io
import json
import sys

import pytest

from thrifty.cli import main
from thrifty.models import Model

ROWS = [{"says": "purr meow purr", "age": 3}, {"says": "hoot night hoot", "age": 4}]


@pytest.fixture
def typed(monkeypatch):
    """Puts lines on stdin."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def lines(rows):
    """Rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_json_is_one_object(model, typed, capsys):
    """{"predictions": [...]}, an entry a row, equal to what the model answers in Python."""
    typed(lines(ROWS))
    assert main(["predict", str(model), "-", "--top", "2", "--json"]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)["predictions"]
    expected = Model.load(model).predict(ROWS, 2)
    assert [row["predicted"] for row in found] == ["cat", "owl"]
    assert [[(t["class"], t["probability"]) for t in row["top"]] for row in found] == [
        row["top"] for row in expected
    ]
    assert shown.err == ""


def test_a_file_and_stdin_agree(model, table, typed, capsys):
    """The same rows give the same answers, in the same order, from a file of many pieces."""
    assert main(["predict", str(model), str(table), "--json"]) == 0
    whole = capsys.readouterr().out
    typed(table.read_text())
    assert main(["predict", str(model), "-", "--json"]) == 0
    assert capsys.readouterr().out == whole
    assert len(json.loads(whole)["predictions"]) == 300


def test_reasons(model, typed, capsys):
    """--explain adds the features that moved the answer, the heaviest first."""
    typed(lines(ROWS))
    assert main(["predict", str(model), "-", "--explain", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["predictions"][0]
    weights = [abs(pair["weight"]) for pair in first["because"]]
    assert weights == sorted(weights, reverse=True)
    assert any("purr" in pair["feature"] for pair in first["because"])


def test_a_table_for_people(model, table, capsys):
    """Without --json rows are numbered on through the file, with ranked classes and reasons."""
    assert main(["predict", str(model), str(table), "--explain"]) == 0
    shown = capsys.readouterr().out
    numbers = [line.split()[0] for line in shown.splitlines() if line[:5].strip().isdigit()]
    assert numbers == [str(number) for number in range(1, 301)]
    assert shown.count("because says: ") == 300


def test_rows_that_are_left_out_are_told(model, tmp_path, capsys):
    """A row that cannot be read has no answer, and stderr says which it was."""
    path = tmp_path / "x.csv"
    path.write_text("says,age\nmeow,1\nragged\nhoot,2\n")
    assert main(["predict", str(model), str(path), "--json"]) == 0
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["predictions"]) == 2
    assert "x.csv, line 3: 1 fields where 2 are expected: 'ragged'" in shown.err


def test_nothing_in_nothing_out(model, typed, capsys):
    """No rows are no answers, and still one JSON object."""
    typed("\n")
    assert main(["predict", str(model), "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"predictions": []}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}\n\nnot", "thrifty: stdin, line 3: not JSON: "),
        ("[1]", "thrifty: stdin, line 1: a row must be a JSON object, got '[1]'"),
    ],
)
def test_bad_lines_are_named(text, message, model, typed, capsys):
    """A line of stdin that is no row is refused with its number."""
    typed(text)
    assert main(["predict", str(model), "-"]) == 2
    assert capsys.readouterr().err.startswith(message)
