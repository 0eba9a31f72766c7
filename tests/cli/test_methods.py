"""Methods: every record of the house, for people and as JSON."""

import json

from thrifty.cli import main
from thrifty.cli.methods import records
from thrifty.core import record_of
from thrifty.hashing import hash_column


def test_every_record_is_listed(capsys):
    """Each method shows its sentence, its formulas and its evidence."""
    assert main(["methods"]) == 0
    shown = capsys.readouterr().out
    names = [row["name"] for row in records()]
    assert len(names) == len(set(names)) >= 5
    assert all(f"{name}: " in shown for name in names)
    assert shown.count("  memory    ") == len(names)
    assert record_of(hash_column).memory in shown


def test_json_is_one_object(capsys):
    """The same as one JSON object, with the fields of the record."""
    assert main(["methods", "--json"]) == 0
    shown = capsys.readouterr().out
    (row,) = [r for r in json.loads(shown)["methods"] if r["name"] == "thrifty.hashing.hash_column"]
    assert row["memory"] == record_of(hash_column).memory
    assert row["evidence"] == ["hashing/keys"]
    assert shown.count("\n") == 1


def test_outcomes_come_from_the_results(monkeypatch, tmp_path):
    """Measured outcomes stand beside; one that falls short is not hidden."""
    (tmp_path / "keys-speed.json").write_text(
        json.dumps({"id": "keys-speed", "value": 1.25, "holds": False, "says": "is fast"})
    )
    (tmp_path / "keyshole.json").write_text("{}")
    monkeypatch.setattr("thrifty.cli.methods.RESULTS", tmp_path)
    measured = {row["name"]: row["measured"] for row in records()}
    expected = ["keys-speed: 1.25 (FALLS SHORT): is fast"]
    assert measured["thrifty.hashing.hash_column"] == expected
