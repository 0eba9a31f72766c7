"""Evaluate: quality on a file, for people and as JSON."""

import json

from thrifty.cli import main


def test_json_has_the_measures(model, table, capsys):
    """One object with at least rows, accuracy, logloss, p@k, ndcg@5, psp@5 and the F1s."""
    assert main(["evaluate", str(model), str(table), "--json"]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    names = {"rows", "accuracy", "logloss", "p@1", "p@3", "p@5", "ndcg@5", "psp@5"}
    assert names | {"micro_f1", "macro_f1"} <= set(found)
    assert found["rows"] == 300
    assert found["accuracy"] > 0.9
    assert shown.err == ""


def test_a_table_for_people(model, table, capsys):
    """Without --json each measure has a line that says what it is."""
    assert main(["evaluate", str(model), str(table)]) == 0
    shown = capsys.readouterr().out
    assert "kind: quality on 300 rows" in shown
    assert "rows whose best answer is right" in shown


def test_rows_that_are_left_out_are_told(model, tmp_path, capsys):
    """A ragged row and a row without target are counted on stderr, with where they are."""
    path = tmp_path / "x.csv"
    path.write_text("says,age,kind\nit will meow,1,cat\nragged\nit will hoot,2,\n")
    assert main(["evaluate", str(model), str(path), "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["rows"] == 1
    assert "rows with a wrong number of fields: 1\n" in shown.err
    assert "x.csv, line 3: 1 fields" in shown.err
    assert "rows without a target, left out: 1\n" in shown.err
    assert main(["evaluate", str(model), str(path), "--strict"]) == 2


def test_a_file_without_the_target(model, tmp_path, capsys):
    """A file that does not hold the truth is refused by name."""
    path = tmp_path / "x.csv"
    path.write_text("says,age\nmeow,1\nbark,2\n")
    assert main(["evaluate", str(model), str(path)]) == 2
    assert capsys.readouterr().err.startswith("thrifty: column 'kind' not found")
